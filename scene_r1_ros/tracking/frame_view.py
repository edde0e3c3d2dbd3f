"""One frame seen as a part of an object's model: its pixels around the object as world points."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..frames import RgbdFrame
from ..geometry import BoxXyxy, invert, transform_points
from .depth_surface import PixelGrid, depth_noise

Bool = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class FrameView:
    """The grid pixels of one frame: ``points`` (h, w, 3) in the world, where ``valid``.

    ``joined_right`` and ``joined_down`` (h, w) say where depth goes on to the next pixel.
    """

    frame: RgbdFrame
    grid: PixelGrid
    depth: NDArray[np.float32]
    points: NDArray[np.float32]
    noise: NDArray[np.float32]
    valid: Bool
    joined_right: Bool
    joined_down: Bool


def view_frame(frame: RgbdFrame, box: BoxXyxy, noise_scale: float, max_pixels: int) -> FrameView:
    """Look at the part of ``frame`` in the image box grown by a fifth."""
    camera = frame.intrinsics
    grid = PixelGrid.around(box, 0.2, camera.width, camera.height, max_pixels)
    depth = np.ascontiguousarray(frame.depth_m[grid.slices])
    valid = depth > 0
    z = np.where(valid, depth, np.float32(1.0))
    x = (np.arange(grid.x0, grid.x1, grid.stride, dtype=np.float32) - camera.cx) / camera.fx
    y = (np.arange(grid.y0, grid.y1, grid.stride, dtype=np.float32) - camera.cy) / camera.fy
    cam = np.empty((*z.shape, 3), dtype=np.float32)
    cam[..., 0], cam[..., 1], cam[..., 2] = x[None, :] * z, y[:, None] * z, z
    points = transform_points(frame.T_world_camera, cam)
    noise = depth_noise(z, noise_scale).astype(np.float32)
    # neighbours on one surface differ by its slope and by noise; a slope of 75 degrees is let by
    limit = 4 * noise + 0.01 + 3.7 * grid.stride / min(camera.fx, camera.fy) * z
    right, down = np.zeros_like(valid), np.zeros_like(valid)
    right[:, :-1] = valid[:, :-1] & valid[:, 1:] & (np.abs(np.diff(z, axis=1)) < limit[:, :-1])
    down[:-1] = valid[:-1] & valid[1:] & (np.abs(np.diff(z, axis=0)) < limit[:-1])
    return FrameView(frame, grid, depth, points, noise, valid, right, down)


@dataclass(frozen=True, eq=False)
class Projection:
    """World points seen from a frame: rounded pixels, z-depths, whether inside the image."""

    cols: NDArray[np.int64]
    rows: NDArray[np.int64]
    z: NDArray[np.float32]
    inside: Bool


def project(frame: RgbdFrame, points: NDArray[Any]) -> Projection:
    """Project world points (N, 3) into ``frame``."""
    camera = frame.intrinsics
    cam = transform_points(invert(frame.T_world_camera), points)
    z = cam[:, 2]
    ahead = z > 0.05
    safe = np.where(ahead, z, 1.0)
    cols = np.rint(cam[:, 0] / safe * camera.fx + camera.cx)
    rows = np.rint(cam[:, 1] / safe * camera.fy + camera.cy)
    inside = ahead & (cols >= 0) & (cols < camera.width) & (rows >= 0) & (rows < camera.height)
    cols = np.where(ahead, np.clip(cols, -1e6, 1e6), -1e6).astype(np.int64)
    rows = np.where(ahead, np.clip(rows, -1e6, 1e6), -1e6).astype(np.int64)
    return Projection(cols, rows, z, inside)


def readings_behind(frame: RgbdFrame, points: NDArray[Any]) -> NDArray[np.float64]:
    """Metres by which the reading in the pixel of each world point (N, 3) lies behind the point;
    NaN outside the image and without a reading."""
    seen = project(frame, points)
    depth = frame.depth_m[seen.rows[seen.inside], seen.cols[seen.inside]]
    behind = np.full(len(points), np.nan)
    behind[seen.inside] = np.where(depth > 0, depth - seen.z[seen.inside], np.nan)
    return behind
