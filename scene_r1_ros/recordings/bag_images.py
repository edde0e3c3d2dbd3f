"""Image messages as arrays: colour as RGB, depth as metres, rectified by their camera info."""

from __future__ import annotations

import struct
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ..errors import RecordingFormatError
from ..frames import CameraIntrinsics
from .base import FrameSkippedError
from .images import decode_color, decode_depth
from .text import intrinsics_from

DEPTH_ENCODINGS = ("16UC1", "mono16", "32FC1")
_COMPRESSED_DEPTH = struct.Struct("<iff")
"""compressed_depth_image_transport's header: format, and A and B of A / (value - B) metres."""


def is_depth(message: Any, topic: str) -> bool:
    """Whether an Image or CompressedImage message holds depth."""
    if not hasattr(message, "format"):
        return message.encoding in ("16UC1", "32FC1") or (
            message.encoding == "mono16" and "depth" in topic
        )
    return "compressedDepth" in message.format or message.format.startswith(DEPTH_ENCODINGS)


def color_of(message: Any, what: str) -> NDArray[np.uint8]:
    """(H, W, 3) RGB of an Image or CompressedImage message.

    Raises:
        FrameSkippedError: naming ``what`` if the data is damaged.
        RecordingFormatError: if the encoding is not a colour or grey one.
    """
    if hasattr(message, "format"):
        return decode_color(bytes(message.data), what)
    from rosbags.image.image import ImageError, convert_color

    try:
        image = convert_color(_pixels(message, what), message.encoding, "rgb8")
    except ImageError as error:
        raise RecordingFormatError(f"{what}: {error}; colour needs e.g. rgb8 or bgr8.") from error
    return np.ascontiguousarray(image, dtype=np.uint8)


def depth_of(message: Any, what: str) -> NDArray[np.float32]:
    """(H, W) metres of an Image or CompressedImage message, NaN where there is no reading.

    16-bit depth is in millimetres with 0 for none, 32-bit in metres (REP 118).

    Raises:
        FrameSkippedError: naming ``what`` if the data is damaged.
        RecordingFormatError: if the encoding is no depth.
    """
    if hasattr(message, "format"):
        return _metres(_compressed_depth(message, what))
    if message.encoding not in DEPTH_ENCODINGS:
        raise RecordingFormatError(
            f"{what} has encoding {message.encoding!r}; depth needs 16UC1 (mm) or 32FC1 (m)."
        )
    return _metres(_pixels(message, what))


def _pixels(message: Any, what: str) -> NDArray[Any]:
    from rosbags.image.image import ImageFormatError, to_cvtype

    try:
        _, _, kind, channels = to_cvtype(message.encoding)
    except ImageFormatError as error:
        raise RecordingFormatError(f"{what}: {error}.") from error
    dtype = np.dtype(kind).newbyteorder(">" if message.is_bigendian else "<")
    height, width = message.height, message.width
    used = width * channels * dtype.itemsize
    data = np.asarray(message.data, dtype=np.uint8)
    if message.step < used or data.size < message.step * height or not used or not height:
        raise FrameSkippedError(what, "the image data does not have the length its header says")
    rows = data[: message.step * height].reshape(height, message.step)[:, :used]
    pixels = np.ascontiguousarray(rows).view(dtype).astype(np.dtype(kind), copy=False)
    return pixels if channels == 1 else pixels.reshape(height, width, channels)


def _compressed_depth(message: Any, what: str) -> NDArray[Any]:
    data = bytes(message.data)
    if "compressedDepth" not in message.format:
        return decode_depth(data, what)
    if "rvl" in message.format.lower():
        raise RecordingFormatError(f"{what} is RVL compressed depth; record PNG or raw depth.")
    if len(data) < _COMPRESSED_DEPTH.size:
        raise FrameSkippedError(what, "the compressed depth is empty")
    _, a, b = _COMPRESSED_DEPTH.unpack_from(data)
    units = decode_depth(data[_COMPRESSED_DEPTH.size :], what)
    if not message.format.startswith("32FC1"):
        return units
    with np.errstate(divide="ignore"):
        metres = np.float32(a) / (units.astype(np.float32) - np.float32(b))
    metres[units == 0] = np.nan
    return metres


def _metres(depth: NDArray[Any]) -> NDArray[np.float32]:
    if depth.dtype == np.uint16:
        metres = np.divide(depth, np.float32(1000.0), dtype=np.float32)
    else:
        metres = depth.astype(np.float32)
    metres[~(np.isfinite(metres) & (metres > 0))] = np.nan
    return metres


class Rectifier:
    """Undoes the lens distortion that a CameraInfo message describes; nothing if there is none.

    ``camera`` are the intrinsics of the rectified images: those of P for topics of rectified
    images (``image_rect``), else K.

    Raises:
        RecordingFormatError: naming ``topic`` if the camera is not calibrated, the info is for
            images of another size, or its distortion model is not known.
    """

    def __init__(self, info: Any, topic: str, width: int, height: int) -> None:
        if (info.width, info.height) != (width, height):
            raise RecordingFormatError(
                f"camera info for {topic} is for {info.width} x {info.height} pixels but its "
                f"images are {width} x {height}."
            )
        rectified = "rect" in topic.rsplit("/", 1)[-1] or "/image_rect" in topic
        K = np.asarray(info.k, dtype=np.float64).reshape(3, 3)
        P = np.asarray(info.p, dtype=np.float64).reshape(3, 4)
        if rectified and P[0, 0] > 0:
            K = P[:, :3]
        self.camera: CameraIntrinsics = intrinsics_from(K, width, height, f"camera info of {topic}")
        self._maps: tuple[Any, Any] | None = None
        D = np.asarray(info.d, dtype=np.float64)
        if rectified or not np.any(D):
            return
        size = (width, height)
        if info.distortion_model in ("plumb_bob", "rational_polynomial"):
            self._maps = cv2.initUndistortRectifyMap(K, D, np.eye(3), K, size, cv2.CV_32FC1)
        elif info.distortion_model == "equidistant":
            self._maps = cv2.fisheye.initUndistortRectifyMap(
                K, D[:4], np.eye(3), K, size, cv2.CV_32FC1
            )
        else:
            raise RecordingFormatError(
                f"camera info for {topic} has distortion model {info.distortion_model!r}; known "
                "are plumb_bob, rational_polynomial and equidistant."
            )

    def color(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Rectified colour, interpolated."""
        if self._maps is None:
            return image
        return np.asarray(cv2.remap(image, *self._maps, cv2.INTER_LINEAR), dtype=np.uint8)

    def depth(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        """Rectified depth, nearest pixel (no depth between two surfaces is made up)."""
        if self._maps is None:
            return image
        return np.asarray(
            cv2.remap(
                image, *self._maps, cv2.INTER_NEAREST,
                borderMode=cv2.BORDER_CONSTANT, borderValue=float("nan"),
            ),
            dtype=np.float32,
        )  # fmt: skip
