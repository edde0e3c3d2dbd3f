"""From a 2D box in one frame to the object's pixels: what stands out inside the box."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ..errors import EmptyMaskError
from ..frames import RgbdFrame
from ..geometry import BoxXyxy
from .anchor_view import AnchorView, box_text
from .background_planes import ScenePlane, plane_tolerance
from .color_cut import (
    RELIEF,
    ColorModel,
    ColorPatch,
    color_patch,
    without_wall,
)
from .coplanar_parts import WELL_FITTED, foot_plate, with_sheet
from .depth_surface import DepthSurface, PixelGrid
from .hung_patch import HungPatch, hung_patch
from .hung_rectangle import HungRectangle
from .planes import Plane
from .regions import MIN_REGION
from .standing_regions import StandingRegions, object_regions, standing_regions

Bool = NDArray[np.bool_]
_SAME = 0.8
"""IoU of two masks of one object."""


@dataclass(frozen=True, eq=False)
class AnchorSegment:
    """The object in the anchor frame.

    ``mask`` (h, w) on ``surface.grid`` is the object; ``occluder`` is what stands before it, so
    that the object may go on behind. ``background`` are the planes it stands on or before.
    ``box`` holds the prompt and the mask, in pixels. ``colors`` tell the object from what
    is around it; one on the plane ``flat`` was found by them, for it hardly stands out in depth,
    as was the ``foot`` of one that stands on a thin plate. What hangs on a wall is the part of it
    within the ``rectangle``, all of it where its colours are too ``plain`` to part it.
    """

    surface: DepthSurface
    mask: Bool
    occluder: Bool
    background: tuple[Plane, ...]
    box: BoxXyxy
    colors: ColorModel
    flat: Plane | None = None
    foot: ColorPatch | None = None
    rectangle: HungRectangle | None = None
    plain: bool = False


def segment_box(view: AnchorView, frame: RgbdFrame) -> AnchorSegment:
    """Segment the object that the view's box is drawn around in ``frame``, by depth and colour.

    Raises:
        EmptyMaskError: if nothing in the box stands out.
    """
    box = view.box
    standing = standing_regions(view)
    hung = hung_patch(view, frame)
    if hung is not None and not _parted_by_depth(view, standing, hung):
        return _hung_segment(view, hung)
    mask = object_regions(view, standing)
    patch = _flat_patch(view, mask)
    if patch is not None:
        return _flat_segment(view, _with_relief(view, patch, mask))
    if mask is None or mask.sum() < 0.03 * view.in_box.sum():
        mask = _plane_patch(view, mask)
    if mask is None:
        raise EmptyMaskError(
            f"nothing stands out in box {box_text(box)}: no region of at least {MIN_REGION} pixels "
            "lies mostly inside it. Draw the box around one whole object."
        )
    mask, sheet = with_sheet(view, mask)
    if sheet is not None:
        view = view.without(sheet)
    mask = without_wall(view, mask)
    return _standing_segment(view, mask)


def segment_mask(
    view: AnchorView, mask: Bool, likely: AnchorSegment | None = None
) -> AnchorSegment | None:
    """The segment of an object whose ``mask`` (h, w, on the view's grid) is known.

    ``likely`` is what :func:`segment_box` took it for; where that is much the same it is as good.
    None where the mask holds too few readings to be an object.
    """
    mask = mask & view.surface.valid
    if mask.sum() < MIN_REGION:
        return None
    if likely is not None:
        common = (mask & likely.mask).sum() / (mask | likely.mask).sum()
        if common >= _SAME:
            return likely
    return _standing_segment(view, mask)


def _parted_by_depth(view: AnchorView, standing: StandingRegions | None, hung: HungPatch) -> bool:
    """Whether the box was drawn around what stands out in it rather than around a part of the wall.

    It was where that ends in the box by depth alone and fills it, or stands clearly before the
    wall; of a door its frame alone may stand out, of a window, whose panes depth does not see, but
    bars and sill.
    """
    if standing is None:
        return False
    mask, surface = standing.mask, view.surface
    inside = mask & view.in_box
    if inside.sum() < 0.95 * mask.sum():
        return False
    fit = view.bounds_fit(inside)
    height = hung.rectangle.plane.distance(surface.points[inside])
    before = float(np.median(height)) > 0.1
    fills = fit >= 0.6 and inside.sum() > 0.35 * view.in_box.sum()
    return (before and fit > 0.35) or (fills and not hung.glass)


def _hung_segment(view: AnchorView, hung: HungPatch) -> AnchorSegment:
    """What hangs on a wall: its pixels on the rectangle, or, sharper, what colours part from the
    wall, if these give much the same; of a window they give the panes and not the sill."""
    patch = None if hung.glass else color_patch(view)
    plain = patch is None or not _much_the_same(patch, hung.mask)
    if patch is None or plain:
        colors = ColorModel.of(view.color, hung.mask, ~hung.mask)
        patch = ColorPatch(hung.mask, hung.rectangle.plane, colors, view.bounds_fit(hung.mask))
    return replace(_flat_segment(view, patch), rectangle=hung.rectangle, plain=plain)


def _much_the_same(patch: ColorPatch, mask: Bool) -> bool:
    """Whether a patch is about the same as ``mask``, or fills the box too well to have to be."""
    common = (patch.mask & mask).sum() / (patch.mask | mask).sum()
    return bool(patch.fit >= 0.95 or (patch.fit >= 0.8 and common >= 0.85))


def _flat_patch(view: AnchorView, mask: Bool | None) -> ColorPatch | None:
    """A flat thing that is better than the ``mask`` of what stands out: it fills the box more, or
    holds the mask as its frame."""
    in_box = view.in_box
    area = 0 if mask is None else int((mask & in_box).sum())
    fit = 0.0 if mask is None else view.bounds_fit(mask & in_box)
    if fit >= WELL_FITTED and area > 0.6 * in_box.sum():
        return None
    patch = color_patch(view)
    # of a rug under a bed the corners are hidden; what else stands out fills the box far less then
    if patch is None or patch.fit < max(0.45, min(0.6, 2 * fit)):
        return None
    if mask is None or patch.fit > fit + 0.15:
        return patch
    if area < 0.05 * in_box.sum() and patch.fit > fit - 0.1:
        return patch  # the mask's bounds are those of a few scattered pixels
    frame_of_it = (mask & in_box & patch.mask).sum() > 0.4 * area
    larger = patch.mask.sum() > 1.3 * area
    return patch if frame_of_it and larger and patch.fit > fit - 0.1 else None


def _with_relief(view: AnchorView, patch: ColorPatch, mask: Bool | None) -> ColorPatch:
    """The patch with what stands out around it, if it fills the box better so: frame and sill."""
    if mask is None or patch.plane is None:
        return patch
    surface, inside = view.surface, mask & view.in_box
    height = np.abs(patch.plane.distance(surface.points))
    relief = inside & surface.valid & (height < RELIEF + plane_tolerance(surface.noise))
    if relief.sum() < max(MIN_REGION, 0.8 * inside.sum()):
        return patch
    whole = patch.mask | relief
    fit = view.bounds_fit(whole)
    if fit < patch.fit + 0.02:
        return patch
    return ColorPatch(whole, patch.plane, ColorModel.of(view.color, whole, ~whole), fit)


def _plane_under(view: AnchorView, mask: Bool, height: float = 0.05) -> Plane | None:
    """The background plane that a sheet lies on: from farther away depth will not part them."""
    surface = view.surface
    for item in view.background:
        distance = item.plane.distance(surface.points[mask])
        along = surface.normals[mask] @ item.plane.normal.astype(np.float32) > 0.9
        if along.mean() > 0.7 and float(np.percentile(distance, 80)) < height:
            return item.plane
    return None


def _standing_segment(view: AnchorView, mask: Bool) -> AnchorSegment:
    """What stands out, with the thin plate it stands on; or a sheet that hardly does."""
    lies_on = _plane_under(view, mask)
    if lies_on is not None:
        patch = ColorPatch(mask, lies_on, ColorModel.of(view.color, mask, ~mask), 1.0)
        return _flat_segment(view, patch)
    occluder = _occluder(view, mask)
    background = _supporting(view.background, view.surface, mask)
    foot = foot_plate(view, mask)
    if foot is not None:
        mask = mask | foot.mask
    colors = ColorModel.of(view.color, mask, ~mask)
    around = _union_box(view.box, mask, view.grid)
    return AnchorSegment(view.surface, mask, occluder, background, around, colors, foot=foot)


def _flat_segment(view: AnchorView, patch: ColorPatch) -> AnchorSegment:
    """A patch as the object; the plane it lies on is then no background that could be removed."""
    surface = view.surface
    mask = patch.mask & surface.valid
    middle = surface.points[mask].mean(axis=0)
    assert patch.plane is not None
    others = tuple(
        item
        for item in view.background
        if abs(float(item.plane.normal @ patch.plane.normal)) < 0.9
        or abs(float(item.plane.distance(middle))) > RELIEF
    )
    background = _supporting(others, surface, mask)
    occluder = _occluder(view, mask)
    around = _union_box(view.box, mask, view.grid)
    return AnchorSegment(surface, mask, occluder, background, around, patch.colors, patch.plane)


def _plane_patch(view: AnchorView, fallback: Bool | None) -> Bool | None:
    """The plane that fills the box, if one does: a picture, a door, a rug."""
    if not view.planes:
        return fallback
    best = max(view.planes, key=lambda item: int((item.inliers & view.in_box).sum()))
    patch = best.inliers & view.in_box
    if patch.sum() < max(MIN_REGION, 0.3 * view.in_box.sum()):
        return fallback
    return patch


def _occluder(view: AnchorView, mask: Bool) -> Bool:
    surface = view.surface
    near = float(np.percentile(surface.depth[mask], 30))
    tolerance = 3 * float(np.median(surface.noise[mask])) + 0.02
    return surface.valid & ~mask & (surface.depth < near - tolerance) & view.in_box


def _supporting(
    planes: tuple[ScenePlane, ...], surface: DepthSurface, mask: Bool
) -> tuple[Plane, ...]:
    """The planes that the object stands on or before; not those that it lies in itself, nor slopes
    that would cut a part off it: from a sofa's back to the sill above it."""
    points, tolerance = surface.points[mask], plane_tolerance(surface.noise[mask])
    kept = []
    for item in planes:
        distance = item.plane.distance(points)
        if float((np.abs(distance) < tolerance).mean()) >= 0.5:
            continue
        one_sided = float((distance < -2 * tolerance).mean()) < 0.05
        cut = (distance if one_sided else np.abs(distance)) < tolerance
        slope = not item.plane.upright and 0.0 < float(item.plane.normal[2]) < 0.96
        if not slope or float(cut.mean()) < 0.05:
            kept.append(Plane(item.plane.normal, item.plane.offset, one_sided))
    return tuple(kept)


def _union_box(box: BoxXyxy, mask: Bool, grid: PixelGrid) -> BoxXyxy:
    grown = ndimage.binary_dilation(mask)
    rows, cols = np.flatnonzero(grown.any(axis=1)), np.flatnonzero(grown.any(axis=0))
    return (
        min(box[0], float(grid.x0 + grid.stride * cols[0])),
        min(box[1], float(grid.y0 + grid.stride * rows[0])),
        max(box[2], float(grid.x0 + grid.stride * (cols[-1] + 1))),
        max(box[3], float(grid.y0 + grid.stride * (rows[-1] + 1))),
    )
