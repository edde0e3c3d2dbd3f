"""Camera messages made for a benchmark."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sensor_msgs.msg import CameraInfo, Image

from ...frames import CameraIntrinsics
from ..conversions import header
from ..image_messages import camera_info_to_msg, image_to_msg, millimetres


def camera_messages(
    color: NDArray[np.uint8],
    depth_m: NDArray[np.float32],
    camera: CameraIntrinsics,
    color_encoding: str,
    depth_encoding: str,
    stamp_ns: int,
) -> tuple[Image, Image, CameraInfo]:
    """One frame as a driver sends it; ``color`` is RGB whatever the encoding."""
    top = header(stamp_ns, "camera")
    pixels = color[..., ::-1] if color_encoding == "bgr8" else color
    depth = millimetres(depth_m) if depth_encoding == "16UC1" else depth_m
    return (
        image_to_msg(pixels, color_encoding, top),
        image_to_msg(depth, depth_encoding, top),
        camera_info_to_msg(camera, top),
    )
