"""Files of folder recordings: read whole, their first header, and both images of a frame."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import RecordingFormatError
from .base import FrameSkippedError
from .images import ImageHeader, check_image, decode_color, decode_depth

OTHER_SIZE = "its size is not that of the recording's first image"


def read_bytes(path: Path, what: str) -> bytes:
    """The whole file.

    Raises:
        FrameSkippedError: naming ``what`` if the file is missing or cannot be read.
    """
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise FrameSkippedError(what, "the file is missing") from None
    except OSError as error:
        raise FrameSkippedError(what, "the file cannot be read") from error


def first_header(paths: Iterable[Path]) -> ImageHeader:
    """Header of the first of ``paths`` that is a whole image.

    Raises:
        RecordingFormatError: naming the first file if none is.
    """
    first: FrameSkippedError | None = None
    for path in paths:
        try:
            return check_image(read_bytes(path, str(path)), str(path))
        except FrameSkippedError as error:
            first = first or error
    raise RecordingFormatError(f"no image can be read; the first is {first}")


def read_color(path: Path, what: str, size: tuple[int, int]) -> NDArray[np.uint8]:
    """RGB image that must be of ``size`` (height, width).

    Raises:
        FrameSkippedError: naming ``what`` if it is damaged or of another size.
    """
    color = decode_color(read_bytes(path, what), what)
    if color.shape[:2] != size:
        raise FrameSkippedError(what, OTHER_SIZE)
    return color


def read_depth(path: Path, what: str, size: tuple[int, int]) -> NDArray[np.uint16]:
    """Raw 16-bit depth that must be of ``size`` (height, width).

    Raises:
        FrameSkippedError: naming ``what`` if it is damaged or of another size.
        RecordingFormatError: if it is no 16-bit grey PNG.
    """
    depth = decode_depth(read_bytes(path, what), what)
    if depth.shape != size:
        raise FrameSkippedError(what, OTHER_SIZE)
    return depth
