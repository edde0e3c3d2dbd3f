"""A box in one frame as a rough box in 3D, and how well two such boxes agree."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from ..control import Control
from ..errors import LiftingError, TrackingError
from ..frames import WindowSnapshot
from ..geometry import Box3D, BoxXyxy, invert, transform_points

if TYPE_CHECKING:
    from ..lifting import LiftedObject
    from ..tracking import MaskTrack, Tracker

MIN_READINGS = 16
"""Depth readings that a box in 3D is made from, at least."""

BoxLift = Callable[[WindowSnapshot, int, BoxXyxy], Box3D | None]
"""(window, stamp_ns, box in that frame's pixels) -> box in the fixed frame, None if it cannot."""


def median_depth_box(window: WindowSnapshot, stamp_ns: int, box: BoxXyxy) -> Box3D | None:
    """Axis-aligned box of the pixels whose depth is near the median of the image box's middle.

    Fast and rough: enough to tell whether two views mean the same place. None with fewer than
    :data:`MIN_READINGS` depth readings in the middle of the box, or that near their median.
    """
    frame = window.at(stamp_ns)
    x0, y0, x1, y1 = (round(v) for v in box)
    quarter_x, quarter_y = (x1 - x0) // 4, (y1 - y0) // 4
    middle = frame.depth_m[y0 + quarter_y : y1 - quarter_y, x0 + quarter_x : x1 - quarter_x]
    middle = middle[middle > 0]
    if middle.size < MIN_READINGS:
        return None
    # A reading that is there: between two surfaces, the mean of the middle two lies on neither.
    depth = float(np.percentile(middle, 50, method="lower"))
    # An object is about as deep as the box is wide at that distance.
    extent = max((x1 - x0) / frame.intrinsics.fx, (y1 - y0) / frame.intrinsics.fy) * depth
    band = max(0.1, 0.5 * extent)
    mask = np.zeros(frame.depth_m.shape, dtype=bool)
    mask[y0:y1, x0:x1] = np.abs(frame.depth_m[y0:y1, x0:x1] - depth) < band
    points = transform_points(
        frame.T_world_camera, frame.intrinsics.backproject(frame.depth_m, mask)
    )
    if len(points) < MIN_READINGS:
        return None
    low, high = np.percentile(points, (2, 98), axis=0)
    return Box3D(tuple((low + high) / 2), tuple(high - low))


def lift_with(
    tracker: Tracker,
    lift: Callable[[WindowSnapshot, MaskTrack, Control], LiftedObject],
    control: Control | None = None,
) -> BoxLift:
    """A finer :data:`BoxLift`: the tracker's mask in that one frame, lifted."""
    control = control or Control()

    def lift_box(window: WindowSnapshot, stamp_ns: int, box: BoxXyxy) -> Box3D | None:
        alone = WindowSnapshot.of([window.at(stamp_ns)])
        try:
            return lift(alone, tracker.track(alone, stamp_ns, box, control), control).box
        except (TrackingError, LiftingError):
            return None

    return lift_box


def agreement(a: Box3D, b: Box3D) -> float:
    """How likely two views mean the same object, 0..1: ``exp(-(d / r)^2)``.

    ``d`` is the distance of the centres and ``r`` the mean radius plus 5 cm. Centres are compared,
    not volumes: each view sees another side of the object, so that extents differ.
    """
    radius = (math.dist((0, 0, 0), a.size) + math.dist((0, 0, 0), b.size)) / 4 + 0.05
    return math.exp(-((math.dist(a.center, b.center) / radius) ** 2))


def should_see(window: WindowSnapshot, stamp_ns: int, box: Box3D) -> bool:
    """Whether the frame looks at the centre of ``box`` with nothing in front of it."""
    frame = window.at(stamp_ns)
    local = transform_points(invert(frame.T_world_camera), np.array([box.center]))
    pixels, z = frame.intrinsics.project(local)
    if not z[0] > 0.05:
        return False
    u, v = pixels[0]
    height, width = frame.depth_m.shape
    if not (0.02 * width < u < 0.98 * width and 0.02 * height < v < 0.98 * height):
        return False
    measured = frame.depth_m[int(v), int(u)]
    radius = math.dist((0, 0, 0), box.size) / 2
    return bool(not measured > 0 or measured > z[0] - radius - 0.1)
