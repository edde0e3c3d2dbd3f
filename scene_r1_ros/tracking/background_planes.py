"""Which planes around a box are what the object stands on or before, and which are its own."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ..geometry import BoxXyxy
from .depth_surface import DepthSurface
from .planes import Plane, find_planes

Bool = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class ScenePlane:
    """A plane with its inlier pixels (h, w) in the anchor grid."""

    plane: Plane
    inliers: Bool
    background: bool


def plane_tolerance(noise: NDArray[np.float32]) -> NDArray[np.float32]:
    """How far a reading of this noise may lie off its plane, in metres."""
    return 0.006 + 2.5 * noise


def scene_planes(surface: DepthSurface, box: BoxXyxy, rng: np.random.Generator) -> list[ScenePlane]:
    """The planes seen in and around the box, each judged."""
    valid = surface.valid
    points, normals = surface.points[valid], surface.normals[valid]
    tolerance = plane_tolerance(surface.noise[valid])
    in_box = surface.grid.inside(box, valid.shape)
    out = []
    for plane, near in find_planes(points, normals, tolerance, 0.02, 8, rng):
        inliers = np.zeros(valid.shape, dtype=bool)
        inliers[valid] = near
        background = _is_background(surface, plane, inliers, in_box, box)
        out.append(ScenePlane(plane, inliers, background))
    return out


def _is_background(
    surface: DepthSurface, plane: Plane, inliers: Bool, in_box: Bool, box: BoxXyxy
) -> bool:
    """A background plane goes on around the box; the object's own planes end inside it.

    A plane that faces up is also background when all else in the box stands above it and it
    reaches the border of the box: the floor in a box that fills the image. And one that stands
    upright when a good part of the box is before it and nothing behind: a wall. The front of
    a dresser is none where all that it has in the box is a part of the lamp on it, which happens
    to lie in the same plane.
    """
    inside = int((inliers & in_box).sum())
    outside = int((inliers & ~in_box).sum())
    share_outside = outside / max(1, inside + outside)
    size = (inside + outside) / surface.valid.sum()
    if size <= 0.03:
        return False  # the side of some other thing; it is no part of this one's surroundings
    if _stands_free(surface, plane, inliers, in_box):
        return False
    others = surface.valid & in_box & ~inliers
    height = plane.distance(surface.points[others])
    tolerance = plane_tolerance(surface.noise[others])
    above = int((height > tolerance).sum())
    below = int((height < -2 * tolerance).sum())
    upright_beyond = plane.upright and share_outside > 0.3
    if upright_beyond and above > 0.2 * in_box.sum() and below < 0.005 * in_box.sum():
        return True
    if size < 0.08:
        return False
    if share_outside > 0.75:
        return True
    sectors = _sectors_reached(surface, inliers, in_box, box)
    if (share_outside > 0.6 and sectors >= 3) or (share_outside > 0.4 and sectors >= 4):
        return True
    if not plane.horizontal:
        return False
    border = in_box & ~surface.grid.inside(_shrunk(box, 0.06), in_box.shape) & surface.valid
    on_border = (inliers & border).sum() / max(1, border.sum())
    stands_on_it = above >= 0.05 * in_box.sum() and below <= 0.1 * (above + below)
    return bool(stands_on_it and (on_border > 0.2 or share_outside > 0.15))


def _stands_free(
    surface: DepthSurface, plane: Plane, inliers: Bool, in_box: Bool, ring: int = 5
) -> bool:
    """Whether most of what a plane has in the box goes on nowhere outside it, and has something
    farther behind it along its outline, as no part of a wall or a floor has that is seen between
    the legs of a chair."""
    _, labels = cv2.connectedComponents(inliers.astype(np.uint8), connectivity=4)
    patches = inliers & in_box & ~np.isin(labels, labels[inliers & ~in_box])
    if patches.sum() <= 0.7 * (inliers & in_box).sum():
        return False
    kernel = np.ones((2 * ring + 1, 2 * ring + 1), np.uint8)
    around = (cv2.dilate(patches.astype(np.uint8), kernel) > 0) & surface.valid & ~inliers
    if not around.any():
        return False
    behind = plane.distance(surface.points[around]) < -2 * plane_tolerance(surface.noise[around])
    return bool(behind.mean() > 0.3)


def _sectors_reached(
    surface: DepthSurface, inliers: Bool, in_box: Bool, box: BoxXyxy, share: float = 0.25
) -> int:
    """In how many of the eight directions around the box the plane covers the ring."""
    rows, cols = np.nonzero(surface.valid & ~in_box)
    u = (surface.grid.x0 + surface.grid.stride * cols - (box[0] + box[2]) / 2) / (box[2] - box[0])
    v = (surface.grid.y0 + surface.grid.stride * rows - (box[1] + box[3]) / 2) / (box[3] - box[1])
    sector = np.floor((np.arctan2(v, u) / (2 * np.pi) * 8 + 0.5) % 8).astype(int)
    total = np.bincount(sector, minlength=8)
    hits = np.bincount(sector, weights=inliers[rows, cols], minlength=8)
    return int(((total > 10) & (hits > share * total)).sum())


def _shrunk(box: BoxXyxy, share: float) -> BoxXyxy:
    dx, dy = share * (box[2] - box[0]), share * (box[3] - box[1])
    return (box[0] + dx, box[1] + dy, box[2] - dx, box[3] - dy)
