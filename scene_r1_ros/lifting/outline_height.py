"""How high a thing is by the outlines of its masks.

Thin parts (flowers, the tips of leaves, the stand of a screen) leave few readings or none, and the
masks show them all the same.
"""

from __future__ import annotations

import numpy as np

from ..geometry import Box3D, invert, transform_points
from .views import ObjectView

_LEAST = 0.02
"""Metres by which the masks must reach beyond the box."""
_PART_ABOVE, _PART_PROMPTED, _PART_BELOW = 0.04, 0.08, 0.2
"""Shares of the box's height by which they must, or that of the view with the prompt alone."""
_FEWEST = 3
"""Views that must show the outline there, not cut off by their image's border."""


def with_outline_height(box: Box3D, views: list[ObjectView], stands: bool) -> Box3D:
    """``box`` raised so far that it is seen as high as the masks of half of the ``views`` are, or
    as the mask of the view with the prompt is, whose box had the thin parts in it.

    A box is seen at least as high as what is in it, so nothing is added to one that is right.
    Lowered alike only by a good part of its height, if it does not lie flat and nothing was seen
    that it ``stands`` on: masks spill over below.
    """
    reach = np.array([_reach(box, view) for view in views]).reshape(-1, 2)
    up, down = (
        float(np.median(r[np.isfinite(r)])) if np.isfinite(r).sum() >= _FEWEST else 0.0
        for r in reach.T
    )
    up = up if up > max(_LEAST, _PART_ABOVE * box.size[2]) else 0.0
    prompted = reach[[view.prompted for view in views], 0]
    up = max([up, *prompted[prompted > max(_LEAST, _PART_PROMPTED * box.size[2])]])
    lying = box.size[2] < 0.5 * min(box.size[:2])
    if stands or lying or down < max(_LEAST, _PART_BELOW * box.size[2]):
        down = 0.0
    if not up and not down:
        return box
    return box.reaching(box.bottom - down, box.top + up)


def _reach(box: Box3D, view: ObjectView) -> tuple[float, float]:
    """Metres at the box's distance by which the mask goes on above and below the box as the view
    sees it; NaN where the image's border cuts it off or the view looks straight down or up."""
    T, camera = view.frame.T_world_camera, view.frame.intrinsics
    cam = transform_points(invert(T), box.corners() - view.shift)
    upright = -T[2, 1]  # of the image's rows
    rows = np.flatnonzero(view.mask.any(axis=1))
    if cam[:, 2].min() < 0.1 or abs(upright) < 0.7 or rows.size == 0:
        return np.nan, np.nan
    seen = cam[:, 1] / cam[:, 2] * camera.fy + camera.cy
    metres = float(np.median(cam[:, 2])) / camera.fy / abs(upright)
    first, last = rows[0], rows[-1]
    before = metres * (seen.min() - (first - 0.5)) if first > 1 else np.nan
    after = metres * (last + 0.5 - seen.max()) if last < len(view.mask) - 2 else np.nan
    return (before, after) if upright > 0 else (after, before)
