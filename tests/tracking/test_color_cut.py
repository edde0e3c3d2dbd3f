from __future__ import annotations

import numpy as np
import pytest

from scene_r1_ros.control import Control
from scene_r1_ros.frames import CameraIntrinsics, RgbdFrame, WindowSnapshot
from scene_r1_ros.tracking import GeometricTracker

CAMERA = CameraIntrinsics(320, 240, 280.0, 280.0, 159.5, 119.5)
FORWARD = np.array([[1, 0, 0, 0], [0, 0, 1, 0], [0, -1, 0, 0], [0, 0, 0, 1]], dtype=float)
PATCH = (slice(70, 150), slice(110, 230))


def wall(color: tuple[int, int, int], frames: int = 4) -> WindowSnapshot:
    """A wall 2 m away with a patch of a colour on it that depth does not show at all, filmed from
    places 4 cm apart."""
    rng = np.random.default_rng(0)
    out = []
    for i in range(frames):
        image = np.full((240, 320, 3), (205, 200, 190), dtype=np.float64)
        shift = -round(0.04 * i * CAMERA.fx / 2.0)
        rows, cols = PATCH
        image[rows, cols.start + shift : cols.stop + shift] = color
        image += rng.normal(0, 3, image.shape)
        depth = (2.0 + rng.normal(0, 0.005, (240, 320))).astype(np.float32)
        pose = FORWARD.copy()
        pose[0, 3] = 0.04 * i
        out.append(RgbdFrame(i, image.clip(0, 255).astype(np.uint8), depth, CAMERA, pose))
    return WindowSnapshot.of(out)


def iou_with_patch(mask: np.ndarray, shift: int = 0) -> float:
    truth = np.zeros((240, 320), dtype=bool)
    truth[PATCH[0], PATCH[1].start + shift : PATCH[1].stop + shift] = True
    return float((mask & truth).sum() / (mask | truth).sum())


@pytest.mark.parametrize("loose", [0, 8])
def test_a_picture_that_depth_does_not_show_is_found_by_its_colour(loose):
    window = wall((160, 40, 40))
    box = (110.0 - loose, 70.0 - loose, 230.0 + loose, 150.0 + loose)
    track = GeometricTracker().track(window, 0, box, Control())
    assert iou_with_patch(track.at(0).mask) > 0.85
    assert iou_with_patch(track.at(3).mask, shift=-round(0.12 * CAMERA.fx / 2.0)) > 0.8


def test_a_bare_wall_has_no_patch_of_its_own_and_fills_the_box():
    window = wall((205, 200, 190))
    track = GeometricTracker().track(window, 0, (110.0, 70.0, 230.0, 150.0), Control())
    assert iou_with_patch(track.at(0).mask) > 0.6
