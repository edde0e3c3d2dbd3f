"""Axis-aligned 3D boxes as the benchmarks use them: (6,) float64 arrays, x0 y0 z0 x1 y1 z1, metres.

ScanRefer, Nr3D and Multi3DRefer compare axis-aligned boxes of the aligned scene. A box that
comes with eight corners is the box around them, in whatever order the corners are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scene_r1_ros.geometry import Box3D

from .errors import EvaluationError

Aabb = NDArray[np.float64]


def aabb(low: ArrayLike, high: ArrayLike) -> Aabb:
    """The box from ``low`` (3,) to ``high`` (3,).

    Raises:
        EvaluationError: if a coordinate is not finite or ``low`` exceeds ``high``.
    """
    box = np.concatenate([np.asarray(low, float).reshape(-1), np.asarray(high, float).reshape(-1)])
    if box.shape != (6,) or not np.isfinite(box).all():
        raise EvaluationError(f"box {box.tolist()}: needs six finite numbers.")
    if (box[:3] > box[3:]).any():
        raise EvaluationError(f"box {box.tolist()}: its minimum lies above its maximum.")
    return box


def aabb_of_points(points: ArrayLike) -> Aabb:
    """The box around points of shape (N, 3); also around the corners of another box."""
    array = np.asarray(points, float).reshape(-1, 3)
    if not len(array):
        raise EvaluationError("no points to put a box around.")
    return aabb(array.min(axis=0), array.max(axis=0))


def aabb_of_box3d(box: Box3D) -> Aabb:
    """The axis-aligned box around a gravity-aligned one."""
    return aabb_of_points(box.corners())


def aabb_from_record(record: Mapping[str, Any]) -> Aabb:
    """The box of a prediction record: ``aabb`` (6), ``center`` + ``size``, or ``bbox`` (8 corners).

    ``center`` + ``size`` may come with ``yaw`` in radians. ``bbox`` is what ScanRefer's server
    takes.

    Raises:
        EvaluationError: if none of them is there or the numbers are no box.
    """
    try:
        if "aabb" in record:
            values = np.asarray(record["aabb"], float).reshape(-1)
            return aabb(values[:3], values[3:])
        if "center" in record and "size" in record:
            yaw = float(record.get("yaw", 0.0))
            return aabb_of_box3d(Box3D(tuple(record["center"]), tuple(record["size"]), yaw))
        if "bbox" in record:
            corners = np.asarray(record["bbox"], float)
            if corners.shape != (8, 3):
                raise EvaluationError(
                    f"bbox has shape {corners.shape}; needs 8 corners of 3 numbers."
                )
            return aabb_of_points(corners)
    except (TypeError, ValueError) as error:
        raise EvaluationError(f"box {dict(record)!r} cannot be read: {error}") from error
    raise EvaluationError(
        f"record with fields {sorted(record)} has no box: give aabb, or center and size, or bbox."
    )


def aabb_iou(a: Aabb, b: Aabb) -> float:
    """Intersection over union by volume; 0 where the union is empty."""
    return float(aabb_iou_matrix([a], [b])[0, 0])


def aabb_iou_matrix(a: Sequence[Aabb], b: Sequence[Aabb]) -> NDArray[np.float64]:
    """(len(a), len(b)) intersections over unions."""
    left, right = np.reshape(a, (-1, 1, 6)), np.reshape(b, (1, -1, 6))
    low = np.maximum(left[..., :3], right[..., :3])
    high = np.minimum(left[..., 3:], right[..., 3:])
    shared = np.prod(np.clip(high - low, 0.0, None), axis=-1)
    volumes = [np.prod(box[..., 3:] - box[..., :3], axis=-1) for box in (left, right)]
    union = volumes[0] + volumes[1] - shared
    return np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)
