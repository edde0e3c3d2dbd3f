"""Doors and pictures of which no view shows one side: cut off by the image's border, or hidden."""

from __future__ import annotations

import numpy as np

from ..geometry import Box3D, transform_points
from .floor import Floor
from .hidden_top import DOOR, FOOT, NARROWEST, SQUARE
from .views import ObjectView, open_places

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
    return box.grown(wide, missing if right else -missing)


def _is_hidden(box: Box3D, wide: int, side: int, views: list[ObjectView]) -> bool:
    """Whether no view shows what is beside a ``side`` (-1 or 1 along axis ``wide``)."""
    beside, up = np.meshgrid(_BESIDE, np.linspace(-0.4, 0.4, 9) * box.size[2])
    places = np.zeros((beside.size, 3))
    places[:, wide] = side * (box.size[wide] / 2 + beside.ravel())
    places[:, 2] = up.ravel()
    shown = open_places(transform_points(box.T_world_box, places), views, -_NEARER)
    return bool(shown.mean() < _SHOWN)
