"""Which frames the model sees, and how large, under a budget of pixels and tokens."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..frames import RgbdFrame, WindowSnapshot

Size = tuple[int, int]
"""(width, height) in pixels."""


@dataclass(frozen=True)
class ImageBudget:
    """Limits on the images of one prompt.

    ``token_side`` is the side in pixels of the square that becomes one token (patch times merge:
    28 for Qwen2.5-VL, 32 for Qwen3-VL).
    """

    max_images: int = 16
    max_tokens: int = 4096
    max_pixels: int = 1_000_000
    token_side: int = 28

    def image_size(self, width: int, height: int, count: int) -> Size:
        """Size at which each of ``count`` images is sent; never enlarged, aspect ratio kept.

        Shrunk ones are rounded to whole tokens, since partial ones cost as much as whole ones.
        """
        side = self.token_side
        area = min(self.max_pixels, self.max_tokens * side * side // max(1, count))
        scale = math.sqrt(area / (width * height))
        if scale >= 1.0:
            return width, height
        columns = max(1, _whole(width * scale / side))
        rows = max(1, _whole(height * scale / side))
        while columns * rows * side * side > area and columns * rows > 1:
            if columns >= rows:
                columns -= 1
            else:
                rows -= 1
        return columns * side, rows * side

    def tokens(self, size: Size) -> int:
        """Tokens that an image of ``size`` costs, about."""
        return math.ceil(size[0] / self.token_side) * math.ceil(size[1] / self.token_side)

    def images_that_fit(self) -> int:
        """How many images fit when each gets at least 16 tokens."""
        return max(1, min(self.max_images, self.max_tokens // 16))


def sample_frames(window: WindowSnapshot, count: int) -> tuple[RgbdFrame, ...]:
    """At most ``count`` frames spread evenly in time, first and last included."""
    if len(window.frames) <= count:
        return window.frames
    if count == 1:
        return (window.nearest((window.start_ns + window.end_ns) // 2),)
    wanted = np.linspace(window.start_ns, window.end_ns, count)
    chosen = {window.nearest(int(t)).stamp_ns: None for t in wanted}
    return tuple(frame for frame in window.frames if frame.stamp_ns in chosen)


def looks_at(window: WindowSnapshot, count: int, looks: int) -> tuple[tuple[RgbdFrame, ...], ...]:
    """Up to ``looks`` samples of ``count`` frames each, spread evenly over the window, the frames
    of one between those of the others; fewer where the window has no more frames."""
    first = sample_frames(window, count)
    if looks == 1 or len(window.frames) <= count:
        return (first,)
    frames = sample_frames(window, count * looks)
    step = -(-len(frames) // count)
    return tuple(frames[i::step] for i in range(step))


def resized(color: NDArray[np.uint8], size: Size) -> NDArray[Any]:
    """``color`` (H, W, 3) at ``size`` (width, height)."""
    import cv2

    if (color.shape[1], color.shape[0]) == size:
        return color
    return cv2.resize(color, size, interpolation=cv2.INTER_AREA)


def _whole(tokens: float) -> int:
    return math.floor(tokens + 0.5)
