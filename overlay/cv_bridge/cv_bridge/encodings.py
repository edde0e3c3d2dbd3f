"""What the names of image encodings mean: REP 118 and sensor_msgs/image_encodings.hpp.

The layout of generic encodings such as ``16UC1`` is read by rosbags-image.
"""

from __future__ import annotations

from enum import Enum
from functools import lru_cache
from typing import NamedTuple

import cv2
import numpy as np
from rosbags.image import ImageFormatError
from rosbags.image.image import to_cvtype


class CvBridgeError(TypeError):
    """An image cannot be converted."""


class Colors(Enum):
    """What the channels of an image stand for; GENERIC is numbers of unknown meaning."""

    GENERIC = "generic"
    MONO = "GRAY"
    RGB = "RGB"
    BGR = "BGR"
    RGBA = "RGBA"
    BGRA = "BGRA"
    UYVY = "UYVY"
    YUYV = "YUY2"
    BAYER_RGGB = "BayerBG"  # OpenCV names the pattern after the second row, from its second pixel
    BAYER_BGGR = "BayerRG"
    BAYER_GBRG = "BayerGR"
    BAYER_GRBG = "BayerGB"


class Encoding(NamedTuple):
    """Element type and channels of an image, and what they stand for."""

    dtype: np.dtype
    channels: int
    colors: Colors


def _named() -> dict[str, Colors]:
    names = {"uyvy": Colors.UYVY, "yuv422": Colors.UYVY}
    names |= {"yuyv": Colors.YUYV, "yuv422_yuy2": Colors.YUYV}
    for depth in ("8", "16"):
        for name in ("mono", "rgb", "bgr", "rgba", "bgra"):
            names[name + depth] = Colors[name.upper()]
        for pattern in ("rggb", "bggr", "gbrg", "grbg"):
            names[f"bayer_{pattern}{depth}"] = Colors[f"BAYER_{pattern.upper()}"]
    return names


_COLORS_OF = _named()

# How OpenCV packs depth and channels into one number differs between its versions 4 and 5.
_CHANNEL_STEP = cv2.CV_8UC2 - cv2.CV_8UC1
_CV_DEPTHS = {
    "uint8": cv2.CV_8U,
    "int8": cv2.CV_8S,
    "uint16": cv2.CV_16U,
    "int16": cv2.CV_16S,
    "int32": cv2.CV_32S,
    "float32": cv2.CV_32F,
    "float64": cv2.CV_64F,
}
DTYPE_OF_CV_DEPTH = {depth: name for name, depth in _CV_DEPTHS.items()}


@lru_cache(maxsize=256)
def parse(encoding: str) -> Encoding:
    """Return the meaning of the name of an encoding.

    :raises CvBridgeError: the name is unknown, or it stands for a planar layout (``nv21``,
        ``nv24``), which does not fit an array of pixels.
    """
    colors = _COLORS_OF.get(encoding, Colors.GENERIC)
    try:
        _, _, dtype, channels = to_cvtype(encoding)
    except ImageFormatError:
        channels = 0
    if channels == 0 or (colors is Colors.GENERIC and not encoding[:1].isdigit()):
        raise CvBridgeError(
            f"Unrecognized image encoding [{encoding}]; known are "
            f"{', '.join(sorted(_COLORS_OF))} and generic ones such as 8UC1 to 64FC4"
        )
    return Encoding(np.dtype(dtype), channels, colors)


def cv_type(dtype: np.dtype, channels: int) -> int:
    """Return OpenCV's number for an element type and a number of channels."""
    return _CV_DEPTHS[dtype.name] + (channels - 1) * _CHANNEL_STEP


def split_cv_type(cvtype: int) -> tuple[str, int]:
    """Return the numpy name of the element type and the number of channels of an OpenCV type."""
    channels, depth = divmod(cvtype, _CHANNEL_STEP)
    if depth not in DTYPE_OF_CV_DEPTH:
        raise CvBridgeError(f"OpenCV type {cvtype} has a depth that ROS images do not have")
    return DTYPE_OF_CV_DEPTH[depth], channels + 1


def getCvType(encoding: str) -> int:
    """Return OpenCV's type for an encoding, such as ``cv2.CV_8UC3`` for ``bgr8``.

    :raises CvBridgeError: the encoding is unknown.
    """
    meaning = parse(encoding)
    return cv_type(meaning.dtype, meaning.channels)
