"""From a 2D box in one frame to the object's pixels: what stands out inside the box."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree

from ..errors import EmptyMaskError, NoDepthError
from ..frames import RgbdFrame
from ..geometry import BoxXyxy
from .background_planes import ScenePlane, plane_tolerance, scene_planes
from .depth_surface import DepthSurface, PixelGrid, fit_surface
from .planes import Plane
from .regions import Labels, connected_regions

Bool = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class AnchorSegment:
    """The object in the anchor frame.

    ``mask`` (h, w) on ``surface.grid`` is the object; ``occluder`` is what stands before it, so
    that the object may go on behind. ``background`` are the planes it stands on or before.
    ``box`` holds the prompt and the mask, in pixels.
    """

    surface: DepthSurface
    mask: Bool
    occluder: Bool
    background: tuple[Plane, ...]
    box: BoxXyxy


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
    mask = _object_regions(surface, off_plane, in_box, box)
    if mask is None or mask.sum() < 0.03 * in_box.sum():
        mask = _plane_patch(planes, in_box, mask)
    if mask is None:
        raise EmptyMaskError(
            f"nothing stands out in box {_text(box)}: no region of at least {MIN_REGION} pixels "
            "lies mostly inside it. Draw the box around one whole object."
        )
    occluder = _occluder(surface, mask, in_box)
    background = _supporting([p.plane for p in planes if p.background], surface, mask)
    return AnchorSegment(surface, mask, occluder, background, _union_box(box, mask, grid))


MIN_REGION = 12
"""Smallest region, in grid pixels, that can be an object."""


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
            on |= np.abs(item.plane.distance(surface.points)) < tolerance
    return on


def _object_regions(
    surface: DepthSurface, off_plane: Bool, in_box: Bool, box: BoxXyxy
) -> Bool | None:
    """The dominant region of the box and what belongs to it, or None."""
    labels = connected_regions(surface, off_plane, MIN_REGION, MIN_REGION)
    count = int(labels.max())
    if count == 0:
        return None
    total = np.bincount(labels.ravel(), minlength=count + 1).astype(float)
    inside = np.bincount(labels[in_box], minlength=count + 1).astype(float)
    share = inside / np.maximum(total, 1)
    weight = np.bincount(
        labels.ravel(), weights=(_centrality(surface, box) * in_box).ravel(), minlength=count + 1
    )
    score = weight * share
    score[0] = 0
    main = int(score.argmax())
    if inside[main] < MIN_REGION:
        return None
    accepted = _belonging(surface, labels, main, share, inside)
    mask = np.isin(labels, accepted)
    return _bounded(surface, mask, labels, share, in_box, box)


def _centrality(surface: DepthSurface, box: BoxXyxy) -> NDArray[np.float64]:
    h, w = surface.valid.shape
    grid = surface.grid
    u = (grid.x0 + grid.stride * np.arange(w) - (box[0] + box[2]) / 2) / (box[2] - box[0])
    v = (grid.y0 + grid.stride * np.arange(h) - (box[1] + box[3]) / 2) / (box[3] - box[1])
    return np.exp(-0.5 * (v[:, None] ** 2 + u[None, :] ** 2) / 0.3**2)


def _belonging(
    surface: DepthSurface,
    labels: Labels,
    main: int,
    share: NDArray[np.float64],
    inside: NDArray[np.float64],
) -> list[int]:
    """The main region and those inside the box that touch it in space, directly or in turn."""
    accepted = [main]
    points = {main: _sample(surface, labels == main)}
    extent = float(np.linalg.norm(np.ptp(points[main], axis=0)))
    noise = float(np.median(surface.noise[labels == main]))
    gap = max(0.02, 4 * noise, 0.04 * extent)
    open_ = [
        i for i in range(1, len(share)) if i != main and share[i] > 0.6 and inside[i] >= MIN_REGION
    ]
    frontier = [main]
    while frontier and open_:
        tree = cKDTree(np.concatenate([points[i] for i in frontier]))
        frontier = []
        for i in list(open_):
            points.setdefault(i, _sample(surface, labels == i))
            distances, _ = tree.query(points[i], distance_upper_bound=gap)
            if np.isfinite(distances).sum() >= 3:
                open_.remove(i)
                accepted.append(i)
                frontier.append(i)
    return accepted


def _sample(surface: DepthSurface, pixels: Bool, most: int = 1500) -> NDArray[np.float32]:
    points = surface.points[pixels]
    return points[:: max(1, len(points) // most)]


def _bounded(
    surface: DepthSurface,
    mask: Bool,
    labels: Labels,
    share: NDArray[np.float64],
    in_box: Bool,
    box: BoxXyxy,
) -> Bool:
    """Outside the box only what a box that cuts the object leaves out, on each side a part."""
    dx, dy = 0.35 * (box[2] - box[0]), 0.35 * (box[3] - box[1])
    near = surface.grid.inside((box[0] - dx, box[1] - dy, box[2] + dx, box[3] + dy), in_box.shape)
    mostly_inside = share > 0.5
    return mask & (in_box | (near & mostly_inside[labels]))


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


def _supporting(planes: list[Plane], surface: DepthSurface, mask: Bool) -> tuple[Plane, ...]:
    """The planes that the object stands on or before; not those that it lies in itself."""
    points, tolerance = surface.points[mask], plane_tolerance(surface.noise[mask])
    kept = []
    for plane in planes:
        distance = plane.distance(points)
        if float((np.abs(distance) < tolerance).mean()) < 0.5:
            beyond = float((distance < -2 * tolerance).mean())
            kept.append(Plane(plane.normal, plane.offset, one_sided=beyond < 0.05))
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
