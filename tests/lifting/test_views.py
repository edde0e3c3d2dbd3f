"""Which readings of a mask are trusted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from scene_r1_ros.frames import CameraIntrinsics, RgbdFrame
from scene_r1_ros.lifting import LiftConfig
from scene_r1_ros.lifting.views import object_view, reading_noise
from scene_r1_ros.tracking.depth_surface import depth_noise


def post(around: float, wide: int = 6) -> tuple[RgbdFrame, np.ndarray]:
    """A post ``wide`` pixels wide at 1 m before a wall at 2 m; ``around`` metres is what the two
    columns beside it read. And its mask."""
    depth = np.full((60, 80), 2.0, np.float32)
    depth[:, 38 - wide // 2 : 42 + wide // 2] = around
    mask = np.zeros(depth.shape, bool)
    mask[10:50, 40 - wide // 2 : 40 + wide // 2] = True
    depth[mask] = 1.0
    camera = CameraIntrinsics(80, 60, 60.0, 60.0, 40.0, 30.0)
    color = np.zeros((60, 80, 3), np.uint8)
    return RgbdFrame(0, color, depth, camera, np.eye(4)), mask


def width(frame: RgbdFrame, mask: np.ndarray) -> int:
    """Columns that the trusted readings span."""
    points = object_view(frame, mask, LiftConfig(), 10_000).points
    return len(np.unique(np.round(points[:, 0] * 60.0)))


def test_the_border_of_a_mask_beside_other_readings_is_taken_off():
    assert width(*post(2.0)) == 4


def test_where_the_sensor_left_the_edge_out_nothing_more_is_taken_off():
    """A sensor that drops mixed readings has done it already; a thin thing would lose twice."""
    assert width(*post(np.nan)) == 6


def test_a_small_part_that_missing_depth_cuts_off_counts_and_a_speck_does_not():
    frame, mask = post(2.0, wide=14)
    depth = frame.depth_m.copy()
    depth[16:20] = np.nan  # the stalk between a vase and its flower
    frame = replace(frame, depth_m=depth)

    def top(mask: np.ndarray) -> float:
        points = object_view(frame, mask, LiftConfig(), 10_000).points
        return float(points[:, 1].min() * 60.0 + 30.0)

    part, speck = mask.copy(), mask.copy()
    part[:20] = speck[:20] = False
    part[10:15, 38:42] = True  # a twentieth of the rest
    speck[10:12, 38:41] = True
    assert top(part) < 15
    assert top(speck) > 19


def test_noise_is_that_of_depth_not_of_distance():
    frame, mask = post(1.0)
    view = object_view(frame, mask, LiftConfig(), 6000)
    assert reading_noise([view], (3.0, 0.0, 4.0)) == depth_noise(4.0)  # five metres away
