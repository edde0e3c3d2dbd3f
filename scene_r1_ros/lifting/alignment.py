"""Small shifts that make the views of one object agree: poses are off by a centimetre or two."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from .fusion import FusedCloud
from .views import ObjectView


def aligned_views(
    views: list[ObjectView], cloud: FusedCloud, max_shift: float, sample: int = 400
) -> list[ObjectView]:
    """Each view moved by a translation towards the fused ``cloud`` of all, point to plane.

    A direction in which a view shows no surface facing it is left alone (damping), and the mean
    shift of all views is taken out again: the object stays where the poses put it.
    """
    if len(views) < 3 or len(cloud) < 30:
        return views
    # the voxels that many views share are the surface to agree on
    order = np.argsort(-cloud.hits, kind="stable")[: max(2000, len(cloud) // 2)]
    points = cloud.points[np.sort(order)]
    points = points[:: max(1, len(points) // 5000)]
    tree = cKDTree(points)
    normals, flatness = _normals(points, tree)
    shifts = np.array([_shift(v.points, tree, normals, flatness, max_shift, sample) for v in views])
    shifts -= np.average(shifts, axis=0, weights=[len(v.points) for v in views])
    return [
        dataclasses.replace(v, shift=v.shift + s, points=v.points + s.astype(np.float32))
        for v, s in zip(views, shifts, strict=True)
    ]


def _normals(
    points: NDArray[np.float32], tree: cKDTree, neighbours: int = 12
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Unit normals (N, 3) and how flat the neighbourhood is, (N,) in 0..1."""
    _, index = tree.query(points, k=min(neighbours, len(points)))
    around = points[index].astype(np.float64)
    around -= around.mean(axis=1, keepdims=True)
    values, vectors = np.linalg.eigh(np.einsum("nki,nkj->nij", around, around))
    return vectors[:, :, 0], 1.0 - values[:, 0] / np.maximum(values[:, 1], 1e-12)


def _shift(
    points: NDArray[np.float32],
    tree: cKDTree,
    normals: NDArray[np.float64],
    flatness: NDArray[np.float64],
    max_shift: float,
    sample: int,
) -> NDArray[np.float64]:
    chosen = points[:: max(1, len(points) // sample)].astype(np.float64)
    total = np.zeros(3)
    for _ in range(4):
        distance, index = tree.query(chosen + total, distance_upper_bound=2 * max_shift)
        found = np.isfinite(distance)
        if found.sum() < 20:
            return np.zeros(3)
        n = normals[index[found]]
        residual = np.einsum("ij,ij->i", tree.data[index[found]] - chosen[found] - total, n)
        spread = 1.5 * np.median(np.abs(residual)) + 1e-4
        weight = flatness[index[found]] / (1 + (residual / spread) ** 2)
        normal_matrix = (n * weight[:, None]).T @ n + 0.05 * weight.sum() * np.eye(3)
        step = np.linalg.solve(normal_matrix, (n * (weight * residual)[:, None]).sum(axis=0))
        total += step
        if np.linalg.norm(step) < 2e-4:
            break
    length = float(np.linalg.norm(total))
    return total if length <= max_shift else total * (max_shift / length)
