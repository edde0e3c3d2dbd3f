"""Depth from its own camera into the colour camera's image: forward warping with a z-buffer.

Where the colour image is finer than the depth image, depth is first refined in its own camera:
bilinear inside a surface, nearest across edges and beside holes, so that neither a hole is filled
nor a point invented between foreground and background. Each refined pixel then covers about one
colour pixel, and the nearest surface wins.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from ..frames import CameraIntrinsics
from ..geometry import Float64, rigid_transform

# Neighbours further apart than this share of their depth lie on different surfaces: a plane seen
# under 80 degrees by a camera of 500 pixels focal length changes by 1.1 % from pixel to pixel.
EDGE_SHARE = 0.02

MAX_STRETCH = 3.0
"""A pixel is never spread over more than this many times its size."""


class DepthRegistration:
    """Registers depth images of one camera to another; reuse it, its rays are computed once.

    ``T_color_depth`` (4, 4) takes points of the depth camera to the colour camera.
    """

    def __init__(
        self,
        depth_camera: CameraIntrinsics,
        color_camera: CameraIntrinsics,
        T_color_depth: Float64 | None = None,
    ) -> None:
        T = np.eye(4) if T_color_depth is None else rigid_transform(T_color_depth, "T_color_depth")
        self.depth_camera = depth_camera
        self.color_camera = color_camera
        self.is_identity = _same_camera(depth_camera, color_camera) and bool(
            np.abs(T - np.eye(4)).max() < 1e-6
        )
        stretch_x = color_camera.fx / depth_camera.fx
        stretch_y = color_camera.fy / depth_camera.fy
        self._factor = max(1, round(max(stretch_x, stretch_y)))
        # Half the width of a refined pixel in the colour image at equal distance, with some room
        # for the stretch that rotation adds.
        self._half_x = 0.53 * stretch_x / self._factor
        self._half_y = 0.53 * stretch_y / self._factor
        if self.is_identity:
            return
        fine = depth_camera.scaled(
            depth_camera.width * self._factor, depth_camera.height * self._factor
        )
        x = (np.arange(fine.width) - fine.cx) / fine.fx
        y = (np.arange(fine.height) - fine.cy) / fine.fy
        rays = np.stack([*np.broadcast_arrays(x[None, :], y[:, None]), np.ones((y.size, x.size))])
        M = color_camera.K @ T[:3, :3]
        self._rays = (M @ rays.reshape(3, -1)).astype(np.float32)
        self._offset = (color_camera.K @ T[:3, 3]).astype(np.float32)

    def __call__(self, depth_m: NDArray[np.float32]) -> NDArray[np.float32]:
        """Depth (H, W) of the depth camera as metres in the colour image, NaN where unseen."""
        if self.is_identity:
            return depth_m
        z = _refine(depth_m, self._factor).reshape(-1)
        seen = np.flatnonzero(z > 0)
        z = z[seen]
        rays = self._rays[:, seen]
        depth = rays[2] * z + self._offset[2]
        with np.errstate(divide="ignore", invalid="ignore"):
            u = (rays[0] * z + self._offset[0]) / depth
            v = (rays[1] * z + self._offset[1]) / depth
        # Seen from nearer, a pixel covers more.
        ratio = np.clip(z / np.where(depth > 0, depth, np.inf), 0.5, MAX_STRETCH)
        half_x = np.maximum(0.5, self._half_x * ratio)
        half_y = np.maximum(0.5, self._half_y * ratio)
        return self._splat(u, v, depth, half_x, half_y)

    def _splat(
        self,
        u: NDArray[np.float32],
        v: NDArray[np.float32],
        depth: NDArray[np.float32],
        reach_x: NDArray[np.float32],
        reach_y: NDArray[np.float32],
    ) -> NDArray[np.float32]:
        width, height = self.color_camera.width, self.color_camera.height
        inside = (depth > 0) & (u > -reach_x) & (u < width - 1 + reach_x)
        inside &= (v > -reach_y) & (v < height - 1 + reach_y)
        u, v, depth = u[inside], v[inside], depth[inside]
        reach_x, reach_y = reach_x[inside], reach_y[inside]
        left, top = np.ceil(u - reach_x), np.ceil(v - reach_y)
        buffer = np.full(width * height, np.inf, dtype=np.float32)
        for dy in range(math.floor(2 * float(reach_y.max(initial=0.5))) + 1):
            row = top + dy
            row_ok = (row <= v + reach_y) & (row >= 0) & (row < height)
            for dx in range(math.floor(2 * float(reach_x.max(initial=0.5))) + 1):
                col = left + dx
                ok = row_ok & (col <= u + reach_x) & (col >= 0) & (col < width)
                pixel = row[ok].astype(np.intp) * width + col[ok].astype(np.intp)
                np.minimum.at(buffer, pixel, depth[ok])
        buffer[np.isinf(buffer)] = np.nan
        return buffer.reshape(height, width)


def register_depth(
    depth_m: NDArray[np.float32],
    depth_camera: CameraIntrinsics,
    color_camera: CameraIntrinsics,
    T_color_depth: Float64 | None = None,
) -> NDArray[np.float32]:
    """One image through :class:`DepthRegistration`."""
    return DepthRegistration(depth_camera, color_camera, T_color_depth)(depth_m)


def _refine(depth_m: NDArray[np.float32], factor: int) -> NDArray[np.float32]:
    if factor == 1:
        return depth_m
    size = (depth_m.shape[1] * factor, depth_m.shape[0] * factor)
    nearest = cv2.resize(depth_m, size, interpolation=cv2.INTER_NEAREST)
    # NaN spreads to every interpolated pixel that touches it, which then keeps the nearest value.
    smooth = cv2.resize(depth_m, size, interpolation=cv2.INTER_LINEAR)
    # A hole counts as depth 0, so its neighbours are never flat.
    filled = np.nan_to_num(depth_m, nan=0.0)
    kernel = np.ones((3, 3), np.uint8)
    spread = cv2.dilate(filled, kernel) - cv2.erode(filled, kernel)
    flat = cv2.resize(
        (spread <= 2 * EDGE_SHARE * filled).astype(np.uint8), size, interpolation=cv2.INTER_NEAREST
    )
    return np.where((flat > 0) & np.isfinite(smooth), smooth, nearest)


def _same_camera(a: CameraIntrinsics, b: CameraIntrinsics) -> bool:
    if (a.width, a.height) != (b.width, b.height):
        return False
    numbers_a, numbers_b = (a.fx, a.fy, a.cx, a.cy), (b.fx, b.fy, b.cx, b.cy)
    return all(abs(p - q) < 1e-3 for p, q in zip(numbers_a, numbers_b, strict=True))
