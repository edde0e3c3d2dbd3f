"""Chains of thought that answer a question, under the same rule as those of ``reasoning``: what
is named is shown, and a question is left out where a clip does not show enough to answer it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .clips import Clip, cut
from .facts import FrameView, RoomFacts, Thing
from .reasoning import named
from .wording import pick


def answering(
    facts: RoomFacts, record: dict[str, Any], rng: np.random.Generator, frames: Sequence[int]
) -> dict[str, Any] | None:
    """A stage 3 example of a ScanQA record; None if no clip shows what it takes."""
    ids = record["object_ids"]
    if not ids or record["question_type"] == "exists":
        return None
    things = [facts.thing(i) for i in ids]
    if record["question_type"] == "place":
        support = things[0].support
        assert support is not None
        things.append(facts.thing(support))
    around = _frame_with(facts, things if record["question_type"] == "place" else things[:1])
    if around is None:
        return None
    whole = record["question_type"] == "number"
    clip = _whole(facts, max(frames)) if whole else cut(facts, int(rng.choice(frames)), rng, around)
    seen = {t.object_id: [f for f in clip.frames if f.shows(t.object_id)] for t in things}
    if not all(seen.values()):
        return None
    write = {"color": _color, "number": _number, "place": _place, "object": _object}
    said = write[record["question_type"]](clip, things, seen, rng)
    if said is None:
        return None
    start = (
        f'The question is "{record["question"]}"',
        f'I am asked "{record["question"]}"',
        f'To answer: "{record["question"]}"',
    )
    completion = f"<think>{pick(start, rng)}. {said}</think><answer>{record['answers'][0]}</answer>"
    return {
        "scene_id": facts.scene_id,
        "stage": 3,
        "query": record["question"],
        "question_id": record["question_id"],
        "object_ids": list(ids),
        "frames": [f.number for f in clip.frames],
        "stamps_ns": [f.stamp_ns for f in clip.frames],
        "completion": completion,
    }


Seen = dict[int, list[FrameView]]


def _color(clip: Clip, things: list[Thing], seen: Seen, rng: np.random.Generator) -> str:
    (thing,) = things
    frame = _clearest(seen[thing.object_id], thing)
    end = (f"Its color is {thing.color}.", f"So it is {thing.color}.", f"It looks {thing.color}.")
    return f"{_sight(clip, frame, named(thing), rng)} {pick(end, rng)}"


def _number(clip: Clip, things: list[Thing], seen: Seen, rng: np.random.Generator) -> str:
    groups: dict[float, list[Thing]] = {}
    for thing in things:
        frame = _clearest(seen[thing.object_id], thing)
        groups.setdefault(clip.time(frame), []).append(thing)
    parts = []
    for time in sorted(groups):
        parts.append(f"At {time:.1f} s I count {_listed(groups[time])}.")
    total = len(things)
    end = (f"That makes {total} in all.", f"Together that is {total}.", f"The number is {total}.")
    return " ".join([*parts, pick(end, rng)])


def _place(clip: Clip, things: list[Thing], seen: Seen, rng: np.random.Generator) -> str | None:
    thing, support = things
    both = [f for f in seen[thing.object_id] if f.shows(support.object_id)]
    if not both:
        return None
    frame = _clearest(both, thing)
    return f"{_sight(clip, frame, named(thing), rng)} It is on {named(support)}."


def _object(clip: Clip, things: list[Thing], seen: Seen, rng: np.random.Generator) -> str:
    (thing,) = things
    frame = _clearest(seen[thing.object_id], thing)
    return f"At {clip.time(frame):.1f} s I see what is there: {named(thing)}."


def _sight(clip: Clip, frame: FrameView, what: str, rng: np.random.Generator) -> str:
    when = f"{clip.time(frame):.1f} s"
    options = (
        f"At {when} I see {what}, which is meant.",
        f"The frame at {when} shows it best: {what}.",
        f"At {when} there is {what}, the one in question.",
    )
    return pick(options, rng)


def _listed(things: list[Thing]) -> str:
    names = [named(t) for t in things]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _clearest(frames: list[FrameView], thing: Thing) -> FrameView:
    return max(frames, key=lambda f: f.boxes[thing.object_id][1])


def _frame_with(facts: RoomFacts, things: list[Thing]) -> FrameView | None:
    frames = [f for f in facts.views if all(f.shows(t.object_id) for t in things)]
    return max(frames, key=lambda f: f.boxes[things[0].object_id][1], default=None)


def _whole(facts: RoomFacts, most: int) -> Clip:
    """The recording from beginning to end, in at most ``most`` frames."""
    count = min(most, len(facts.views))
    picks = np.linspace(0, len(facts.views) - 1, count).round().astype(int)
    return Clip(tuple(facts.views[i] for i in np.unique(picks)))
