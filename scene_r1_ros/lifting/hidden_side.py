"""Doors and pictures of which no view shows one side: cut off by the image's border, or hidden."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..geometry import Box3D, transform_points
from ..tracking.frame_view import readings_behind
from .floor import Floor
from .hidden_top import DOOR, FOOT, NARROWEST, SQUARE
from .views import ObjectView

WIDTH = 0.98
"""Metres: a leaf of 860 mm (DIN 18101) in its frame; a door of 34 inches with its casing."""
_LOWER = 0.2
"""Metres by which a door may be lower than :data:`~.hidden_top.DOOR`."""
_BESIDE = (0.04, 0.07, 0.1)
"""Metres beside a side at which it is looked whether a view shows what is there."""
_NEARER = 0.06
"""Metres by which what hides a place must be nearer."""
_SHOWN = 0.2
"""Share of the places beside a side that views show where they show the side."""


def with_hidden_side(box: Box3D, views: list[ObjectView], floor: Floor) -> Box3D:
    """A flat upright ``box`` on a wall of which no view shows one side: as wide as doors are if it
    begins and ends where they do, as wide as high, up to ``SQUARE``, if it hangs higher."""
    wide = int(np.argmax(box.size[:2]))
    height = floor.height(box, margin=0.05)
    if height is None:
        return box
    if box.bottom > height + FOOT:
        width = min(box.size[2], SQUARE)
    elif box.size[wide] > NARROWEST[0] and abs(box.top - height - DOOR) < _LOWER:
        width = WIDTH
    else:
        return box
    missing = width - box.size[wide]
    if missing <= 0:
        return box
    left, right = (_is_hidden(box, wide, side, views) for side in (-1, 1))
    if left == right:
        return box
    size, middle = list(box.size), np.zeros(3)
    size[wide] = width
    middle[wide] = missing / 2 * (1 if right else -1)
    x, y, z = (float(v) for v in transform_points(box.T_world_box, middle[None])[0])
    return Box3D((x, y, z), (size[0], size[1], size[2]), box.yaw)


def _is_hidden(box: Box3D, wide: int, side: int, views: list[ObjectView]) -> bool:
    """Whether no view shows what is beside a ``side`` (-1 or 1 along axis ``wide``)."""
    beside, up = np.meshgrid(_BESIDE, np.linspace(-0.4, 0.4, 9) * box.size[2])
    places = np.zeros((beside.size, 3))
    places[:, wide] = side * (box.size[wide] / 2 + beside.ravel())
    places[:, 2] = up.ravel()
    world: NDArray[np.float64] = transform_points(box.T_world_box, places)
    shown = np.zeros(len(world), dtype=bool)
    for view in views:
        shown |= readings_behind(view.frame, world - view.shift) > -_NEARER
    return bool(shown.mean() < _SHOWN)
