"""The layout of ScanNet's ``.sens`` files, version 4 (ScanNet's SensReader, ``sensorData.h``).

Little endian, matrices row-major: version, sensor name, four calibration matrices, the two
compressions, both image sizes, depth units per metre, then the frames, then IMU readings.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from ..geometry import Float64

VERSION = 4
LENGTH = struct.Struct("<Q")
PREFIX = struct.Struct("<I")
MATRICES = struct.Struct("<64f")
IMAGES = struct.Struct("<iiIIIIfQ")
"""Compressions, colour width and height, depth width and height, depth shift, frame count."""
FRAME = struct.Struct("<16fQQQQ")
"""Camera-to-world, colour and depth time in microseconds, colour and depth bytes."""


class ColorCompression(IntEnum):
    """How colour images are stored."""

    RAW = 0
    PNG = 1
    JPEG = 2


class DepthCompression(IntEnum):
    """How depth images are stored; ``OCCI_USHORT`` is not read or written here."""

    RAW_USHORT = 0
    ZLIB_USHORT = 1
    OCCI_USHORT = 2


@dataclass(frozen=True)
class SensHeader:
    """Everything before the first frame. Matrices are (4, 4); sizes are (width, height).

    An extrinsic takes points of its camera to the base frame, whose pose is recorded.
    """

    sensor_name: str
    intrinsic_color: Float64
    extrinsic_color: Float64
    intrinsic_depth: Float64
    extrinsic_depth: Float64
    color_compression: int
    depth_compression: int
    color_size: tuple[int, int]
    depth_size: tuple[int, int]
    depth_shift: float
    frame_count: int

    def pack(self) -> bytes:
        """The header's bytes."""
        name = self.sensor_name.encode()
        matrices = (
            self.intrinsic_color,
            self.extrinsic_color,
            self.intrinsic_depth,
            self.extrinsic_depth,
        )
        numbers = np.concatenate([np.asarray(m, dtype=np.float32).reshape(16) for m in matrices])
        return b"".join(
            (
                PREFIX.pack(VERSION),
                LENGTH.pack(len(name)),
                name,
                MATRICES.pack(*numbers.tolist()),
                IMAGES.pack(
                    self.color_compression,
                    self.depth_compression,
                    *self.color_size,
                    *self.depth_size,
                    self.depth_shift,
                    self.frame_count,
                ),
            )
        )

    @property
    def frame_count_offset(self) -> int:
        """Where in the file the number of frames stands."""
        return self.size - LENGTH.size

    @property
    def size(self) -> int:
        """Bytes of the header."""
        fixed = PREFIX.size + LENGTH.size + MATRICES.size + IMAGES.size
        return fixed + len(self.sensor_name.encode())
