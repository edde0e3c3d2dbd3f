"""Many views of one object as one cloud, in which every view that can see a point has a say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from ..tracking.frame_view import project
from .views import ObjectView


@dataclass(frozen=True, eq=False)
class FusedCloud:
    """One point per occupied voxel.

    ``points`` (N, 3) and ``colors`` (N, 3) are means; ``hits`` (N,) counts the views with a reading
    in the voxel; ``supporting`` and ``opposing`` (N,) those that call the point the object and
    those that see it and do not.
    """

    points: NDArray[np.float32]
    colors: NDArray[np.uint8]
    hits: NDArray[np.int32]
    supporting: NDArray[np.int32]
    opposing: NDArray[np.int32]

    def select(self, kept: NDArray[np.bool_]) -> FusedCloud:
        """The part where ``kept`` (N,) is true."""
        return FusedCloud(
            self.points[kept],
            self.colors[kept],
            self.hits[kept],
            self.supporting[kept],
            self.opposing[kept],
        )

    @property
    def agreement(self) -> NDArray[np.float64]:
        """Share (N,) of the views that see a point and call it the object."""
        return self.supporting / np.maximum(1, self.supporting + self.opposing)

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
    pairs = np.sort(inverse * len(views) + source)
    first = np.diff(pairs, prepend=-1) > 0
    hits = np.bincount(pairs[first] // len(views), minlength=counts.size).astype(np.int32)
    return FusedCloud(
        _mean(points, inverse, counts).astype(np.float32),
        np.rint(_mean(colors, inverse, counts)).astype(np.uint8),
        hits,
        hits,
        np.zeros_like(hits),
    )


def with_visibility(cloud: FusedCloud, views: list[ObjectView], voxel: float) -> FusedCloud:
    """Count anew, by projecting every point into every view and testing depth.

    A reading at the point supports it inside the mask and opposes it outside; a reading well
    behind the point opposes it too; one before it hides it, which says nothing.
    """
    supporting = np.zeros(len(cloud), dtype=np.int32)
    opposing = np.zeros(len(cloud), dtype=np.int32)
    for view in views:
        pixels = project(view.frame, cloud.points - view.shift.astype(np.float32))
        seen = pixels.inside
        z, rows, cols = pixels.z[seen], pixels.rows[seen], pixels.cols[seen]
        mask = cv2.dilate(view.mask.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
        inside = mask[rows, cols]
        difference = view.frame.depth_m[rows, cols] - z
        limit = 0.015 + 1.5 * voxel + 0.004 * z**2
        there = np.abs(difference) <= limit
        supporting[seen] += there & inside
        opposing[seen] += (there & ~inside) | (difference > limit)
    return FusedCloud(cloud.points, cloud.colors, cloud.hits, supporting, opposing)


def thinned(cloud: FusedCloud, radius: float, share: float) -> NDArray[np.bool_]:
    """Which (N,) points are where the views concentrate, judged within ``radius`` of each.

    Noise and poses that are a little off spread a surface to both sides; the views agree on
    its middle. Kept is what has at least ``share`` of the hits of the best point around.
    """
    tree = cKDTree(cloud.points)
    _, index = tree.query(cloud.points, k=min(24, len(cloud)), distance_upper_bound=radius)
    hits = np.append(cloud.hits, 0)  # the tree answers with index N where there is no neighbour
    return np.asarray(cloud.hits >= share * hits[index].max(axis=1))


def _mean(
    values: NDArray[Any], inverse: NDArray[np.int64], counts: NDArray[np.int64]
) -> NDArray[np.float64]:
    columns = [
        np.bincount(inverse, weights=values[:, i], minlength=counts.size) / counts for i in range(3)
    ]
    return np.stack(columns, axis=1)
