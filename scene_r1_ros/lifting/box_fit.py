"""A gravity-aligned box around the bulk of a cloud."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..geometry import Box3D
from .wall_direction import turned_from

_NEARLY = np.deg2rad(10.0)
"""A box that is turned from the room's walls by less is likely to stand along them."""
_SLACK = 0.1, 0.03
"""Shares by which a box may fit worse along the walls: such a box, and any other."""


def fit_box(
    points: NDArray[np.float32],
    weights: NDArray[np.float64],
    trim_share: float,
    fit_yaw: bool,
    walls: float | None = None,
) -> Box3D:
    """Box of (N, 3) world points with weights (N,), free to turn about z if ``fit_yaw``.

    ``trim_share`` of the weight is left out at both ends of each axis. ``walls`` is a yaw in
    radians that is likely, along the walls of the room: the box is turned so if it fits about as
    well.
    """
    exact = points.astype(np.float64)
    yaw = best_yaw(exact[:, :2], weights, trim_share, walls) if fit_yaw else 0.0
    x, y = _turned(exact[:, :2], yaw)
    low_high = [extent(values, weights, trim_share) for values in (x, y, exact[:, 2])]
    (x0, x1), (y0, y1), (z0, z1) = low_high
    c, s = np.cos(yaw), np.sin(yaw)
    cx, cy = (x0 + x1) / 2, (y0 + y1) / 2
    center = (c * cx - s * cy, s * cx + c * cy, (z0 + z1) / 2)
    return Box3D(center, (x1 - x0, y1 - y0, z1 - z0), yaw)


def best_yaw(
    footprint: NDArray[np.float64],
    weights: NDArray[np.float64],
    trim_share: float,
    walls: float | None = None,
) -> float:
    """Yaw in [0, pi/2) of the rectangle that is small and has the points along its sides.

    Smallness alone is misled by one outlier or a cut corner; closeness of the points to the
    sides is what a partly seen box still shows (after Zhang et al., "Efficient L-Shape Fitting
    for Vehicle Detection Using Laser Scanners", IV 2017).
    """
    coarse = np.deg2rad(np.arange(0.0, 90.0, 3.0))
    best = min(coarse, key=lambda a: _yaw_cost(footprint, weights, trim_share, float(a)))
    fine = best + np.deg2rad(np.arange(-3.0, 3.01, 0.5))
    best = min(fine, key=lambda a: _yaw_cost(footprint, weights, trim_share, float(a)))
    if walls is not None:
        slack = _SLACK[0 if abs(turned_from(best, walls)) < _NEARLY else 1]
        along, free = (_yaw_cost(footprint, weights, trim_share, float(a)) for a in (walls, best))
        best = walls if along < (1 + slack) * free else best
    return float(best % (np.pi / 2))


def _yaw_cost(
    footprint: NDArray[np.float64], weights: NDArray[np.float64], trim_share: float, yaw: float
) -> float:
    x, y = _turned(footprint, yaw)
    x0, x1 = extent(x, weights, trim_share)
    y0, y1 = extent(y, weights, trim_share)
    to_side = np.minimum(
        np.minimum(np.abs(x - x0), np.abs(x - x1)), np.minimum(np.abs(y - y0), np.abs(y - y1))
    )
    scale = 0.03 * np.hypot(x1 - x0, y1 - y0) + 1e-6
    close = float(np.average(np.exp(-0.5 * (to_side / scale) ** 2), weights=weights))
    return (x1 - x0) * (y1 - y0) * (1.0 - 0.5 * close)


def extent(
    values: NDArray[np.float64], weights: NDArray[np.float64], trim_share: float
) -> tuple[float, float]:
    """Where (N,) values with weights (N,) begin and end: trimmed quantiles, put onto faces.

    A face of the object that is square to the axis shows as a peak at the end of the
    distribution, as wide as the noise. The object then ends at the peak's middle, not at its
    far tail.
    """
    order = np.argsort(values)
    ordered, weight = values[order], weights[order]
    cumulated = np.cumsum(weight)
    share = (cumulated - 0.5 * weight) / cumulated[-1]
    low, high = np.interp([trim_share, 1 - trim_share], share, ordered)
    if trim_share == 0.0 or high - low < 1e-6:
        return float(low), float(high)
    width = float(np.clip(0.08 * (high - low), 0.006, 0.04))
    upper = _face(ordered, share, high, width)
    lower = -_face(-ordered[::-1], 1 - share[::-1], -low, width)
    # both ends on one peak: a sheet, as thick as its quantiles say
    return (lower, upper) if upper - lower > 2 * width else (float(low), float(high))


def _face(
    ordered: NDArray[np.float64], share: NDArray[np.float64], end: float, width: float
) -> float:
    """Middle of the peak at the upper ``end`` of rising values, or ``end`` if there is none."""
    inner, start = np.interp([end - 2 * width, end - width], ordered, share)
    mass = 1.0 - start
    # three times what the body beside it holds in the same width: a round side has about twice
    if mass < 0.03 or mass < 3.0 * (start - inner):
        return float(end)
    middle = float(np.interp(start + 0.5 * mass, share, ordered))
    for _ in range(3):
        a, b = np.interp([middle - width / 2, middle + width / 2], ordered, share)
        middle = float(np.interp((a + b) / 2, share, ordered))
    return middle


def _turned(
    footprint: NDArray[np.float64], yaw: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    c, s = np.cos(yaw), np.sin(yaw)
    return c * footprint[:, 0] + s * footprint[:, 1], c * footprint[:, 1] - s * footprint[:, 0]
