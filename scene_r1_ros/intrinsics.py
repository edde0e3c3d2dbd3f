"""The pinhole camera: projection, back-projection, scaling."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import FrameError
from .geometry import Float64


@dataclass(frozen=True)
class CameraIntrinsics:
    """A pinhole camera without distortion; pixels. Pixel (0, 0) is the centre of the first one.

    Raises:
        FrameError: if a size or focal length is not positive or anything is not finite.
    """

    width: int
    height: int
    fx: float
    fy: float
    cx: float
    cy: float

    def __post_init__(self) -> None:
        numbers = (self.fx, self.fy, self.cx, self.cy)
        if self.width <= 0 or self.height <= 0:
            raise FrameError(f"camera image of {self.width} x {self.height} pixels is empty.")
        if not all(math.isfinite(v) for v in numbers) or self.fx <= 0 or self.fy <= 0:
            raise FrameError(
                f"camera intrinsics fx={self.fx:g} fy={self.fy:g} cx={self.cx:g} cy={self.cy:g}: "
                "focal lengths must be positive and finite; is the camera calibrated?"
            )

    @classmethod
    def from_matrix(cls, K: NDArray[Any], width: int, height: int) -> CameraIntrinsics:
        """From a camera matrix of shape (3, 3) or larger."""
        return cls(width, height, float(K[0, 0]), float(K[1, 1]), float(K[0, 2]), float(K[1, 2]))

    @property
    def K(self) -> Float64:
        """(3, 3) camera matrix."""
        return np.array([[self.fx, 0, self.cx], [0, self.fy, self.cy], [0, 0, 1.0]])

    def scaled(self, width: int, height: int) -> CameraIntrinsics:
        """The same camera with its image resized to ``width`` x ``height`` pixels."""
        sx, sy = width / self.width, height / self.height
        return CameraIntrinsics(
            width,
            height,
            self.fx * sx,
            self.fy * sy,
            (self.cx + 0.5) * sx - 0.5,
            (self.cy + 0.5) * sy - 0.5,
        )

    def rays(self, u: NDArray[Any], v: NDArray[Any]) -> NDArray[np.float64]:
        """Camera-frame points (..., 3) at depth 1 that pixels ``u``, ``v`` (...) look at."""
        x, y = np.broadcast_arrays((u - self.cx) / self.fx, (v - self.cy) / self.fy)
        return np.stack([x, y, np.ones_like(x)], axis=-1)

    def project(self, points: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Pixels (N, 2) and z-depths (N,) of camera-frame points (N, 3).

        Points at or behind the camera get NaN pixels.
        """
        z = points[:, 2]
        with np.errstate(divide="ignore", invalid="ignore"):
            inverse = np.where(z > 0, 1.0 / z, np.nan).astype(points.dtype, copy=False)
        u = points[:, 0] * inverse * self.fx + self.cx
        v = points[:, 1] * inverse * self.fy + self.cy
        return np.stack([u, v], axis=1).astype(points.dtype, copy=False), z

    def backproject(
        self, depth_m: NDArray[np.float32], mask: NDArray[np.bool_] | None = None
    ) -> NDArray[np.float32]:
        """Camera-frame points (N, 3), float32, of the pixels with depth (and inside ``mask``).

        Raises:
            FrameError: if depth is not of this camera's size.
        """
        if depth_m.shape != (self.height, self.width):
            raise FrameError(
                f"depth has shape {depth_m.shape}; this camera's is {(self.height, self.width)}."
            )
        valid = depth_m > 0 if mask is None else mask & (depth_m > 0)
        pixels = np.flatnonzero(valid)
        ray_x, ray_y = _rays(self)
        points = np.empty((pixels.size, 3), np.float32)
        points[:, 2] = z = depth_m.ravel().take(pixels)
        np.multiply(ray_x.take(pixels), z, out=points[:, 0])
        np.multiply(ray_y.take(pixels), z, out=points[:, 1])
        return points


@lru_cache(maxsize=4)
def _rays(camera: CameraIntrinsics) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """x and y at depth 1 of every pixel, (height * width,) each."""
    x = (np.arange(camera.width) - camera.cx) / camera.fx
    y = (np.arange(camera.height) - camera.cy) / camera.fy
    return (
        np.tile(x.astype(np.float32), camera.height),
        np.repeat(y.astype(np.float32), camera.width),
    )
