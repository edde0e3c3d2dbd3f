"""Camera messages to pixels: raw and compressed colour, raw and compressed depth, camera info.

The encodings that cameras use are read in place; every other one goes through cv_bridge.
Depth units come from the encoding alone (REP-118): 16UC1 is millimetres with 0 = no reading,
32FC1 is metres with NaN (or nothing above 0) = no reading.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from cv_bridge import CvBridge, CvBridgeError
from numpy.typing import NDArray
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from ..errors import FrameError
from ..frames import CameraIntrinsics

_BRIDGE = CvBridge()
_NAN_BITS = np.float32(np.nan).view(np.uint32)
_COMPRESSED_DEPTH_HEADER = struct.Struct("<iff")


def color_from_image(msg: Image) -> NDArray[np.uint8]:
    """(H, W, 3) uint8 RGB of a colour (or grey) image in any standard encoding.

    Raises:
        FrameError: for an unknown encoding, a depth encoding, or too little data.
    """
    if msg.encoding == "rgb8":
        return np.ascontiguousarray(_pixels(msg, np.uint8, 3))
    if msg.encoding == "bgr8":
        return np.asarray(cv2.cvtColor(_pixels(msg, np.uint8, 3), cv2.COLOR_BGR2RGB), np.uint8)
    try:
        return np.ascontiguousarray(_BRIDGE.imgmsg_to_cv2(msg, "rgb8"))
    except (CvBridgeError, KeyError, TypeError, ValueError, RuntimeError, cv2.error) as error:
        raise FrameError(
            f"colour image has encoding {msg.encoding!r} ({msg.width} x {msg.height}), which "
            f"cannot be shown as rgb8: {error}"
        ) from error


def color_from_compressed(msg: CompressedImage) -> NDArray[np.uint8]:
    """(H, W, 3) uint8 RGB of a JPEG or PNG.

    Raises:
        FrameError: if the data is no image.
    """
    pixels = cv2.imdecode(np.frombuffer(msg.data, np.uint8), cv2.IMREAD_COLOR)
    if pixels is None:
        raise FrameError(
            f"compressed colour image of {len(msg.data)} bytes, format {msg.format!r}, cannot be "
            "decoded."
        )
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB), np.uint8)


def depth_from_image(msg: Image) -> NDArray[np.float32]:
    """(H, W) float32 metres, NaN where there is no reading.

    Raises:
        FrameError: for any encoding but 16UC1, mono16 and 32FC1.
    """
    if msg.encoding in ("16UC1", "mono16"):
        return depth_from_millimetres(_pixels(msg, np.uint16, 1))
    if msg.encoding == "32FC1":
        return depth_from_metres(_pixels(msg, np.float32, 1))
    raise FrameError(
        f"depth image has encoding {msg.encoding!r}; needs 16UC1 (millimetres) or 32FC1 (metres)."
    )


def depth_from_compressed(msg: CompressedImage) -> NDArray[np.float32]:
    """(H, W) float32 metres of a message of image_transport's compressedDepth.

    It is a 12-byte header (format, two quantisation parameters a and b) before a PNG; for 32FC1
    the PNG holds quantised inverse depth, depth = a / (value - b), for 16UC1 millimetres. A PNG
    without that header is read as millimetres too.

    Raises:
        FrameError: if the data is no such image.
    """
    data = bytes(msg.data)
    encoding = msg.format.split(";")[0].strip() or "16UC1"
    offset = 0 if data.startswith(b"\x89PNG") else _COMPRESSED_DEPTH_HEADER.size
    raw = None
    if len(data) > offset:
        raw = cv2.imdecode(np.frombuffer(data, np.uint8, offset=offset), cv2.IMREAD_UNCHANGED)
    if raw is None or raw.dtype != np.uint16 or raw.ndim != 2:
        raise FrameError(
            f"compressed depth image of {len(data)} bytes, format {msg.format!r}, is no 16-bit "
            "PNG; use the compressedDepth transport, not compressed (JPEG loses depth)."
        )
    if encoding == "32FC1" and offset:
        _, a, b = _COMPRESSED_DEPTH_HEADER.unpack_from(data)
        values = raw.astype(np.float32)
        with np.errstate(divide="ignore", invalid="ignore"):
            depth = np.float32(a) / (values - np.float32(b))
        depth[raw == 0] = np.nan
        return depth_from_metres(depth)
    return depth_from_millimetres(raw)


def depth_from_millimetres(raw: NDArray[Any]) -> NDArray[np.float32]:
    """uint16 millimetres to float32 metres; 0 becomes NaN."""
    depth = np.multiply(raw, np.float32(0.001), dtype=np.float32)
    return _without(depth, raw == 0)


def depth_from_metres(raw: NDArray[Any]) -> NDArray[np.float32]:
    """float metres; what is not finite and above 0 becomes NaN."""
    depth = raw.astype(np.float32)
    return _without(depth, (depth <= 0) | (depth == np.inf))


def _without(depth: NDArray[np.float32], holes: NDArray[np.bool_]) -> NDArray[np.float32]:
    """``depth`` with NaN in the holes, in place.

    Setting the bits that every NaN has takes a fifth of ``depth[holes] = nan``, for holes lie
    scattered and each would be a branch.
    """
    if holes.any():
        depth.view(np.uint32)[...] |= holes * _NAN_BITS
    return depth


def _pixels(msg: Image, dtype: type[np.generic], channels: int) -> NDArray[Any]:
    itemsize = np.dtype(dtype).itemsize
    row = msg.width * channels * itemsize
    if msg.width == 0 or msg.height == 0 or msg.step < row or msg.step % itemsize:
        raise FrameError(
            f"{msg.encoding} image of {msg.width} x {msg.height} pixels has rows of {msg.step} "
            f"bytes; needs at least {row}."
        )
    needed = msg.step * (msg.height - 1) + row
    if len(msg.data) < needed:
        raise FrameError(
            f"{msg.encoding} image of {msg.width} x {msg.height} pixels holds {len(msg.data)} "
            f"bytes; needs {needed}."
        )
    kind = np.dtype(dtype).newbyteorder(">" if msg.is_bigendian else "<")
    shape = (msg.height, msg.width) if channels == 1 else (msg.height, msg.width, channels)
    strides = (msg.step, channels * itemsize, itemsize)[: len(shape)]
    if channels == 1:
        strides = (msg.step, itemsize)
    pixels = np.ndarray(shape, kind, buffer=memoryview(msg.data), strides=strides)
    return pixels if kind.isnative else pixels.astype(dtype)


@dataclass(frozen=True, eq=False)
class CameraModel:
    """A pinhole camera, and the maps that take a distorted image to it (None = none needed)."""

    intrinsics: CameraIntrinsics
    maps: tuple[NDArray[Any], NDArray[Any]] | None

    def undistort(
        self, color: NDArray[np.uint8], depth_m: NDArray[np.float32]
    ) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        """Both images without lens distortion; depth is never interpolated."""
        if self.maps is None:
            return color, depth_m
        nan = float("nan")
        return (
            np.asarray(cv2.remap(color, *self.maps, cv2.INTER_LINEAR), np.uint8),
            np.asarray(
                cv2.remap(depth_m, *self.maps, cv2.INTER_NEAREST, borderValue=nan), np.float32
            ),
        )


def camera_model(msg: CameraInfo) -> CameraModel:
    """The camera of a CameraInfo; an uncalibrated one is refused.

    Raises:
        FrameError: if K is empty, or the distortion model is unknown.
    """
    return _camera_model(
        msg.width, msg.height, tuple(msg.k), tuple(msg.d), msg.distortion_model or "plumb_bob"
    )


@lru_cache(maxsize=8)
def _camera_model(
    width: int, height: int, k: tuple[float, ...], d: tuple[float, ...], model: str
) -> CameraModel:
    K = np.array(k).reshape(3, 3)
    intrinsics = CameraIntrinsics.from_matrix(K, width, height)
    if not any(d):
        return CameraModel(intrinsics, None)
    size, D = (width, height), np.array(d)
    if model in ("plumb_bob", "rational_polynomial"):
        maps = cv2.initUndistortRectifyMap(K, D, np.eye(3), K, size, cv2.CV_32FC1)
    elif model == "equidistant":
        maps = cv2.fisheye.initUndistortRectifyMap(K, D[:4], np.eye(3), K, size, cv2.CV_32FC1)
    else:
        raise FrameError(
            f"distortion model {model!r} is not known; needs plumb_bob, rational_polynomial or "
            "equidistant, or a rectified image."
        )
    return CameraModel(intrinsics, (maps[0], maps[1]))
