from __future__ import annotations

import numpy as np

from scene_r1_ros.frames import CameraIntrinsics, RgbdFrame, WindowSnapshot
from scene_r1_ros.lifting import LiftConfig, lift
from scene_r1_ros.tracking import FrameMask, MaskTrack

CAMERA = CameraIntrinsics(320, 240, 280.0, 280.0, 159.5, 119.5)
FORWARD = np.array([[1, 0, 0, 0], [0, 0, 1, 0], [0, -1, 0, 0], [0, 0, 0, 1]], dtype=float)
"""Looks along +y with z up."""


def picture_on_a_wall(thickness: float, noise: float):
    """A picture of 0.5 m x 0.4 m on a wall 2.5 m away, seen six times."""
    rng = np.random.default_rng(0)
    mask = np.zeros((240, 320), dtype=bool)
    mask[98:143, 132:188] = True
    frames, masks = [], []
    for i in range(6):
        depth = np.where(mask, 2.5 - thickness, 2.5) + rng.normal(0, noise, mask.shape)
        color = np.full((240, 320, 3), 128, dtype=np.uint8)
        frames.append(RgbdFrame(i, color, depth.astype(np.float32), CAMERA, FORWARD))
        masks.append(FrameMask(i, mask))
    return WindowSnapshot.of(frames), MaskTrack(0, tuple(masks))


def test_a_picture_is_as_thick_as_it_stands_off_the_wall_in_spite_of_noise():
    window, track = picture_on_a_wall(0.04, noise=0.012)
    box = lift(window, track).box
    assert abs(min(box.size[:2]) - 0.04) < 0.012
    without = lift(window, track, config=LiftConfig(reach_wall=False)).box
    assert min(without.size[:2]) > 0.055


def test_a_thing_that_stands_clear_of_the_wall_keeps_its_own_back():
    window, track = picture_on_a_wall(0.4, noise=0.004)
    box = lift(window, track, config=LiftConfig(complete_far_side=False)).box
    assert min(box.size[:2]) < 0.06
