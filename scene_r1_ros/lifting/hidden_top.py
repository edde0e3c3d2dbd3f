"""Doors, windows, pictures and tall furniture whose upper end no view shows: cut off by the image's
border.

A camera at hand's height that looks into a room sees the lower part of them. What is flat, upright
and wide, begins at the floor or, on a wall, where windows do, and goes on beyond the images is
taken to end where doors do: the heads of windows are set level with those of doors. Of what hangs
on a wall otherwise, a strip is seen that is wider than high, and it is taken to be a square. And
what stands on the floor, is no sheet and goes on above a metre is taken to be as high as bookcases
and refrigerators are.
"""

from __future__ import annotations

from ..geometry import Box3D
from .floor import Floor
from .mask_end import end_is_hidden
from .views import ObjectView
from .wall import THICKEST

DOOR = 2.04
"""Metres: a door of 80 inches, or of 1,985 mm in its frame (DIN 18101)."""
SHOWN = 0.5
"""Share of a mask's width along which a view must show where the thing ends: a leaf's lintel is
nearly all of it."""
FOOT = 0.15
"""Metres above the floor at which a door or a curtain begins, at most."""
SILL = 0.6, 1.15
"""Metres above the floor between which a window begins."""
LEAST = 0.5
"""Metres of its height that must be seen, of a window half so many; and no less than this share of
its width, of a window half of it."""
NARROWEST = 0.35, 0.8
"""Metres of width that a door's leaf or a curtain, and a window have at least."""
SQUARE = 0.55
"""Metres to which a picture goes on at most: they are 0.4 to 0.7 high, and as wide or wider."""
TALL, TALL_FROM, TALL_WIDE = 1.75, 0.95, 0.6
"""Metres: the height of tall furniture, and how much of it and of its width must be seen: of lower
furniture the top is seen. Refrigerators are 1.6 to 1.85 high, bookcases, wardrobes 1.6 to 2.1."""


def hidden_top(box: Box3D, views: list[ObjectView], floor: Floor, flat: bool) -> float | None:
    """World z at which the thing in ``box`` ends if no view shows its upper end, and it stands on
    the floor as doors or tall furniture do, or hangs ``flat`` on a wall; None of any other."""
    width, thickness = max(box.size[:2]), min(box.size[:2])
    if width < NARROWEST[0] or not end_is_hidden(box, views, SHOWN, above=True):
        return None
    height = floor.height(box, margin=0.05)
    if height is None or box.top > height + DOOR:
        return None
    begins, least = box.bottom - height, LEAST * max(1.0, width)
    if thickness > min(THICKEST + 0.04, box.size[2]):
        tall = not flat and begins < FOOT and width > TALL_WIDE and box.size[2] > TALL_FROM
        return max(box.top, height + TALL) if tall else None
    door = begins < FOOT and box.size[2] > least
    sill = flat and SILL[0] < begins < SILL[1] and width > NARROWEST[1] and box.size[2] > least / 2
    if door or sill:
        return height + DOOR
    return max(box.top, box.bottom + min(width, SQUARE)) if flat and begins > FOOT else None
