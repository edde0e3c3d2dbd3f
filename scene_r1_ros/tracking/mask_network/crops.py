"""What the mask network sees of a box, and its answer put back into the image.

The crop is the box with a margin, stretched to a square, so that thin and small things fill it as
large ones do. Depth is given as points in metres of a level frame, in units of the object's size:
the same thing looks the same from near and far, and up is up however the camera is held.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ...frames import RgbdFrame
from ...geometry import BoxXyxy, Float64

Bool = NDArray[np.bool_]
Float32 = NDArray[np.float32]

CHANNELS = (
    "red", "green", "blue",  # -1 to 1
    "right", "ahead", "up",  # of the box's middle, in sizes of the object, 0 without a reading
    "reading", "inside",  # whether there is depth, and an image at all
    "prior", "has_prior",  # the mask so far, and whether there is one
    "noise",  # of depth against the size, decimal logarithm + 2
)  # fmt: skip
_FAR = 2.0
_FEW = 5
_FINEST = 8
"""Samples across a pixel of a crop, at most."""


@dataclass(frozen=True, eq=False)
class MaskPrompt:
    """An object to draw: the ``box`` around it in ``frame`` (pixels; it may leave the image), and
    a ``prior`` mask (H, W) of what it was taken for so far, if there is one."""

    frame: RgbdFrame
    box: BoxXyxy
    prior: Bool | None = None


@dataclass(frozen=True)
class CropShape:
    """``size`` x ``size`` pixels over the box and ``context`` of its width or height around it."""

    size: int = 64
    context: float = 0.25

    def planes(self, prompt: MaskPrompt) -> Float32:
        """The network's input (channel, size, size), channels as in :data:`CHANNELS`.

        Colours and the mask so far are means of what a pixel of the crop covers, so that what is
        thinner than one is not lost; depth is that of its middle.
        """
        frame, camera = prompt.frame, prompt.frame.intrinsics
        u, v = self._pixels(prompt.box)
        cols, rows = np.meshgrid(u, v)
        inside = (cols > -0.5) & (cols < camera.width - 0.5)
        inside &= (rows > -0.5) & (rows < camera.height - 0.5)
        fine = np.meshgrid(*self._pixels(prompt.box, self._samples(prompt.box)))
        rgb = self._averaged(
            cv2.remap(frame.color, *fine, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        )
        x = np.clip(np.rint(u), 0, camera.width - 1).astype(np.int64)
        y = np.clip(np.rint(v), 0, camera.height - 1).astype(np.int64)
        z = np.nan_to_num(frame.depth_m[np.ix_(y, x)])
        reading = inside & (z > 0)
        prior = np.zeros(inside.shape, np.float32)
        if prompt.prior is not None:
            prior = self.labels(prompt.box, prompt.prior)
        depth = self._depth(z, reading, prior > 0.5)
        x0, y0, x1, y1 = prompt.box
        extent = max(_sides(prompt.box)[0] / camera.fx, _sides(prompt.box)[1] / camera.fy)
        scale = max(depth * extent, 0.02)
        middle = camera.rays(np.array((x0 + x1) / 2), np.array((y0 + y1) / 2))
        points = camera.rays(x[None, :], y[:, None]) * z[..., None] - middle * depth
        points = points @ _level(frame.T_world_camera).T
        points = np.clip(points / scale, -_FAR, _FAR) * reading[..., None]
        noise = np.log10(max(0.0019 * depth**2, 1e-4) / scale) + 2
        planes = np.empty((len(CHANNELS), self.size, self.size), np.float32)
        planes[:3] = ((rgb / np.float32(127.5) - 1) * inside[..., None]).transpose(2, 0, 1)
        planes[3:6] = points.transpose(2, 0, 1)
        planes[6], planes[7], planes[8] = reading, inside, prior
        planes[9] = prompt.prior is not None
        planes[10] = np.clip(noise, -_FAR, _FAR)
        return planes

    def labels(self, box: BoxXyxy, mask: Bool) -> Float32:
        """How much of each of the crop's pixels (size, size) a mask (H, W) covers, 0 to 1; 0
        outside the image."""
        fine = self._samples(box)
        u, v = (np.rint(side).astype(np.int64) for side in self._pixels(box, fine))
        inside = np.outer((v >= 0) & (v < mask.shape[0]), (u >= 0) & (u < mask.shape[1]))
        rows, cols = np.clip(v, 0, mask.shape[0] - 1), np.clip(u, 0, mask.shape[1] - 1)
        return self._averaged((mask[np.ix_(rows, cols)] & inside).astype(np.float32))

    def mask(self, box: BoxXyxy, logits: Float32, shape: tuple[int, int]) -> Bool:
        """The mask (H, W) that ``logits`` (size, size) of a crop draw: where they are positive.

        Of a pixel of the crop that the image's border cuts only a part can be covered, which says
        too little of that part: up to the border the last whole pixel counts.
        """
        (w, h), grown = _sides(box), 1 + 2 * self.context
        mx, my = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
        out = np.zeros(shape, dtype=bool)
        x0, x1 = (int(np.clip(mx + side * w * grown / 2, 0, shape[1])) for side in (-1, 1))
        y0, y1 = (int(np.clip(my + side * h * grown / 2, 0, shape[0])) for side in (-1, 1))
        if x1 > x0 and y1 > y0:
            u = self._places(np.arange(x0, x1), mx, w * grown, shape[1])
            v = self._places(np.arange(y0, y1), my, h * grown, shape[0])
            cols, rows = np.meshgrid(u, v)
            drawn = cv2.remap(logits, cols, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            out[y0:y1, x0:x1] = drawn > 0
        return out

    def _places(self, pixels: NDArray[Any], middle: float, side: float, border: int) -> Float32:
        """Where in the crop the columns or rows ``pixels`` (N,) of an image of ``border`` lie, in
        pixels of the crop, of which those that the border cuts count as the next."""
        first, last = ((end - middle) / side + 0.5 for end in (0, border))
        places = ((pixels + 0.5 - middle) / side + 0.5) * self.size - 0.5
        whole = np.ceil(first * self.size), np.floor(last * self.size) - 1
        return np.asarray(np.clip(places, *whole) if whole[0] <= whole[1] else places, np.float32)

    def _pixels(self, box: BoxXyxy, fine: tuple[int, int] = (1, 1)) -> tuple[Float32, Float32]:
        """Image columns and rows (size x samples,) of the crop's pixels, so many ``fine`` samples
        across and down each."""
        places = []
        for low, high, side, samples in zip(box[:2], box[2:], _sides(box), fine, strict=True):
            steps = (np.arange(self.size * samples) + 0.5) / (self.size * samples) - 0.5
            place = (low + high) / 2 + steps * (1 + 2 * self.context) * side - 0.5
            places.append(place.astype(np.float32))
        return places[0], places[1]

    def _samples(self, box: BoxXyxy) -> tuple[int, int]:
        """Samples across and down a pixel of the crop that miss no pixel of the image, up to
        ``_FINEST`` each."""
        w, h = (math.ceil(side * (1 + 2 * self.context) / self.size) for side in _sides(box))
        return min(w, _FINEST), min(h, _FINEST)

    def _averaged(self, fine: NDArray[Any]) -> NDArray[Any]:
        """Means (size, size, ...) of the samples (size x down, size x across, ...) of each pixel,
        in their type."""
        return np.asarray(cv2.resize(fine, (self.size, self.size), interpolation=cv2.INTER_AREA))

    def _depth(self, z: Float32, reading: Bool, prior: Bool) -> float:
        """About how far the object is: the median of the prior mask, or the middle of the box."""
        edge = self.context + 0.25
        low = int(self.size * edge / (1 + 2 * self.context))
        middle = np.zeros_like(reading)
        middle[low : self.size - low, low : self.size - low] = True
        for part in (prior, middle, np.ones_like(reading)):
            if (part & reading).sum() >= _FEW:
                return float(np.median(z[part & reading]))
        return float(np.median(z[reading])) if reading.any() else 2.0


def mirrored(planes: Float32) -> Float32:
    """Crops (N, channel, size, size) with left and right changed, of the picture and the points."""
    out = planes[..., ::-1].copy()
    out[:, CHANNELS.index("right")] *= -1
    return out


def _sides(box: BoxXyxy) -> tuple[float, float]:
    return max(box[2] - box[0], 4.0), max(box[3] - box[1], 4.0)


def _level(T_world_camera: Float64) -> Float64:
    """Rotation (3, 3) from the camera to a level frame: right, ahead as the camera looks, up."""
    R = T_world_camera[:3, :3]
    ahead = R[:, 2] * (1, 1, 0)
    if np.linalg.norm(ahead) < 0.1:  # it looks straight down, or up
        ahead = -R[:, 1] * (1, 1, 0)
    ahead = ahead / max(float(np.linalg.norm(ahead)), 1e-6)
    up = np.array([0.0, 0.0, 1.0])
    return np.stack([np.cross(ahead, up), ahead, up]) @ R
