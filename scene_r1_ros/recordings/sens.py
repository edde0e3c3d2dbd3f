"""Read ScanNet ``.sens`` files: mapped into memory, indexed by their frame headers."""

from __future__ import annotations

import mmap
import struct
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import FrameError, RecordingFormatError
from ..frames import RgbdFrame
from ..geometry import Float64, invert, rigid_transform
from .base import FrameSkippedError, Recording
from .images import decode_color, depth_to_metres
from .meta import DEFAULT_RATE_HZ
from .registration import DepthRegistration
from .sens_format import (
    FRAME,
    IMAGES,
    LENGTH,
    MATRICES,
    PREFIX,
    VERSION,
    ColorCompression,
    DepthCompression,
    SensHeader,
)
from .text import checked_pose, intrinsics_from

MAX_NAME = 4096
CUT_OFF = "the file ends before this frame does"


class SensReader(Recording):
    """A ``.sens`` file of raw, PNG or JPEG colour and raw or zlib depth.

    Opening reads the frame headers only. Of a file that was cut off the whole frames are read and
    the rest counted as skipped. Without usable times (ScanNet has files where all are 0) frame N
    is at N / 30 s. ``header`` is what the file says about itself.

    Raises:
        RecordingFormatError: if it is no ``.sens`` file of version 4, its compression is not
            among these, its calibration is malformed, or it holds no whole frame.
    """

    kind = "sens"

    def __init__(self, path: Path) -> None:
        try:
            with path.open("rb") as file:
                self._data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except (OSError, ValueError) as error:
            raise RecordingFormatError(f"{path} cannot be read as .sens: {error}.") from error
        try:
            self.header = _read_header(self._data, path)
            self._offsets, stamps = _index(self._data, self.header)
            if not self._offsets:
                raise RecordingFormatError(
                    f"{path} holds no whole frame; it announces {self.header.frame_count}."
                )
            self._prepare(path, stamps)
        except BaseException:
            self._data.close()
            raise

    def _prepare(self, path: Path, stamps: list[int]) -> None:
        head = self.header
        color = intrinsics_from(head.intrinsic_color, *head.color_size, f"{path}: colour intrinsic")
        depth = intrinsics_from(head.intrinsic_depth, *head.depth_size, f"{path}: depth intrinsic")
        try:
            E_depth = rigid_transform(head.extrinsic_depth, f"{path}: the depth extrinsic")
            self._E_color = rigid_transform(head.extrinsic_color, f"{path}: the colour extrinsic")
        except FrameError as error:
            raise RecordingFormatError(str(error)) from error
        self._register = DepthRegistration(depth, color, invert(self._E_color) @ E_depth)
        if len(stamps) > 1 and len(set(stamps)) == 1:
            stamps = [round(n * 1e9 / DEFAULT_RATE_HZ) for n in range(len(stamps))]
        super().__init__(
            path,
            name=path.stem,
            numbers=range(len(stamps)),
            stamps_ns=stamps,
            intrinsics=color,
            depth_scale=head.depth_shift,
        )
        for number in range(len(self._offsets), head.frame_count):
            self.skipped.add(number, f"frame {number}", CUT_OFF)

    @property
    def truncated(self) -> bool:
        """Whether the file ends before the last frame that it announces."""
        return len(self._offsets) < self.header.frame_count

    def close(self) -> None:
        self._data.close()

    def raw(self, number: int) -> tuple[bytes, bytes, Float64, int, int]:
        """Frame ``number`` as stored: colour bytes, depth bytes, (4, 4) camera-to-world, and the
        times of colour and depth in microseconds."""
        offset = self._offsets[number]
        values = FRAME.unpack_from(self._data, offset)
        color_time, depth_time, color_bytes, depth_bytes = values[16:]
        start = offset + FRAME.size
        middle, end = start + color_bytes, start + color_bytes + depth_bytes
        T = np.array(values[:16], dtype=np.float64).reshape(4, 4)
        return self._data[start:middle], self._data[middle:end], T, color_time, depth_time

    def _load(self, index: int) -> RgbdFrame:
        number = self.numbers[index]
        what = f"{self.path.name} frame {number}"
        color, depth, matrix, _, _ = self.raw(number)
        T_world_base = checked_pose(matrix, what)
        depth_m = depth_to_metres(self._depth(depth, what), self.depth_scale)
        return RgbdFrame(
            stamp_ns=int(self.stamps_ns[index]),
            color=self._color(color, what),
            depth_m=self._register(depth_m),
            intrinsics=self.intrinsics,
            T_world_camera=T_world_base @ self._E_color,
        )

    def _color(self, data: bytes, what: str) -> NDArray[np.uint8]:
        width, height = self.header.color_size
        if self.header.color_compression == ColorCompression.RAW:
            if len(data) != width * height * 3:
                raise FrameSkippedError(what, "its raw colour image has the wrong length")
            return np.frombuffer(data, np.uint8).reshape(height, width, 3)
        image = decode_color(data, what)
        if image.shape[:2] != (height, width):
            raise FrameSkippedError(what, "its colour image is not of the size in the header")
        return image

    def _depth(self, data: bytes, what: str) -> NDArray[np.uint16]:
        width, height = self.header.depth_size
        if self.header.depth_compression == DepthCompression.ZLIB_USHORT:
            try:
                data = zlib.decompress(data, bufsize=width * height * 2)
            except zlib.error:
                raise FrameSkippedError(what, "its depth image is damaged") from None
        if len(data) != width * height * 2:
            raise FrameSkippedError(what, "its depth image has the wrong length")
        return np.frombuffer(data, "<u2").reshape(height, width)


def _read_header(data: mmap.mmap, path: Path) -> SensHeader:
    try:
        (version,) = PREFIX.unpack_from(data, 0)
        if version != VERSION:
            raise RecordingFormatError(
                f"{path} is no .sens file of version {VERSION}: its version reads {version}."
            )
        (length,) = LENGTH.unpack_from(data, PREFIX.size)
        if length > MAX_NAME:
            raise RecordingFormatError(f"{path} is no .sens file: a name of {length} bytes.")
        start = PREFIX.size + LENGTH.size
        name = data[start : start + length].decode("utf-8", errors="replace")
        matrices = np.array(MATRICES.unpack_from(data, start + length), dtype=np.float64)
        images = IMAGES.unpack_from(data, start + length + MATRICES.size)
    except struct.error as error:
        raise RecordingFormatError(f"{path} ends inside its header; copy it again.") from error
    color_kind, depth_kind, cw, ch, dw, dh, shift, count = images
    _check_kinds(color_kind, depth_kind, path)
    if not (np.isfinite(shift) and shift > 0):
        raise RecordingFormatError(f"{path}: {shift} depth units per metre; it needs e.g. 1000.")
    color_K, color_E, depth_K, depth_E = matrices.reshape(4, 4, 4)
    return SensHeader(
        name, color_K, color_E, depth_K, depth_E, color_kind, depth_kind, (cw, ch), (dw, dh),
        float(shift), count,
    )  # fmt: skip


def _check_kinds(color: int, depth: int, path: Path) -> None:
    if color not in list(ColorCompression):
        raise RecordingFormatError(
            f"{path}: colour compression {color} is not known; 0 raw, 1 png and 2 jpeg are read."
        )
    if depth == DepthCompression.OCCI_USHORT:
        raise RecordingFormatError(
            f"{path}: depth is compressed as occi_ushort, which only its own library decodes; "
            "write the file again with zlib_ushort depth."
        )
    if depth not in list(DepthCompression):
        raise RecordingFormatError(
            f"{path}: depth compression {depth} is not known; 0 raw_ushort and 1 zlib_ushort are "
            "read."
        )


def _index(data: mmap.mmap, header: SensHeader) -> tuple[list[int], list[int]]:
    """Offsets and colour times (ns) of the frames that are there whole."""
    offsets: list[int] = []
    stamps: list[int] = []
    # The name may have been stored in another encoding: count its bytes, not its letters.
    (name_length,) = LENGTH.unpack_from(data, PREFIX.size)
    position = PREFIX.size + LENGTH.size + name_length + MATRICES.size + IMAGES.size
    for _ in range(header.frame_count):
        if position + FRAME.size > len(data):
            break
        color_time, _, color_bytes, depth_bytes = FRAME.unpack_from(data, position)[16:]
        end = position + FRAME.size + color_bytes + depth_bytes
        if end > len(data):
            break
        offsets.append(position)
        stamps.append(color_time * 1000)
        position = end
    return offsets, stamps
