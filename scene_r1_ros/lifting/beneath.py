"""What the window shows beneath a thing: a surface that may carry it, or nothing."""

from __future__ import annotations

import cv2
import numpy as np

from ..frames import WindowSnapshot
from ..geometry import Box3D, invert, transform_points
from ..tracking.frame_view import readings_behind
from .floor import some_frames
from .support import lies_below, mode
from .views import ObjectView

BESIDE = 0.08
"""Metres around a thing's footprint in which what it stands on would be seen."""


def stands_higher(
    box: Box3D, gap: tuple[float, float], views: list[ObjectView], window: WindowSnapshot
) -> bool:
    """Whether a level surface is seen in the ``gap`` of world heights under the box, or beside.

    A table's own top, where the masks miss a strip of it, is none.
    """
    own = {view.frame.stamp_ns: view.mask for view in views}
    half = np.array(box.size[:2]) / 2 + BESIDE
    T_box_world = invert(box.T_world_box)
    heights = []
    for frame in some_frames(window):
        taken = np.zeros(frame.depth_m.shape, dtype=bool)
        taken[::2, ::2] = frame.depth_m[::2, ::2] > 0
        if frame.stamp_ns in own:
            taken &= cv2.dilate(own[frame.stamp_ns].astype(np.uint8), np.ones((7, 7))) == 0
        points = transform_points(
            frame.T_world_camera, frame.intrinsics.backproject(frame.depth_m, taken)
        )
        points = points[(points[:, 2] > gap[0]) & (points[:, 2] < gap[1])]
        local = transform_points(T_box_world, points.astype(np.float64))
        heights.append(points[(np.abs(local[:, :2]) < half).all(axis=1), 2])
    height = np.concatenate(heights)
    if height.size < 30:
        return False
    level = mode(height, width=0.04)
    return bool((np.abs(height - level) < 0.03).mean() > 0.4) and lies_below(level, views)


def seen_through(box: Box3D, gap: tuple[float, float], window: WindowSnapshot) -> bool:
    """Whether readings lie behind the ``gap`` under the box more often than in it."""
    x, y, z = np.meshgrid([-0.25, 0, 0.25], [-0.25, 0, 0.25], np.linspace(*gap, 5)[1:-1])
    local = np.stack([x * box.size[0], y * box.size[1], z - box.center[2]], axis=-1)
    points = transform_points(box.T_world_box, local.reshape(-1, 3))
    through = within = 0
    for frame in some_frames(window):
        beyond = readings_behind(frame, points)
        through += int((beyond > 0.15).sum())
        within += int((np.abs(beyond) <= 0.15).sum())
    return through >= 20 and through > within
