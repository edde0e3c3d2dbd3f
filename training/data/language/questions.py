"""Questions in the manner of ScanQA: colour, number, what is where; answers from the scene."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from . import wording
from .choose import colors_of, names_of, unique_queries
from .facts import RoomFacts, Thing
from .forms import Form, meaning
from .records import speaks_of_color
from .words import Description, article, covers, has_color, plural, say

_NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight")


def questions(facts: RoomFacts, rng: np.random.Generator, most: int) -> list[dict[str, Any]]:
    """At most ``most`` ScanQA records of a room, of mixed kinds."""
    makers: tuple[Callable[[RoomFacts, np.random.Generator], Iterator[Any]], ...]
    makers = (_colors, _numbers, _on_what, _what_on, _is_there)
    groups = []
    for make in makers:
        found = list(make(facts, rng))
        rng.shuffle(found)  # type: ignore[arg-type]
        groups.append(found)
    chosen: list[Any] = []
    while len(chosen) < most and any(groups):
        for group in groups:
            if group and len(chosen) < most:
                chosen.append(group.pop())
    return [
        {
            "scene_id": facts.scene_id,
            "question_id": f"{facts.scene_id}-q{i}",
            "question": text,
            "answers": answers,
            "object_ids": ids,
            "object_names": [facts.thing(j).kind for j in ids],
            "question_type": kind,
        }
        for i, (kind, text, answers, ids) in enumerate(chosen)
    ]


def _shown_things(facts: RoomFacts) -> list[Thing]:
    return [t for t in facts.things if t.object_id in facts.shown]


def _colors(facts: RoomFacts, rng: np.random.Generator) -> Iterator[Any]:
    for thing in _shown_things(facts):
        if not speaks_of_color(thing):
            continue
        for query in unique_queries(facts, thing, rng):
            if query.form.target.color is None:
                phrase = wording.noun_phrase(query.form, rng)
                start = ("what color is the", "what is the color of the")[int(rng.integers(2))]
                yield "color", f"{start} {phrase}?", [thing.color], [thing.object_id]
                break


def _numbers(facts: RoomFacts, rng: np.random.Generator) -> Iterator[Any]:
    for kind in sorted({t.kind for t in facts.things}):
        options = [Description(kind)]
        colors = {t.color for t in facts.things if t.kind == kind and has_color(t)}
        options += [Description(kind, c) for c in sorted(colors)]
        for description in options:
            what = meaning(Form(description), facts)
            # every one of them must have been seen to be counted, and only of this very kind
            plain = all(facts.thing(i).kind == kind for i in what.sure)
            if plain and what.sure <= facts.shown and 1 <= len(what.sure) <= 8:
                phrase = say(description, plural(kind))
                count = len(what.sure)
                if count == 1 and rng.random() < 0.75:
                    continue  # ones would outnumber everything else
                text = f"how many {phrase} are there in the room?"
                yield "number", text, [str(count), _NUMBERS[count]], sorted(what.sure)


def _on_what(facts: RoomFacts, rng: np.random.Generator) -> Iterator[Any]:
    for thing in _shown_things(facts):
        if thing.support is None or thing.support not in facts.shown:
            continue
        support = facts.thing(thing.support)
        names = names_of(facts, thing)
        if names and support.kind != "basket":
            answers = [f"on the {support.kind}", support.kind]
            if has_color(support):
                answers.append(f"on the {support.color} {support.kind}")
            text = f"where is the {wording.name(names[0], rng)}?"
            yield "place", text, answers, [thing.object_id]


def _what_on(facts: RoomFacts, rng: np.random.Generator) -> Iterator[Any]:
    for support in _shown_things(facts):
        lying = [t for t in facts.things if t.support == support.object_id]
        names = names_of(facts, support)
        if len(lying) != 1 or not names or lying[0].object_id not in facts.shown:
            continue
        item = lying[0]
        answers = [item.kind, article(item.kind)]
        if has_color(item):
            answers += [f"{item.color} {item.kind}", article(f"{item.color} {item.kind}")]
        where = "in" if support.kind == "basket" else "on top of"
        text = f"what is {where} the {wording.name(names[0], rng)}?"
        yield "object", text, answers, [item.object_id]


def _is_there(facts: RoomFacts, rng: np.random.Generator) -> Iterator[Any]:
    kinds = sorted({t.kind for t in facts.things if has_color(t)})
    for kind in kinds:
        members = [t for t in facts.things if t.kind in covers(kind)]
        thing = members[int(rng.integers(len(members)))]
        if thing.kind == kind and thing.object_id in facts.shown:
            phrase = article(f"{thing.color} {kind}")
            yield "exists", f"is there {phrase} in the room?", ["yes"], [thing.object_id]
        absent = str(rng.choice(colors_of(facts, kind)))
        if all(t.color != absent for t in members) and all(
            t.object_id in facts.shown for t in members
        ):
            phrase = article(f"{absent} {kind}")
            yield "exists", f"is there {phrase} in the room?", ["no"], []
