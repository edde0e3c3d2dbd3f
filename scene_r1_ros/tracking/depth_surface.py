"""The surface that a patch of a depth image shows: denoised points, normals, noise, edges."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ..frames import RgbdFrame
from ..geometry import BoxXyxy

Bool = NDArray[np.bool_]
Float32 = NDArray[np.float32]


def depth_noise(z: Any, scale: float = 1.0) -> Any:
    """Standard deviation in metres of a structured-light depth reading at ``z`` metres.

    The axial noise of the first Kinect after Nguyen, Izadi and Lovell, "Modeling Kinect Sensor
    Noise for Improved 3D Reconstruction and Tracking" (3DIMPVT 2012), eq. 2, times ``scale``.
    """
    return scale * (0.0012 + 0.0019 * (np.maximum(z, 0.4) - 0.4) ** 2)


@dataclass(frozen=True)
class PixelGrid:
    """Every ``stride``-th pixel of the rectangle [x0, x1) x [y0, y1) of an image."""

    x0: int
    y0: int
    x1: int
    y1: int
    stride: int

    @classmethod
    def around(
        cls, box: BoxXyxy, margin: float, width: int, height: int, max_pixels: int
    ) -> PixelGrid:
        """The box grown by ``margin`` of its size on each side, thinned to ``max_pixels``."""
        mx = max(8.0, margin * (box[2] - box[0]))
        my = max(8.0, margin * (box[3] - box[1]))
        x0, y0 = max(0, math.floor(box[0] - mx)), max(0, math.floor(box[1] - my))
        x1, y1 = min(width, math.ceil(box[2] + mx)), min(height, math.ceil(box[3] + my))
        stride = max(1, math.ceil(math.sqrt((x1 - x0) * (y1 - y0) / max_pixels)))
        return cls(x0, y0, x1, y1, stride)

    @property
    def slices(self) -> tuple[slice, slice]:
        """Row and column slices into the image."""
        return slice(self.y0, self.y1, self.stride), slice(self.x0, self.x1, self.stride)

    def inside(self, box: BoxXyxy, shape: tuple[int, int]) -> Bool:
        """Which grid pixels, (h, w), lie in an image box."""
        cols = self.x0 + self.stride * np.arange(shape[1])
        rows = self.y0 + self.stride * np.arange(shape[0])
        in_x = (cols >= box[0] - 0.5) & (cols < box[2] + 0.5)
        in_y = (rows >= box[1] - 0.5) & (rows < box[3] + 0.5)
        return in_y[:, None] & in_x[None, :]

    def full_size(self, mask: Bool, shape: tuple[int, int]) -> Bool:
        """A mask (h, w) of the grid as one of the whole image, each grid pixel as a square."""
        out = np.zeros(shape, dtype=bool)
        rows, cols = self.y1 - self.y0, self.x1 - self.x0
        blown = np.repeat(np.repeat(mask, self.stride, axis=0), self.stride, axis=1)
        out[self.y0 : self.y1, self.x0 : self.x1] = blown[:rows, :cols]
        return out


@dataclass(frozen=True, eq=False)
class DepthSurface:
    """Denoised surface over a grid of h x w pixels, in the world frame.

    ``points`` and ``normals`` are (h, w, 3) float32, normals of length one towards the camera;
    ``depth`` (h, w) is the denoised z-depth; ``noise`` (h, w) the standard deviation of a raw
    reading in metres; ``valid`` says where there is a reading. ``smooth`` is where the surface
    goes on in all directions: away from depth jumps and from concave edges.
    """

    grid: PixelGrid
    points: Float32
    normals: Float32
    depth: Float32
    noise: Float32
    noise_scale: float
    valid: Bool
    joined_right: Bool
    joined_down: Bool
    smooth: Bool


def fit_surface(frame: RgbdFrame, grid: PixelGrid, radius: int = 3) -> DepthSurface:
    """Fit a small plane at every pixel of ``grid``.

    A plane's inverse depth is linear in pixel coordinates, so each fit is a windowed linear
    regression made of box filters. Of nine windows that hold the pixel the one with the smallest
    residual is used (the idea of Kuwahara's filter), which keeps edges sharp.
    """
    depth = np.ascontiguousarray(frame.depth_m[grid.slices])
    valid = depth > 0
    camera = frame.intrinsics
    rows, cols = np.indices(depth.shape).astype(np.float64)
    x = (grid.x0 + grid.stride * cols - camera.cx) / camera.fx
    y = (grid.y0 + grid.stride * rows - camera.cy) / camera.fy
    q = np.where(valid, 1.0 / np.where(valid, depth, 1.0), 0.0)
    plane, deviation, fitted = _windowed_planes(np.asarray(x), np.asarray(y), q, valid, radius)

    q_fit = plane[..., 0] * x + plane[..., 1] * y + plane[..., 2]
    raw = np.where(valid, depth, 1.0).astype(np.float64)
    z = np.where(fitted & (q_fit > 1e-3), 1.0 / np.where(q_fit > 1e-3, q_fit, 1.0), raw)
    expected = depth_noise(raw)
    z = np.where(np.abs(z - raw) < 6 * expected + 0.01, z, raw)
    scale = 1.0
    if fitted.any():
        measured = deviation[fitted] * raw[fitted] ** 2 / expected[fitted]
        scale = float(np.clip(np.median(measured) * 1.3, 0.3, 2.5))
    noise = depth_noise(raw, scale).astype(np.float32)

    length = np.linalg.norm(plane, axis=-1, keepdims=True)
    ray = np.stack([x, y, np.ones_like(x)], axis=-1)
    looking_back = -ray / np.linalg.norm(ray, axis=-1, keepdims=True)
    normals_cam = np.where(
        fitted[..., None] & (length > 1e-6), -plane / np.maximum(length, 1e-6), looking_back
    )
    R, t = frame.T_world_camera[:3, :3], frame.T_world_camera[:3, 3]
    points = ((ray * z[..., None]) @ R.T + t).astype(np.float32)
    normals = (normals_cam @ R.T).astype(np.float32)
    pixel = (z * grid.stride / min(camera.fx, camera.fy)).astype(np.float32)
    right, down = _joined(points, normals, noise, pixel, valid)
    smooth = _smooth(right, down) & ~_concave(points, normals, noise, valid)
    return DepthSurface(
        grid, points, normals, z.astype(np.float32), noise, scale, valid, right, down, smooth
    )


def _windowed_planes(
    x: NDArray[np.float64], y: NDArray[np.float64], q: NDArray[np.float64], valid: Bool, radius: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], Bool]:
    """Per pixel: plane (a, b, c) of q = a x + b y + c, residual deviation of q, success."""
    w = valid.astype(np.float64)
    # centring keeps the normal equations well conditioned
    xm, ym = float(x.mean()), float(y.mean())
    u, v = x - xm, y - ym
    terms = [w, w * u, w * v, w * u * u, w * u * v, w * v * v, q * w, q * u * w, q * v * w]
    size = (2 * radius + 1, 2 * radius + 1)
    sums = [
        cv2.boxFilter(t, cv2.CV_64F, size, normalize=False, borderType=cv2.BORDER_CONSTANT)
        for t in (*terms, q * q * w)
    ]
    n, su, sv, suu, suv, svv, sq, squ, sqv, sqq = sums
    enough = n >= 0.5 * size[0] * size[1]
    n1 = np.maximum(n, 1.0)
    mu, mv, mq = su / n1, sv / n1, sq / n1
    cuu, cuv, cvv = suu / n1 - mu * mu, suv / n1 - mu * mv, svv / n1 - mv * mv
    cqu, cqv = squ / n1 - mq * mu, sqv / n1 - mq * mv
    det = cuu * cvv - cuv * cuv
    enough &= det > 1e-18
    det = np.where(enough, det, 1.0)
    a = (cqu * cvv - cqv * cuv) / det
    b = (cqv * cuu - cqu * cuv) / det
    c = mq - a * mu - b * mv
    variance = np.maximum(sqq / n1 - mq * mq - a * cqu - b * cqv, 0.0)
    variance = np.where(enough, variance, np.inf)

    best = np.full(x.shape, np.inf)
    plane = np.zeros((*x.shape, 3))
    deviation = np.zeros(x.shape)
    for dy in (-radius, 0, radius):
        for dx in (-radius, 0, radius):
            var = _shift(variance, dy, dx, np.inf)
            sa, sb, sc = (_shift(k, dy, dx, 0.0) for k in (a, b, c))
            miss = q - (sa * u + sb * v + sc)
            # a window that does not explain the pixel itself is of another surface
            score = var + 0.2 * miss * miss
            better = valid & (score < best)
            best = np.where(better, score, best)
            deviation = np.where(better, np.sqrt(np.where(better, var, 0.0)), deviation)
            for k, value in enumerate((sa, sb, sc)):
                plane[..., k] = np.where(better, value, plane[..., k])
    plane[..., 2] -= plane[..., 0] * xm + plane[..., 1] * ym
    return plane, deviation, np.isfinite(best)


def _shift(values: NDArray[np.float64], dy: int, dx: int, fill: float) -> NDArray[np.float64]:
    out = np.full_like(values, fill)
    h, w = values.shape
    out[max(0, -dy) : h - max(0, dy), max(0, -dx) : w - max(0, dx)] = values[
        max(0, dy) : h - max(0, -dy), max(0, dx) : w - max(0, -dx)
    ]
    return out


def _joined(
    points: Float32, normals: Float32, noise: Float32, pixel: Float32, valid: Bool
) -> tuple[Bool, Bool]:
    """Whether each pixel's surface goes on to its right and lower neighbour, (h, w) each."""
    right = np.zeros(valid.shape, dtype=bool)
    down = np.zeros(valid.shape, dtype=bool)
    right[:, :-1] = _continuous(np.s_[:, :-1], np.s_[:, 1:], points, normals, noise, pixel, valid)
    down[:-1, :] = _continuous(np.s_[:-1, :], np.s_[1:, :], points, normals, noise, pixel, valid)
    return right, down


def _continuous(
    a: Any,
    b: Any,
    points: Float32,
    normals: Float32,
    noise: Float32,
    pixel: Float32,
    valid: Bool,
) -> Bool:
    step = points[b] - points[a]
    off_a = np.abs(np.einsum("ijk,ijk->ij", step, normals[a]))
    off_b = np.abs(np.einsum("ijk,ijk->ij", step, normals[b]))
    limit = 4.0 * noise[a] + 0.006
    # one of the two tangent planes must reach the other pixel: true also across sharp edges;
    # and a grazing surface may not bridge a real gap
    near = np.linalg.norm(step, axis=-1) < 5.0 * noise[a] + 0.015 + 3.0 * pixel[a]
    result: Bool = valid[a] & valid[b] & (np.minimum(off_a, off_b) < limit) & near
    return result


def _smooth(right: Bool, down: Bool) -> Bool:
    ok = np.ones(right.shape, dtype=bool)
    ok[:, :-1] &= right[:, :-1]
    ok[:, 1:] &= right[:, :-1]
    ok[:-1, :] &= down[:-1, :]
    ok[1:, :] &= down[:-1, :]
    return ok


def _concave(
    points: Float32, normals: Float32, noise: Float32, valid: Bool, reach: int = 2
) -> Bool:
    """Pixels on a fold towards the camera, such as where two things touch."""
    fold = np.zeros(valid.shape, dtype=bool)
    for axis in (0, 1):
        size = valid.shape[axis]
        if size <= 2 * reach:
            continue
        a = [slice(None), slice(None)]
        b, mid = list(a), list(a)
        a[axis], b[axis] = slice(0, size - 2 * reach), slice(2 * reach, size)
        mid[axis] = slice(reach, size - reach)
        sa, sb, sm = tuple(a), tuple(b), tuple(mid)
        step = points[sb] - points[sa]
        length = np.linalg.norm(step, axis=-1)
        turn = np.einsum("ijk,ijk->ij", normals[sb] - normals[sa], step)
        # turn / length is about the sine of the fold's angle; 0.5 is 30 degrees
        is_fold = valid[sa] & valid[sb] & (turn < -0.5 * length) & (length > 2 * noise[sm])
        fold[sm] |= is_fold
    return fold
