"""Things on a wall that are too small, too far or too uneven for :mod:`.flat` to see a plane."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..geometry import Box3D, invert, transform_points, yaw_matrix
from .support import mode, on_two_sides, readings_beside
from .views import ObjectView, reading_noise

THINNEST = 0.012
"""Least thickness in metres given to a thing on a wall."""
THICKEST = 0.16
"""Most thickness in metres, noise left aside, of a thing that is flat."""

DEEP = 0.4
"""Metres behind a flat thing in which is looked what is around it: a wall is all there is."""


def against_wall(
    box: Box3D, points: NDArray[np.float32], views: list[ObjectView], flat: float = 0.3
) -> Box3D | None:
    """The box from the front of a flat upright thing to the wall behind it; None if it is neither.

    Flat is thinner than ``flat`` of its width and height and than ``THICKEST``. The wall is what
    the views show beside the thing on two sides at one depth, from the thing's front to a hand's
    breadth behind it. Points that lie within the wall's own noise of one sheet are that sheet;
    else the box keeps its front.
    """
    axis = int(np.argmin(box.size[:2]))
    cameras = np.array([view.frame.T_world_camera[:3, 3] for view in views])
    T_box_world = invert(box.T_world_box)
    eyes = transform_points(T_box_world, cameras)[:, axis]
    sign = -1.0 if np.median(eyes) > 0 else 1.0
    if (sign * eyes > -box.size[axis] / 2).mean() > 0.1:
        return None  # seen from both sides: it stands free
    noise = reading_noise(views, box.center)
    depth = sign * transform_points(T_box_world, points.astype(np.float64))[:, axis]
    middle, low, high = (float(v) for v in np.percentile(depth, [50, 3, 97]))
    if high - low - 3 * noise > min(THICKEST, flat * box.size[1 - axis], flat * box.size[2]):
        return None
    wall = _wall(box, views, T_box_world, axis, sign, middle, noise)
    if wall is None:
        return None
    before = float((depth < middle - 2.5 * noise - 0.005).mean())
    front = middle if before < 0.04 else -box.size[axis] / 2
    thickness = max(wall - front, THINNEST)
    size, center = list(box.size), np.zeros(3)
    size[axis] = thickness
    center[axis] = sign * (wall - thickness / 2)
    placed = np.array(box.center) + yaw_matrix(box.yaw) @ center
    return Box3D(tuple(placed), (size[0], size[1], size[2]), box.yaw)


def _wall(
    box: Box3D,
    views: list[ObjectView],
    T_box_world: NDArray[np.float64],
    axis: int,
    sign: float,
    middle: float,
    noise: float,
) -> float | None:
    """Where along the box's axis, away from the cameras, the wall behind it stands."""
    around = readings_beside(box.grown(axis, sign * DEEP), views).astype(np.float64)
    beside = transform_points(T_box_world, around)
    back = sign * beside[:, axis]
    # the floor before a thing is no wall behind it
    level = beside[:, 2] > -0.5 * box.size[2] + max(0.03, 0.1 * box.size[2])
    level &= back > middle - 0.15
    behind = level & (back > middle - 0.02) & (back < middle + 0.15 + noise)
    if behind.sum() < 60 or behind.sum() < 0.5 * level.sum():
        return None
    width = 0.02 + 3 * noise
    wall = mode(back[behind], width)
    on_wall = behind & (np.abs(back - wall) < width)
    u = beside[on_wall, 1 - axis] / (box.size[1 - axis] / 2)
    v = beside[on_wall, 2] / (box.size[2] / 2)
    if on_wall.sum() < 0.75 * behind.sum() or not on_two_sides(u, v):
        return None
    return wall
