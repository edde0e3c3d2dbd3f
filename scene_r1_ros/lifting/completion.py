"""What of an object's box no view has shown: its far side, and what carries it.

Both are guesses of bounded size, made only where the views leave room for them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..geometry import Box3D, invert, transform_points
from .support import readings_beside
from .views import ObjectView, empty_places

_BEHIND = 1.2
"""Metres behind a box within which its background is looked for."""
_AGAINST = 1.35
"""Furniture stands against a wall that is no more than so many times its usual depth away."""
_FARTHER = 75
"""Of what is seen over a thing some stands on it: the wall is farther than so many per cent."""
_FLAT = 0.22
"""Metres of depth that a flat thing on a wall has at most, as noise blurs it."""
_STEP = 0.02
"""Metres between the places behind a box at which it is looked whether they are empty."""
_EMPTY = 0.3
"""Share of the box's back that must be empty at a step for the box not to reach so far."""


@dataclass(frozen=True)
class FarSide:
    """The box seen from one side: ``axis`` (0 or 1) points away from the cameras with ``sign``.

    ``gap`` is how far behind the box the background stands, in metres; infinite if unseen.
    """

    axis: int
    sign: float
    gap: float


def far_side(
    box: Box3D, views: list[ObjectView], max_spread: float = np.deg2rad(40)
) -> FarSide | None:
    """The box's unseen side, or None if the views come from directions that differ widely and not
    all from before its larger face."""
    eyes = np.array([view.frame.T_world_camera[:3, 3] for view in views])
    local = transform_points(invert(box.T_world_box), eyes)[:, :2]
    toward = -local / np.maximum(np.linalg.norm(local, axis=1, keepdims=True), 1e-6)
    mean = toward.mean(axis=0)
    mean /= max(float(np.linalg.norm(mean)), 1e-6)
    axis = int(np.abs(mean).argmax())
    if (toward @ mean).min() < np.cos(max_spread):
        axis = int(np.argmin(box.size[:2]))
        before = np.sign(mean[axis]) * local[:, axis] < -box.size[axis] / 2
        if not before.all():
            return None
    sign = 1.0 if mean[axis] > 0 else -1.0
    return FarSide(axis, sign, _gap(box, views, axis, sign))


def _gap(box: Box3D, views: list[ObjectView], axis: int, sign: float) -> float:
    """Behind the box is what is seen over it; beside it other things may stand, as far in front as
    it does, and count only where nothing is seen over it."""
    beside = readings_beside(box.grown(axis, sign * _BEHIND), views)
    if len(beside) == 0:
        return float("inf")
    local = transform_points(invert(box.T_world_box), beside.astype(np.float64))
    back = sign * local[:, axis] - box.size[axis] / 2
    behind = (back > -0.02) & (back < _BEHIND)
    within = np.abs(local[:, 1 - axis]) < 0.5 * box.size[1 - axis]
    over = behind & within & (local[:, 2] > -0.35 * box.size[2])
    level = behind & (np.abs(local[:, 2]) < 0.35 * box.size[2])
    for chosen, share in ((over, _FARTHER), (level, 25)):
        if chosen.sum() >= 30:
            return float(np.percentile(back[chosen], share))
    return float("inf")


def on_wall(box: Box3D, side: FarSide | None) -> bool:
    """Whether the box is a flat thing close before what is behind it."""
    if side is None:
        return False
    flat = min(_FLAT, 0.4 * box.size[1 - side.axis])
    return side.gap < 0.12 and box.size[side.axis] < flat


def with_far_side(
    box: Box3D,
    points: NDArray[np.float32],
    side: FarSide,
    views: list[ObjectView],
    share: float,
    most: float = 0.5,
) -> Box3D:
    """The box made deeper, away from the cameras, where only its front was seen.

    Things seen from one side show little of their depth; most are at least ``share`` as deep as
    they are wide or high, or reach back to the wall close behind. Nothing is added where the top
    was seen, which shows the depth, nor beyond the background, nor where a view sees through, nor
    beyond ``most`` metres.
    """
    depth, width = box.size[side.axis], box.size[1 - side.axis]
    usual = share * min(width, box.size[2])
    if depth >= usual or (depth > 0.35 * usual and _top_seen(box, points)):
        return box
    to_wall = depth + max(0.0, side.gap - 0.02)
    grown = min(usual if to_wall > _AGAINST * usual else to_wall, depth + most)
    room = _unseen(box, side, views, grown - depth)
    return box.grown(side.axis, side.sign * room) if room > 0 else box


def _unseen(box: Box3D, side: FarSide, views: list[ObjectView], most: float) -> float:
    """Metres, up to ``most``, behind the box into which no view sees: what a view sees through is
    empty."""
    steps = np.arange(_STEP, most + _STEP / 2, _STEP)
    if steps.size == 0:
        return max(0.0, most)
    across, up = np.meshgrid(np.linspace(-0.4, 0.4, 7), np.linspace(-0.4, 0.4, 7))
    grid = np.zeros((steps.size, across.size, 3))
    grid[..., side.axis] = side.sign * (box.size[side.axis] / 2 + steps[:, None])
    grid[..., 1 - side.axis] = across.ravel() * box.size[1 - side.axis]
    grid[..., 2] = up.ravel() * box.size[2]
    through = empty_places(transform_points(box.T_world_box, grid.reshape(-1, 3)), views)
    empty = through.reshape(steps.size, -1).mean(axis=1) > _EMPTY
    return float(steps[empty.argmax()] - _STEP) if empty.any() else most


def _top_seen(box: Box3D, points: NDArray[np.float32]) -> bool:
    band = 0.05 * box.size[2] + 0.01
    # the front alone has about a tenth of its points this high
    return bool((points[:, 2] > box.top - band).mean() > 0.2)
