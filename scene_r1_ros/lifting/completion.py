"""What of an object's box no view has shown: its far side, and what carries it.

Both are guesses of bounded size, made only where the views leave room for them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..geometry import Box3D, invert, transform_points, yaw_matrix
from .support import readings_beside
from .views import ObjectView


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
    """The box's unseen side, or None if the views come from directions that differ widely."""
    toward = np.array([np.subtract(box.center, v.frame.T_world_camera[:3, 3])[:2] for v in views])
    toward /= np.maximum(np.linalg.norm(toward, axis=1, keepdims=True), 1e-6)
    mean = toward.mean(axis=0)
    mean /= max(float(np.linalg.norm(mean)), 1e-6)
    if (toward @ mean).min() < np.cos(max_spread):
        return None
    local = yaw_matrix(box.yaw)[:2, :2].T @ mean
    axis = int(np.abs(local).argmax())
    sign = 1.0 if local[axis] > 0 else -1.0
    return FarSide(axis, sign, _gap(box, views, axis, sign))


def _gap(box: Box3D, views: list[ObjectView], axis: int, sign: float) -> float:
    beside = readings_beside(box, views)
    if len(beside) == 0:
        return float("inf")
    local = transform_points(invert(box.T_world_box), beside.astype(np.float64))
    back = sign * local[:, axis] - box.size[axis] / 2
    level = np.abs(local[:, 2]) < 0.35 * box.size[2]
    behind = back[level & (back > -0.02)]
    return float(np.percentile(behind, 25)) if behind.size >= 30 else float("inf")


def on_wall(box: Box3D, side: FarSide | None) -> bool:
    """Whether the box is a flat thing close before what is behind it."""
    if side is None:
        return False
    return side.gap < 0.12 and box.size[side.axis] < 0.4 * box.size[1 - side.axis]


def with_far_side(
    box: Box3D, points: NDArray[np.float32], side: FarSide, share: float, most: float = 0.5
) -> Box3D:
    """The box made deeper, away from the cameras, where only its front was seen.

    Things seen from one side show little of their depth; most are at least ``share`` as deep as
    they are wide or high. Nothing is added where the top was seen, which shows the depth, nor
    beyond the background or ``most`` metres.
    """
    depth, width = box.size[side.axis], box.size[1 - side.axis]
    usual = share * min(width, box.size[2])
    if depth >= usual or (depth > 0.35 * usual and _top_seen(box, points)):
        return box
    grown = min(usual, depth + most, depth + max(0.0, side.gap - 0.02))
    if grown <= depth:
        return box
    size = list(box.size)
    size[side.axis] = grown
    shift = np.zeros(3)
    shift[side.axis] = side.sign * (grown - depth) / 2
    center = np.array(box.center) + yaw_matrix(box.yaw) @ shift
    return Box3D(tuple(center), (size[0], size[1], size[2]), box.yaw)


def _top_seen(box: Box3D, points: NDArray[np.float32]) -> bool:
    top = box.center[2] + box.size[2] / 2
    band = 0.05 * box.size[2] + 0.01
    # the front alone has about a tenth of its points this high
    return bool((points[:, 2] > top - band).mean() > 0.2)
