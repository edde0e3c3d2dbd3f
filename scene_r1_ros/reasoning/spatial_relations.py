"""How well a relation holds between places in the room, from rough boxes in 3D.

Boxes that single views gave are off by decimetres, so no relation is true or false: each is a
degree 0..1, a product of logistic steps. Distances are metres, in the fixed frame (z up).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..geometry import Box3D, Float64
from .box_lift import agreement

DIRECTED = frozenset({"left", "right", "in_front", "behind"})
"""Relations that depend on where one stands."""
SELECTING = frozenset({"closest", "farthest", "largest", "smallest", "tallest"})
"""Relations that pick one of several: they hold for a place as far as no other is better."""

_CLEAR_M = 0.2
"""By how much a distance leads, about, for a lead to be believed."""
_CLEAR_LOG = 0.2
"""The same for a size, a difference of logarithms."""


def degrees(
    relation: str,
    things: Sequence[Box3D],
    presence: Float64,
    landmarks: Sequence[Box3D],
    others: Sequence[Box3D],
    eye: tuple[float, float],
) -> Float64:
    """How far each of ``things`` stands in ``relation`` to its landmarks, (n,) 0..1.

    ``presence`` (n,) 0..1 is how sure it is that there is such a thing at all. The landmarks and
    what else the query names are ``others`` than what is looked for: things that agree with one
    count little. ``eye`` as in :func:`degree`.
    """
    if not things:
        return np.zeros(0)
    apart = np.array([1.0 - max((_same(t, o) for o in others), default=0.0) for t in things])
    if relation in SELECTING:
        landmark = landmarks[0] if landmarks else None
        return apart * selected(relation, things, landmark, presence * apart)
    return apart * np.array([degree(relation, thing, landmarks, eye) for thing in things])


def degree(
    relation: str, thing: Box3D, landmarks: Sequence[Box3D], eye: tuple[float, float]
) -> float:
    """How far ``thing`` stands in ``relation`` to its landmarks, 0..1.

    ``eye`` (x, y) is where somebody stands who looks at the first landmark; it matters for those
    of :data:`DIRECTED`.

    Raises:
        KeyError: for a relation that is none of :data:`.spatial_query.PHRASES`, or one of
            :data:`SELECTING`, which compare several things.
    """
    landmark = landmarks[0]
    if relation == "between":
        return _between(thing, landmark, landmarks[1])
    beside = _beside(thing, landmark, eye)
    apart = gap(thing, landmark, flat=True)
    above = thing.center[2] - landmark.center[2]
    over = max(0.0, abs(above) - (thing.size[2] + landmark.size[2]) / 2)
    held = {
        "left": lambda: _towards(*beside),
        "right": lambda: _towards(-beside[0], beside[1]),
        "behind": lambda: _towards(beside[1], beside[0]),
        "in_front": lambda: _towards(-beside[1], beside[0]),
        "next_to": lambda: _step(0.7 - apart, 0.2),
        "in": lambda: _step(0.2 - apart, 0.1) * _step(0.15 - over, 0.1),
        "on": lambda: _step(0.2 - apart, 0.1) * _step(above, 0.1),
        "above": lambda: _step(0.3 - apart, 0.1) * _step(above, 0.1),
        "under": lambda: _step(0.3 - apart, 0.1) * _step(-above, 0.1),
    }
    return float(held[relation]())


def selected(
    relation: str, things: Sequence[Box3D], landmark: Box3D | None, presence: Float64
) -> Float64:
    """How far each of ``things`` is the one that a relation of :data:`SELECTING` picks, (n,) 0..1.

    ``prod over the others of (1 - presence * how surely that other is better)``: what may not be
    there at all (``presence``, (n,) 0..1) takes little from what is.
    """
    values = np.array([_measure(relation, thing, landmark) for thing in things])
    scale = _CLEAR_M if relation in ("closest", "farthest") else _CLEAR_LOG
    better = _step(values[:, None] - values[None], scale)
    np.fill_diagonal(better, 0.0)
    return np.prod(1.0 - presence[None] * better, axis=1)


def gap(a: Box3D, b: Box3D, flat: bool = False) -> float:
    """Distance between two boxes, 0 if they touch; ``flat`` leaves height out.

    Their sides are taken along the axes of the fixed frame, as rough boxes have them.
    """
    axes = range(2 if flat else 3)
    between = [abs(a.center[i] - b.center[i]) - (a.size[i] + b.size[i]) / 2 for i in axes]
    return math.hypot(*(max(0.0, apart) for apart in between))


def _measure(relation: str, thing: Box3D, landmark: Box3D | None) -> float:
    """What is smallest for the thing that is picked."""
    if relation in ("closest", "farthest"):
        assert landmark is not None
        # people measure from side to side and from middle to middle
        distance = (gap(thing, landmark) + math.dist(thing.center, landmark.center)) / 2
        return distance if relation == "closest" else -distance
    if relation == "tallest":
        return -math.log(thing.size[2] + 1e-3)
    # its two longer sides: how deep a flat thing seems is noise
    face = math.log(math.prod(sorted(thing.size)[1:]) + 1e-4)
    return face if relation == "smallest" else -face


def _same(a: Box3D, b: Box3D) -> float:
    """How likely two boxes are one thing, 0..1: in one place and of one size. A cushion in the
    middle of a sofa is not the sofa."""
    smaller, larger = sorted((a.volume + 1e-5, b.volume + 1e-5))
    return agreement(a, b) * math.sqrt(smaller / larger)


def _between(thing: Box3D, a: Box3D, b: Box3D) -> float:
    """In the middle part of the way from one to the other, seen from above."""
    start = np.array(a.center[:2])
    way = np.array(b.center[:2]) - start
    length = float(np.linalg.norm(way))
    if length < 0.3:
        return 0.0
    offset = np.array(thing.center[:2]) - start
    along = float(offset @ way) / length**2
    aside = abs(float(way[0] * offset[1] - way[1] * offset[0])) / length
    return float(_step(0.35 - abs(along - 0.5), 0.08) * _step(0.35 * length - aside, 0.15))


def _beside(thing: Box3D, landmark: Box3D, eye: tuple[float, float]) -> tuple[float, float]:
    """Metres to the left of the landmark and behind it, for who looks at it from ``eye``."""
    middle = np.array(landmark.center[:2])
    look = middle - np.array(eye)
    look = look / max(float(np.linalg.norm(look)), 1e-6)
    offset = np.array(thing.center[:2]) - middle
    return float(offset @ (-look[1], look[0])), float(offset @ look)


def _towards(along: float, across: float) -> float:
    """Clearly in one direction, and more so than across it."""
    clear, aside = along - 0.2, 1.2 * max(along, 0.0) - abs(across) + 0.3
    return float(_step(clear, 0.2) * _step(aside, 0.3))


def _step(x: ArrayLike, scale: float) -> Any:
    """The logistic function of ``x / scale``, which no number overflows."""
    return 0.5 + 0.5 * np.tanh(np.asarray(x) / (2.0 * scale))
