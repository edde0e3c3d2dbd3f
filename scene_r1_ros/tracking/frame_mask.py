"""The final mask of a frame: the model's pixels, cleaned, at the full size of the image."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from .background_planes import plane_tolerance
from .frame_view import FrameView, project
from .object_model import VoxelModel
from .planes import Plane
from .propagation import Observation

Bool = NDArray[np.bool_]


def final_mask(
    observation: Observation, model: VoxelModel, near: Bool, smallest: int = 8
) -> Bool | None:
    """The object in a frame, (H, W), or None if it is not seen.

    Readings on the model's surface, its foot on the background planes, and pixels without a
    reading that the model covers. ``near`` (flat, of the model's block) is where its surface
    may be.
    """
    view, standing = observation.view, observation.standing
    index = np.full(view.valid.shape, -1, dtype=np.int64)
    index[standing] = model.index(view.points[standing])
    mask = (index >= 0) & near[index]
    if mask.sum() < smallest:
        return None
    body = mask.copy()
    for plane in observation.planes:
        foot = _foot(view, plane, body)
        # beside a thing before a wall the wall behind it is seen, before its foot no floor is
        mask |= foot & observation.alike if plane.upright else foot
    mask |= _covered_holes(view, model)
    before = mask.copy()
    mask = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8)) > 0
    mask &= body | standing | ~view.valid | before
    mask = _small_holes_filled(mask)
    mask = _without_specks(mask, smallest)
    if not mask.any():
        return None
    return view.grid.full_size(mask, view.frame.depth_m.shape)


def _foot(view: FrameView, plane: Plane, body: Bool) -> Bool:
    """Pixels too near to a plane to be told from it by height, right under the object's side.

    Seen along the plane's normal they coincide with the part of the object just off the plane,
    as the lowest part of a wall or a leg does and the floor before it does not.
    """
    tolerance = plane_tolerance(view.noise)
    distance = plane.distance(view.points)
    low = body & (distance < 3 * tolerance + 0.02)
    close = view.valid & ~body & (np.abs(distance) < tolerance)
    if not low.any() or not close.any():
        return np.zeros_like(body)
    cell = max(0.006, 1.5 * float(np.median(view.noise[low])))
    base = np.floor(plane.within(view.points[low]) / cell).astype(np.int64)
    asked = np.floor(plane.within(view.points[close]) / cell).astype(np.int64)
    origin = base.min(axis=0)
    shape = base.max(axis=0) - origin + 1
    covered = np.zeros(shape, dtype=bool)
    covered[tuple((base - origin).T)] = True
    covered = ndimage.binary_closing(np.pad(covered, 2))[2:-2, 2:-2] | covered
    asked -= origin
    inside = ((asked >= 0) & (asked < shape)).all(axis=1)
    hit = np.zeros(len(asked), dtype=bool)
    hit[inside] = covered[tuple(asked[inside].T)]
    out = np.zeros_like(body)
    out[close] = hit
    return out


def _covered_holes(view: FrameView, model: VoxelModel) -> Bool:
    """Pixels without a reading onto which voxels project, not beside something nearer.

    Beside an edge the sensor's shadow leaves no reading on what is behind; where the nearest
    reading is of a nearer thing, the pixel may as well be that thing's.
    """
    grid = view.grid
    h, w = view.valid.shape
    points, _ = model.centers()
    seen = project(view.frame, points)
    row, col = (seen.rows - grid.y0) // grid.stride, (seen.cols - grid.x0) // grid.stride
    inside = seen.inside & (row >= 0) & (row < h) & (col >= 0) & (col < w)
    if not inside.any() or view.valid.all() or not view.valid.any():
        return np.zeros((h, w), dtype=bool)
    z = float(np.median(seen.z[inside]))
    footprint = view.frame.intrinsics.fx * model.voxel / z
    size = 2 * max(1, round(footprint / grid.stride * 0.6)) + 1
    nearest = np.full((h, w), np.inf, dtype=np.float32)
    np.minimum.at(nearest, (row[inside], col[inside]), seen.z[inside])
    window = np.ones((size, size), np.uint8)
    nearest = np.asarray(cv2.erode(nearest, window), dtype=np.float32)
    covered = cv2.dilate(np.isinf(nearest).astype(np.uint8), window) == 0
    index = ndimage.distance_transform_edt(~view.valid, return_distances=False, return_indices=True)
    beside = view.depth[index[0], index[1]]
    clear = ~(beside < nearest - 0.03 - 4 * view.noise)
    return covered & clear & ~view.valid


def _small_holes_filled(mask: Bool) -> Bool:
    filled = ndimage.binary_fill_holes(mask)
    holes, count = ndimage.label(filled & ~mask)
    sizes = np.bincount(holes.ravel(), minlength=count + 1)
    small = sizes <= max(4, 0.01 * mask.sum())
    small[0] = False
    return mask | small[holes]


def _without_specks(mask: Bool, smallest: int) -> Bool:
    labels, count = ndimage.label(mask, structure=np.ones((3, 3)))
    if count <= 1:
        return mask if mask.sum() >= smallest else np.zeros_like(mask)
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    keep = (sizes >= smallest) & (sizes >= 0.02 * sizes.max())
    return np.asarray(keep[labels])
