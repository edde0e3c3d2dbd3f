"""How wide a round thing is by the outlines of its masks.

Near its outline a round thing turns away from the camera and leaves no reading, and the circle that
the rest lies on comes out too small. The outline itself is where rays touch the thing.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .views import ObjectView

_HIDING = 0.05
"""Metres by which what is seen beside the mask must be nearer to hide a part of the thing."""
_SLICES = 10
_FEWEST = 3
"""Views that must show a slice's outline."""


def outline_radius(
    center: tuple[float, float], low: float, high: float, views: list[ObjectView]
) -> float | None:
    """Radius in metres of a surface of revolution about the vertical axis through ``center``.

    The ray through a mask's end in a row of pixels passes the axis at the radius that the surface
    has there; both ends together leave an error of the axis out. Of each tenth of the height from
    ``low`` to ``high`` (world z) the median of the views counts, and of these the largest. None if
    too few views show both ends, not cut off by their image's border or by something nearer.
    """
    radii: list[list[float]] = [[] for _ in range(_SLICES)]
    for view in views:
        half, height = _half_widths(np.array(center), view)
        part = np.floor((height - low) / max(high - low, 1e-6) * _SLICES).astype(int)
        for i in np.unique(part[(part >= 0) & (part < _SLICES)]):
            radii[i].append(float(np.median(half[part == i])))
    return max((float(np.median(r)) for r in radii if len(r) >= _FEWEST), default=None)


def _half_widths(
    center: NDArray[np.float64], view: ObjectView
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Half the distance (N,) in which the rays through both ends of a row pass the axis, and the
    world height (N,) at which they do."""
    rows, left, right = _open_rows(view)
    camera, T = view.frame.intrinsics, view.frame.T_world_camera
    passed, heights = [], []
    for edge in (left - 0.5, right + 0.5):
        rays = camera.rays(edge, rows) @ T[:3, :3].T
        level = np.maximum(np.hypot(rays[:, 0], rays[:, 1]), 1e-9)
        to_axis = center - view.shift[:2] - T[:2, 3]
        passed.append((to_axis[0] * rays[:, 1] - to_axis[1] * rays[:, 0]) / level)
        heights.append(T[2, 3] + view.shift[2] + rays[:, :2] @ to_axis / level**2 * rays[:, 2])
    return np.abs(passed[0] - passed[1]) / 2, (heights[0] + heights[1]) / 2


def _open_rows(view: ObjectView) -> tuple[NDArray[np.int64], ...]:
    """Rows of the mask, and their leftmost and rightmost pixels, at neither of which the thing is
    cut off or hidden."""
    mask, depth = view.mask, view.frame.depth_m
    last = mask.shape[1] - 1
    rows = np.flatnonzero(mask.any(axis=1))
    left, right = mask[rows].argmax(axis=1), last - mask[rows][:, ::-1].argmax(axis=1)
    inside = (left > 1) & (right < last - 1)
    rows, left, right = rows[inside], left[inside], right[inside]
    own = np.where(mask[rows] & (depth[rows] > 0), depth[rows], np.inf)
    nearest = own.min(axis=1, initial=np.inf)
    open_ = np.ones(len(rows), dtype=bool)
    for column in (left - 2, left - 1, right + 1, right + 2):
        beside = depth[rows, column]
        open_ &= ~((beside > 0) & (beside < nearest - _HIDING))
    return rows[open_], left[open_], right[open_]
