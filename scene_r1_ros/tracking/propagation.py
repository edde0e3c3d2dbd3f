"""From the anchor outwards through the window: the model grows and every view votes on it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ..frames import RgbdFrame
from ..geometry import BoxXyxy
from .anchor_segmentation import AnchorSegment
from .background_planes import plane_tolerance
from .frame_view import FrameView, project, view_frame
from .object_model import VoxelModel
from .planes import Plane, settle
from .regions import linked_components
from .silhouette import Silhouette

Bool = NDArray[np.bool_]
_OVER = 0.02
"""Metres by which colours may lead over the rectangle of what hangs on a wall."""


@dataclass(frozen=True, eq=False)
class Observation:
    """The object in one frame.

    ``mask`` (h, w) on the view's grid, ``standing`` the pixels off the background ``planes`` as
    this frame shows them, ``alike`` those that look like the object, ``agreement`` the share of
    the model that the frame's depth confirms.
    """

    view: FrameView
    mask: Bool
    standing: Bool
    alike: Bool
    planes: tuple[Plane, ...]
    agreement: float


def visible_box(frame: RgbdFrame, points: NDArray[np.float32]) -> BoxXyxy | None:
    """Image box of the world points, or None if fewer than a handful are in the image."""
    seen = project(frame, points)
    if seen.inside.sum() < 5:
        return None
    cols, rows = seen.cols[seen.inside], seen.rows[seen.inside]
    return float(cols.min()), float(rows.min()), float(cols.max() + 1), float(rows.max() + 1)


def observe(
    frame: RgbdFrame,
    model: VoxelModel,
    core: Bool,
    silhouette: Silhouette,
    segment: AnchorSegment,
    max_pixels: int,
) -> Observation | None:
    """Find the object in ``frame`` by the model so far, with newly seen surface that adjoins it.

    ``core`` (flat, of the model's block) are the voxels that the anchor itself vouches for. To a
    flat thing is added only what has its colours, as its plane goes on beyond it, and lies on its
    rectangle, if it hangs on a wall.
    None where the object is out of view, occluded, or not where the model says.
    """
    points, _ = model.centers()
    box = visible_box(frame, points)
    if box is None:
        return None
    noise_scale = segment.surface.noise_scale
    view = view_frame(frame, box, noise_scale, max_pixels)
    agreement = model_agreement(frame, points, noise_scale)
    if agreement < 0.25:
        return None
    index = np.full(view.valid.shape, -1, dtype=np.int64)
    index[view.valid] = model.index(view.points[view.valid])
    on_model = (index >= 0) & model.near(model.voxel + 0.01)[index]
    planes = settled(view, segment.background, on_model)
    standing = off_planes(view, planes)
    color = np.ascontiguousarray(frame.color[view.grid.slices])
    if segment.foot is not None:
        standing |= on_model & segment.foot.colors.alike(color)
    allowed = standing & (index >= 0) & core[index]
    asked = standing & ~allowed
    alike = segment.colors.alike(color)
    if segment.flat is not None:
        # depth noise blurs the model's rim along the plane; colour says where it ends
        core_pixels = cv2.erode(on_model.astype(np.uint8), np.ones((9, 9), np.uint8)) > 0
        raised = segment.flat.distance(view.points) > 2 * plane_tolerance(view.noise)
        own = alike | core_pixels | raised
        on_it = np.zeros_like(own)
        if segment.rectangle is not None:
            if segment.plain:
                on_it = segment.rectangle.contains(view.points)
            own = (own & segment.rectangle.may_contain(view.points, _OVER)) | on_it
        standing &= own
        allowed = standing & (allowed | on_it)
        asked &= standing & alike
    allowed[asked] = silhouette.allows(view.points[asked], alike[asked])
    on_model &= allowed
    if on_model.sum() < 10:
        return None
    if segment.flat is None:
        rest = _rest_of_regions(view, standing, allowed) & ~allowed
        rest[rest] = ~silhouette.denies(view.points[rest])
        allowed |= rest
    labels = linked_components(allowed, view.joined_right, view.joined_down)
    total = np.bincount(labels.ravel())
    hits = np.bincount(labels[on_model], minlength=total.size)
    hits[0] = 0
    good = (hits >= 5) & (hits > 0.15 * total)
    mask = good[labels]
    return Observation(view, mask, standing, alike, planes, agreement)


def settled(view: FrameView, background: tuple[Plane, ...], on_model: Bool) -> tuple[Plane, ...]:
    """The background planes moved to where this frame shows them."""
    rest = np.zeros_like(view.valid)
    rest[::2, ::2] = (view.valid & ~on_model)[::2, ::2]
    points, tolerance = view.points[rest], plane_tolerance(view.noise[rest])
    return tuple(settle(plane, points, tolerance, 0.03, 0.05) for plane in background)


def off_planes(view: FrameView, planes: tuple[Plane, ...]) -> Bool:
    """Pixels with a reading that is not of a background plane, nor beyond a one-sided one."""
    standing = view.valid.copy()
    tolerance = plane_tolerance(view.noise)
    for plane in planes:
        distance = plane.distance(view.points)
        standing &= (distance > tolerance) if plane.one_sided else (abs(distance) > tolerance)
    return standing


def _rest_of_regions(view: FrameView, standing: Bool, allowed: Bool, share: float = 0.7) -> Bool:
    """What is left of regions of which most is allowed: poses are off by more than the margin."""
    labels = linked_components(standing, view.joined_right, view.joined_down)
    total = np.bincount(labels.ravel())
    hits = np.bincount(labels[allowed], minlength=total.size)
    whole = hits > share * total
    whole[0] = False
    return np.asarray(whole[labels])


def model_agreement(frame: RgbdFrame, points: NDArray[np.float32], noise_scale: float) -> float:
    """Share of the model's visible points that the frame's depth confirms, 0 if all is hidden.

    A point before the reading by more than the noise contradicts it; one behind is hidden, as
    is the far side of the object.
    """
    seen = project(frame, points)
    rows, cols, z = seen.rows[seen.inside], seen.cols[seen.inside], seen.z[seen.inside]
    reading = frame.depth_m[rows, cols]
    has = reading > 0
    if has.sum() < 5:
        return 0.0
    difference = reading[has] - z[has]
    limit = 0.03 + 3 * noise_scale * 0.0019 * z[has] ** 2
    confirmed = int((np.abs(difference) <= limit).sum())
    contradicted = int((difference > limit).sum())
    if confirmed < 5:
        return 0.0
    return confirmed / (confirmed + contradicted)


def vote(model: VoxelModel, observations: list[Observation], silhouette: Silhouette) -> None:
    """Keep the voxels that most of the views that see them call the object.

    A view speaks for a voxel where its reading lies there and is in the mask; against it where
    the reading lies there but is not, or where it looks through to something behind. The anchor,
    where the prompt was given, has a veto on what it shows to be something else.
    """
    points, flat = model.centers()
    speaks_for = np.zeros(len(points), dtype=np.int32)
    against = np.zeros(len(points), dtype=np.int32)
    for item in observations:
        view = item.view
        grid = view.grid
        seen = project(view.frame, points)
        row, col = (seen.rows - grid.y0) // grid.stride, (seen.cols - grid.x0) // grid.stride
        h, w = view.valid.shape
        inside = seen.inside & (row >= 0) & (row < h) & (col >= 0) & (col < w)
        row, col = np.where(inside, row, 0), np.where(inside, col, 0)
        mask = cv2.dilate(item.mask.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
        reading = view.depth[row, col]
        difference = reading - seen.z
        limit = 2.5 * view.noise[row, col] + 1.5 * model.voxel + 0.01
        there = inside & (np.abs(difference) <= limit)
        through = inside & (difference > limit)
        in_mask = mask[row, col]
        speaks_for += there & in_mask
        against += (there & ~in_mask) | (through & ~in_mask)
    kept = (speaks_for > against) & ~silhouette.denies(points, strictly=True)
    if kept.any():
        model.keep(flat[kept])
