"""Balls are known whole from a cap of them, also where noise blurs it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from ..geometry import Box3D
from ..tracking.depth_surface import depth_noise
from .round_fit import unevenness

Float64 = NDArray[np.float64]

_PATCHES = (12, 6)
"""Patches of a sphere, around its vertical axis and along it."""
_LARGEST = 0.8
"""Height in metres of the largest ball: one to sit on."""


def ball_box(
    box: Box3D, points: NDArray[np.float32], cameras: Float64, most: int = 1500
) -> Box3D | None:
    """The box of a ball as high as ``box``, where (N, 3) world points lie on a sphere; else None.

    A sphere is fitted by robust least squares, started behind the surface as seen from the mean of
    the ``cameras`` (M, 3). In the mean of each patch of 30 by 30 degrees, where noise is small, the
    points must be at its radius; it must be about as high as ``box`` and in its middle, and
    ``box`` about as wide as high. The height is known better than the radius of a noisy cap, so the
    centre is fitted once more with it.
    """
    height = box.size[2]
    chosen = points[:: max(1, len(points) // most)].astype(np.float64)
    if len(chosen) < 60 or height > _LARGEST or max(box.size[:2]) > 1.25 * height:
        return None
    if np.hypot(*box.size[:2]) < 0.8 * height:
        return None  # from every side a ball is as wide as it is high
    eye, middle = cameras.mean(axis=0), chosen.mean(axis=0)
    distance = float(np.linalg.norm(middle - eye))
    start = middle + 0.3 * height * (middle - eye) / max(distance, 1e-9)
    scale = max(0.003, float(depth_noise(distance)))

    def solved(radius: float | None, first: Float64) -> Float64:
        def off(x: Float64) -> Float64:
            r = x[3] if radius is None else radius
            return np.asarray(np.linalg.norm(chosen - x[:3], axis=1) - r)

        return np.asarray(least_squares(off, first, loss="soft_l1", f_scale=scale, max_nfev=60).x)

    *at, radius = solved(None, np.append(start, height / 2)).tolist()
    center = np.array(at)
    if not 0.7 * height < 2 * radius < 1.2 * height:
        return None
    if abs(center[2] - box.center[2]) > 0.25 * radius or not _round(chosen - center, radius):
        return None
    x, y, _ = solved(height / 2, center).tolist()
    return Box3D((x, y, box.center[2]), (height, height, height), 0.0)


def _round(rays: Float64, radius: float) -> bool:
    """Whether (N, 3) vectors from the centre end at ``radius`` in every patch, and in enough."""
    length = np.linalg.norm(rays, axis=1)
    around, along = _PATCHES
    turn = (np.arctan2(rays[:, 1], rays[:, 0]) + np.pi) / (2 * np.pi)
    rise = (rays[:, 2] / np.maximum(length, 1e-9) + 1) / 2
    patch = (turn * around).astype(int) % around * along
    patch += np.clip((rise * along).astype(int), 0, along - 1)
    shown, uneven = unevenness(length - radius, patch)
    return shown >= 11 and uneven < 0.05 * radius
