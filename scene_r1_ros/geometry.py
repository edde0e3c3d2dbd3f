"""Rigid transforms, pinhole projection, boxes and their overlap.

Conventions: metres and radians; optical frames are OpenCV's (x right, y down, z forward); the
world is z up; ``T_a_b`` takes points given in frame ``b`` to frame ``a``. Image boxes are
``(x_min, y_min, x_max, y_max)`` in pixels, the maximum being the far edge (exclusive).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from .errors import BoxError, FrameError

Float64 = NDArray[np.float64]
BoxXyxy = tuple[float, float, float, float]


# -- rigid transforms


def rigid_transform(matrix: ArrayLike, name: str = "the pose") -> Float64:
    """``matrix`` as a read-only (4, 4) float64 rigid transform.

    Raises:
        FrameError: if it has another shape, is not finite, or its rotation is not orthonormal
            to 1e-3 (recordings store poses in single precision or as rounded text).
    """
    T = np.array(matrix, dtype=np.float64)
    if T.shape != (4, 4):
        raise FrameError(f"{name} has shape {T.shape}; a rigid transform is 4 x 4.")
    if not np.isfinite(T).all():
        raise FrameError(f"{name} holds inf or NaN; frames without a valid pose are skipped.")
    R = T[:3, :3]
    if np.abs(R @ R.T - np.eye(3)).max() > 1e-3 or np.linalg.det(R) < 0:
        raise FrameError(f"{name} is no rigid transform: its rotation is not orthonormal.")
    if np.abs(T[3] - (0, 0, 0, 1)).max() > 1e-6:
        raise FrameError(f"{name} is no rigid transform: its last row is {T[3].tolist()}.")
    T.flags.writeable = False
    return T


def invert(T: Float64) -> Float64:
    """Inverse of a (4, 4) rigid transform."""
    out = np.eye(4)
    out[:3, :3] = T[:3, :3].T
    out[:3, 3] = -T[:3, :3].T @ T[:3, 3]
    return out


def transform_points(T: Float64, points: NDArray[Any]) -> NDArray[Any]:
    """Apply the (4, 4) transform to points of shape (..., 3), in the points' own precision."""
    if points.size and points.dtype in (np.float32, np.float64):
        # many times faster than a matrix product of three columns, and on one thread
        flat = np.ascontiguousarray(points).reshape(1, -1, 3)
        return np.asarray(cv2.transform(flat, np.asarray(T[:3], np.float64))).reshape(points.shape)
    R = T[:3, :3].astype(points.dtype, copy=False)
    t = T[:3, 3].astype(points.dtype, copy=False)
    return points @ R.T + t


def rotation_angle(T_a: Float64, T_b: Float64) -> float:
    """Angle in radians of the rotation between two poses."""
    cos = (np.sum(T_a[:3, :3] * T_b[:3, :3]) - 1.0) / 2.0
    return math.acos(min(1.0, max(-1.0, float(cos))))


def yaw_matrix(yaw: float) -> Float64:
    """(3, 3) rotation by ``yaw`` about z."""
    c, s = math.cos(yaw), math.sin(yaw)
    return np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])


# -- image boxes


def checked_box(box: ArrayLike, width: int, height: int) -> BoxXyxy:
    """``box`` clipped to an image of ``width`` x ``height`` pixels.

    Raises:
        BoxError: if it is not four finite numbers, is empty, or lies outside the image.
    """
    values = np.asarray(box, dtype=np.float64).reshape(-1)
    if values.shape != (4,) or not np.isfinite(values).all():
        raise BoxError(f"box {values.tolist()}: needs four finite numbers x_min y_min x_max y_max.")
    x0, y0, x1, y1 = values.tolist()
    if x1 <= x0 or y1 <= y0:
        raise BoxError(
            f"box [{x0:g}, {y0:g}, {x1:g}, {y1:g}] is empty: x_max and y_max must be larger than "
            "x_min and y_min."
        )
    clipped = (max(0.0, x0), max(0.0, y0), min(float(width), x1), min(float(height), y1))
    if clipped[2] - clipped[0] < 1 or clipped[3] - clipped[1] < 1:
        raise BoxError(
            f"box [{x0:g}, {y0:g}, {x1:g}, {y1:g}] lies outside the image of {width} x {height} "
            "pixels."
        )
    return clipped


def box_iou(a: BoxXyxy, b: BoxXyxy) -> float:
    """Intersection over union of two image boxes; 0 if either is empty."""
    w = min(a[2], b[2]) - max(a[0], b[0])
    h = min(a[3], b[3]) - max(a[1], b[1])
    if w <= 0 or h <= 0:
        return 0.0
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - w * h
    return w * h / union


def mask_box(mask: NDArray[np.bool_]) -> BoxXyxy | None:
    """The tight box around a mask, or None if it is empty."""
    rows, cols = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if rows.size == 0:
        return None
    return (float(cols[0]), float(rows[0]), float(cols[-1] + 1), float(rows[-1] + 1))


# -- 3D boxes


@dataclass(frozen=True)
class Box3D:
    """A gravity-aligned box in a z-up frame.

    ``center`` is (x, y, z), ``size`` the full extents along the box's own axes and ``yaw`` its
    rotation about z in radians. An axis-aligned box has yaw 0.
    """

    center: tuple[float, float, float]
    size: tuple[float, float, float]
    yaw: float = 0.0

    def __post_init__(self) -> None:
        center = tuple(float(v) for v in self.center)
        size = tuple(float(v) for v in self.size)
        if len(center) != 3 or len(size) != 3:
            raise BoxError(f"a 3D box needs 3 + 3 numbers, got center {center} and size {size}.")
        if not all(math.isfinite(v) for v in (*center, *size, self.yaw)) or min(size) < 0:
            raise BoxError(f"3D box center {center}, size {size}, yaw {self.yaw}: not a box.")
        object.__setattr__(self, "center", center)
        object.__setattr__(self, "size", size)
        object.__setattr__(self, "yaw", float(self.yaw))

    @property
    def bottom(self) -> float:
        """Height of its lower end."""
        return self.center[2] - self.size[2] / 2

    @property
    def top(self) -> float:
        """Height of its upper end."""
        return self.center[2] + self.size[2] / 2

    def grown(self, axis: int, by: float) -> Box3D:
        """The box longer by metres along its ``axis`` (0, 1, 2), on the side of their sign."""
        size, shift = list(self.size), np.zeros(3)
        size[axis] += abs(by)
        shift[axis] = by / 2
        center = np.array(self.center) + yaw_matrix(self.yaw) @ shift
        return Box3D(tuple(center), (size[0], size[1], size[2]), self.yaw)

    def reaching(self, bottom: float | None = None, top: float | None = None) -> Box3D:
        """The box with another lower or upper end; itself where they would change places.

        An end that is None stays where it is.
        """
        if bottom is None and top is None:
            return self
        bottom = self.bottom if bottom is None else bottom
        top = self.top if top is None else top
        if bottom >= top:
            return self
        x, y, _ = self.center
        return Box3D((x, y, (bottom + top) / 2), (*self.size[:2], top - bottom), self.yaw)

    @property
    def volume(self) -> float:
        """Cubic metres."""
        return self.size[0] * self.size[1] * self.size[2]

    @property
    def T_world_box(self) -> Float64:
        """(4, 4) pose of the box: origin at its centre, x along ``size[0]``."""
        T = np.eye(4)
        T[:3, :3] = yaw_matrix(self.yaw)
        T[:3, 3] = self.center
        return T

    def corners(self) -> Float64:
        """(8, 3) corners: the bottom four counter-clockwise, then the top four above them."""
        x, y, z = (0.5 * v for v in self.size)
        signs = np.array([[-x, -y], [x, -y], [x, y], [-x, y]])
        local = np.vstack([np.c_[signs, np.full(4, -z)], np.c_[signs, np.full(4, z)]])
        return transform_points(self.T_world_box, local)

    def axis_aligned(self) -> Box3D:
        """The axis-aligned box around this one."""
        corners = self.corners()
        low, high = corners.min(axis=0), corners.max(axis=0)
        return Box3D(tuple((low + high) / 2), tuple(high - low))

    def contains(self, points: NDArray[Any], margin: float = 0.0) -> NDArray[np.bool_]:
        """Which of the (N, 3) points lie inside the box grown by ``margin`` metres."""
        local = transform_points(invert(self.T_world_box), np.asarray(points, dtype=np.float64))
        inside = np.abs(local) <= np.asarray(self.size) / 2 + margin
        return np.asarray(inside.all(axis=1))


def box3d_iou(a: Box3D, b: Box3D) -> float:
    """Intersection over union of two gravity-aligned boxes, exact for any yaw.

    The footprints are convex polygons; their overlap comes from Sutherland-Hodgman clipping and
    is multiplied by the overlap in z.
    """
    z_low, z_high = max(a.bottom, b.bottom), min(a.top, b.top)
    if z_high <= z_low:
        return 0.0
    footprint = _clip_convex(a.corners()[:4, :2], b.corners()[:4, :2])
    overlap = _polygon_area(footprint) * (z_high - z_low)
    union = a.volume + b.volume - overlap
    return float(overlap / union) if union > 0 else 0.0


def _clip_convex(subject: Float64, clip: Float64) -> Float64:
    polygon = [tuple(p) for p in subject]
    for start, end in zip(clip, np.roll(clip, -1, axis=0), strict=True):
        edge = end - start
        side = [edge[0] * (y - start[1]) - edge[1] * (x - start[0]) for x, y in polygon]
        clipped = []
        for i, point in enumerate(polygon):
            before = i - 1
            if (side[i] >= 0) != (side[before] >= 0):
                share = side[before] / (side[before] - side[i])
                previous = polygon[before]
                clipped.append(
                    (
                        previous[0] + share * (point[0] - previous[0]),
                        previous[1] + share * (point[1] - previous[1]),
                    )
                )
            if side[i] >= 0:
                clipped.append(point)
        polygon = clipped
        if not polygon:
            break
    return np.array(polygon, dtype=np.float64).reshape(-1, 2)


def _polygon_area(polygon: Float64) -> float:
    x, y = polygon[:, 0], polygon[:, 1]
    return 0.5 * abs(float(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))))
