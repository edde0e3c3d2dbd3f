"""Which queries are asked of a room: forms whose meaning is clear, for one, several or no thing."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from scene_r1_ros.synthetic.kinds import KINDS, Place
from scene_r1_ros.synthetic.splits import allowed_colors

from .facts import RoomFacts, Thing
from .forms import Form, meaning
from .relations import FRONTED, TABLES
from .words import COLORLESS, PATTERNS, Description, covers, has_color

_ANCHORS = 6
_SKIP = frozenset({"window", "curtain"})


@dataclass(frozen=True)
class Query:
    """A form with the things it means: one, several, or none."""

    form: Form
    targets: tuple[int, ...]


def unique_queries(facts: RoomFacts, thing: Thing, rng: np.random.Generator) -> list[Query]:
    """Queries that mean ``thing`` and nothing else, in random order, of many forms."""
    found: dict[str | None, list[Query]] = {}
    for form in _forms_for(facts, thing, rng):
        what = meaning(form, facts)
        if what.clear and what.sure == {thing.object_id}:
            kind = form.relation or ("color" if form.target.color else None)
            found.setdefault(kind, []).append(Query(form, (thing.object_id,)))
    groups = list(found.values())
    for group in groups:
        rng.shuffle(group)  # type: ignore[arg-type]
    rng.shuffle(groups)  # type: ignore[arg-type]
    # one of each form first, so that no relation crowds out the others
    rounds = itertools.zip_longest(*groups)
    return [query for turn in rounds for query in turn if query is not None]


def several_queries(facts: RoomFacts, rng: np.random.Generator) -> list[Query]:
    """Queries that mean two or more things, all of them shown."""
    found = []
    for kind in sorted({t.kind for t in facts.things}):
        members = [t for t in facts.things if t.kind in covers(kind)]
        descriptions = [Description(kind)]
        descriptions += [
            Description(kind, color) for color in sorted({t.color for t in members if has_color(t)})
        ]
        for description in descriptions:
            form = Form(description)
            what = meaning(form, facts)
            if what.clear and 2 <= len(what.sure) <= 6 and what.sure <= facts.shown:
                found.append(Query(form, tuple(sorted(what.sure))))
    rng.shuffle(found)  # type: ignore[arg-type]
    return found


def empty_queries(facts: RoomFacts, rng: np.random.Generator) -> tuple[list[Query], list[Query]]:
    """Queries that mean nothing in the room: of a kind that is there, and of one that is not."""
    present = sorted({t.kind for t in facts.things if t.kind not in _SKIP})
    with_kind, without_kind = [], []
    for kind in present:
        if kind in COLORLESS:
            continue
        for color in rng.permutation(np.array(colors_of(facts, kind)))[:4]:
            with_kind.append(Query(Form(Description(kind, str(color))), ()))
        for anchor in _anchors(facts, None, rng):
            for relation in _plausible(kind, anchor.noun):
                with_kind.append(Query(Form(Description(kind), relation, (anchor,)), ()))
    for kind in KINDS:
        color = str(rng.choice(colors_of(facts, kind)))
        without_kind.append(Query(Form(Description(kind)), ()))
        if kind not in COLORLESS:
            without_kind.append(Query(Form(Description(kind, color)), ()))
    without_kind = [
        q
        for q in without_kind
        if not any(t.kind in covers(q.form.target.noun) for t in facts.things)
    ]
    sure = [q for q in with_kind if _means_nothing(q.form, facts)]
    rng.shuffle(sure)  # type: ignore[arg-type]
    rng.shuffle(without_kind)  # type: ignore[arg-type]
    return sure, without_kind


def names_of(facts: RoomFacts, thing: Thing) -> list[Description]:
    """Descriptions without a relation that mean only this thing, shortest first."""
    return [
        d
        for d in _descriptions(thing)
        if meaning(Form(d), facts).sure == frozenset({thing.object_id})
    ]


def colors_of(facts: RoomFacts, kind: str) -> tuple[str, ...]:
    """Colours of a kind that may be spoken of: a training room that denied a held-out pair would
    teach that it does not exist."""
    return allowed_colors(kind, KINDS[kind].colors, facts.seed)


def _plausible(kind: str, anchor: str) -> Iterator[str]:
    """Relations that the two kinds could be in, so that a false one is no nonsense."""
    if kind in KINDS[anchor].carries:
        yield "on"
    if anchor in TABLES and KINDS[kind].place is Place.FLOOR:
        yield "under"
    if KINDS[kind].place is Place.MOUNTED and kind != "door" and KINDS[anchor].place is Place.WALL:
        yield "above"
    if KINDS[kind].place in (Place.FLOOR, Place.SEAT, Place.WALL):
        yield "next_to"


def _means_nothing(form: Form, facts: RoomFacts) -> bool:
    what = meaning(form, facts)
    return what.clear and not what.sure


def _descriptions(thing: Thing) -> list[Description]:
    found = [Description(thing.kind)]
    if has_color(thing):
        found.append(Description(thing.kind, thing.color))
    if thing.texture in PATTERNS:
        found.append(Description(thing.kind, None, thing.texture))
        if has_color(thing):
            found.append(Description(thing.kind, thing.color, thing.texture))
    return found


def _forms_for(facts: RoomFacts, thing: Thing, rng: np.random.Generator) -> Iterator[Form]:
    descriptions = _descriptions(thing)
    yield from (Form(d) for d in descriptions)
    anchors = _anchors(facts, thing, rng)
    short = descriptions[:2]
    for d in short:
        for relation in ("largest", "smallest", "tallest"):
            yield Form(d, relation)
        for anchor in anchors:
            for relation in ("closest", "farthest", "on", "under", "above", "next_to"):
                yield Form(d, relation, (anchor,))
            if anchor.noun in FRONTED:
                for side in ("left", "right"):
                    yield Form(d, side, (anchor,))
            for other in anchors:
                if other.noun in ("door", "window", "bed") and other != anchor:
                    for side in ("left", "right"):
                        yield Form(d, side, (anchor,), other)
        for a, b in itertools.combinations(anchors, 2):
            yield Form(d, "between", (a, b))


def _anchors(facts: RoomFacts, thing: Thing | None, rng: np.random.Generator) -> list[Description]:
    """Some things that can be referred to by noun, or colour and noun, alone; larger ones first."""
    found = []
    others = [t for t in facts.things if t is not thing and t.object_id in facts.shown]
    others.sort(key=lambda t: -t.size[0] * t.size[1] * t.size[2])
    support = None if thing is None else thing.support
    for other in others:
        names = names_of(facts, other)
        if names:
            found.append((other.object_id == support, names[0]))
    front = [d for is_support, d in found if is_support]
    rest = [d for is_support, d in found if not is_support]
    keep = rest[:_ANCHORS]
    if len(rest) > _ANCHORS:
        keep += [rest[i] for i in rng.permutation(np.arange(_ANCHORS, len(rest)))[:2]]
    return front + keep
