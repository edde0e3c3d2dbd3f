"""Situated questions in the manner of SQA3D: where I stand and look decides the answer.

Positions and headings are in the aligned frame. ``rotation`` is a unit quaternion about z; with
the identity one looks along +y, so that the heading is y turned by it.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from scene_r1_ros.synthetic.room import inside

from . import wording
from .choose import names_of
from .facts import RoomFacts, Thing
from .relations import FRONTED
from .words import covers, plural

_STAND = 0.75
_AHEAD, _SIDE, _BACK = math.radians(40), math.radians(90), math.radians(180)
_WITHIN = math.radians(32)
_FAR = 3.5
_TYPES = ("what", "is", "how", "can", "which")
SEATS = frozenset({"chair", "office chair", "armchair", "sofa", "stool", "bench"})


@dataclass(frozen=True)
class Situation:
    """A place (x, y) and a heading, with the words for it."""

    text: str
    alternatives: tuple[str, str]
    position: tuple[float, float]
    heading: float

    def bearing(self, thing: Thing) -> float:
        """Angle to the thing's centre: 0 ahead, positive to the left, in -pi..pi."""
        dx, dy = thing.center[0] - self.position[0], thing.center[1] - self.position[1]
        return (math.atan2(dy, dx) - self.heading + math.pi) % (2 * math.pi) - math.pi

    def distance(self, thing: Thing) -> float:
        """Metres on the floor plan."""
        return math.dist(self.position, thing.center[:2])


def situated(
    facts: RoomFacts, rng: np.random.Generator, most: int
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """At most ``most`` questions of a room and their annotations, in SQA3D's two forms."""
    found = [(s, *rest) for s in _situations(facts, rng) for rest in _asked(facts, s, rng)]
    rng.shuffle(found)  # type: ignore[arg-type]
    # as many of each type as can be
    by_type = [[entry for entry in found if entry[1] == kind] for kind in _TYPES]
    turns = [entry for turn in itertools.zip_longest(*by_type) for entry in turn if entry]
    questions, annotations = [], []
    for i, (situation, kind, text, answer) in enumerate(turns[:most]):
        question_id = facts.seed * 1000 + i
        questions.append(
            {
                "scene_id": facts.scene_id,
                "situation": situation.text,
                "alternative_situation": list(situation.alternatives),
                "question": text,
                "question_id": question_id,
            }
        )
        half = (situation.heading - math.pi / 2) / 2
        x, y = situation.position
        turn = {"_x": 0.0, "_y": 0.0, "_z": math.sin(half), "_w": math.cos(half)}
        annotations.append(
            {
                "scene_id": facts.scene_id,
                "question_type": kind,
                "answer_type": "other",
                "question_id": question_id,
                "answers": [{"answer": answer, "answer_confidence": "yes", "answer_id": 1}],
                "rotation": turn,
                "position": {"x": x, "y": y, "z": 0.0},
            }
        )
    return questions, annotations


def _situations(facts: RoomFacts, rng: np.random.Generator) -> Iterator[Situation]:
    named = {t.object_id: names_of(facts, t) for t in facts.things if t.object_id in facts.shown}
    for thing in facts.things:
        names = named.get(thing.object_id)
        if not names or thing.kind not in FRONTED or thing.support is not None:
            continue
        front = np.array(thing.front)
        reach = abs(front) @ (np.array(thing.size[:2]) / 2) + _STAND
        place = np.array(thing.center[:2]) + front * reach
        if not inside(facts.outline, place, 0.2)[0] or _blocked(facts, place):
            continue
        what = wording.name(names[0], rng)
        x, y = place.tolist()
        towards, away = (math.atan2(s * front[1], s * front[0]) for s in (-1, 1))
        yield Situation(
            f"I am standing in front of the {what} and facing it.",
            (f"I stand right before the {what}, looking at it.", f"The {what} is ahead of me."),
            (x, y),
            towards,
        )
        yield Situation(
            f"I am standing in front of the {what} with my back to it.",
            (f"The {what} is right behind me.", f"I just turned away from the {what}."),
            (x, y),
            away,
        )


def _blocked(facts: RoomFacts, place: np.ndarray) -> bool:
    return any(
        t.low[0] < place[0] < t.high[0] and t.low[1] < place[1] < t.high[1]
        for t in facts.things
        if t.kind != "rug" and t.low[2] < 1.0
    )


def _asked(
    facts: RoomFacts, situation: Situation, rng: np.random.Generator
) -> Iterator[tuple[str, str, str]]:
    yield from _left_or_right(facts, situation, rng)
    yield from _behind(facts, situation, rng)
    yield from _closer(facts, situation, rng)
    yield from _sides(facts, situation)


def _left_or_right(
    facts: RoomFacts, s: Situation, rng: np.random.Generator
) -> Iterator[tuple[str, str, str]]:
    for thing, name in _sample_named(facts, rng, 2):
        angle = s.bearing(thing)
        if _AHEAD < abs(angle) < _BACK - _AHEAD and s.distance(thing) > 0.6:
            answer = "left" if angle > 0 else "right"
            yield "is", f"Is the {name} on my left or on my right?", answer


def _behind(
    facts: RoomFacts, s: Situation, rng: np.random.Generator
) -> Iterator[tuple[str, str, str]]:
    for thing, name in _sample_named(facts, rng, 2):
        angle = abs(s.bearing(thing))
        if s.distance(thing) > 0.8 and (angle > math.radians(135) or angle < math.radians(60)):
            yield "is", f"Is the {name} behind me?", "yes" if angle > _SIDE else "no"


def _closer(
    facts: RoomFacts, s: Situation, rng: np.random.Generator
) -> Iterator[tuple[str, str, str]]:
    pair = _sample_named(facts, rng, 2)
    if len(pair) == 2:
        (a, name_a), (b, name_b) = pair
        near, far = sorted((s.distance(a), s.distance(b)))
        if far > 1.4 * near + 0.3 and a.kind != b.kind:
            answer = a.kind if s.distance(a) < s.distance(b) else b.kind
            yield "which", f"Which is closer to me, the {name_a} or the {name_b}?", answer


def _sides(facts: RoomFacts, s: Situation) -> Iterator[tuple[str, str, str]]:
    for side, middle in (("left", _SIDE), ("right", -_SIDE)):
        offsets = {t.object_id: abs(s.bearing(t) - middle) for t in facts.things}
        near = [t for t in facts.things if s.distance(t) < _FAR]
        surely = [t for t in near if offsets[t.object_id] < _WITHIN]
        perhaps = [t for t in near if offsets[t.object_id] < 1.7 * _WITHIN]
        large = [t for t in perhaps if max(t.size) > 0.6 and t.kind != "rug"]
        if len(large) == 1 and large[0] in surely and large[0].object_id in facts.shown:
            yield "what", f"What piece of furniture is on my {side}?", large[0].kind
        seats = [t for t in perhaps if t.kind in SEATS]
        if all(t in surely and t.object_id in facts.shown for t in seats):
            text = f"Can I sit down on something to my {side}?"
            yield "can", text, "yes" if seats else "no"
    for kind in sorted({t.kind for t in facts.things}):
        members = [t for t in facts.things if t.kind in covers(kind)]
        angles = [abs(s.bearing(t)) for t in members]
        clear = all(a < math.radians(55) or a > math.radians(100) for a in angles)
        if len(members) > 1 and clear and all(t.object_id in facts.shown for t in members):
            count = sum(a < _SIDE for a in angles)
            if all(t.kind == kind for t in members):
                yield "how", f"How many {plural(kind)} are in front of me?", str(count)


def _sample_named(
    facts: RoomFacts, rng: np.random.Generator, count: int
) -> list[tuple[Thing, str]]:
    things = [t for t in facts.things if t.object_id in facts.shown]
    order = rng.permutation(len(things))
    found = []
    for i in order:
        names = names_of(facts, things[i])
        if names:
            found.append((things[i], wording.name(names[0], rng)))
        if len(found) == count:
            break
    return found
