"""Things whose foot no view shows: cut off by the image's border, or behind something nearer.

What stands on something shows how it ends there. Where the views that reach so far down end at the
border of their image or at something in front, and neither a surface nor empty space is seen under
the thing, it is taken to stand on the floor.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ..frames import RgbdFrame, WindowSnapshot
from ..geometry import Box3D, invert, transform_points
from ..tracking.frame_view import project
from .support import counts_within, mode
from .views import ObjectView

SHOWN = 0.2
"""Share of a mask's width along which a view must show where the thing ends below."""
MANY = 5
"""Of so many views one may err."""
HIDDEN = 0.5
"""Share of the lower edges of all views that must be cut off."""
DEEPEST = 0.8
"""Metres that a thing may go on below what was seen of it; and no farther than twice the box's
largest side."""
AROUND = 1.0
"""Metres around a thing in which the floor is looked for first."""
BESIDE = 0.08
"""Metres around a thing's footprint in which what it stands on would be seen."""
_STEP = 3
"""Pixels below a mask's lower edge at which it is looked what is there."""
_GRID = 6
"""Every how many pixels the floor is looked for."""


def hidden_foot(box: Box3D, views: list[ObjectView], window: WindowSnapshot) -> float | None:
    """World z of the floor under what ``box`` is fitted to, if its lower end is hidden; None if a
    view shows it, if the floor is not seen or too far below, or if the thing stands or hangs
    higher."""
    bottom = box.center[2] - box.size[2] / 2
    level = bottom + 0.05 + 0.1 * box.size[2]
    ends = [_lower_end(view, level) for view in views]
    showing = sum(end.shown >= SHOWN * end.width for end in ends if end.total)
    hidden, total = sum(end.hidden for end in ends), sum(end.total for end in ends)
    if showing > (1 if len(views) >= MANY else 0) or hidden < max(5, HIDDEN * total):
        return None
    floor = floor_height(window, box)
    if floor is None or not 0.03 < bottom - floor < min(DEEPEST, 2 * max(box.size)):
        return None
    gap = (floor + 0.08, bottom + 0.03)
    if _stands_higher(box, gap, views, window) or _seen_through(box, gap, window):
        return None
    return floor


def floor_height(window: WindowSnapshot, above: Box3D | None = None) -> float | None:
    """World z of the lowest level surface that a part of the window's readings lie on; with
    ``above`` of those lower than that box, around it if enough is seen there. None without one."""
    level = np.concatenate([_level_readings(frame) for frame in _some(window)])
    if above is not None:
        level = level[level[:, 2] < above.center[2] - above.size[2] / 2]
        reach = np.array(above.size[:2]) / 2 + AROUND
        close = (np.abs(level[:, :2] - above.center[:2]) < reach).all(axis=1)
        level = level[close] if close.sum() >= 100 else level
    height = np.sort(level[:, 2])
    counts = counts_within(height, 0.04)
    lowest = np.flatnonzero(counts >= max(50, 0.03 * height.size))
    if lowest.size == 0:
        return None
    first = int(lowest[0])
    densest = first + int(counts[first : first + counts[first]].argmax())
    return float(np.median(height[densest : densest + counts[densest]]))


@dataclass(frozen=True)
class _End:
    """Pixels of a mask's lower edge: all, those cut off, those that show the thing's own end."""

    total: int = 0
    hidden: int = 0
    shown: int = 0
    width: int = 0


def _lower_end(view: ObjectView, level: float) -> _End:
    """The mask's lower edge where it lies below the world height ``level``; nothing of a view that
    looks straight down."""
    T, camera = view.frame.T_world_camera, view.frame.intrinsics
    down = np.array([-T[2, 1], -T[2, 0]])  # of the image's rows and columns
    if np.linalg.norm(down) < 0.3:
        return _End()
    across, upwards = abs(down[1]) > abs(down[0]), down[np.argmax(np.abs(down))] < 0
    # a pixel's world height is that of the camera and so much for each metre of depth
    rise = T[2, 0] * (np.arange(camera.width) - camera.cx) / camera.fx + T[2, 2]
    rise = rise + T[2, 1] * (np.arange(camera.height)[:, None] - camera.cy) / camera.fy
    mask, depth, rise = (
        _turned(image, across, upwards) for image in (view.mask, view.frame.depth_m, rise)
    )
    edge = mask.copy()
    edge[:-1] &= ~mask[1:]
    row, col = np.nonzero(edge)
    z = depth[row, col]
    for up in range(1, 5):  # readings are missing along edges
        above = np.maximum(row - up, 0)
        z = np.where((z > 0) | ~mask[above, col], z, depth[above, col])
    low = (z > 0) & (rise[row, col] * z + T[2, 3] < level)
    last = len(depth) - 1
    cut = row + _STEP > last
    near, far = np.minimum(row + _STEP, last), np.minimum(row + 2 * _STEP, last)
    below, further = depth[near, col], depth[far, col]
    foot, lower = (rise[r, col] * d + T[2, 3] for r, d in ((near, below), (far, further)))
    upright = 0.5 * _STEP * below / camera.fy * float(np.linalg.norm(down))
    # what a thing stands on comes nearer below it as well, but lies level and no higher
    before = (below < z - 0.04 - 0.01 * z**2) & ((foot > level - 0.02) | (foot - lower > upright))
    hidden = cut | ((below > 0) & before)
    shown = ~hidden & (below > 0)
    width = int(mask.any(axis=0).sum())
    return _End(int(low.sum()), int((low & hidden).sum()), int((low & shown).sum()), width)


def _turned(image: NDArray, across: bool, upwards: bool) -> NDArray:  # type: ignore[type-arg]
    """The image with world-down along its rows."""
    image = image.T if across else image
    return image[::-1] if upwards else image


def _stands_higher(
    box: Box3D, gap: tuple[float, float], views: list[ObjectView], window: WindowSnapshot
) -> bool:
    """Whether a level surface is seen in the ``gap`` of world heights under the box, or beside."""
    own = {view.frame.stamp_ns: view.mask for view in views}
    half = np.array(box.size[:2]) / 2 + BESIDE
    T_box_world = invert(box.T_world_box)
    heights = []
    for frame in _some(window):
        taken = np.zeros(frame.depth_m.shape, dtype=bool)
        taken[::2, ::2] = frame.depth_m[::2, ::2] > 0
        if frame.stamp_ns in own:
            taken &= cv2.dilate(own[frame.stamp_ns].astype(np.uint8), np.ones((7, 7))) == 0
        points = transform_points(
            frame.T_world_camera, frame.intrinsics.backproject(frame.depth_m, taken)
        )
        points = points[(points[:, 2] > gap[0]) & (points[:, 2] < gap[1])]
        local = transform_points(T_box_world, points.astype(np.float64))
        heights.append(points[(np.abs(local[:, :2]) < half).all(axis=1), 2])
    height = np.concatenate(heights)
    if height.size < 30:
        return False
    return bool((np.abs(height - mode(height, width=0.04)) < 0.03).mean() > 0.4)


def _seen_through(box: Box3D, gap: tuple[float, float], window: WindowSnapshot) -> bool:
    """Whether readings lie behind the ``gap`` under the box more often than in it."""
    x, y, z = np.meshgrid([-0.25, 0, 0.25], [-0.25, 0, 0.25], np.linspace(*gap, 5)[1:-1])
    local = np.stack([x * box.size[0], y * box.size[1], z - box.center[2]], axis=-1)
    points = transform_points(box.T_world_box, local.reshape(-1, 3))
    through = within = 0
    for frame in _some(window):
        seen = project(frame, points)
        rows, cols, depth = (part[seen.inside] for part in (seen.rows, seen.cols, seen.z))
        beyond = frame.depth_m[rows, cols] - depth
        through += int((beyond > 0.15).sum())
        within += int((np.abs(beyond) <= 0.15).sum())
    return through >= 20 and through > within


def _level_readings(frame: RgbdFrame) -> NDArray[np.float64]:
    """World points (N, 3) of a coarse grid where the surface lies level."""
    rows, cols = (-(-side // _GRID) for side in frame.depth_m.shape)
    depth = np.nan_to_num(frame.depth_m[::_GRID, ::_GRID])
    v, u = np.mgrid[:rows, :cols] * _GRID
    local = frame.intrinsics.rays(u, v)
    points = transform_points(frame.T_world_camera, (local * depth[..., None]).reshape(-1, 3))
    points = points.reshape(rows, cols, 3).astype(np.float64)
    right, below = np.diff(points, axis=1)[:-1], np.diff(points, axis=0)[:, :-1]
    normal = np.cross(right, below)
    length = np.linalg.norm(normal, axis=-1)
    valid = (depth[:-1, :-1] > 0) & (depth[1:, :-1] > 0) & (depth[:-1, 1:] > 0) & (length > 0)
    level = valid & (np.abs(normal[..., 2]) > 0.8 * length)
    return points[:-1, :-1][level]


def _some(window: WindowSnapshot, most: int = 60) -> tuple[RgbdFrame, ...]:
    return window.frames[:: -(-len(window.frames) // most)]
