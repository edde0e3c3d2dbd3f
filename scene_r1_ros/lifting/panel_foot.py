"""The foot of a screen: a panel that stands by itself needs one, and masks miss it.

A plate that lies on a desk of its own colour gives no edge in depth, and few pixels.
"""

from __future__ import annotations

import numpy as np

from ..geometry import Box3D
from .floor import Floor

_THIN = 0.25
"""A panel is thinner than this share of its height, and wider than high."""
_DEPTH = 0.4
"""Depth of a foot as a share of the height: 18 to 20 cm for a monitor of 24 inches with its stand,
45 cm high."""
_RAISED = 0.2
"""Metres above the floor on which screens stand, at least; what is on the floor may be the lower
part of a door."""


def with_panel_foot(box: Box3D, floor: Floor) -> Box3D:
    """``box``, which was seen to stand on something, as deep as its foot if it is a panel on some
    furniture.

    The foot is taken to be in the middle of the panel, in front as far as behind.
    """
    thin = int(np.argmin(box.size[:2]))
    high = box.size[2]
    if box.size[thin] > _THIN * high or box.size[1 - thin] < high:
        return box
    lowest = floor.height()
    if lowest is not None and box.bottom < lowest + _RAISED:
        return box
    size = list(box.size)
    size[thin] = _DEPTH * high
    return Box3D(box.center, (size[0], size[1], size[2]), box.yaw)
