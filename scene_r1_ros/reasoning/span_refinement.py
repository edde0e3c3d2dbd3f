"""The exact span of an object whose place is known: the frames in which geometry sees it.

Where masks of it were followed through some of the frames, they say whether those show it, and what
two of them agree on holds for the frames between. For all others there is the surface alone: the
surface that the anchor frame shows of the object is projected into every other frame. A point
of it is seen there if it falls into the image and the measured depth is its own, give or take what
the object itself may hide (from behind it hides the side that the anchor saw). The object is
visible where enough of that surface and enough pixels are seen; the limits come near what the 2D
labels call visible.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ..frames import RgbdFrame, WindowSnapshot
from ..geometry import Box3D, BoxXyxy, invert, transform_points
from ..spans import run_around

MOST_POINTS = 512
"""Points of the surface that are followed."""
MIN_PIXELS = 200 / (640 * 480)
"""Share of the image that the object must cover, as the 2D labels have it."""
MIN_SHARE = 0.1
"""Share of the anchor's surface that must be seen. The labels ask for 5 % of the whole surface;
one view shows about half of it."""
MARGIN = 0.02
"""Metres around the 3D box in which depth belongs to the object."""
TOLERANCE = 0.1
"""Metres that depth and surface may differ, at any distance."""
THICKNESS = 0.5
"""How far the object may hide its own far side, as a share of its box's diagonal."""


def refined_span(
    window: WindowSnapshot,
    stamp_ns: int,
    box: BoxXyxy,
    lifted: Box3D,
    shown: Mapping[int, int] | None = None,
) -> tuple[int, int] | None:
    """Stamps (first, last) of the run of frames around ``stamp_ns`` that show the object.

    ``box`` is the object's in the frame at ``stamp_ns`` (pixels), ``lifted`` its box in 3D;
    ``shown`` (stamp -> pixels) is how large its masks are in the frames that were followed through,
    0 where there is none. None if there are no masks and the frame at ``stamp_ns`` has too few
    depth readings of it.
    """
    anchor = window.at(stamp_ns)
    surface = _surface(anchor, box, lifted)
    if surface is None and not shown:
        return None
    area = np.array([f.intrinsics.width * f.intrinsics.height for f in window.frames])
    visible = np.zeros(len(area), dtype=bool)
    if surface is not None:
        reach = TOLERANCE + THICKNESS * math.dist((0, 0, 0), lifted.size)
        share, pixels = _seen(window.frames, *surface, reach)
        visible = (share >= MIN_SHARE) & (pixels >= MIN_PIXELS * area)
    stamps = [frame.stamp_ns for frame in window.frames]
    if shown:
        visible = _as_masks_say(visible, stamps, area, shown)
    return run_around(stamps, visible.tolist(), window.index_of(stamp_ns))


def _as_masks_say(
    visible: NDArray[np.bool_],
    stamps: Sequence[int],
    area: NDArray[np.int64],
    shown: Mapping[int, int],
) -> NDArray[np.bool_]:
    """``visible`` (N,), but what the masks say of their frames and, where two agree, between."""
    followed = [i for i, stamp in enumerate(stamps) if stamp in shown]
    told = np.array([shown[stamps[i]] >= MIN_PIXELS * area[i] for i in followed], dtype=bool)
    visible = visible.copy()
    visible[followed] = told
    for (a, first), (b, second) in pairwise(zip(followed, told, strict=True)):
        if first == second:
            visible[a : b + 1] = first
    return visible


def _surface(
    anchor: RgbdFrame, box: BoxXyxy, lifted: Box3D
) -> tuple[NDArray[np.float32], NDArray[np.float32]] | None:
    """Points (N, 3) of the object in the fixed frame, and the area across the view (square
    metres) that each stands for."""
    x0, y0, x1, y1 = (round(v) for v in box)
    mask = np.zeros(anchor.depth_m.shape, dtype=bool)
    mask[y0:y1, x0:x1] = True
    camera = anchor.intrinsics
    local = camera.backproject(anchor.depth_m, mask)
    points = transform_points(anchor.T_world_camera, local)
    inside = np.flatnonzero(lifted.contains(points, margin=MARGIN))
    if inside.size < 16:
        return None
    step = -(-inside.size // MOST_POINTS)
    kept = inside[::step]
    return points[kept], step * local[kept, 2] ** 2 / (camera.fx * camera.fy)


def _seen(
    frames: Sequence[RgbdFrame],
    points: NDArray[np.float32],
    areas: NDArray[np.float32],
    reach: float,
) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """Of each frame: the share of ``points`` that it sees, and about how many pixels they cover.

    A point is hidden by what lies more than ``reach`` metres in front of it, and gone where the
    depth is farther than it.
    """
    poses = np.stack([invert(frame.T_world_camera)[:3] for frame in frames])
    homogeneous = np.vstack([points.T, np.ones(len(points))])
    local = (poses.reshape(-1, 4) @ homogeneous).reshape(len(frames), 3, len(points))
    camera = np.array([_pinhole(frame) for frame in frames])[:, :, None]
    fx, fy, cx, cy, width, height = camera.transpose(1, 0, 2)
    z = local[:, 2]
    ahead = z > 0.05
    depth = np.where(ahead, z, 1.0)
    u, v = (np.rint(f * local[:, i] / depth + c) for i, (f, c) in enumerate(((fx, cx), (fy, cy))))
    seen = ahead & (u >= 0) & (v >= 0) & (u < width) & (v < height)
    for i, frame in enumerate(frames):
        inside = np.flatnonzero(seen[i])
        measured = frame.depth_m[v[i, inside].astype(int), u[i, inside].astype(int)]
        behind = measured - z[i, inside]
        seen[i, inside] = ~((behind < -reach) | (behind > TOLERANCE))  # no reading: nothing hides
    pixels = (seen * areas * fx * fy / depth**2).sum(axis=1)
    return seen.mean(axis=1), pixels


def _pinhole(frame: RgbdFrame) -> tuple[float, ...]:
    c = frame.intrinsics
    return c.fx, c.fy, c.cx, c.cy, c.width, c.height
