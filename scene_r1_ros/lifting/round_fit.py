"""Round things (bottles, lamps, bins) are known whole from the side that was seen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares
from scipy.spatial import cKDTree

from ..geometry import Box3D
from ..tracking.depth_surface import depth_noise

Float64 = NDArray[np.float64]

_NOISY = (0.67, 1.28)
"""What noise of deviation 1 does to the two quantiles of distances, 50 and 80 %."""


@dataclass(frozen=True)
class RoundBody:
    """A surface of revolution about a vertical axis through ``center`` (x, y), metres."""

    center: tuple[float, float]
    radius: float

    def widened(self, outline: float | None, cameras: Float64) -> RoundBody:
        """With the radius of its ``outline`` where that is larger, up to half as large again.

        The side that the ``cameras`` (M, 3) see stays where it is.
        """
        if outline is None or not self.radius < outline < 1.5 * self.radius:
            return self
        away = np.array(self.center) - cameras[:, :2]
        away /= np.maximum(np.linalg.norm(away, axis=1, keepdims=True), 1e-9)
        x, y = np.array(self.center) + (outline - self.radius) * away.mean(axis=0)
        return RoundBody((float(x), float(y)), outline)


def round_body(
    points: NDArray[np.float32], cameras: Float64, slices: int = 10, most: int = 1500
) -> RoundBody | None:
    """The body of revolution that (N, 3) world points lie on, or None if they do not.

    All slices of equal height share one axis; each has its own radius. The axis is the one that
    spreads the radii of the slices least (robust least squares), started behind the surface as
    seen from the mean of the ``cameras`` (M, 3). The slices must show 135 degrees of
    the turn, on one circle each. Where single points do not lie on one but for noise, the mean of
    each 15 degrees must, in which noise is small: a corner of a box spreads the radius by 12 %.
    """
    chosen = points[:: max(1, len(points) // most)].astype(np.float64)
    upright = np.abs(_normals(chosen)[:, 2]) < 0.8
    side = chosen[upright]
    if len(side) < 40 or upright.mean() < 0.3:
        return None
    low, high = np.percentile(side[:, 2], [1, 99])
    layer = np.clip((side[:, 2] - low) / max(high - low, 1e-6) * slices, 0, slices - 1).astype(int)
    counts = np.bincount(layer, minlength=slices)
    used = counts[layer] >= 6
    side, layer = side[used], layer[used]
    if len(side) < 40:
        return None
    flat, counts = side[:, :2], np.maximum(np.bincount(layer, minlength=slices), 1)
    toward = flat.mean(axis=0) - cameras[:, :2].mean(axis=0)
    toward /= max(float(np.linalg.norm(toward)), 1e-9)
    across = (flat - flat.mean(axis=0)) @ np.array([-toward[1], toward[0]])
    width = float(np.ptp(np.percentile(across, [2, 98])))
    if width < 0.01:
        return None

    def spread(center: Float64) -> Float64:
        distance = np.hypot(*(flat - center).T)
        mean = np.bincount(layer, distance, minlength=slices) / counts
        return np.asarray(distance - mean[layer])

    near = flat @ toward
    start = flat.mean(axis=0) + toward * (np.percentile(near, 5) - near.mean() + width / 2)
    fit = least_squares(spread, start, loss="soft_l1", f_scale=0.02 * width, max_nfev=40)
    center = fit.x
    distance = np.hypot(*(flat - center).T)
    mean = np.bincount(layer, distance, minlength=slices) / counts
    present = np.bincount(layer, minlength=slices) >= max(6, 0.03 * len(flat))
    radius = float(mean[present].max()) if present.any() else 0.0
    off = distance - mean[layer]
    noise = float(depth_noise(float(np.linalg.norm(side.mean(axis=0) - cameras.mean(axis=0)))))
    most_off = np.array([min(0.045 * radius, 0.008) + 0.0015, min(0.09 * radius, 0.02) + 0.003])
    spreads = np.percentile(np.abs(off), [50, 80])
    blurred = bool((spreads > most_off).any())
    if (spreads > most_off + noise * np.array(_NOISY)).any():
        return None
    if not 0.35 * width < radius < 0.8 * width:
        return None
    wide = mean[layer] > 0.6 * radius
    angle = np.arctan2(*(flat[wide] - center).T)
    turn = ((angle + np.pi) / (2 * np.pi) * 24).astype(int) % 24
    shown, uneven = unevenness(off[wide], turn)
    if shown < 9 or (blurred and uneven > 0.055 * radius):
        return None
    return RoundBody((float(center[0]), float(center[1])), radius)


def with_round_body(box: Box3D, body: RoundBody) -> Box3D:
    """The box of a round thing: as high as ``box``, as wide as the body.

    ``box`` itself if it reaches well beyond the body, which then is only a part. Which way a round
    thing is turned means nothing, so its box is left square to the axes.
    """
    side = 2 * body.radius
    off = np.hypot(box.center[0] - body.center[0], box.center[1] - body.center[1])
    if max(box.size[:2]) > 1.15 * side + 0.01 or off > 0.7 * body.radius:
        return box
    return Box3D((*body.center, box.center[2]), (side, side, box.size[2]), 0.0)


def _normals(points: Float64, neighbours: int = 14) -> Float64:
    _, index = cKDTree(points).query(points, k=min(neighbours, len(points)))
    near = points[index]
    near -= near.mean(axis=1, keepdims=True)
    _, vectors = np.linalg.eigh(np.einsum("nki,nkj->nij", near, near))
    return np.asarray(vectors[:, :, 0])


def unevenness(off: Float64, part: NDArray[np.int64]) -> tuple[int, float]:
    """How many parts of a surface its points show, and the root mean square of their mean offsets.

    ``part`` (N,) says on which part each point lies, ``off`` (N,) how far it is off. A part counts
    with more than 5 points and 1 % of all; the mean of many is nearly free of noise.
    """
    count = np.bincount(part)
    shown = count > max(5.0, 0.01 * len(part))
    if not shown.any():
        return 0, 0.0
    mean = np.bincount(part, off)[shown] / count[shown]
    return int(shown.sum()), float(np.sqrt(np.average(mean**2, weights=count[shown])))
