"""How far the folds of a curtain stand out, though they drown in the noise of single readings."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..geometry import transform_points
from ..tracking.depth_surface import depth_noise
from .views import ObjectView

_FOLDED = 0.01
"""Deviation in metres of a face's own heights, to both sides of its middle, from which on it is in
folds; the frame of a door or a window stands out to one side."""
_RIM = 0.05
"""Metres at the rim of a face in which there may be readings of the wall."""
_FEWEST = 500
"""Readings from which on a variance is known well."""
_NOISIER = 1.15
"""Variance of readings about a plane over that of their noise, for small errors of poses."""


def crest_height(
    T_face_world: NDArray[np.float64],
    low: NDArray[np.float64],
    high: NDArray[np.float64],
    views: list[ObjectView],
) -> float:
    """Height of the crests of a face in folds, in metres over its plane; of any other -inf.

    ``T_face_world`` (4, 4) takes the world to the face, x and y on its plane; it goes from ``low``
    (2,) to ``high`` (2,). Folds are narrower than a patch in whose mean the noise is small, but
    they add to the variance of readings what their noise cannot: heights that are even over
    [-h, h] have a deviation of h / sqrt(3). Readings weigh by how little noise they have.
    """
    heights, variances = [], []
    for view in views:
        at = transform_points(T_face_world, view.points.astype(np.float64))
        T = view.frame.T_world_camera
        rays = view.points - view.shift - T[:3, 3]
        z = rays @ T[:3, 2]
        inner = np.all((at[:, :2] > low + _RIM) & (at[:, :2] < high - _RIM), axis=1)
        across = np.abs(rays @ T_face_world[2, :3]) / z
        heights.append(at[inner, 2])
        variances.append((depth_noise(z) * across)[inner] ** 2)
    height, noise = np.concatenate(heights), np.concatenate(variances)
    if len(height) < _FEWEST:
        return -np.inf
    weight = 1 / (noise + _FOLDED**2) ** 2
    middle = _weighted_median(height, weight)
    weight *= np.abs(height - middle) < 3 * np.sqrt(noise + 2 * _FOLDED**2)
    excess = weight * ((height - middle) ** 2 - _NOISIER * noise)
    above = height > middle
    own = [excess[side].sum() / max(weight[side].sum(), 1e-9) for side in (above, ~above)]
    return middle + float(np.sqrt(3 * own[0])) if min(own) > _FOLDED**2 else -np.inf


def _weighted_median(values: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
    order = np.argsort(values)
    total = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(total, total[-1] / 2)])
