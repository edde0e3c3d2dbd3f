"""One frame's contribution to an object: its trusted readings as world points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..frames import RgbdFrame
from ..geometry import transform_points
from ..tracking.depth_surface import depth_noise
from ..tracking.frame_view import readings_behind
from .config import LiftConfig
from .masks import eroded, largest_components, off_depth_edges

Bool = NDArray[np.bool_]
_CLEAR = 0.12
"""Metres by which a reading must lie behind a place for it to be empty."""


@dataclass(frozen=True, eq=False)
class ObjectView:
    """World ``points`` (N, 3) with ``colors`` (N, 3) of one frame; ``mask`` (H, W) is as given.

    ``shift`` (3,) is what was added to the points to agree with the other views; ``prompted``
    whether the mask is of the frame in which the object was boxed, where it is known best.
    """

    frame: RgbdFrame
    mask: Bool
    points: NDArray[np.float32]
    colors: NDArray[np.uint8]
    shift: NDArray[np.float64] = field(default_factory=lambda: np.zeros(3))
    prompted: bool = False


def reading_noise(views: Sequence[ObjectView], point: ArrayLike) -> float:
    """Standard deviation in metres of one depth reading at a world point (3,), median of views."""
    T = np.array([view.frame.T_world_camera for view in views])
    depth = np.einsum("ni,ni->n", np.asarray(point) - T[:, :3, 3], T[:, :3, 2])
    return float(depth_noise(np.median(depth)))


def empty_places(places: NDArray[np.float64], views: Sequence[ObjectView]) -> Bool:
    """Which of the world places (N, 3) a view sees through: what it sees through is empty."""
    return open_places(places, views, _CLEAR)


def open_places(places: NDArray[np.float64], views: Sequence[ObjectView], behind: float) -> Bool:
    """Of which world places (N, 3) a view has a reading that lies more than so many metres
    ``behind`` them, or, below 0, no more than so many before them."""
    seen = np.zeros(len(places), dtype=bool)
    for view in views:
        seen |= readings_behind(view.frame, places - view.shift) > behind
    return seen


def object_view(frame: RgbdFrame, mask: Bool, config: LiftConfig, most_points: int) -> ObjectView:
    """Clean the mask and back-project what is left of it, thinned evenly to ``most_points``."""
    rows, cols = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if rows.size == 0:
        return ObjectView(frame, mask, np.zeros((0, 3), np.float32), np.zeros((0, 3), np.uint8))
    part = (
        slice(max(0, rows[0] - 2), rows[-1] + 3),
        slice(max(0, cols[0] - 2), cols[-1] + 3),
    )
    depth = frame.depth_m[part]
    trusted = mask[part]
    if config.largest_components:
        trusted = largest_components(trusted, config.component_share)
    if config.erode:
        pixels = max(1, round(config.erosion_pixels * frame.intrinsics.width / 640))
        trusted = trusted & eroded(trusted | ~(depth > 0), pixels)
    trusted = trusted & (depth > 0)
    if config.reject_depth_edges:
        trusted &= off_depth_edges(depth)
    v, u = np.nonzero(trusted)
    step = max(1, -(-v.size // most_points))
    v, u = v[::step], u[::step]
    camera = frame.intrinsics
    z = depth[v, u]
    x = (u + (part[1].start - camera.cx)) / camera.fx * z
    y = (v + (part[0].start - camera.cy)) / camera.fy * z
    points = np.stack([x, y, z], axis=1).astype(np.float32)
    return ObjectView(
        frame, mask, transform_points(frame.T_world_camera, points), frame.color[part][v, u]
    )
