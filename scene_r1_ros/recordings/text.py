"""Text files of recordings: matrices, poses, intrinsics and lists of stamped lines."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from pathlib import Path

import numpy as np

from ..errors import FrameError, RecordingFormatError
from ..frames import CameraIntrinsics
from ..geometry import Float64, rigid_transform
from .base import MAX_STAMP_NS, FrameSkippedError

POSE_NOT_FINITE = "the pose holds inf or NaN"
POSE_NOT_RIGID = "the pose is no rigid transform"


def read_text(path: Path, needs: str) -> str:
    """The text of ``path``.

    Raises:
        RecordingFormatError: naming the file and what it ``needs`` to be.
    """
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise RecordingFormatError(f"{path} is missing; it needs {needs}.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise RecordingFormatError(f"{path} cannot be read ({error}); it needs {needs}.") from error


def read_matrix(path: Path, needs: str = "4 lines of 4 numbers") -> Float64:
    """A (4, 4) or (3, 3) matrix of whitespace-separated numbers (inf and nan are numbers here).

    Raises:
        RecordingFormatError: naming the file if it is missing or holds anything else.
    """
    words = read_text(path, needs).replace(",", " ").split()
    try:
        values = np.array([float(word) for word in words])
    except ValueError as error:
        raise RecordingFormatError(f"{path} is unreadable ({error}); it needs {needs}.") from None
    if values.size not in (9, 16):
        raise RecordingFormatError(f"{path} holds {values.size} numbers; it needs {needs}.")
    side = 4 if values.size == 16 else 3
    return values.reshape(side, side)


def checked_pose(matrix: Float64, what: str) -> Float64:
    """``matrix`` as a rigid transform.

    Raises:
        FrameSkippedError: naming ``what`` if it is not finite (tracking was lost) or not rigid.
    """
    if not np.isfinite(matrix).all():
        raise FrameSkippedError(what, POSE_NOT_FINITE)
    try:
        return rigid_transform(matrix)
    except FrameError:
        raise FrameSkippedError(what, POSE_NOT_RIGID) from None


def read_pose(path: Path, what: str) -> Float64:
    """A camera-to-world pose of 16 numbers.

    Raises:
        FrameSkippedError: as :func:`checked_pose`.
        RecordingFormatError: if the text is not 16 numbers.
    """
    matrix = read_matrix(path)
    if matrix.shape != (4, 4):
        raise RecordingFormatError(f"{path} holds 9 numbers; a pose needs 4 lines of 4 numbers.")
    return checked_pose(matrix, what)


def read_intrinsics(path: Path, width: int, height: int) -> CameraIntrinsics:
    """Intrinsics for images of ``width`` x ``height`` pixels from a 3x3 or 4x4 camera matrix.

    Raises:
        RecordingFormatError: naming the file if it is missing, unreadable, or does not fit images
            of this size (a principal point outside the image means that it was made for another).
    """
    K = read_matrix(path, "a 3 x 3 or 4 x 4 camera matrix (fx 0 cx, 0 fy cy, 0 0 1)")
    return intrinsics_from(K, width, height, str(path))


def intrinsics_from(K: Float64, width: int, height: int, what: str) -> CameraIntrinsics:
    """As :func:`read_intrinsics`, for a matrix that is already read from ``what``."""
    try:
        camera = CameraIntrinsics.from_matrix(K, width, height)
    except FrameError as error:
        raise RecordingFormatError(f"{what}: {error}") from error
    if not (0 <= camera.cx <= width and 0 <= camera.cy <= height):
        raise RecordingFormatError(
            f"{what} has its principal point at ({camera.cx:g}, {camera.cy:g}), outside the images "
            f"of {width} x {height} pixels; it needs the intrinsics of the images as stored."
        )
    return camera


def stamp_ns(word: str) -> int:
    """Decimal seconds as nanoseconds, exactly (a float cannot hold them since 1970).

    Raises:
        ValueError: if ``word`` is no finite number.
    """
    try:
        value = Decimal(word)
    except InvalidOperation:
        raise ValueError(f"{word!r} is no time in seconds") from None
    if not value.is_finite() or abs(value) * 1_000_000_000 > MAX_STAMP_NS:
        raise ValueError(f"{word!r} is no time in seconds")
    return int((value * 1_000_000_000).to_integral_value())


def natural_number(stem: str) -> int | None:
    """The number that a file name is, or None: ``"12"`` and ``"000012"`` are 12."""
    return int(stem) if stem.isascii() and stem.isdigit() else None
