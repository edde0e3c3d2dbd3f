"""Pixels to camera messages: images, compressed images, camera info."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import Header

from ..frames import CameraIntrinsics

_COMPRESSED_DEPTH_HEADER = bytes(12)  # of image_transport's compressedDepth; unused for 16UC1


def image_to_msg(pixels: NDArray[Any], encoding: str, header: Header) -> Image:
    """An Image of (H, W) or (H, W, channels) pixels; ``encoding`` must fit their type."""
    rows = np.ascontiguousarray(pixels)
    msg = Image(
        header=header,
        height=rows.shape[0],
        width=rows.shape[1],
        encoding=encoding,
        step=rows.strides[0],
    )
    msg.data.frombytes(rows.tobytes())
    return msg


def millimetres(depth_m: NDArray[np.float32]) -> NDArray[np.uint16]:
    """Float metres to the 16UC1 convention: millimetres, 0 where there is no reading."""
    scaled = np.nan_to_num(depth_m * np.float32(1000.0), nan=0.0, posinf=0.0, neginf=0.0)
    return np.clip(np.rint(scaled), 0, 65535).astype(np.uint16)


def compressed_color_to_msg(color: NDArray[np.uint8], header: Header) -> CompressedImage:
    """JPEG of (H, W, 3) RGB, as image_transport's compressed sends it."""
    bgr = cv2.cvtColor(color, cv2.COLOR_RGB2BGR)
    jpeg = cv2.imencode(".jpg", bgr, (cv2.IMWRITE_JPEG_QUALITY, 95))[1]
    return _compressed(header, "rgb8; jpeg compressed bgr8", jpeg.tobytes())


def compressed_depth_to_msg(raw: NDArray[np.uint16], header: Header) -> CompressedImage:
    """PNG of (H, W) millimetres, as image_transport's compressedDepth sends it."""
    png = cv2.imencode(".png", raw, (cv2.IMWRITE_PNG_COMPRESSION, 1))[1]
    data = _COMPRESSED_DEPTH_HEADER + png.tobytes()
    return _compressed(header, "16UC1; compressedDepth png", data)


def camera_info_to_msg(camera: CameraIntrinsics, header: Header) -> CameraInfo:
    """CameraInfo of a camera without distortion."""
    fx, fy, cx, cy = camera.fx, camera.fy, camera.cx, camera.cy
    return CameraInfo(
        header=header,
        height=camera.height,
        width=camera.width,
        distortion_model="plumb_bob",
        d=[0.0] * 5,
        k=[fx, 0.0, cx, 0.0, fy, cy, 0.0, 0.0, 1.0],
        r=[1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0],
        p=[fx, 0.0, cx, 0.0, 0.0, fy, cy, 0.0, 0.0, 0.0, 1.0, 0.0],
    )


def _compressed(header: Header, form: str, data: bytes) -> CompressedImage:
    msg = CompressedImage(header=header, format=form)
    msg.data.frombytes(data)
    return msg
