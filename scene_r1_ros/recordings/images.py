"""Encoded colour and depth images: their size from the header, whole or damaged, decoded.

Whether an image library refuses a cut-off file or fills the missing part with grey depends on its
version, so the containers are checked here first: PNG by its chunks' checksums (W3C PNG, section
5), JPEG by its segments and end marker (ITU-T T.81, annex B).
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ..errors import RecordingError, RecordingFormatError
from .base import FrameSkippedError

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PNG_GREY = 0
_JPEG_START = b"\xff\xd8"
_JPEG_END = b"\xff\xd9"
_JPEG_SCAN = 0xDA
# Start-of-frame markers are C0 to CF, less the tables and reserved ones among them.
_JPEG_FRAMES = set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


@dataclass(frozen=True)
class ImageHeader:
    """What a container says about its image; ``bits`` per channel."""

    width: int
    height: int
    bits: int
    grey: bool


def check_image(data: bytes | memoryview, what: str) -> ImageHeader:
    """The header of a whole PNG or JPEG.

    Raises:
        FrameSkippedError: naming ``what`` if the data is cut off, damaged or neither kind.
    """
    head = bytes(data[:8])
    if head == _PNG_SIGNATURE:
        return _check_png(memoryview(data), what)
    if head[:2] == _JPEG_START:
        return _check_jpeg(bytes(data), what)
    if not head:
        raise FrameSkippedError(what, "the image file is empty")
    raise FrameSkippedError(what, "the image is neither PNG nor JPEG")


def _check_png(data: memoryview, what: str) -> ImageHeader:
    header: ImageHeader | None = None
    position = len(_PNG_SIGNATURE)
    while position + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, position)
        end = position + 12 + length
        if end > len(data):
            break
        stored = struct.unpack_from(">I", data, end - 4)[0]
        if zlib.crc32(data[position + 4 : end - 4]) != stored:
            raise FrameSkippedError(what, "the PNG is damaged")
        if kind == b"IHDR":
            width, height, bits, color_type = struct.unpack_from(">IIBB", data, position + 8)
            header = ImageHeader(width, height, bits, color_type == _PNG_GREY)
        if kind == b"IEND" and header is not None:
            return header
        position = end
    raise FrameSkippedError(what, "the PNG is truncated")


def _check_jpeg(data: bytes, what: str) -> ImageHeader:
    header: ImageHeader | None = None
    position = 2
    while position + 4 <= len(data):
        if data[position] != 0xFF:
            raise FrameSkippedError(what, "the JPEG is damaged")
        marker = data[position + 1]
        if marker == 0xFF:  # fill byte
            position += 1
            continue
        length = struct.unpack_from(">H", data, position + 2)[0]
        if marker in _JPEG_FRAMES and position + 10 <= len(data):
            bits, height, width, channels = struct.unpack_from(">BHHB", data, position + 4)
            header = ImageHeader(width, height, bits, channels == 1)
        position += 2 + length
        if marker == _JPEG_SCAN:
            # Inside a scan 0xFF is escaped, so this marker cannot occur there by chance.
            if header is not None and data.find(_JPEG_END, position) >= 0:
                return header
            break
    raise FrameSkippedError(what, "the JPEG is truncated")


def decode_color(data: bytes | memoryview, what: str) -> NDArray[np.uint8]:
    """(H, W, 3) RGB of a PNG or JPEG, as stored (an orientation tag is not applied).

    Raises:
        FrameSkippedError: naming ``what`` if the image is damaged.
    """
    check_image(data, what)
    flags = cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION
    image = _decode(data, flags, what)
    return np.asarray(image, dtype=np.uint8)


def decode_depth(data: bytes | memoryview, what: str) -> NDArray[np.uint16]:
    """(H, W) raw units of a 16-bit grey PNG.

    Raises:
        FrameSkippedError: naming ``what`` if the image is damaged.
        RecordingFormatError: if it is a whole image of another type.
    """
    header = check_image(data, what)
    if header.bits != 16 or not header.grey:
        kind = "grey" if header.grey else "colour"
        raise RecordingFormatError(
            f"{what} is a {header.bits}-bit {kind} image; depth must be a 16-bit grey PNG."
        )
    return np.asarray(_decode(data, cv2.IMREAD_UNCHANGED, what), dtype=np.uint16)


def _decode(data: bytes | memoryview, flags: int, what: str) -> NDArray[Any]:
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error:
        image = None
    if image is None:
        raise FrameSkippedError(what, "the image cannot be decoded")
    return np.asarray(image)


def depth_to_metres(
    depth: NDArray[np.uint16], depth_scale: float, invalid: int | None = None
) -> NDArray[np.float32]:
    """Metres (H, W) of raw depth in ``depth_scale`` units per metre; 0 and ``invalid`` are NaN."""
    metres = np.divide(depth, np.float32(depth_scale), dtype=np.float32)
    metres[depth == 0] = np.nan
    if invalid is not None:
        metres[depth == invalid] = np.nan
    return metres


def metres_to_depth(depth_m: NDArray[np.float32], depth_scale: float) -> NDArray[np.uint16]:
    """Raw 16-bit depth of metres, rounded; NaN and what does not fit 16 bits become 0."""
    scaled = np.rint(np.nan_to_num(depth_m, nan=0.0, posinf=0.0, neginf=0.0) * depth_scale)
    scaled[(scaled < 0) | (scaled > np.iinfo(np.uint16).max)] = 0
    return scaled.astype(np.uint16)


def encode_color(color: NDArray[np.uint8], suffix: str, quality: int = 95) -> bytes:
    """(H, W, 3) RGB as ``".jpg"`` (of this quality) or ``".png"``."""
    options = [cv2.IMWRITE_JPEG_QUALITY, quality] if suffix == ".jpg" else []
    return _encode(suffix, cv2.cvtColor(color, cv2.COLOR_RGB2BGR), options)


def encode_depth(depth: NDArray[np.uint16]) -> bytes:
    """(H, W) raw depth as a 16-bit grey PNG."""
    return _encode(".png", depth, [cv2.IMWRITE_PNG_COMPRESSION, 3])


def _encode(suffix: str, image: NDArray[Any], options: list[int]) -> bytes:
    ok, data = cv2.imencode(suffix, image, options)
    if not ok:
        raise RecordingError(f"an image of shape {image.shape} cannot be encoded as {suffix}.")
    return bytes(data)
