"""The surface that an object stands on, as the views show it around the object's foot."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ..geometry import Box3D, invert, transform_points
from .views import ObjectView, empty_places

_PEAK = 1.5
"""So many times as many readings as the heights below it has a surface that faces up."""
_AS_MANY = 0.6
"""Share of the readings of the densest interval of heights that a higher one must hold."""
_HIGHER = 0.2
"""Share of the readings below a thing that lie on a table, where most lie on the floor."""
_AROUND = 0.2
"""Share of the readings on what carries an object that must lie outside its footprint: those inside
alone are of a part that the masks miss, as the bottom of a basin."""
_LOWER = 0.01
"""Metres by which what carries an object lies below the middle of it: else it is a strip of the
object that the masks miss, or what stands on it."""
_BENEATH, _OPEN = 0.04, 0.2
"""A surface carries nothing if a larger share than this of the places so many metres below it is
seen to be empty."""


def readings_beside(
    box: Box3D, views: list[ObjectView], most_views: int = 12
) -> NDArray[np.float32]:
    """World points (N, 3) that the largest views show beside the object and about its box."""
    chosen = sorted(views, key=lambda view: -len(view.points))[:most_views]
    return np.concatenate([_beside(view, box) for view in chosen])


def distant_support(box: Box3D, views: list[ObjectView], most: float = 1.0) -> float | None:
    """World z of the next horizontal surface under a box that seems to float, or None.

    What carries a table top or the seat of a chair may be hidden or too thin to be measured.
    The surface must be seen about the box's footprint, at most ``most`` metres and twice the
    box's largest side below it.
    """
    bottom = box.bottom
    drop = min(most, 2 * max(box.size))
    height = readings_beside(box.grown(2, -drop), views)[:, 2]
    below = height[(height < bottom - 0.03) & (height > bottom - drop)]
    close = np.count_nonzero(np.abs(height - bottom) < 0.08)
    if below.size < 60 or close > 0.15 * below.size:
        return None  # nothing is seen below, or something is close: it does not float
    level = mode(below, width=0.04)
    on_level = np.abs(below - level) < 0.03
    if on_level.mean() <= 0.4:
        return None
    higher = below[below > level + 0.08]
    if higher.size > _HIGHER * below.size:  # a table on the floor
        between = mode(higher, width=0.04)
        on_table = np.abs(below - between) < 0.03
        if on_table.mean() > _HIGHER:
            on_level = on_table
    return float(np.median(below[on_level]))


def support_height(box: Box3D, views: list[ObjectView]) -> float | None:
    """World z of a horizontal surface close under ``box``, or None without clear evidence.

    Looks at readings just beside the masks, around the box's footprint and about the height of
    its bottom; they must agree on one height, surround the box on at least two sides, and be far
    more than those a little lower: the front of a dresser has readings at every height.
    """
    bottom = box.bottom
    band = 0.04 + 0.1 * box.size[2]
    beside = readings_beside(box.grown(2, -band - 0.05), views)
    if len(beside) < 30:
        return None
    local = transform_points(invert(box.T_world_box), beside.astype(np.float64))
    height = beside[:, 2]
    near = (height > bottom - band) & (height < bottom + min(band, 0.4 * box.size[2]))
    if near.sum() < 30:
        return None
    level = _highest_level(height[near], width=0.02)
    on_level = near & (np.abs(height - level) < 0.015)
    if on_level.sum() < max(30, 0.35 * near.sum()):
        return None
    outside = (np.abs(local[:, :2]) > np.array(box.size[:2]) / 2).any(axis=1)
    if (on_level & outside).sum() < _AROUND * on_level.sum():
        return None
    if not lies_below(level, views) or _seen_through(box, level, views):
        return None
    lower = np.abs(height - (level - 0.03)) < 0.015
    if on_level.sum() < _PEAK * lower.sum():
        return None
    sides = np.floor(np.arctan2(local[on_level, 1], local[on_level, 0]) / (np.pi / 2)) % 4
    if (np.bincount(sides.astype(int), minlength=4) > 0.05 * on_level.sum()).sum() < 2:
        return None
    return float(np.median(height[on_level]))


def lies_below(level: float, views: list[ObjectView]) -> bool:
    """Whether a surface at a world height may carry the object: it lies below the middle of it."""
    own = np.concatenate([view.points[:, 2] for view in views])
    return bool(level < np.median(own) - _LOWER)


def _seen_through(box: Box3D, level: float, views: list[ObjectView]) -> bool:
    """Whether a view sees through what would carry the box at a world height: the seat of a chair
    under a table does not carry it where the floor is seen beneath its top."""
    across, deep = np.meshgrid(np.linspace(-0.4, 0.4, 7), np.linspace(-0.4, 0.4, 7))
    beneath = level - _BENEATH - box.center[2]
    local = np.c_[across.ravel() * box.size[0], deep.ravel() * box.size[1]]
    places = transform_points(box.T_world_box, np.c_[local, np.full(len(local), beneath)])
    return bool(empty_places(places, views).mean() > _OPEN)


def _beside(view: ObjectView, box: Box3D, most: int = 2000) -> NDArray[np.float32]:
    """World points (N, 3) outside the mask, within a hand's breadth of the box's footprint."""
    corners = transform_points(invert(view.frame.T_world_camera), box.corners())
    if (corners[:, 2] < 0.1).any():
        return np.zeros((0, 3), dtype=np.float32)
    pixels, _ = view.frame.intrinsics.project(corners)
    low, high = pixels.min(axis=0), pixels.max(axis=0)
    margin = 0.25 * (high - low) + 5
    camera = view.frame.intrinsics
    x0, y0 = np.maximum(low - margin, 0).astype(int)
    x1, y1 = np.minimum(high + margin, (camera.width, camera.height)).astype(int)
    if x1 <= x0 or y1 <= y0:
        return np.zeros((0, 3), dtype=np.float32)
    around = np.zeros(view.mask.shape, dtype=bool)
    around[y0:y1, x0:x1] = True
    grown = cv2.dilate(view.mask.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    around &= ~grown
    points = camera.backproject(view.frame.depth_m, around)
    points = points[:: max(1, len(points) // most)]
    world = transform_points(view.frame.T_world_camera, points)
    local = transform_points(invert(box.T_world_box), world.astype(np.float64))
    reach = np.array(box.size[:2]) / 2 + max(0.06, 0.25 * max(box.size[:2]))
    return np.asarray(world[(np.abs(local[:, :2]) < reach).all(axis=1)])


def mode(values: NDArray[Any], width: float) -> float:
    """Centre of the interval of this width that holds the most values."""
    ordered = np.sort(values)
    counts = counts_within(ordered, width)
    first = int(counts.argmax())
    return float(np.median(ordered[first : first + counts[first]]))


def _highest_level(values: NDArray[Any], width: float) -> float:
    """Like :func:`mode`, of the highest of the intervals that hold about as many: under the edge of
    what carries a thing its front has readings at every height."""
    ordered = np.sort(values)
    counts = counts_within(ordered, width)
    highest = int(np.flatnonzero(counts >= _AS_MANY * counts.max())[-1])
    first = int(np.searchsorted(ordered, ordered[highest] - width))
    first += int(counts[first : highest + 1].argmax())
    return float(np.median(ordered[first : first + counts[first]]))


def counts_within(ordered: NDArray[Any], width: float) -> NDArray[np.int64]:
    """How many of the rising values (N,) lie from each of them up to ``width`` above it."""
    return np.searchsorted(ordered, ordered + width, side="right") - np.arange(ordered.size)


def on_two_sides(u: NDArray[Any], v: NDArray[Any], share: float = 0.08) -> bool:
    """Whether points around a rectangle, in halves of its sides from its middle, lie on two or more
    of its four sides, each with more than ``share`` of them."""
    wide = np.abs(u) > np.abs(v)
    sides = (wide & (u > 0), wide & (u < 0), ~wide & (v > 0), ~wide & (v < 0))
    return sum(float(side.mean()) > share for side in sides) >= 2
