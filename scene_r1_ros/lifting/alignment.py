"""Small shifts that make the views of one object agree: poses are off by a centimetre or two."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from .views import ObjectView


@dataclass(frozen=True, eq=False)
class _Patch:
    """Some of a view's points (N, 3), with unit normals (N, 3) and flatness (N,) in 0..1."""

    points: NDArray[np.float64]
    normals: NDArray[np.float64]
    flatness: NDArray[np.float64]


def aligned_views(
    views: list[ObjectView], max_shift: float, sample: int = 500, memory: int = 10
) -> list[ObjectView]:
    """Each view moved by a translation towards those next to it in time, point to plane.

    Starts at the view with the most points and goes outwards; each view meets the ``memory``
    views already aligned that are nearest in time, never itself. A direction in which a view
    shows no surface facing it is left alone (damping), and the mean shift is taken out again:
    the object stays where the poses put it.
    """
    usable = [i for i, view in enumerate(views) if len(view.points) >= 40]
    if len(usable) < 2:
        return views
    start = max(usable, key=lambda i: len(views[i].points))
    order = sorted(usable, key=lambda i: abs(i - start))
    shifts = np.zeros((len(views), 3))
    patches: dict[int, _Patch] = {}
    for i in order:
        patch = _patch(views[i].points, sample)
        if patches:
            nearest = sorted(patches, key=lambda j: abs(j - i))[:memory]
            shifts[i] = _shift(patch.points, [patches[j] for j in nearest], max_shift)
        patches[i] = dataclasses.replace(patch, points=patch.points + shifts[i])
    shifts -= np.average(shifts, axis=0, weights=[len(view.points) for view in views])
    return [
        dataclasses.replace(v, shift=v.shift + s, points=v.points + s.astype(np.float32))
        for v, s in zip(views, shifts, strict=True)
    ]


def _patch(points: NDArray[np.float32], sample: int, neighbours: int = 16) -> _Patch:
    chosen = points[:: max(1, len(points) // sample)].astype(np.float64)
    _, index = cKDTree(chosen).query(chosen, k=min(neighbours, len(chosen)))
    around = chosen[index]
    around -= around.mean(axis=1, keepdims=True)
    values, vectors = np.linalg.eigh(np.einsum("nki,nkj->nij", around, around))
    flatness = 1.0 - values[:, 0] / np.maximum(values[:, 1], 1e-12)
    return _Patch(chosen, vectors[:, :, 0], flatness)


def _shift(
    points: NDArray[np.float64], targets: list[_Patch], max_shift: float
) -> NDArray[np.float64]:
    tree = cKDTree(np.concatenate([patch.points for patch in targets]))
    normals = np.concatenate([patch.normals for patch in targets])
    flatness = np.concatenate([patch.flatness for patch in targets])
    total = np.zeros(3)
    for _ in range(5):
        distance, index = tree.query(points + total, distance_upper_bound=2 * max_shift)
        found = np.isfinite(distance)
        if found.sum() < 20:
            return np.zeros(3)
        n = normals[index[found]]
        residual = np.einsum("ij,ij->i", tree.data[index[found]] - points[found] - total, n)
        spread = 1.5 * np.median(np.abs(residual)) + 1e-4
        weight = flatness[index[found]] / (1 + (residual / spread) ** 2)
        normal_matrix = (n * weight[:, None]).T @ n + 0.05 * weight.sum() * np.eye(3)
        step = np.linalg.solve(normal_matrix, (n * (weight * residual)[:, None]).sum(axis=0))
        total += step
        if np.linalg.norm(step) < 2e-4:
            break
    length = float(np.linalg.norm(total))
    return total if length <= max_shift else total * (max_shift / length)
