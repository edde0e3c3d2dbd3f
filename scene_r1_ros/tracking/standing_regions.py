"""What stands out of the planes around a box, and which of it is the box's object."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .anchor_view import AnchorView
from .background_planes import plane_tolerance
from .color_cut import alike_outside, patch_of
from .region_choice import Choice, choose_regions
from .regions import MIN_REGION, Labels, connected_regions

Bool = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class StandingRegions:
    """What stands out of the background planes: ``labels`` (h, w) of all regions, the ``choice``
    of those that make up the object, and their ``mask`` (h, w)."""

    labels: Labels
    choice: Choice
    mask: Bool


def standing_regions(view: AnchorView) -> StandingRegions | None:
    """Choose among what stands out; None if nothing in the box does."""
    surface = view.surface
    off_plane = surface.valid & ~_on_background(view)
    labels = connected_regions(surface, off_plane, MIN_REGION, MIN_REGION)
    choice = choose_regions(view, labels)
    if choice is None:
        return None
    return StandingRegions(labels, choice, np.isin(labels, choice.labels))


def object_regions(view: AnchorView, standing: StandingRegions | None) -> Bool | None:
    """The regions of the box that make up its object, or None."""
    if standing is None:
        return None
    mask, in_box = standing.mask, view.in_box
    if (mask & ~in_box).sum() > 0.15 * mask.sum():
        own = patch_of(view, mask)
        if own is not None and own.fit > max(0.7, view.bounds_fit(mask)):
            return own.mask
    mostly_inside = [region.label for region in standing.choice.regions if region.share > 0.5]
    mask = _bounded(view, mask, np.isin(standing.labels, mostly_inside))
    return alike_outside(view.color, mask, in_box)


def _bounded(view: AnchorView, mask: Bool, mostly_inside: Bool) -> Bool:
    """Outside the box only what a box that cuts the object leaves out, on each side a part."""
    x0, y0, x1, y1 = view.box
    dx, dy = 0.35 * (x1 - x0), 0.35 * (y1 - y0)
    near = view.grid.inside((x0 - dx, y0 - dy, x1 + dx, y1 + dy), mask.shape)
    return mask & (view.in_box | (near & mostly_inside))


def _on_background(view: AnchorView) -> Bool:
    surface = view.surface
    on = np.zeros(surface.valid.shape, dtype=bool)
    tolerance = plane_tolerance(surface.noise)
    for item in view.background:
        aligned = surface.normals @ item.plane.normal.astype(np.float32) > 0.5
        near = np.abs(item.plane.distance(surface.points))
        on |= near < np.where(aligned, tolerance, 0.3 * tolerance)
    return on
