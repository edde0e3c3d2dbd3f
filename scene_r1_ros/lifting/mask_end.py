"""Where a mask ends, above or below: at the thing's own end, or cut off.

A mask is cut off by the image's border and by what stands before the thing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..geometry import Box3D
from .views import ObjectView

ERRING = 0.2
"""Share of the views that may err: masks miss legs, and what is in shade."""
HIDDEN = 0.5
"""Share of the edges of all views that must be cut off."""
_STEP = 3
"""Pixels beyond a mask's edge at which it is looked what is there."""


@dataclass(frozen=True)
class MaskEnd:
    """Columns of a mask's lower or upper edge: all, those cut off, those that show the thing's own
    end; and how wide the mask is."""

    total: int = 0
    hidden: int = 0
    shown: int = 0
    width: int = 0


def end_is_hidden(
    box: Box3D, views: Sequence[ObjectView], share: float, above: bool = False
) -> bool:
    """Whether no view shows, along a ``share`` of its mask's width, how the thing in ``box`` ends
    below, or ``above``: about the last tenth of its height."""
    last = 0.05 + 0.1 * box.size[2]
    level = box.top - last if above else box.bottom + last
    ends = [mask_end(view, level, above) for view in views]
    showing = sum(end.shown >= share * end.width for end in ends if end.total)
    hidden, total = sum(end.hidden for end in ends), sum(end.total for end in ends)
    return showing <= ERRING * len(views) and hidden >= max(5, HIDDEN * total)


def mask_end(view: ObjectView, level: float, above: bool = False) -> MaskEnd:
    """The mask's lower edge where it lies below the world height ``level``, or its upper edge where
    it lies ``above``; nothing of a view that looks straight down or up."""
    T, camera = view.frame.T_world_camera, view.frame.intrinsics
    sign = -1.0 if above else 1.0
    out = sign * np.array([-T[2, 1], -T[2, 0]])  # of the image's rows and columns
    if np.linalg.norm(out) < 0.3:
        return MaskEnd()
    across, upwards = abs(out[1]) > abs(out[0]), out[np.argmax(np.abs(out))] < 0
    # a pixel's world height is that of the camera and so much for each metre of depth
    rise = T[2, 0] * (np.arange(camera.width) - camera.cx) / camera.fx + T[2, 2]
    rise = rise + T[2, 1] * (np.arange(camera.height)[:, None] - camera.cy) / camera.fy
    mask, depth, rise = (
        _turned(image, across, upwards) for image in (view.mask, view.frame.depth_m, rise)
    )
    # the outermost pixel of each column: what lies on a table leaves holes in it
    col = np.flatnonzero(mask.any(axis=0))
    row = len(mask) - 1 - mask[::-1, col].argmax(axis=0)
    z = depth[row, col]
    for back in range(1, 5):  # readings are missing along edges
        inside = np.maximum(row - back, 0)
        z = np.where((z > 0) | ~mask[inside, col], z, depth[inside, col])
    outer = (z > 0) & (sign * (rise[row, col] * z + T[2, 3] - level) < 0)
    last = len(depth) - 1
    cut = row + _STEP > last
    near, far = np.minimum(row + _STEP, last), np.minimum(row + 2 * _STEP, last)
    beyond, further = depth[near, col], depth[far, col]
    before = (beyond > 0) & (beyond < z - 0.04 - 0.01 * z**2)
    if not above:
        foot, lower = (rise[r, col] * d + T[2, 3] for r, d in ((near, beyond), (far, further)))
        upright = 0.5 * _STEP * beyond / camera.fy * float(np.linalg.norm(out))
        # what a thing stands on comes nearer below it as well, but lies level and no higher
        before &= (foot > level - 0.02) | (foot - lower > upright)
    hidden = cut | before
    shown = ~hidden & (beyond > 0)
    return MaskEnd(
        int(outer.sum()), int((outer & hidden).sum()), int((outer & shown).sum()), len(col)
    )


def _turned(image: NDArray, across: bool, upwards: bool) -> NDArray:  # type: ignore[type-arg]
    """The image with the way out of the mask along its rows."""
    image = image.T if across else image
    return image[::-1] if upwards else image
