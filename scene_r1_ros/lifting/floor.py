"""The floor of a window: the lowest level surface that a part of its readings lie on."""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

from ..frames import RgbdFrame, WindowSnapshot
from ..geometry import Box3D, transform_points
from .support import counts_within

AROUND = 1.0
"""Metres around a thing in which the floor is looked for first."""
_GRID = 6
"""Every how many pixels the floor is looked for."""


class Floor:
    """The floor of one window, whose level readings are looked for once, when first wanted."""

    def __init__(self, window: WindowSnapshot) -> None:
        self.window = window

    @functools.cached_property
    def _level(self) -> NDArray[np.float64]:
        return np.concatenate([_level_readings(frame) for frame in some_frames(self.window)])

    def height(self, above: Box3D | None = None, margin: float = 0.0) -> float | None:
        """World z of the lowest level surface that a part of the window's readings lie on; with
        ``above`` of those lower than ``margin`` metres over that box's lower end, around it if
        enough is seen there. None without one."""
        level = self._level
        if above is not None:
            level = level[level[:, 2] < above.bottom + margin]
            reach = np.array(above.size[:2]) / 2 + AROUND
            close = (np.abs(level[:, :2] - above.center[:2]) < reach).all(axis=1)
            level = level[close] if close.sum() >= 100 else level
        height = np.sort(level[:, 2])
        counts = counts_within(height, 0.04)
        lowest = np.flatnonzero(counts >= max(50, 0.03 * height.size))
        if lowest.size == 0:
            return None
        first = int(lowest[0])
        densest = first + int(counts[first : first + counts[first]].argmax())
        return float(np.median(height[densest : densest + counts[densest]]))


def _level_readings(frame: RgbdFrame) -> NDArray[np.float64]:
    """World points (N, 3) of a coarse grid where the surface lies level."""
    rows, cols = (-(-side // _GRID) for side in frame.depth_m.shape)
    depth = np.nan_to_num(frame.depth_m[::_GRID, ::_GRID])
    v, u = np.mgrid[:rows, :cols] * _GRID
    local = frame.intrinsics.rays(u, v)
    points = transform_points(frame.T_world_camera, (local * depth[..., None]).reshape(-1, 3))
    points = points.reshape(rows, cols, 3).astype(np.float64)
    right, below = np.diff(points, axis=1)[:-1], np.diff(points, axis=0)[:, :-1]
    normal = np.cross(right, below)
    length = np.linalg.norm(normal, axis=-1)
    valid = (depth[:-1, :-1] > 0) & (depth[1:, :-1] > 0) & (depth[:-1, 1:] > 0) & (length > 0)
    level = valid & (np.abs(normal[..., 2]) > 0.8 * length)
    return points[:-1, :-1][level]


def some_frames(window: WindowSnapshot, most: int = 60) -> tuple[RgbdFrame, ...]:
    """At most so many frames of the window, evenly spread."""
    return window.frames[:: -(-len(window.frames) // most)]
