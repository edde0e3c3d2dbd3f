"""Things whose foot no view shows: cut off by the image's border, or behind something nearer."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..frames import WindowSnapshot
from ..geometry import Box3D, transform_points
from .support import mode
from .views import ObjectView

SHOWN = 0.2
"""Share of a mask's width along which a view must show where the thing ends below."""
MANY = 5
"""Of so many views one may err."""
DEEPEST = 0.8
"""Metres that a thing may go on below what was seen of it; and no farther than twice the box's
largest side."""
_STEP = 3
"""Pixels below a mask's lower edge at which it is looked what is there."""


def hidden_foot(box: Box3D, views: list[ObjectView], window: WindowSnapshot) -> float | None:
    """World z of the floor under a ``box`` whose lower end no view shows; None if one does, if the
    floor is not seen in the window, or if it is too far below.

    What stands on something shows how it ends there. Where every view is cut off by the border of
    its image or by something nearer, a thing is taken to stand on the floor.
    """
    bottom = box.center[2] - box.size[2] / 2
    level = bottom + 0.05 + 0.1 * box.size[2]
    showing = sum(_end_shown(view, level) >= SHOWN for view in views)
    if showing > (1 if len(views) >= MANY else 0):
        return None
    floor = floor_height(window)
    if floor is None or not 0.0 < bottom - floor < min(DEEPEST, 2 * max(box.size)):
        return None
    return floor


def floor_height(window: WindowSnapshot, step: int = 6) -> float | None:
    """World z of the lowest surface that many readings of the window lie on; None without one."""
    heights = []
    for frame in window.frames[:: max(1, len(window.frames) // 60)]:
        chosen = np.zeros(frame.depth_m.shape, dtype=bool)
        chosen[::step, ::step] = frame.depth_m[::step, ::step] > 0
        points = frame.intrinsics.backproject(frame.depth_m, chosen)
        heights.append(transform_points(frame.T_world_camera, points)[:, 2])
    height = np.concatenate(heights)
    if height.size < 100:
        return None
    lowest = height[height < np.percentile(height, 0.5) + 0.4]
    level = mode(lowest, width=0.04)
    on = np.abs(height - level) < 0.04
    return float(np.median(height[on])) if np.count_nonzero(on) >= 100 else None


def _end_shown(view: ObjectView, level: float) -> float:
    """Share of the mask's width along which its lower edge, where it lies below the world height
    ``level``, is the thing's own: within the image, and not cut off by something nearer."""
    depth, camera = view.frame.depth_m, view.frame.intrinsics
    edge = view.mask.copy()
    edge[:-1] &= ~view.mask[1:]
    v, u = np.nonzero(edge & (depth > 0))
    z = depth[v, u]
    low = _height(view, v, u, z) < level
    within = low & (v < camera.height - _STEP)
    v, u, z = v[within], u[within], z[within]
    below = depth[v + _STEP, u]
    nearer = (below > 0) & (below < z - 0.04 - 0.01 * z**2)
    # what a thing stands on comes nearer below it too, but does not rise above its foot
    hidden = nearer & (_height(view, v + _STEP, u, below) > level - 0.02)
    width = int(view.mask.any(axis=0).sum())
    return int((~hidden).sum()) / max(1, width)


def _height(
    view: ObjectView, v: NDArray[np.int64], u: NDArray[np.int64], z: NDArray[np.float32]
) -> NDArray[np.float64]:
    """World z of the pixels (N,) in row ``v`` and column ``u`` at depth ``z``."""
    camera, T = view.frame.intrinsics, view.frame.T_world_camera
    x, y = (u - camera.cx) / camera.fx * z, (v - camera.cy) / camera.fy * z
    return np.asarray(T[2, 0] * x + T[2, 1] * y + T[2, 2] * z + T[2, 3], dtype=np.float64)
