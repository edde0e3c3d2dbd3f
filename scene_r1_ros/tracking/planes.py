"""Planes in a cloud with normals, found without knowing where the floor is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Plane:
    """All points p with ``normal . p = offset``; the normal points to the side that was seen.

    ``one_sided`` says that the object lies on the seen side only, as it does on a floor.
    """

    normal: NDArray[np.float64]
    offset: float
    one_sided: bool = True

    def distance(self, points: NDArray[Any]) -> NDArray[Any]:
        """Signed distance of (..., 3) points, positive on the seen side, in their precision."""
        return points @ self.normal.astype(points.dtype) - points.dtype.type(self.offset)

    def within(self, points: NDArray[np.float32]) -> NDArray[np.float32]:
        """Coordinates (N, 2) of (N, 3) points in the plane, about an arbitrary origin."""
        helper = np.eye(3)[int(np.abs(self.normal).argmin())]
        u = np.cross(self.normal, helper)
        u /= np.linalg.norm(u)
        axes = np.stack([u, np.cross(self.normal, u)], axis=1)
        return points @ axes.astype(np.float32)

    @property
    def horizontal(self) -> bool:
        """Whether it faces up like a floor or a table, to 15 degrees."""
        return bool(self.normal[2] > 0.966)

    @property
    def upright(self) -> bool:
        """Whether it stands like a wall, to 12 degrees."""
        return bool(abs(self.normal[2]) < 0.2)


def find_planes(
    points: NDArray[np.float32],
    normals: NDArray[np.float32],
    tolerance: NDArray[np.float32],
    min_share: float,
    max_planes: int,
    rng: np.random.Generator,
) -> list[tuple[Plane, NDArray[np.bool_]]]:
    """Up to ``max_planes`` planes, largest first, each with its (N,) inliers.

    RANSAC whose hypotheses are single points with their normals. ``tolerance`` (N,) is how far
    a point may lie off its plane; a plane needs ``min_share`` of all points.
    """
    found: list[tuple[Plane, NDArray[np.bool_]]] = []
    left = np.arange(len(points))
    needed = max(30, int(min_share * len(points)))
    while len(found) < max_planes and left.size >= needed:
        best = _best_hypothesis(points[left], normals[left], tolerance[left], rng)
        if best is None:
            break
        plane = best
        for _ in range(3):
            near = _inliers(plane, points[left], normals[left], tolerance[left])
            if near.sum() < 10:
                break
            plane = _refit(points[left][near], plane.normal)
        near = _inliers(plane, points[left], normals[left], tolerance[left])
        if near.sum() < needed:
            break
        inliers = np.zeros(len(points), dtype=bool)
        inliers[left[near]] = True
        found.append((plane, inliers))
        left = left[~near]
    return found


def settle(
    plane: Plane,
    points: NDArray[np.float32],
    tolerance: NDArray[np.float32],
    max_shift: float,
    max_tilt: float,
) -> Plane:
    """The plane moved to fit (N, 3) points of another frame, whose pose may be a little off.

    Returns ``plane`` itself if too few points are near or the move would exceed ``max_shift``
    metres at their centre or ``max_tilt`` radians.
    """
    moved = plane
    for reach in (max_shift, 0.0):
        near = np.abs(moved.distance(points)) < tolerance + reach
        if near.sum() < 40:
            return plane
        moved = _refit(points[near], plane.normal)
        centre = points[near].mean(axis=0, dtype=np.float64)
        shift = abs(float(centre @ plane.normal) - plane.offset)
        if shift > max_shift or float(moved.normal @ plane.normal) < np.cos(max_tilt):
            return plane
    return Plane(moved.normal, moved.offset, plane.one_sided)


def _inliers(
    plane: Plane,
    points: NDArray[np.float32],
    normals: NDArray[np.float32],
    tolerance: NDArray[np.float32],
) -> NDArray[np.bool_]:
    aligned = normals @ plane.normal.astype(np.float32) > 0.8
    return np.asarray(aligned & (np.abs(plane.distance(points)) < tolerance))


def _best_hypothesis(
    points: NDArray[np.float32],
    normals: NDArray[np.float32],
    tolerance: NDArray[np.float32],
    rng: np.random.Generator,
    hypotheses: int = 160,
    sample: int = 1500,
) -> Plane | None:
    chosen = rng.choice(len(points), min(hypotheses, len(points)), replace=False)
    tested = rng.choice(len(points), min(sample, len(points)), replace=False)
    n = normals[chosen]
    offsets = np.einsum("ij,ij->i", n, points[chosen])
    off = np.abs(points[tested] @ n.T - offsets)
    votes = ((off < tolerance[tested, None]) & (normals[tested] @ n.T > 0.8)).sum(axis=0)
    i = int(votes.argmax())
    if votes[i] < 8:
        return None
    return Plane(n[i].astype(np.float64), float(offsets[i]))


def _refit(points: NDArray[np.float32], towards: NDArray[np.float64]) -> Plane:
    exact = points.astype(np.float64)
    centre = exact.mean(axis=0)
    _, vectors = np.linalg.eigh(np.cov((exact - centre).T))
    normal = vectors[:, 0]
    if normal @ towards < 0:
        normal = -normal
    return Plane(normal, float(normal @ centre))
