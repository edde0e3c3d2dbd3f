"""A round flat thing (a rug) is known whole from an arc of its outline."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Bool = NDArray[np.bool_]
Float64 = NDArray[np.float64]

_TRIED = 400
"""Circles through three places of the outline each."""
_OFF = 0.02
"""A place is on a circle if it is off by no more than a cell and this share of the radius."""
_SECTORS, _SHOWN = 24, 10
"""Parts of the turn, and how many of them the outline must show: 150 degrees."""
_ON, _OUTSIDE, _EMPTY = 0.5, 0.03, 0.1
"""Shares: of the outline that must be on the circle, of the thing that may lie outside, and of the
circle where something else may be seen (what stands on it)."""


@dataclass(frozen=True)
class Circle:
    """A ``center`` (x, y) and a ``radius``, in the units of whoever made it."""

    center: tuple[float, float]
    radius: float


def round_outline(there: Bool, empty: Bool) -> Circle | None:
    """The circle that fills the cells ``there`` (rows, columns), or None if they are not round; in
    cells, the middle of cell (0, 0) at 0, 0.

    ``empty`` are the cells in which something else is seen; those of neither are hidden. The
    outline is where a cell of the thing touches one in which something else is seen; where it
    touches hidden ones it may go on. Circles through three of its places each are tried, and the
    one that most of it lies on is fitted to these.

    Source: Fischler and Bolles 1981, "Random sample consensus"; the fit is Kåsa's (1976).
    """
    beside = cv2.dilate(empty.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    rows, cols = np.nonzero(there & beside)
    if len(rows) < 3 * _SECTORS:
        return None
    outline = np.stack([cols, rows], axis=1).astype(np.float64)
    most = float(max(there.shape))
    rng = np.random.default_rng(0)
    chosen = outline[rng.integers(0, len(outline), (_TRIED, 3))]
    centers, radii = _through(chosen)
    sound = np.isfinite(radii) & (radii < most) & (radii > 0.1 * most)
    if not sound.any():
        return None
    centers, radii = centers[sound], radii[sound]
    on = _on_circle(outline, centers[:, None], radii[:, None])
    inliers = on[on.sum(axis=1).argmax()]
    for _ in range(3):
        center, radius = _fitted(outline[inliers])
        inliers = _on_circle(outline, center, radius)
        if inliers.sum() < 3 * _SECTORS:
            return None
    turn = np.arctan2(*(outline[inliers] - center).T)
    sector = ((turn + np.pi) / (2 * np.pi) * _SECTORS).astype(int) % _SECTORS
    shown = int((np.bincount(sector, minlength=_SECTORS) > 1).sum())
    if inliers.mean() < _ON or shown < _SHOWN or radius > most:
        return None
    y, x = np.mgrid[: there.shape[0], : there.shape[1]]
    far = np.hypot(x - center[0], y - center[1])
    outside = (there & (far > radius + 1.5)).sum() / there.sum()
    inside = far < radius - 1.5
    if outside > _OUTSIDE or (empty & inside).sum() > _EMPTY * inside.sum():
        return None
    return Circle((float(center[0]), float(center[1])), radius + 0.5)


def _through(three: Float64) -> tuple[Float64, Float64]:
    """Centers (N, 2) and radii (N,) of the circles through (N, 3, 2); not finite on a line."""
    a, b, c = (three[:, i] for i in range(3))
    u, v = b - a, c - a
    twice = 2 * (u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0])
    uu, vv = (u**2).sum(axis=1), (v**2).sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        x = (v[:, 1] * uu - u[:, 1] * vv) / twice
        y = (u[:, 0] * vv - v[:, 0] * uu) / twice
    return a + np.stack([x, y], axis=1), np.hypot(x, y)


def _on_circle(places: Float64, center: Float64, radius: Float64 | float) -> Bool:
    """Which places (N, 2) are on a circle, or on each of (M, 1, 2) centers and (M, 1) radii."""
    distance = np.linalg.norm(places - center, axis=-1)
    return np.asarray(np.abs(distance - radius) < 1 + _OFF * radius)


def _fitted(places: Float64) -> tuple[Float64, float]:
    """Center (2,) and radius of the circle that fits (N, 2) best: x² + y² = 2ax + 2by + c."""
    A = np.c_[2 * places, np.ones(len(places))]
    a, b, c = np.linalg.lstsq(A, (places**2).sum(axis=1), rcond=None)[0]
    return np.array([a, b]), float(np.sqrt(max(c + a * a + b * b, 0.0)))
