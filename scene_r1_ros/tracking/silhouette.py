"""What the anchor frame allows: the object lies inside its silhouette, in front of nothing."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ..frames import RgbdFrame
from ..geometry import BoxXyxy
from .anchor_segmentation import AnchorSegment
from .frame_view import project

Bool = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Silhouette:
    """The anchor frame's verdict on world points.

    ``mask`` (H, W) is the object's silhouette with a small margin, ``hidden`` (H, W) where the
    object may go on behind something or where there is no reading. ``front`` (H, W) is how near
    the object may be there; in the mask it is the smallest depth about each pixel, as a pose
    that is a little off moves a slanted surface much. ``other`` (H, W) is the depth of what is
    clearly not the object, NaN elsewhere; ``outside`` (H, W) the same right up to the outline.
    ``box`` holds the object; where it ends at the border of the image the object may go on
    outside.
    """

    frame: RgbdFrame
    mask: Bool
    hidden: Bool
    front: NDArray[np.float32]
    other: NDArray[np.float32]
    outside: NDArray[np.float32]
    tolerance: float
    box: BoxXyxy

    def allows(self, points: NDArray[np.float32], alike: Bool) -> Bool:
        """Which of the (N, 3) world points could belong to the object.

        Beyond the border of the anchor's image only those that look like it, ``alike`` (N,).
        """
        seen = project(self.frame, points)
        cols = np.clip(seen.cols, 0, self.mask.shape[1] - 1)
        rows = np.clip(seen.rows, 0, self.mask.shape[0] - 1)
        open_ = (self.mask | self.hidden)[rows, cols] & (seen.z > self.front[rows, cols])
        beyond = alike & self._beyond_border(seen.cols, seen.rows, seen.z)
        return np.where(seen.inside, open_, beyond)

    def denies(self, points: NDArray[np.float32], strictly: bool = False) -> Bool:
        """Which of the (N, 3) world points the anchor shows to be of something else.

        ``strictly`` gives the object no margin; for points that many views have averaged.
        """
        other = self.outside if strictly else self.other
        seen = project(self.frame, points)
        cols = np.clip(seen.cols, 0, self.mask.shape[1] - 1)
        rows = np.clip(seen.rows, 0, self.mask.shape[0] - 1)
        return seen.inside & (np.abs(seen.z - other[rows, cols]) < self.tolerance)

    def _beyond_border(
        self, cols: NDArray[np.int64], rows: NDArray[np.int64], z: NDArray[np.float32]
    ) -> Bool:
        height, width = self.mask.shape
        x0, y0, x1, y1 = self.box
        dx, dy = x1 - x0, y1 - y0
        left, top = (x0 - dx if x0 <= 2 else x0), (y0 - dy if y0 <= 2 else y0)
        right = x1 + dx if x1 >= width - 2 else x1
        bottom = y1 + dy if y1 >= height - 2 else y1
        result: Bool = (
            (cols >= left) & (cols <= right) & (rows >= top) & (rows <= bottom) & (z > 0.05)
        )
        return result


def silhouette(frame: RgbdFrame, segment: AnchorSegment, margin_pixels: int) -> Silhouette:
    """The verdict of the anchor frame with the object segmented in it."""
    shape = frame.depth_m.shape
    grid = segment.surface.grid
    exact = grid.full_size(segment.mask, shape)
    occluder = grid.full_size(segment.occluder, shape)
    size = 2 * margin_pixels + 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    mask = cv2.dilate(exact.astype(np.uint8), kernel) > 0
    x0, y0, x1, y1 = (round(v) for v in segment.box)
    in_box = np.zeros(shape, dtype=bool)
    in_box[y0:y1, x0:x1] = True
    reading = frame.depth_m > 0
    noise = float(np.median(segment.surface.noise[segment.mask]))
    tolerance = 4 * noise + 0.02
    depth = np.where(reading, frame.depth_m, np.float32(np.inf))
    nearest = cv2.erode(depth, kernel)
    foremost = float(np.percentile(segment.surface.depth[segment.mask], 1))
    front = np.where(mask, np.where(np.isinf(nearest), foremost, nearest) - tolerance, foremost)
    # behind an occluder means clear of its own surface
    behind = occluder & ~mask
    front[behind] = np.maximum(front, frame.depth_m + 2 * tolerance)[behind]
    hidden = in_box & (occluder | ~reading)
    wide = cv2.dilate(mask.astype(np.uint8), kernel) > 0
    other = np.where(wide, np.float32(np.nan), frame.depth_m)
    pixel = np.ones((2 * grid.stride + 1, 2 * grid.stride + 1), np.uint8)
    filled = cv2.morphologyEx(exact.astype(np.uint8), cv2.MORPH_CLOSE, pixel)
    outside = np.where(cv2.dilate(filled, pixel) > 0, np.float32(np.nan), frame.depth_m)
    return Silhouette(
        frame,
        mask,
        hidden,
        front.astype(np.float32),
        other,
        outside,
        tolerance,
        segment.box,
    )
