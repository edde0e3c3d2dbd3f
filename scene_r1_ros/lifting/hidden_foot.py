"""Things whose foot no view shows: cut off by the image's border, or behind something nearer.

What stands on something shows how it ends there. Where the views that reach so far down end at the
border of their image or at something in front, and neither a surface nor empty space is seen under
the thing, it is taken to stand on the floor.
"""

from __future__ import annotations

from ..geometry import Box3D
from .beneath import seen_through, stands_higher
from .floor import Floor
from .mask_end import end_is_hidden
from .views import ObjectView

SHOWN = 0.2
"""Share of a mask's width along which a view must show where the thing ends: a table's legs are no
more."""
DEEPEST = 0.8
"""Metres that a thing may go on below what was seen of it; and no farther than twice the box's
largest side."""


def hidden_foot(box: Box3D, views: list[ObjectView], floor: Floor) -> float | None:
    """World z of the floor under what ``box`` is fitted to, if its lower end is hidden; None if a
    view shows it, if the floor is not seen or too far below, or if the thing stands or hangs
    higher."""
    if not end_is_hidden(box, views, SHOWN):
        return None
    height = floor.height(box)
    if height is None or not 0.03 < box.bottom - height < min(DEEPEST, 2 * max(box.size)):
        return None
    gap = (height + 0.08, box.bottom + 0.03)
    if stands_higher(box, gap, views, floor.window) or seen_through(box, gap, floor.window):
        return None
    return height
