"""Many views of one object as one cloud, in which every view that can see a point has a say."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ..geometry import invert, transform_points
from .views import ObjectView


@dataclass(frozen=True, eq=False)
class FusedCloud:
    """One point per occupied voxel.

    ``points`` (N, 3) and ``colors`` (N, 3) are means; ``supporting`` and ``opposing`` (N,) count
    the views that call the point the object and those that see it and do not.
    """

    points: NDArray[np.float32]
    colors: NDArray[np.uint8]
    supporting: NDArray[np.int32]
    opposing: NDArray[np.int32]

    def select(self, kept: NDArray[np.bool_]) -> FusedCloud:
        """The part where ``kept`` (N,) is true."""
        return FusedCloud(
            self.points[kept], self.colors[kept], self.supporting[kept], self.opposing[kept]
        )

    def __len__(self) -> int:
        return len(self.points)


def fuse(views: list[ObjectView], voxel: float) -> FusedCloud:
    """Mean point and colour of each voxel, with the number of views that reach it."""
    points = np.concatenate([view.points for view in views])
    colors = np.concatenate([view.colors for view in views])
    source = np.repeat(np.arange(len(views)), [len(view.points) for view in views])
    cell = np.floor((points - points.min(axis=0)) / voxel).astype(np.int64)
    extent = cell.max(axis=0) + 1
    flat = (cell[:, 0] * extent[1] + cell[:, 1]) * extent[2] + cell[:, 2]
    _, inverse, counts = np.unique(flat, return_inverse=True, return_counts=True)
    pairs = np.unique(inverse * len(views) + source)
    supporting = np.bincount(pairs // len(views), minlength=counts.size)
    return FusedCloud(
        _mean(points, inverse, counts).astype(np.float32),
        np.rint(_mean(colors, inverse, counts)).astype(np.uint8),
        supporting.astype(np.int32),
        np.zeros(counts.size, dtype=np.int32),
    )


def with_visibility(cloud: FusedCloud, views: list[ObjectView], voxel: float) -> FusedCloud:
    """Count anew, by projecting every point into every view and testing depth.

    A reading at the point supports it inside the mask and opposes it outside; a reading well
    behind the point opposes it too; one before it hides it, which says nothing.
    """
    supporting = np.zeros(len(cloud), dtype=np.int32)
    opposing = np.zeros(len(cloud), dtype=np.int32)
    for view in views:
        camera = view.frame.intrinsics
        in_camera = transform_points(invert(view.frame.T_world_camera), cloud.points)
        z = in_camera[:, 2]
        safe = np.where(z > 0.05, z, 1.0)
        u = np.rint(in_camera[:, 0] / safe * camera.fx + camera.cx)
        v = np.rint(in_camera[:, 1] / safe * camera.fy + camera.cy)
        seen = (z > 0.05) & (u >= 0) & (u < camera.width) & (v >= 0) & (v < camera.height)
        cols, rows = u[seen].astype(np.int64), v[seen].astype(np.int64)
        mask = cv2.dilate(view.mask.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
        inside = mask[rows, cols]
        difference = view.frame.depth_m[rows, cols] - z[seen]
        limit = 0.015 + 1.5 * voxel + 0.004 * z[seen] ** 2
        there = np.abs(difference) <= limit
        supporting[seen] += there & inside
        opposing[seen] += (there | (difference > limit)) & ~inside
    return FusedCloud(cloud.points, cloud.colors, supporting, opposing)


def _mean(
    values: NDArray, inverse: NDArray[np.int64], counts: NDArray[np.int64]
) -> NDArray[np.float64]:
    columns = [
        np.bincount(inverse, weights=values[:, i], minlength=counts.size) / counts for i in range(3)
    ]
    return np.stack(columns, axis=1)
