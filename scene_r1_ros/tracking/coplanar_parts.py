"""Parts that depth hides in a plane behind or below an object, and colour shows."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from .anchor_view import AnchorView, mask_bounds
from .background_planes import ScenePlane
from .color_cut import ColorModel, ColorPatch, patch_of
from .regions import MIN_REGION

Bool = NDArray[np.bool_]
WELL_FITTED = 0.75
"""IoU of the box with the bounds of what stands out in it, from which nothing else is sought."""
_BESIDE = 100
"""Pixels of a plane beside the box that tell its colours."""
_ALIKE = 12.0
"""How far apart the colours of a plate and its object are at most, L* counting half."""


def with_sheet(view: AnchorView, mask: Bool) -> tuple[Bool, ScenePlane | None]:
    """The mask with the sheet before a wall that makes it fill the box, and that wall: a bed's
    headboard, which depth hardly parts from the wall and colour does."""
    before = view.bounds_fit(mask & view.in_box)
    if before >= WELL_FITTED:
        return mask, None
    near = ndimage.binary_dilation(mask, iterations=4)
    best, fit, wall = mask, max(0.85, before + 0.15), None
    for item in view.background:
        if not item.plane.upright:
            continue
        patch = patch_of(view, item.inliers & ~mask)
        if patch is None or (patch.mask & near).sum() < MIN_REGION:
            continue
        whole = mask | (patch.mask & view.surface.valid)
        filled = view.bounds_fit(whole & view.in_box)
        if filled > fit:
            best, fit, wall = whole, filled, item
    return best, wall


def foot_plate(view: AnchorView, mask: Bool) -> ColorPatch | None:
    """The thin plate on which the object of ``mask`` stands, on the plane that it stands on: the
    foot of a monitor, a lamp, a fan. It begins where the mask ends below, has its colours, and
    makes it fill the box."""
    color, in_box = view.color, view.in_box
    top, bottom = view.box[1], view.box[3]
    if mask_bounds(mask, view.grid)[3] > bottom - 0.03 * (bottom - top):
        return None
    near = ndimage.binary_dilation(mask, iterations=4)
    lab = cv2.cvtColor(color, cv2.COLOR_RGB2LAB).astype(np.float64)
    best, fit = None, view.bounds_fit(mask & in_box) + 0.03
    for item in view.background:
        if not item.plane.horizontal:
            continue
        beside = item.inliers & ~in_box
        if beside.sum() < _BESIDE:
            continue
        plate = item.inliers & in_box & ~mask
        plate &= ColorModel.of(color, plate, beside, 8.0).alike(color)
        _, labels = cv2.connectedComponents(plate.astype(np.uint8))
        plate &= np.isin(labels, labels[near & plate])
        if not MIN_REGION <= plate.sum() <= 2 * mask.sum():
            continue
        apart = np.median(lab[plate], axis=0) - np.median(lab[mask], axis=0)
        if np.linalg.norm(apart * (0.5, 1.0, 1.0)) > _ALIKE:
            continue  # a shadow
        filled = view.bounds_fit((mask | plate) & in_box)
        if filled > fit:
            colors = ColorModel.of(color, plate, item.inliers & ~plate)
            best, fit = ColorPatch(plate, item.plane, colors, filled), filled
    return best
