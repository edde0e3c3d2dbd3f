"""Write ScanNet ``.sens`` files frame by frame."""

from __future__ import annotations

import os
import zlib
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import RecordingError
from ..frames import CameraIntrinsics, RgbdFrame
from ..geometry import Float64
from .atomic import written_atomically
from .images import encode_color, metres_to_depth
from .sens_format import FRAME, LENGTH, ColorCompression, DepthCompression, SensHeader


@dataclass(frozen=True)
class SensOptions:
    """How a ``.sens`` file is stored; the defaults are what ScanNet's own files use."""

    sensor_name: str = "scene_r1"
    color_compression: ColorCompression = ColorCompression.JPEG
    depth_compression: DepthCompression = DepthCompression.ZLIB_USHORT
    depth_shift: float = 1000.0
    jpeg_quality: int = 95
    zlib_level: int = 3
    extrinsic_color: Float64 | None = None
    extrinsic_depth: Float64 | None = None


class SensWriter:
    """Streams frames into a ``.sens`` file, which appears when the ``with`` block ends well::

        with SensWriter(path, color_camera) as writer:
            for frame in frames:
                writer.write(frame)

    ``depth_camera`` is the colour camera unless depth has its own.

    Raises:
        RecordingError: if the file exists (and not ``overwrite``) or cannot be written.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        color_camera: CameraIntrinsics,
        depth_camera: CameraIntrinsics | None = None,
        options: SensOptions | None = None,
        *,
        overwrite: bool = False,
    ) -> None:
        options = options or SensOptions()
        if options.depth_compression == DepthCompression.OCCI_USHORT:
            raise RecordingError("depth cannot be written as occi_ushort; choose ZLIB_USHORT.")
        depth_camera = depth_camera or color_camera
        self.path = Path(path)
        self.options = options
        self._color_camera = color_camera
        self._header = SensHeader(
            sensor_name=options.sensor_name,
            intrinsic_color=_matrix(color_camera),
            extrinsic_color=_or_identity(options.extrinsic_color),
            intrinsic_depth=_matrix(depth_camera),
            extrinsic_depth=_or_identity(options.extrinsic_depth),
            color_compression=int(options.color_compression),
            depth_compression=int(options.depth_compression),
            color_size=(color_camera.width, color_camera.height),
            depth_size=(depth_camera.width, depth_camera.height),
            depth_shift=options.depth_shift,
            frame_count=0,
        )
        self._overwrite = overwrite
        self._stack = ExitStack()
        self.frame_count = 0

    def __enter__(self) -> SensWriter:
        partial = self._stack.enter_context(written_atomically(self.path, self._overwrite))
        self._file = self._stack.enter_context(partial.open("wb"))
        self._file.write(self._header.pack())
        return self

    def __exit__(self, kind, error, traceback) -> None:  # type: ignore[no-untyped-def]
        with self._stack:  # whatever is raised in here also removes the unfinished file
            if error is not None:
                raise error
            self._file.write(LENGTH.pack(0))  # no IMU readings
            self._file.seek(self._header.frame_count_offset)
            self._file.write(LENGTH.pack(self.frame_count))

    def write(self, frame: RgbdFrame) -> None:
        """Append a registered frame of the colour camera; time is kept to the microsecond.

        Raises:
            RecordingError: if the frame is of another camera than the file.
        """
        if frame.intrinsics != self._color_camera:
            raise RecordingError(
                f"the frame's camera {frame.intrinsics} is not the file's {self._color_camera}."
            )
        depth = metres_to_depth(frame.depth_m, self.options.depth_shift)
        time = frame.stamp_ns // 1000
        self.write_images(frame.color, depth, frame.T_world_camera, time, time)

    def write_images(
        self,
        color: NDArray[np.uint8],
        depth: NDArray[np.uint16],
        camera_to_world: ArrayLike | None,
        color_time_us: int,
        depth_time_us: int,
    ) -> None:
        """Append (H, W, 3) RGB and (H, W) raw depth; a pose of None is stored as ScanNet's
        mark for lost tracking (-inf).

        Raises:
            RecordingError: if an image is not of the size or type that the header announces.
        """
        _check(color, np.uint8, (*self._header.color_size[::-1], 3), "colour")
        _check(depth, np.uint16, self._header.depth_size[::-1], "depth")
        pose = np.full((4, 4), -np.inf) if camera_to_world is None else np.asarray(camera_to_world)
        color_data = self._pack_color(color)
        depth_data = depth.astype("<u2").tobytes()
        if self.options.depth_compression == DepthCompression.ZLIB_USHORT:
            depth_data = zlib.compress(depth_data, self.options.zlib_level)
        sizes = (color_time_us, depth_time_us, len(color_data), len(depth_data))
        numbers = pose.astype(np.float32).reshape(16).tolist()
        self._file.write(FRAME.pack(*numbers, *sizes))
        self._file.write(color_data)
        self._file.write(depth_data)
        self.frame_count += 1

    def _pack_color(self, color: NDArray[np.uint8]) -> bytes:
        kind = self.options.color_compression
        if kind == ColorCompression.RAW:
            return color.tobytes()
        suffix = ".jpg" if kind == ColorCompression.JPEG else ".png"
        return encode_color(color, suffix, self.options.jpeg_quality)


def _matrix(camera: CameraIntrinsics) -> Float64:
    K = np.eye(4)
    K[:3, :3] = camera.K
    return K


def _or_identity(matrix: Float64 | None) -> Float64:
    return np.eye(4) if matrix is None else np.asarray(matrix, dtype=np.float64)


def _check(image: NDArray[np.generic], dtype: type, shape: tuple[int, ...], what: str) -> None:
    if image.dtype != dtype or image.shape != shape:
        raise RecordingError(
            f"the {what} image is {image.dtype} {image.shape}; the file needs "
            f"{np.dtype(dtype)} {shape}."
        )
