"""Images with the statistics that matter for timing: noise, holes, a moving camera."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ..frames import CameraIntrinsics, RgbdFrame
from ..geometry import Float64


def camera(width: int, height: int) -> CameraIntrinsics:
    """A camera with the field of view of common RGB-D sensors."""
    focal = 525.0 * width / 640
    return CameraIntrinsics(width, height, focal, focal, width / 2 - 0.5, height / 2 - 0.5)


def depth_image(width: int, height: int, seed: int = 0) -> NDArray[np.float32]:
    """A slanted wall 1.5 to 4 m away, millimetre steps, one reading in eight missing (NaN)."""
    rng = np.random.default_rng(seed)
    slant = np.linspace(1.5, 4.0, width, dtype=np.float32)
    depth = np.round((slant + rng.normal(0, 0.01, (height, width))) * 1000) / 1000
    depth[rng.random(depth.shape) < 0.125] = np.nan
    return depth.astype(np.float32)


def color_image(width: int, height: int, seed: int = 0) -> NDArray[np.uint8]:
    """Noise, (height, width, 3)."""
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def pose_at(seconds: float) -> Float64:
    """A hand-held sweep: 0.3 m/s on a circle while turning by 0.4 rad/s."""
    angle = 0.4 * seconds
    T = np.eye(4)
    T[:3, :3] = [
        [math.cos(angle), -math.sin(angle), 0.0],
        [math.sin(angle), math.cos(angle), 0.0],
        [0.0, 0.0, 1.0],
    ]
    T[:3, 3] = (0.75 * math.cos(angle), 0.75 * math.sin(angle), 1.2)
    return T


def camera_frame(width: int, height: int, stamp_ns: int = 1_000_000_000) -> RgbdFrame:
    """One frame of :func:`color_image` and :func:`depth_image`."""
    return RgbdFrame(
        stamp_ns,
        color_image(width, height),
        depth_image(width, height),
        camera(width, height),
        pose_at(stamp_ns * 1e-9),
    )


def object_mask(width: int, height: int, share: float) -> NDArray[np.bool_]:
    """An ellipse of ``share`` of the width and height in the middle; everything for 1."""
    if share >= 1:
        return np.ones((height, width), dtype=bool)
    rows, cols = np.ogrid[:height, :width]
    x, y = (cols - width / 2) / (share * width / 2), (rows - height / 2) / (share * height / 2)
    return np.asarray(x * x + y * y < 1)
