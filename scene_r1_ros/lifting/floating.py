"""Things that seem to float: what carries them is too thin to be measured, as a lamp's pole is."""

from __future__ import annotations

import numpy as np

from ..geometry import Box3D
from .beneath import seen_through, stands_higher
from .floor import Floor
from .support import readings_beside
from .views import ObjectView

HANGING = 1.9
"""Metres over the floor from which on a thing may hang from the ceiling."""
LEAST = 0.3
"""Metres over the floor from which on a thing floats."""
PLATE = 0.3
"""What is thinner than this share of its width is a plate, and may be on a wall."""
CLOSE, TOUCHED = 0.08, 0.1
"""Nothing is seen beside it at the height of its lower end, give or take so many metres; or no more
than so large a share of what is seen beside it."""


def floating_foot(box: Box3D, views: list[ObjectView], floor: Floor) -> float | None:
    """World z of the floor under a thing that no surface carries and that is seen through below;
    None if it is not seen to float, or hangs so high that the ceiling may carry it."""
    if min(box.size[:2]) < PLATE * max(box.size[:2]):
        return None
    height = floor.height(box)
    if height is None or box.bottom < height + LEAST or box.top > height + HANGING:
        return None
    beside = readings_beside(box.grown(2, -2 * CLOSE), views)[:, 2]
    if (np.abs(beside - box.bottom) < CLOSE).sum() > TOUCHED * len(beside):
        return None
    if stands_higher(box, (height + 0.08, box.bottom + 0.03), views, floor.window):
        return None
    through = seen_through(box, (height + 0.08, box.bottom - 0.03), floor.window)
    return height if through else None
