"""Spatial relations between things, three-valued: True, False, or None where people would differ.

Positions are in the aligned frame, metres, z up. Distances between boxes are gaps; those
between things are measured in both ways in use (gap and centres) where a query depends on it.
"""

from __future__ import annotations

import math

import numpy as np

from .facts import Thing

FRONTED = frozenset(
    {
        *("sofa", "armchair", "desk", "cabinet", "dresser", "bookshelf", "wardrobe"),
        *("refrigerator", "stove", "bed", "tv", "washing machine", "sink", "toilet", "door"),
    }
)
"""Kinds that have a front, so that one can stand facing them."""
TABLES = frozenset({"table", "round table", "desk", "coffee table", "side table", "bench"})


def on(thing: Thing, below: Thing) -> bool | None:
    """The thing stands or lies on (or in) the other."""
    if thing.support == below.object_id:
        return True
    # on something that itself lies there, or a rug: people differ
    if _overlap(thing, below) > 0 and thing.low[2] > below.low[2] + 0.02:
        return False if thing.mounted else None
    if below.kind == "rug" and _overlap(thing, below) > 0:
        return None
    return False


def under(thing: Thing, above: Thing) -> bool | None:
    """The thing is on the floor, covered by the other."""
    covered = _overlap(thing, above)
    if covered <= 0 or thing.object_id == above.object_id:
        return False
    if above.kind in TABLES and thing.low[2] < 0.05 and thing.high[2] < above.high[2] - 0.1:
        if covered > 0.75 and thing.kind not in ("rug", "chair", "office chair"):
            return True
        return None
    # beneath a window or a picture: people differ
    return None if above.low[2] > 0.3 and thing.high[2] < above.high[2] else False


def above(thing: Thing, below: Thing) -> bool | None:
    """The thing hangs on the wall over the other."""
    if not thing.mounted or thing.low[2] < below.high[2] - 0.1 or below.mounted:
        return False
    apart = gap(thing, below, flat=True)
    side = max(_offset(thing, below))
    reach = max(below.size[0], below.size[1]) / 2
    if apart < 0.3 and side < 0.7 * reach:
        return True
    return False if apart > 0.8 or side > 1.5 * reach + 0.3 else None


def next_to(thing: Thing, other: Thing) -> bool | None:
    """Close beside each other: neither on, in, under nor above."""
    apart = gap(thing, other, flat=True)
    stacked = _overlap(thing, other) > 0 or _overlap(other, thing) > 0
    level = thing.low[2] < other.high[2] and other.low[2] < thing.high[2]
    if apart > 1.3:
        return False
    if stacked or not level or other.kind == "rug" or thing.kind == "rug":
        return None
    return True if apart < 0.4 else None


def between(thing: Thing, a: Thing, b: Thing) -> bool | None:
    """In the middle part of the way from one to the other."""
    p, start, end = (np.array(t.center[:2]) for t in (thing, a, b))
    way = end - start
    length = float(np.linalg.norm(way))
    if length < 0.9:
        return None
    along = float((p - start) @ way) / length**2
    aside = abs(float(way[0] * (p - start)[1] - way[1] * (p - start)[0])) / length
    if 0.28 < along < 0.72 and aside < 0.22 * length and not _touching(thing, a, b):
        return True
    return False if not 0.05 < along < 0.95 or aside > 0.5 * length else None


def beside(thing: Thing, other: Thing, side: str, viewer: tuple[float, float]) -> bool | None:
    """To the ``"left"`` or ``"right"`` of the other for a viewer at (x, y) who looks at it."""
    look = np.array(other.center[:2]) - np.array(viewer)
    look = look / max(float(np.linalg.norm(look)), 1e-9)
    left = np.array([-look[1], look[0]])
    d = np.array(thing.center[:2]) - np.array(other.center[:2])
    lateral = float(d @ left) * (1 if side == "left" else -1)
    depth = abs(float(d @ look))
    if lateral < 0:
        return False
    clear = max(0.4, 0.5 * min(max(other.size[:2]), 1.5))
    if lateral > clear and depth < 0.7 * lateral and lateral < 3.0:
        return True
    return None


def viewer_before(thing: Thing) -> tuple[float, float]:
    """Where somebody stands who faces the thing."""
    x, y = np.array(thing.center[:2]) + 2.0 * np.array(thing.front)
    return (float(x), float(y))


def gap(a: Thing, b: Thing, flat: bool = False) -> float:
    """Distance between two boxes, 0 if they touch; ``flat`` leaves height out."""
    axes = range(2 if flat else 3)
    return math.hypot(*(max(a.low[i] - b.high[i], b.low[i] - a.high[i], 0.0) for i in axes))


def distance(a: Thing, b: Thing) -> float:
    """Distance between two centres."""
    return math.dist(a.center, b.center)


def volume(thing: Thing) -> float:
    """Volume of the aligned box."""
    return math.prod(thing.size)


def _overlap(a: Thing, b: Thing) -> float:
    """Share of a's footprint that lies over b's."""
    spans = [min(a.high[i], b.high[i]) - max(a.low[i], b.low[i]) for i in range(2)]
    if min(spans) <= 0:
        return 0.0
    return spans[0] * spans[1] / max(a.size[0] * a.size[1], 1e-9)


def _offset(a: Thing, b: Thing) -> tuple[float, float]:
    return (abs(a.center[0] - b.center[0]), abs(a.center[1] - b.center[1]))


def _touching(thing: Thing, a: Thing, b: Thing) -> bool:
    return thing.object_id in (a.object_id, b.object_id) or thing.support in (
        a.object_id,
        b.object_id,
    )
