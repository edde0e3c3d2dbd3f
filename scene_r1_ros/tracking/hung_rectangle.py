"""Doors, windows, pictures: what hangs on a wall is a rectangle, level and plumb."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from ..frames import RgbdFrame
from ..geometry import BoxXyxy, invert, transform_points
from .planes import Plane

Bool = NDArray[np.bool_]
Float64 = NDArray[np.float64]
_BORDER = 2
"""Pixels from the border of the image at which a box may be cut off by it."""
_OFF = 0.06
"""Share of the box's longer side, at least two pixels, by which a rectangle may miss the box: of
one that something hides in part the visible bounds are no rectangle's."""
_DEEP = 0.18
"""Metres from its plane within which all of a thing lies, a sill too."""
_FLAT = 0.05
"""Least slope of a ray towards the plane, per metre of depth."""


@dataclass(frozen=True, eq=False)
class HungRectangle:
    """A rectangle on an upright ``plane``.

    ``axes`` (3, 2) run level and upwards along the plane; ``low`` and ``high`` (2,) are where it
    ends along them, in metres from the world's origin, or where the border of the image cuts it
    off: ``cut`` (2, 2), of the ends and the axes.
    """

    plane: Plane
    axes: Float64
    low: Float64
    high: Float64
    cut: Bool

    def contains(self, points: NDArray[np.float32]) -> Bool:
        """Which of (..., 3) world points lie on the rectangle."""
        return self._between(points, self.low, self.high)

    def may_contain(self, points: NDArray[np.float32], margin: float) -> Bool:
        """The same grown by ``margin`` metres, and open where it is cut off."""
        low = np.where(self.cut[0], -np.inf, self.low - margin)
        return self._between(points, low, np.where(self.cut[1], np.inf, self.high + margin))

    def _between(self, points: NDArray[np.float32], low: Float64, high: Float64) -> Bool:
        at = points @ self.axes.astype(points.dtype)
        height = self.plane.distance(points)
        return np.asarray(((at > low) & (at < high)).all(axis=-1) & (np.abs(height) < _DEEP))


def rectangle_in(box: BoxXyxy, plane: Plane, frame: RgbdFrame) -> HungRectangle | None:
    """The rectangle on an upright ``plane`` whose part in the image has the bounds ``box``.

    Four sides of a box for the four ends of a rectangle: found by least squares, from where the
    middles of the sides lie. None if there is none, or the plane is seen at too flat an angle.
    """
    along = np.array([-plane.normal[1], plane.normal[0], 0.0])
    along /= np.linalg.norm(along)
    axes = np.stack([along, np.cross(plane.normal, along)], axis=1)
    x0, y0, x1, y1 = box
    x, y = (x0 + x1) / 2, (y0 + y1) / 2
    middles = np.array([[x0, y], [x1, y], [x, y0], [x, y1]])
    at = on_plane(plane, axes, middles, frame)
    if not np.isfinite(at).all():
        return None
    camera, T_camera_world = frame.intrinsics, invert(frame.T_world_camera)
    w, h = camera.width, camera.height
    image = np.array([[0, 0], [w, 0], [w, h], [0, h]], dtype=np.float32)

    def bounds_off(ends: Float64) -> Float64:
        u0, u1, v0, v1 = ends
        world = np.array([[u0, v0], [u1, v0], [u1, v1], [u0, v1]]) @ axes.T
        cam = transform_points(T_camera_world, world + plane.offset * plane.normal)
        if cam[:, 2].min() < 0.1:
            return np.full(4, 1e3)
        pixels = cam[:, :2] / cam[:, 2:] * (camera.fx, camera.fy) + (camera.cx, camera.cy) + 0.5
        area, part = cv2.intersectConvexConvex(pixels.astype(np.float32), image)
        if area <= 0:
            return np.full(4, 1e3)
        part = part.reshape(-1, 2)
        return np.asarray([*(part.min(axis=0) - (x0, y0)), *(part.max(axis=0) - (x1, y1))])

    start = np.concatenate([np.sort(at[:2, 0]), np.sort(at[2:, 1])])
    size = float(max(start[1] - start[0], start[3] - start[2]))
    found = least_squares(bounds_off, start, diff_step=1e-3, x_scale=size, max_nfev=40)
    low, high = found.x[[0, 2]], found.x[[1, 3]]
    if np.abs(found.fun).max() > max(2.0, _OFF * max(x1 - x0, y1 - y0)) or (low >= high).any():
        return None
    return HungRectangle(plane, axes, low, high, _cut(axes, box, frame))


def on_plane(plane: Plane, axes: Float64, pixels: Float64, frame: RgbdFrame) -> Float64:
    """Where on the plane the rays of (N, 2) ``pixels`` meet it, along the ``axes`` (N, 2); NaN
    where they do not, or at a flat angle."""
    T = frame.T_world_camera
    rays = frame.intrinsics.rays(pixels[:, 0], pixels[:, 1]) @ T[:3, :3].T
    slope = rays @ plane.normal
    to_plane = plane.offset - float(T[:3, 3] @ plane.normal)
    met = slope * np.sign(to_plane) > _FLAT
    depth = np.where(met, to_plane / np.where(met, slope, 1.0), np.nan)
    return np.asarray((T[:3, 3] + rays * depth[:, None]) @ axes)


def _cut(axes: Float64, box: BoxXyxy, frame: RgbdFrame) -> Bool:
    """At which ends (2, 2) of the ``axes``, low and high, ``box`` ends at the image's border."""
    width, height = frame.intrinsics.width, frame.intrinsics.height
    right, down = frame.T_world_camera[:3, 0] @ axes, frame.T_world_camera[:3, 1] @ axes
    cut = np.zeros((2, 2), dtype=bool)
    for at_border, outwards in (
        (box[0] <= _BORDER, -right),
        (box[2] >= width - _BORDER, right),
        (box[1] <= _BORDER, -down),
        (box[3] >= height - _BORDER, down),
    ):
        axis = int(np.argmax(np.abs(outwards)))
        cut[int(outwards[axis] > 0), axis] |= at_border
    return cut
