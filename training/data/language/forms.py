"""What a query means, apart from its words; which things fit it, and which might."""

from __future__ import annotations

from dataclasses import dataclass

from . import relations
from .facts import RoomFacts, Thing
from .words import Description

SELECTING = ("closest", "farthest", "largest", "smallest", "tallest")
"""Relations that pick one of the things described."""
_MARGIN = 1.25
_CLEAR = 0.2


@dataclass(frozen=True)
class Form:
    """The meaning of one query.

    ``relation`` is None, one of ``SELECTING``, or "on", "under", "above", "next_to", "between",
    "left", "right"; ``anchors`` are what it refers to; ``viewpoint`` is where left and right are
    seen from (None: by somebody who faces the anchor).
    """

    target: Description
    relation: str | None = None
    anchors: tuple[Description, ...] = ()
    viewpoint: Description | None = None


@dataclass(frozen=True)
class Meaning:
    """Ids of the things that surely fit, and of those that might."""

    sure: frozenset[int]
    maybe: frozenset[int]

    @property
    def clear(self) -> bool:
        """Nobody could argue."""
        return not self.maybe


UNCLEAR = Meaning(frozenset(), frozenset({-1}))


def meaning(form: Form, facts: RoomFacts) -> Meaning:
    """What fits ``form`` in the room. An anchor that is not unique makes everything unclear."""
    anchors = [_only(facts, d) for d in form.anchors]
    viewpoint = _only(facts, form.viewpoint) if form.viewpoint else None
    if any(a is None for a in anchors) or (form.viewpoint and viewpoint is None):
        return UNCLEAR
    known = [a for a in anchors if a is not None]
    apart = {t.object_id for t in (*known, viewpoint) if t is not None}
    candidates = [t for t in fitting(form.target, facts) if t.object_id not in apart]
    if form.relation is None:
        return Meaning(frozenset(t.object_id for t in candidates), frozenset())
    if form.relation in SELECTING:
        return _select(form.relation, candidates, known)
    sure, maybe = set(), set()
    for thing in candidates:
        holds = _holds(form.relation, thing, known, viewpoint)
        if holds:
            sure.add(thing.object_id)
        elif holds is None:
            maybe.add(thing.object_id)
    return Meaning(frozenset(sure), frozenset(maybe))


def fitting(description: Description, facts: RoomFacts) -> tuple[Thing, ...]:
    """The things that a description fits."""
    found = facts.described.get(description)
    if found is None:
        found = tuple(t for t in facts.things if description.fits(t))
        facts.described[description] = found
    return found


def _only(facts: RoomFacts, description: Description) -> Thing | None:
    found = fitting(description, facts)
    return found[0] if len(found) == 1 else None


def _holds(
    relation: str, thing: Thing, anchors: list[Thing], viewpoint: Thing | None
) -> bool | None:
    first = anchors[0]
    if relation in ("left", "right"):
        if viewpoint is None:
            eye = relations.viewer_before(first)
        else:
            eye = (viewpoint.center[0], viewpoint.center[1])
        return relations.beside(thing, first, relation, eye)
    if relation == "between":
        return relations.between(thing, first, anchors[1])
    test = {
        "on": relations.on,
        "under": relations.under,
        "above": relations.above,
        "next_to": relations.next_to,
    }[relation]
    return test(thing, first)


def _select(relation: str, candidates: list[Thing], anchors: list[Thing]) -> Meaning:
    """The one that leads clearly by every measure in use; without a clear leader all might fit."""
    if len(candidates) < 2:
        return UNCLEAR
    if relation in ("closest", "farthest"):
        anchor = anchors[0]
        measures = [
            [relations.gap(t, anchor) for t in candidates],
            [relations.distance(t, anchor) for t in candidates],
            [relations.gap(t, anchor, flat=True) for t in candidates],
        ]
        sign = 1.0 if relation == "closest" else -1.0
    else:
        measures = [
            [relations.volume(t) for t in candidates] if relation != "tallest" else [],
            [t.size[2] for t in candidates] if relation == "tallest" else [],
        ]
        measures = [m for m in measures if m]
        sign = 1.0 if relation == "smallest" else -1.0
    leaders = {_leader(values, sign, spatial=bool(anchors)) for values in measures}
    if len(leaders) != 1 or None in leaders:
        return Meaning(frozenset(), frozenset(t.object_id for t in candidates))
    (leader,) = leaders
    assert leader is not None
    return Meaning(frozenset({candidates[leader].object_id}), frozenset())


def _leader(values: list[float], sign: float, spatial: bool) -> int | None:
    order = sorted(range(len(values)), key=lambda i: sign * values[i])
    best, second = values[order[0]], values[order[1]]
    low, high = sorted((best, second))
    if spatial:
        return order[0] if high - low > max(_CLEAR, 0.12 * high) else None
    return order[0] if high > _MARGIN * low else None
