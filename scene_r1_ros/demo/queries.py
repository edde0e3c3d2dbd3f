"""What is asked in words: queries that mean one annotated object, and one that means none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..reasoning.query_text import clean_query
from .annotations import AnnotatedObject
from .prompts import visibility

TARGETS = 3
_FLAT = 0.15
"""Metres; what is thinner is flat."""
_ALIKE: tuple[frozenset[str], ...] = (
    frozenset({"sofa", "armchair", "chair", "office chair", "bench", "stool"}),
    frozenset(
        {"table", "round table", "coffee table", "side table", "desk", "nightstand", "bench"}
        | {"stool", "shoe rack"}
    ),
    frozenset({"cabinet", "dresser", "wardrobe", "bookshelf", "nightstand", "shoe rack"}),
    frozenset({"box", "basket", "trash can"}),
    frozenset({"mug", "bowl"}),
    frozenset({"monitor", "tv", "laptop"}),
    frozenset({"curtain", "towel"}),
    frozenset({"vase", "plant"}),
    frozenset({"picture", "mirror"}),
)
"""Kinds that one could call by the other's name, or take for the other from far away."""
_ABSENT = (
    *("the red bed", "the white bathtub", "the blue backpack", "the green chair"),
    *("the yellow trash can", "the brown desk", "the pink sofa"),
)
"""Asked, first of all that fit, of a room that has no such thing."""


@dataclass(frozen=True)
class DemoQuery:
    """A query in words; ``target`` is what it means.

    ``absent`` says that it means nothing that is there. Without both the truth is not known.
    """

    text: str
    target: AnnotatedObject | None = None
    absent: bool = False


def choose_queries(
    objects: Sequence[AnnotatedObject], width: int, height: int, targets: int = TARGETS
) -> tuple[DemoQuery, ...]:
    """Up to ``targets`` queries such as "the blue sofa", and one without a target.

    Taken are the objects on the floor that frames of this size show best, none of them flat (a
    rug's box says little), each of another kind, and only where nothing else in the room, seen or
    not, could be meant. Nothing is asked where no object is fit for it.
    """
    ranked = sorted(objects, key=lambda item: -visibility(item, width, height))
    chosen: dict[str, DemoQuery] = {}
    for item in ranked:
        shown = item.color and visibility(item, width, height) > 0
        solid = item.on_floor and min(item.box.size) >= _FLAT
        if shown and solid and item.label not in chosen and only_one(item, objects):
            chosen[item.label] = DemoQuery(_name(item), item)
    asked = list(chosen.values())[:targets]
    nothing = [text for text in _ABSENT if not any(_alike(text, o.label) for o in objects)]
    return (*asked, *(DemoQuery(text, absent=True) for text in nothing[:1] if asked))


def users_query(text: str, objects: Sequence[AnnotatedObject]) -> DemoQuery:
    """A user's query, with its target if it names just the colour and kind of one object.

    Raises:
        RequestError: if there are no words in it.
    """
    words = clean_query(text).lower().removeprefix("the ")
    named = [item for item in objects if item.color and words == f"{item.color} {item.label}"]
    target = named[0] if len(named) == 1 and only_one(named[0], objects) else None
    return DemoQuery(text, target)


def only_one(item: AnnotatedObject, objects: Sequence[AnnotatedObject]) -> bool:
    """Whether no other object has this colour and this kind or one that is much like it."""
    return not any(
        other is not item and other.color == item.color and _alike(item.label, other.label)
        for other in objects
    )


def _name(item: AnnotatedObject) -> str:
    return f"the {item.color} {item.label}"


def _alike(words: str, kind: str) -> bool:
    """Whether ``words``, a kind with or without its colour, could be said of ``kind``."""
    if words.split()[-1] == kind.split()[-1]:
        return True
    return any(
        kind in group and any(words == one or words.endswith(f" {one}") for one in group)
        for group in _ALIKE
    )
