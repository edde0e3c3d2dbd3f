"""Flat things on a wall, a floor or a table: a picture, a door, a rug, a book.

Their thickness drowns in the noise of single readings, and that noise, along a slanted ray, blurs
their outline too. Here the face is a plane. Every view votes on each cell of it by what its mask
says there, so that the outline is as sharp as the masks; the thickness is between the mean heights
of many readings and the surface that the thing is on.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ..geometry import Box3D, invert, transform_points, yaw_matrix
from ..tracking.depth_surface import depth_noise
from ..tracking.frame_view import project
from .box_fit import extent, fit_box
from .folds import crest_height
from .masks import largest_components
from .round_outline import Circle, round_outline
from .support import mode, on_two_sides, readings_beside
from .views import ObjectView, reading_noise
from .wall import DEEP, THICKEST, THINNEST
from .wall_direction import turned_from

_SQUARE = np.deg2rad(8.0)
"""An upright face is on a wall of the room if it is turned from them by no more than this."""
_FLAT_UPRIGHT, _FLAT_LYING = 0.25, 0.2
"""A flat thing is thinner than this share of its width and height: a radiator, with the gap behind
it; books are thicker, and their sides are no part of the face."""
_CELLS = 120
"""Cells along the longer side of a face, about."""
_LEVEL = 0.03
"""Cells whose height stands out by this share of the face make no thickness."""
_PART = 0.02
"""Side in metres of the cells in which a small part that stands out is looked for."""
_LIKELY, _CERTAIN = 1.5, 5.5
"""Deviations by which the mean of a cell must lie higher than the face to be of such a part, and by
which all cells of the part must, taken together."""
_ASIDE = 0.04
"""Share of the readings on the surface around a face that must lie on a second side of it: above a
radiator most of a wall is seen."""


@dataclass(frozen=True, eq=False)
class _Outline:
    """Centres ``cells`` (N, 2) on the face of the cells that the views call the object, the
    ``side`` of a cell, and the ``circle`` on the face that they are, if it lies and they are one;
    in metres."""

    cells: NDArray[np.float64]
    side: float
    circle: Circle | None = None


@dataclass(frozen=True, eq=False)
class Face:
    """A plane in front of which the cameras are: ``T_world_face`` (4, 4) has x and y on it and z
    towards the cameras; ``z`` 0 is where most of the object's readings are. ``noise`` is a single
    reading's deviation in metres."""

    T_world_face: NDArray[np.float64]
    upright: bool
    noise: float

    @functools.cached_property
    def T_face_world(self) -> NDArray[np.float64]:
        """The way back."""
        return invert(self.T_world_face)


def flat_box(
    box: Box3D,
    points: NDArray[np.float32],
    views: list[ObjectView],
    walls: float | None = None,
) -> Box3D | None:
    """The box of a thing that is flat and lies on, or hangs before, a larger surface; else None.

    ``points`` (N, 3) are the object's in the world, ``box`` what was fitted to them. Flat is
    thinner than ``THICKEST`` and than a share of its width and height.
    """
    face = _face(box, points, views, walls)
    if face is None:
        return None
    outline = _outline(face, points, views)
    if len(outline.cells) < 12:
        return None
    low, high, yaw = _rectangle(face, outline, walls)
    size = high - low
    behind = _behind(face, low, high, yaw, views)
    if behind is None:
        return None
    readings = np.concatenate([view.points for view in views]).astype(np.float64)
    local = transform_points(face.T_face_world, readings)
    front = _front(face, low, high, local)
    if front is None:
        return None
    thickness = max(front - behind, THINNEST)
    least = min(*size, *np.sort(box.size)[1:])
    if thickness > min(THICKEST, least * (_FLAT_UPRIGHT if face.upright else _FLAT_LYING)):
        return None
    # other things stand on what lies, and masks spill over to them
    foremost = front
    if face.upright:
        crests = crest_height(face.T_face_world, low, high, views)
        foremost = _standing_out(face, max(front, crests), local, views)
    return _box(face, low, high, yaw, behind, max(foremost - behind, thickness))


def _face(
    box: Box3D, points: NDArray[np.float32], views: list[ObjectView], walls: float | None
) -> Face | None:
    """The plane of the box's thinnest direction, if nearly all of the object is about it."""
    thin = int(np.argmin(box.size))
    cameras = np.array([view.frame.T_world_camera[:3, 3] for view in views])
    noise = reading_noise(views, box.center)
    band = 0.02 + 2.5 * noise
    if 3 * band > np.sort(box.size)[1]:
        return None  # as deep as wide, or too far away to tell
    if thin == 2:
        normal = np.array([0.0, 0.0, 1.0])
    else:
        turned = box.yaw + (np.pi / 2 if thin == 1 else 0.0)
        normal = np.array([np.cos(turned), np.sin(turned), 0.0])
        normal *= 1.0 if np.median((cameras - box.center) @ normal) > 0 else -1.0
        normal = _along(_across_wall(box, views, normal), walls)
    height = (points.astype(np.float64) - box.center) @ normal
    if np.ptp(np.percentile(height, [3, 97])) > THICKEST + 3 * noise:
        return None  # the front of a cabinet, of whose sides a little is seen
    middle = mode(height, band)
    near = np.abs(height - middle) < band
    if near.mean() < 0.8:
        return None
    origin = np.array(box.center) + middle * normal
    if ((cameras - origin) @ normal < 0.02).mean() > 0.1:
        return None  # seen from both sides: it stands free
    x = np.array([1.0, 0.0, 0.0]) if thin == 2 else np.array([-normal[1], normal[0], 0.0])
    T_world_face = np.eye(4)
    T_world_face[:3, :3] = np.stack([x, np.cross(normal, x), normal], axis=1)
    T_world_face[:3, 3] = origin
    return Face(T_world_face, thin != 2, noise)


def _across_wall(
    box: Box3D, views: list[ObjectView], normal: NDArray[np.float64]
) -> NDArray[np.float64]:
    """``normal`` turned about z to stand on the wall around the box, where one is seen: a wall is
    larger than what hangs on it, and says better which way it faces."""
    beside = readings_beside(box, views).astype(np.float64) - box.center
    beside = beside[np.abs(beside @ normal) < THICKEST + 0.05]
    for band in (0.1, 0.06, 0.04):
        along = np.array([-normal[1], normal[0], 0.0])
        u, height = beside @ along, beside @ normal
        if len(height) < 200:
            return normal
        near = np.abs(height - mode(height, 0.04)) < band
        if near.sum() < 200 or np.ptp(u[near]) < 0.3:
            return normal
        slope = float(np.polyfit(u[near], height[near], 1)[0])
        if abs(slope) > 0.15:
            return normal
        turned = normal - slope * along
        normal = turned / np.linalg.norm(turned)
    return normal


def _along(normal: NDArray[np.float64], walls: float | None) -> NDArray[np.float64]:
    """An upright face's ``normal``, square to the room's ``walls`` if it nearly is."""
    if walls is None:
        return normal
    yaw = float(np.arctan2(normal[1], normal[0]))
    off = turned_from(yaw, walls)
    if abs(off) > _SQUARE:
        return normal
    return np.array([np.cos(yaw - off), np.sin(yaw - off), 0.0])


def _outline(face: Face, points: NDArray[np.float32], views: list[ObjectView]) -> _Outline:
    """What of the face is the object.

    A view says yes where its mask is, no where it sees the face's plane, or through it, beside its
    mask; what stands before the plane hides it. Missing depth inside a mask is glass.
    """
    flat = transform_points(face.T_face_world, points.astype(np.float64))[:, :2]
    low, high = np.percentile(flat, [1, 99], axis=0)
    margin = 0.1 * (high - low) + 0.08
    low, high = low - margin, high + margin
    side = float(np.clip((high - low).max() / _CELLS, 0.004, 0.03))
    columns, rows = np.ceil((high - low) / side).astype(int)
    down, across = np.mgrid[:rows, :columns]
    centers = low + side * (np.stack([across, down], axis=-1).reshape(-1, 2) + 0.5)
    places = np.c_[centers, np.zeros(len(centers))]
    votes = _votes(face, places, views).reshape(rows, columns)
    kept = largest_components(votes > 0, 0.2, connectivity=4)
    cells = centers[kept.ravel()]
    circle = None if face.upright else round_outline(kept, votes < 0)
    if circle is None:
        return _Outline(cells, side)
    x, y = low + side * (np.array(circle.center) + 0.5)
    return _Outline(cells, side, Circle((float(x), float(y)), side * circle.radius))


def _votes(face: Face, places: NDArray[np.float64], views: list[ObjectView]) -> NDArray[np.float64]:
    """What the views say of ``places`` (N, 3) in the face's frame, all together: above 0 yes, below
    0 no."""
    world, normal = transform_points(face.T_world_face, places), face.T_world_face[:3, 2]
    votes = np.zeros(len(places))
    for view in views:
        votes += _vote(view, world, normal)
    return votes


def _vote(
    view: ObjectView, world: NDArray[np.float64], normal: NDArray[np.float64]
) -> NDArray[np.float64]:
    """What a view says of places (N, 3) of the world: above 0 yes, below 0 no; near and straight
    views see an outline the sharpest, and weigh by the pixels that a cell has in them."""
    at = world - view.shift
    pixels = project(view.frame, at)
    seen = pixels.inside
    z, rows, cols = pixels.z[seen], pixels.rows[seen], pixels.cols[seen]
    depth = view.frame.depth_m[rows, cols]
    hidden = (depth > 0) & (depth < z - 0.03 - 3 * depth_noise(z))
    told = np.where(view.mask[rows, cols], 1.0, np.where(depth > 0, -1.0, 0.0))
    facing = np.abs((at[seen] - view.frame.T_world_camera[:3, 3]) @ normal) / z
    votes = np.zeros(len(world))
    votes[seen] = np.where(hidden, 0.0, told * facing / z**2)
    return votes


def _rectangle(
    face: Face, outline: _Outline, walls: float | None
) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """Lowest and highest x and y on the face, turned by a yaw (0 for upright faces)."""
    cells, side = outline.cells, outline.side
    weights = np.ones(len(cells))
    if face.upright:
        spans = [extent(cells[:, i], weights, 0.005) for i in (0, 1)]
        low, high = np.array(spans).T
        return low - side / 2, high + side / 2, 0.0
    x = face.T_world_face[:2, 0]
    turned = None if walls is None else walls - float(np.arctan2(x[1], x[0]))
    if outline.circle is not None:
        yaw, radius = turned or 0.0, outline.circle.radius
        middle = np.array(outline.circle.center) @ yaw_matrix(yaw)[:2, :2]
        return middle - radius, middle + radius, yaw
    lying = np.c_[cells, np.zeros(len(cells))].astype(np.float32)
    fitted = fit_box(lying, weights, 0.005, True, turned)
    half = np.array(fitted.size[:2]) / 2 + side / 2
    middle = np.array(fitted.center[:2]) @ yaw_matrix(fitted.yaw)[:2, :2]
    return middle - half, middle + half, fitted.yaw


def _front(
    face: Face,
    low: NDArray[np.float64],
    high: NDArray[np.float64],
    local: NDArray[np.float64],
) -> float | None:
    """Height of the face's foremost parts: a high quantile of its cells' mean heights, of the
    readings (N, 3) in the face's frame. None where no cell has readings enough for a mean."""
    local = local[np.abs(local[:, 2]) < 0.08 + 3 * face.noise]
    side = max(0.01, float((high - low).max()) / 40)
    flat, _ = _cells(local, side)
    _, inverse, counts = np.unique(flat, return_inverse=True, return_counts=True)
    mean = np.bincount(inverse, weights=local[:, 2]) / counts
    sure = counts >= max(3, 0.2 * np.median(counts))
    if not sure.any():
        return None
    left = face.noise / np.sqrt(np.median(counts[sure]))
    top = float(np.quantile(mean[sure], 1 - _LEVEL)) - 1.9 * left
    return max(top, float(np.median(mean[sure])))


def _cells(local: NDArray[np.float64], side: float) -> tuple[NDArray[np.int64], tuple[int, int]]:
    """In which square cell of the face, numbered row by row, each of (N, 3) readings in its frame
    lies, and how many rows and columns of them there are."""
    cell = np.floor((local[:, :2] - local[:, :2].min(axis=0)) / side).astype(np.int64)
    rows, columns = (int(most) + 1 for most in cell.max(axis=0))
    return cell[:, 0] * columns + cell[:, 1], (rows, columns)


def _standing_out(
    face: Face, front: float, local: NDArray[np.float64], views: list[ObjectView]
) -> float:
    """Height of a small part that stands out of the face clearly (a sill, a handle), or ``front``.

    ``local`` (N, 3) are the readings of all ``views`` in the face's frame. The mean of those in a
    cell of the face has less noise the more there are; where it is certain to lie higher than
    ``front``, in two cells or more side by side, something stands out so far; unless most views
    that see that place call it something else, on to which some masks spilled (the floor before a
    door).
    """
    eyes = [np.linalg.norm(v.points - v.frame.T_world_camera[:3, 3], axis=1) for v in views]
    weight = 1 / depth_noise(np.concatenate(eyes)) ** 2
    near = np.abs(local[:, 2]) < THICKEST
    local, weight = local[near], weight[near]
    flat, shape = _cells(local, _PART)
    rows, columns = np.divmod(np.arange(shape[0] * shape[1]), shape[1])
    middles = local[:, :2].min(axis=0) + _PART * (np.stack([rows, columns], axis=1) + 0.5)
    total = np.bincount(flat, weight, minlength=shape[0] * shape[1])
    mean = np.bincount(flat, weight * local[:, 2], minlength=len(total)) / np.maximum(total, 1e-9)
    above = (mean - front - 0.02) * np.sqrt(total)  # in deviations of the mean
    count, labels = cv2.connectedComponents((above > _LIKELY).reshape(shape).astype(np.uint8))
    for part in range(1, count):
        one = (labels == part).ravel()
        certain = one.sum() > 1 and above[one].sum() > _CERTAIN * np.sqrt(one.sum())
        if certain and _votes(face, np.c_[middles[one], mean[one]], views).sum() > 0:
            front = max(front, float(np.percentile(mean[one], 90)))
    return front


def _behind(
    face: Face,
    low: NDArray[np.float64],
    high: NDArray[np.float64],
    yaw: float,
    views: list[ObjectView],
) -> float | None:
    """Height of the surface around the thing, seen on two or more of its sides; else None. What is
    seen deeper around it says that there is none: that is the front of a cabinet."""
    around = _box(face, low, high, yaw, -DEEP, DEEP + 0.01)
    beside = readings_beside(around, views).astype(np.float64)
    local = transform_points(face.T_face_world, beside) @ yaw_matrix(yaw)
    middle, half = (low + high) / 2, (high - low) / 2
    u, v = ((local[:, :2] - middle) / half).T
    height = local[:, 2]
    if face.upright:
        # the floor before a thing is no wall behind it
        level = v > -1 + max(0.06 / half[1], 0.2)
        height, u, v = height[level], u[level], v[level]
    near = (height < 0.02 + face.noise) & (height > -THICKEST - face.noise)
    seen = height < THICKEST
    if near.sum() < 60 or near.sum() < 0.5 * seen.sum():
        return None
    width = 0.02 + 3 * face.noise
    level_of = mode(height[near], width)
    on = near & (np.abs(height - level_of) < width)
    if on.sum() < 0.7 * near.sum():
        return None
    return float(np.mean(height[on])) if on_two_sides(u[on], v[on], _ASIDE) else None


def _box(
    face: Face,
    low: NDArray[np.float64],
    high: NDArray[np.float64],
    yaw: float,
    behind: float,
    thickness: float,
) -> Box3D:
    middle, size = (low + high) / 2, high - low
    local = yaw_matrix(yaw) @ np.array([*middle, behind + thickness / 2])
    x, y, z = (float(v) for v in transform_points(face.T_world_face, local[None])[0])
    if not face.upright:
        return Box3D((x, y, z), (float(size[0]), float(size[1]), thickness), yaw)
    along = face.T_world_face[:3, 0]
    turned = float(np.arctan2(along[1], along[0]))
    return Box3D((x, y, z), (float(size[0]), thickness, float(size[1])), turned)
