"""The coordinate frames in which models give boxes, to and from pixels of the original image.

Qwen2.5-VL answers in pixels of the image as its processor resized it; Qwen3-VL and Qwen2-VL in
thousandths of the width and height (their model cards). Every resize is a stretch of the whole
image, so only the two sizes matter.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal

from ..errors import ConfigError
from ..geometry import BoxXyxy
from .sampling import Size

BoxFrame = Literal["resized_pixels", "thousandths", "unit"]

_THOUSANDTHS = ("qwen3_vl", "qwen2_vl", "qwen3_5", "internvl", "glm4v", "cogvlm")


def box_frame_of(model_type: str) -> BoxFrame:
    """The frame of a model family, from its config's ``model_type`` or from a model's name."""
    name = model_type.lower().replace("-", "_").replace(".", "_")
    if "qwen2_5" in name:
        return "resized_pixels"
    for known in _THOUSANDTHS:
        if known in name or known.replace("_", "") in name.replace("_", ""):
            return "thousandths"
    return "resized_pixels"


def box_frame_option(option: str, model_type: str) -> BoxFrame:
    """The frame that a setting (``auto`` or a frame's name) comes to."""
    if option == "auto":
        return box_frame_of(model_type)
    if option in ("resized_pixels", "thousandths", "unit"):
        return option  # type: ignore[return-value]
    raise ConfigError(
        f"box_frame = {option!r}: choose one of auto, resized_pixels, thousandths, unit."
    )


def box_to_image(box: BoxXyxy, frame: BoxFrame, processed: Size, image: Size) -> BoxXyxy:
    """A model's box in pixels of the original image.

    ``processed`` is the size that the model really saw, ``image`` the original one.
    """
    width, height = _extent(frame, processed)
    sx, sy = image[0] / width, image[1] / height
    return (box[0] * sx, box[1] * sy, box[2] * sx, box[3] * sy)


def box_to_model(box: BoxXyxy, frame: BoxFrame, processed: Size, image: Size) -> BoxXyxy:
    """A box in pixels of the original image as the model would say it (training labels)."""
    width, height = _extent(frame, processed)
    sx, sy = width / image[0], height / image[1]
    return (box[0] * sx, box[1] * sy, box[2] * sx, box[3] * sy)


def sizes_from_grid(image_grid_thw: Any, patch_size: int) -> tuple[Size, ...]:
    """Sizes of the images as a Qwen processor resized them, from its own output.

    ``image_grid_thw`` is (images, 3): patches in time, height and width.
    """
    return tuple((int(w) * patch_size, int(h) * patch_size) for _, h, w in image_grid_thw)


def qwen_size(size: Size, factor: int, min_pixels: int, max_pixels: int) -> Size:
    """The size to which the Qwen2-VL family's processors resize (their ``smart_resize`` rule).

    Both sides become multiples of ``factor`` and the area lies in the two limits. A size that
    this returns is left as it is by such a processor, so images that are sent in it to a server
    are seen in it, whatever the server's own rounding.
    """
    width, height = size
    w, h = (max(factor, round(v / factor) * factor) for v in (width, height))
    if w * h > max_pixels:
        shrink = math.sqrt(width * height / max_pixels)
        w, h = (max(factor, math.floor(v / shrink / factor) * factor) for v in (width, height))
    elif w * h < min_pixels:
        grow = math.sqrt(min_pixels / (width * height))
        w, h = (math.ceil(v * grow / factor) * factor for v in (width, height))
    return w, h


def _extent(frame: BoxFrame, processed: Sequence[int]) -> tuple[float, float]:
    if frame == "thousandths":
        return 1000.0, 1000.0
    if frame == "unit":
        return 1.0, 1.0
    return float(processed[0]), float(processed[1])
