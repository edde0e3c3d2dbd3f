"""From a 2D box in one frame to the object's pixels: what stands out inside the box."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ..errors import EmptyMaskError, NoDepthError
from ..frames import RgbdFrame
from ..geometry import BoxXyxy
from .background_planes import ScenePlane, plane_tolerance, scene_planes
from .color_cut import (
    RELIEF,
    ColorModel,
    ColorPatch,
    alike_outside,
    bounds_fit,
    color_patch,
    patch_of,
    without_wall,
)
from .coplanar_parts import WELL_FITTED, foot_plate, with_sheet
from .depth_surface import DepthSurface, PixelGrid, fit_surface
from .planes import Plane
from .region_choice import MIN_REGION, choose_regions
from .regions import connected_regions

Bool = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class AnchorSegment:
    """The object in the anchor frame.

    ``mask`` (h, w) on ``surface.grid`` is the object; ``occluder`` is what stands before it, so
    that the object may go on behind. ``background`` are the planes it stands on or before.
    ``box`` holds the prompt and the mask, in pixels. ``colors`` tell the object from what
    is around it; one on the plane ``flat`` was found by them, for it hardly stands out in depth,
    as was the ``foot`` of one that stands on a thin plate.
    """

    surface: DepthSurface
    mask: Bool
    occluder: Bool
    background: tuple[Plane, ...]
    box: BoxXyxy
    colors: ColorModel
    flat: Plane | None = None
    foot: ColorPatch | None = None


def segment_box(
    frame: RgbdFrame, box: BoxXyxy, max_pixels: int, rng: np.random.Generator
) -> AnchorSegment:
    """Segment the object that ``box`` (pixels, clipped to the image) is drawn around.

    Raises:
        NoDepthError: if the box holds too few depth readings.
        EmptyMaskError: if nothing in the box stands out.
    """
    grid = PixelGrid.around(box, 0.5, frame.intrinsics.width, frame.intrinsics.height, max_pixels)
    surface = fit_surface(frame, grid)
    in_box = grid.inside(box, surface.valid.shape)
    _check_depth(surface, in_box, box)
    planes = scene_planes(surface, box, rng)
    off_plane = surface.valid & ~_on_background(surface, planes)
    color = np.ascontiguousarray(frame.color[grid.slices])
    mask = _object_regions(surface, off_plane, in_box, box, color)
    patch = _flat_patch(surface, planes, color, box, in_box, mask)
    if patch is not None:
        patch = _with_relief(surface, patch, mask, color, box, in_box)
        return _flat_segment(surface, patch, planes, box, in_box)
    if mask is None or mask.sum() < 0.03 * in_box.sum():
        mask = _plane_patch(planes, in_box, mask)
    if mask is None:
        raise EmptyMaskError(
            f"nothing stands out in box {_text(box)}: no region of at least {MIN_REGION} pixels "
            "lies mostly inside it. Draw the box around one whole object."
        )
    mask, sheet = with_sheet(surface, mask, planes, color, box, in_box)
    if sheet is not None:
        planes = [item for item in planes if item is not sheet]
    mask = without_wall(grid, color, mask, box, in_box)
    lies_on = _plane_under(surface, mask, planes)
    if lies_on is not None:
        patch = ColorPatch(mask, lies_on, ColorModel.of(color, mask, ~mask), 1.0)
        return _flat_segment(surface, patch, planes, box, in_box)
    occluder = _occluder(surface, mask, in_box)
    background = _supporting([p for p in planes if p.background], surface, mask)
    foot = foot_plate(surface, mask, planes, color, box, in_box)
    if foot is not None:
        mask = mask | foot.mask
    colors = ColorModel.of(color, mask, ~mask)
    around = _union_box(box, mask, grid)
    return AnchorSegment(surface, mask, occluder, background, around, colors, foot=foot)


def _flat_patch(
    surface: DepthSurface,
    planes: list[ScenePlane],
    color: NDArray[np.uint8],
    box: BoxXyxy,
    in_box: Bool,
    mask: Bool | None,
) -> ColorPatch | None:
    """A flat thing that is better than the ``mask`` of what stands out: it fills the box more, or
    holds the mask as its frame."""
    area = 0 if mask is None else int((mask & in_box).sum())
    fit = 0.0 if mask is None else bounds_fit(mask & in_box, surface.grid, box)
    if fit >= WELL_FITTED and area > 0.6 * in_box.sum():
        return None
    patch = color_patch(surface, planes, color, box, in_box)
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


def _with_relief(
    surface: DepthSurface,
    patch: ColorPatch,
    mask: Bool | None,
    color: NDArray[np.uint8],
    box: BoxXyxy,
    in_box: Bool,
) -> ColorPatch:
    """The patch with what stands out around it, if it fills the box better so: frame and sill."""
    if mask is None or patch.plane is None:
        return patch
    height = np.abs(patch.plane.distance(surface.points))
    relief = mask & in_box & surface.valid & (height < RELIEF + plane_tolerance(surface.noise))
    if relief.sum() < max(MIN_REGION, 0.8 * (mask & in_box).sum()):
        return patch
    whole = patch.mask | relief
    fit = bounds_fit(whole, surface.grid, box)
    if fit < patch.fit + 0.02:
        return patch
    return ColorPatch(whole, patch.plane, ColorModel.of(color, whole, ~whole), fit)


def _plane_under(
    surface: DepthSurface, mask: Bool, planes: list[ScenePlane], height: float = 0.05
) -> Plane | None:
    """The background plane that a sheet lies on: from farther away depth will not part them."""
    for item in planes:
        if item.background:
            distance = item.plane.distance(surface.points[mask])
            along = surface.normals[mask] @ item.plane.normal.astype(np.float32) > 0.9
            if along.mean() > 0.7 and float(np.percentile(distance, 80)) < height:
                return item.plane
    return None


def _flat_segment(
    surface: DepthSurface, patch: ColorPatch, planes: list[ScenePlane], box: BoxXyxy, in_box: Bool
) -> AnchorSegment:
    """A patch as the object; the plane it lies on is then no background that could be removed."""
    mask = patch.mask & surface.valid
    middle = surface.points[mask].mean(axis=0)
    assert patch.plane is not None
    others = [
        p
        for p in planes
        if p.background
        and (
            abs(float(p.plane.normal @ patch.plane.normal)) < 0.9
            or abs(float(p.plane.distance(middle))) > RELIEF
        )
    ]
    background = _supporting(others, surface, mask)
    occluder = _occluder(surface, mask, in_box)
    around = _union_box(box, mask, surface.grid)
    return AnchorSegment(surface, mask, occluder, background, around, patch.colors, patch.plane)


def _text(box: BoxXyxy) -> str:
    return "[" + ", ".join(f"{v:g}" for v in box) + "]"


def _check_depth(surface: DepthSurface, in_box: Bool, box: BoxXyxy) -> None:
    readings, total = int((surface.valid & in_box).sum()), int(in_box.sum())
    needed = max(MIN_REGION, round(0.02 * total))
    if readings < needed:
        raise NoDepthError(
            f"box {_text(box)} holds {readings} depth readings in {total} pixels looked at; at "
            f"least {needed} are needed. Choose a frame in which the object is within the depth "
            "sensor's range and not shiny or transparent."
        )


def _on_background(surface: DepthSurface, planes: list[ScenePlane]) -> Bool:
    on = np.zeros(surface.valid.shape, dtype=bool)
    tolerance = plane_tolerance(surface.noise)
    for item in planes:
        if item.background:
            aligned = surface.normals @ item.plane.normal.astype(np.float32) > 0.5
            near = np.abs(item.plane.distance(surface.points))
            on |= near < np.where(aligned, tolerance, 0.3 * tolerance)
    return on


def _object_regions(
    surface: DepthSurface, off_plane: Bool, in_box: Bool, box: BoxXyxy, color: NDArray[np.uint8]
) -> Bool | None:
    """The regions of the box that make up its object, or None."""
    labels = connected_regions(surface, off_plane, MIN_REGION, MIN_REGION)
    choice = choose_regions(surface, labels, color, box, in_box)
    if choice is None:
        return None
    mask = np.isin(labels, choice.labels)
    if (mask & ~in_box).sum() > 0.15 * mask.sum():
        own = patch_of(surface.grid, color, mask, box, in_box)
        if own is not None and own.fit > max(0.7, bounds_fit(mask, surface.grid, box)):
            return own.mask
    mostly_inside = [region.label for region in choice.regions if region.share > 0.5]
    mask = _bounded(surface, mask, np.isin(labels, mostly_inside), in_box, box)
    return alike_outside(color, mask, in_box)


def _bounded(
    surface: DepthSurface, mask: Bool, mostly_inside: Bool, in_box: Bool, box: BoxXyxy
) -> Bool:
    """Outside the box only what a box that cuts the object leaves out, on each side a part."""
    dx, dy = 0.35 * (box[2] - box[0]), 0.35 * (box[3] - box[1])
    near = surface.grid.inside((box[0] - dx, box[1] - dy, box[2] + dx, box[3] + dy), in_box.shape)
    return mask & (in_box | (near & mostly_inside))


def _plane_patch(planes: list[ScenePlane], in_box: Bool, fallback: Bool | None) -> Bool | None:
    """The plane that fills the box, if one does: a picture, a door, a rug."""
    if not planes:
        return fallback
    best = max(planes, key=lambda item: int((item.inliers & in_box).sum()))
    patch = best.inliers & in_box
    if patch.sum() < max(MIN_REGION, 0.3 * in_box.sum()):
        return fallback
    return patch


def _occluder(surface: DepthSurface, mask: Bool, in_box: Bool) -> Bool:
    near = float(np.percentile(surface.depth[mask], 30))
    tolerance = 3 * float(np.median(surface.noise[mask])) + 0.02
    return surface.valid & ~mask & (surface.depth < near - tolerance) & in_box


def _supporting(planes: list[ScenePlane], surface: DepthSurface, mask: Bool) -> tuple[Plane, ...]:
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
