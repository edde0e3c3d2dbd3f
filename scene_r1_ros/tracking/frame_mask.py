"""The final mask of a frame: the model's pixels, cleaned, at the full size of the image."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from .frame_view import FrameView, project
from .object_model import VoxelModel
from .silhouette import full_size

Bool = NDArray[np.bool_]


def final_mask(
    view: FrameView, allowed: Bool, model: VoxelModel, near: Bool, smallest: int = 8
) -> Bool | None:
    """The object in a frame, (H, W), or None if it is not seen.

    Readings on the model's surface, and pixels without a reading that the model covers.
    """
    index = np.full(view.valid.shape, -1, dtype=np.int64)
    index[allowed] = model.index(view.points[allowed])
    mask = (index >= 0) & near[index]
    if mask.sum() < smallest:
        return None
    mask |= _covered_holes(view, model)
    mask = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8)) > 0
    mask &= allowed | ~view.valid | (index >= 0)
    mask = _small_holes_filled(mask)
    mask = _without_specks(mask, smallest)
    if not mask.any():
        return None
    grid = view.grid
    return full_size(mask, grid.stride, grid.slices, view.frame.depth_m.shape)


def _covered_holes(view: FrameView, model: VoxelModel) -> Bool:
    """Pixels without a reading onto which voxels project."""
    grid = view.grid
    h, w = view.valid.shape
    points, _ = model.centers()
    seen = project(view.frame, points)
    row, col = (seen.rows - grid.y0) // grid.stride, (seen.cols - grid.x0) // grid.stride
    inside = seen.inside & (row >= 0) & (row < h) & (col >= 0) & (col < w)
    covered = np.zeros((h, w), dtype=np.uint8)
    covered[row[inside], col[inside]] = 1
    if inside.any():
        footprint = view.frame.intrinsics.fx * model.voxel / float(np.median(seen.z[inside]))
        size = 2 * max(1, round(footprint / grid.stride * 0.6)) + 1
        covered = cv2.morphologyEx(covered, cv2.MORPH_CLOSE, np.ones((size, size), np.uint8))
    return (covered > 0) & ~view.valid


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
