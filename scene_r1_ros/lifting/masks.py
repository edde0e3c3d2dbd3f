"""Which pixels of a mask have depth that can be trusted."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Bool = NDArray[np.bool_]


def eroded(mask: Bool, pixels: int) -> Bool:
    """The (H, W) mask without its outer ``pixels``; a thin mask loses less, never half of it."""
    area = int(mask.sum())
    for width in range(pixels, 0, -1):
        kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * width + 1, 2 * width + 1))
        # the image's border is no border of the object
        inner = cv2.erode(
            mask.astype(np.uint8), kernel, borderType=cv2.BORDER_CONSTANT, borderValue=1
        )
        if 2 * int(inner.sum()) > area:
            return inner > 0
    return mask


def largest_components(mask: Bool, share: float, connectivity: int = 8) -> Bool:
    """The connected pieces with at least ``share`` of the largest one's pixels."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(
        mask.astype(np.uint8), connectivity=connectivity, ltype=cv2.CV_32S
    )
    if count <= 2:
        return mask
    areas = stats[:, cv2.CC_STAT_AREA].copy()
    areas[0] = 0
    return np.asarray((areas >= share * areas.max())[labels] & mask)


def off_depth_edges(depth_m: NDArray[np.float32]) -> Bool:
    """Where depth (H, W) has no jump: its second difference is within noise in both directions.

    A slanted plane passes at any slope, a mixed reading between two surfaces does not.
    """
    z = np.where(depth_m > 0, depth_m, np.float32(np.nan))
    limit = 0.02 + 0.01 * z * z
    ok = depth_m > 0
    for axis in (0, 1):
        a, m, b = (_part(z, axis, s) for s in (slice(0, -2), slice(1, -1), slice(2, None)))
        bend = np.abs(a + b - 2 * m)
        part = _part(ok, axis, slice(1, -1))
        part &= ~(bend > _part(limit, axis, slice(1, -1)))  # without a neighbour: passes
    return ok


def _part(values: NDArray[Any], axis: int, span: slice) -> NDArray[Any]:
    return values[span] if axis == 0 else values[:, span]
