"""Chains of thought for the cold start, written from the true scene.

Everything that a chain says is true of the frames it is shown with: a thing is named only if one
of these frames shows it, a relation only if a frame shows both its things. The query is quoted
in quotation marks; outside them the rule holds without exception.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from .choose import Query
from .clips import Clip, best_frame, cut, spans
from .facts import FrameView, RoomFacts, Thing
from .forms import SELECTING, Form, meaning
from .wording import pick, relation_phrase
from .words import PATTERNS, article, covers, has_color

_IN_VIEW = ("There is {}.", "I can see {}.")
"""How a chain of stage 2 says that its view shows the target."""
_NOT_IN_VIEW = ("It is not in this view.", "Nothing in this view fits the query.")
"""How it says that it does not. As many ways as of the other: a model that says the likeliest
word would lean to what is said in fewer."""


def temporal(
    facts: RoomFacts, query: Query, text: str, rng: np.random.Generator, frames: Sequence[int]
) -> dict[str, Any] | None:
    """A stage 1 example: query and as many frames as one of ``frames`` says, to a span; None if no
    clip suits."""
    target = query.targets[0] if query.targets else None
    seen = facts.frames_of(target) if target is not None else []
    around = seen[int(rng.integers(len(seen)))] if seen else None
    clip = cut(facts, int(rng.choice(frames)), rng, around)
    runs = spans(clip, target) if target is not None else []
    if target is not None and max(map(len, runs), default=0) < 2:
        return None
    if target is None:
        think, answer = _nothing(facts, clip, text, rng), "not found"
    else:
        run = max(runs, key=lambda r: r[-1].seconds - r[0].seconds + 0.01 * len(r))
        start, end = clip.time(run[0]), clip.time(run[-1])
        think = _found(facts, clip, runs, run, query, text, rng)
        answer = f"{start:.1f} to {end:.1f}"
    return _example(facts, 1, query, text, think, answer, list(clip.frames))


def image(
    facts: RoomFacts, query: Query, text: str, rng: np.random.Generator
) -> dict[str, Any] | None:
    """A stage 2 example: query and one frame to a box; None if no frame shows the target.

    It does not say where in the view a thing is: what is said in words before it was looked for is
    often wrong, and the box then follows the words.
    """
    target = query.targets[0]
    seen = tuple(facts.frames_of(target))
    if not seen:
        return None
    best = best_frame(seen, target)
    enough = 0.3 * best.boxes[target][1]
    seen = tuple(f for f in seen if f.boxes[target][1] >= enough)
    frame = best if rng.random() < 0.5 else seen[int(rng.integers(len(seen)))]
    return _boxed(facts, query, text, frame, rng)


def anywhere(
    facts: RoomFacts, query: Query, text: str, rng: np.random.Generator
) -> dict[str, Any] | None:
    """A stage 2 example of any view of the recording, as frames that vote are asked: with a box if
    it shows the target, "not found" if it does not, whatever else it shows. None if every view
    shows too little of the target to say so.

    From one view alone nobody can always tell the target from another thing of its noun. Drawn
    evenly, such views teach how likely it is.
    """
    views = [v for v in facts.views if all(v.shows(i) for i in query.targets if i in v.boxes)]
    if not views:
        return None
    view = views[int(rng.integers(len(views)))]
    if any(view.shows(i) for i in query.targets):
        return _boxed(facts, query, text, view, rng)
    return _denied(facts, query, text, view, rng)


def _boxed(
    facts: RoomFacts, query: Query, text: str, frame: FrameView, rng: np.random.Generator
) -> dict[str, Any]:
    target = query.targets[0]
    thing = facts.thing(target)
    box = [round(v) for v in frame.boxes[target][0]]
    others = _largest(facts, frame, 3, {target})
    sentences = [_intro(text, rng)]
    if others:
        sentences.append(f"This view shows {_and([named(t) for t in others[:2]])}.")
    alike = [t for t in others if t.kind == thing.kind]
    what = named(thing)
    sentences.append(pick(_IN_VIEW, rng).format(what))
    relation = _visible_relation(facts, query, [frame], rng)
    if relation:
        sentences.append(f"It is {relation}, which fits.")
    if alike and query.form.target.color and alike[0].color != thing.color:
        sentences.append(f"The {alike[0].color} one is not meant.")
    answer = json.dumps({"bbox_2d": box, "label": thing.kind})
    return _example(facts, 2, query, text, " ".join(sentences), answer, [frame])


def absent(
    facts: RoomFacts, query: Query, text: str, rng: np.random.Generator
) -> dict[str, Any] | None:
    """A stage 2 example of a view that does not show what is asked for; None if there is none.

    Where the query means nothing in the room, views with a thing of the same noun come first:
    they tell looking from guessing. Where it means something, no thing of its noun is in view,
    or nobody could say from one view alone that it is another one.
    """
    alike = _alike(facts, query)
    near = [f for f in facts.views if any(f.shows(i) for i in alike)]
    if query.targets:
        barely = [f for f in facts.views if not any(i in f.boxes for i in alike)]
    else:
        barely = near or list(facts.views)
    barely = [f for f in barely if _largest(facts, f, 1, set())]
    if not barely:
        return None
    return _denied(facts, query, text, barely[int(rng.integers(len(barely)))], rng)


def _alike(facts: RoomFacts, query: Query) -> set[int]:
    """Everything that goes by the noun of what is asked for."""
    return {t.object_id for t in facts.things if t.kind in covers(query.form.target.noun)}


def _denied(
    facts: RoomFacts, query: Query, text: str, frame: FrameView, rng: np.random.Generator
) -> dict[str, Any]:
    alike = _alike(facts, query)
    things = _largest(facts, frame, 3, alike)
    things = [t for i in alike if frame.shows(i) for t in [facts.thing(i)]][:1] + things
    sentences = [_intro(text, rng)]
    if things:
        sentences.append(f"This view shows {_and([named(t) for t in things[:2]])}.")
    sentences.append(pick(_NOT_IN_VIEW, rng))
    return _example(facts, 2, query, text, " ".join(sentences), "not found", [frame])


def _example(
    facts: RoomFacts,
    stage: int,
    query: Query,
    text: str,
    think: str,
    answer: str,
    frames: list[FrameView],
) -> dict[str, Any]:
    return {
        "scene_id": facts.scene_id,
        "stage": stage,
        "query": text,
        "object_ids": list(query.targets),
        "frames": [f.number for f in frames],
        "stamps_ns": [f.stamp_ns for f in frames],
        "completion": f"<think>{think}</think><answer>{answer}</answer>",
    }


def _nothing(facts: RoomFacts, clip: Clip, text: str, rng: np.random.Generator) -> str:
    sentences = [_intro(text, rng)]
    for frame in _spread(clip.frames, 3):
        things = _largest(facts, frame, 2, set())
        if things:
            sentences.append(_glance(clip, frame, things, rng))
    end = (
        "None of the frames shows it.",
        "I went through all the frames, and it is in none of them.",
        "Nothing in these frames fits the query.",
    )
    return " ".join([*sentences, pick(end, rng)])


def _found(
    facts: RoomFacts,
    clip: Clip,
    runs: list[tuple[FrameView, ...]],
    run: tuple[FrameView, ...],
    query: Query,
    text: str,
    rng: np.random.Generator,
) -> str:
    target = facts.thing(query.targets[0])
    start, end = clip.time(run[0]), clip.time(run[-1])
    sentences = [_intro(text, rng)]
    before = [f for f in clip.frames if f.seconds < run[0].seconds]
    for frame in _spread(tuple(before), 2):
        things = _largest(facts, frame, 2, {target.object_id})
        if things:
            sentences.append(_glance(clip, frame, things, rng))
    what = named(target)
    first = (
        f"At {start:.1f} s {what} comes into view.",
        f"{what[0].upper()}{what[1:]} appears at {start:.1f} s.",
        f"From {start:.1f} s on I can see {what}.",
    )
    already = (f"{what[0].upper()}{what[1:]} is in view right from the start.",)
    sentences.append(pick(first if before else already, rng))
    relation = _visible_relation(facts, query, list(run), rng)
    if relation:
        sentences.append(pick((f"It is {relation}, as asked.", f"It is {relation}."), rng))
    sentences += _others_like_it(facts, clip, target, query, rng)
    if run[-1] == clip.frames[-1]:
        sentences.append("It stays in view until the end.")
    elif end > start:
        sentences.append(
            pick((f"It stays in view until {end:.1f} s.", f"I see it last at {end:.1f} s."), rng)
        )
    if len(runs) > 1:
        sentences.append("It is seen at another time too, but this is the longest stretch.")
    return " ".join(sentences)


def _others_like_it(
    facts: RoomFacts, clip: Clip, target: Thing, query: Query, rng: np.random.Generator
) -> list[str]:
    """A sentence on another thing of the kind that the clip shows, and why it is not the one."""
    for other in clip.things_shown(facts):
        if other.kind != target.kind or other.object_id == target.object_id:
            continue
        frame = next(f for f in clip.frames if f.shows(other.object_id))
        when = f"{clip.time(frame):.1f} s"
        if query.form.target.color and other.color != target.color and has_color(other):
            return [f"The {other.kind} at {when} is {other.color}, so it is not the one."]
        if query.form.relation:
            options = (
                f"There is another {other.kind} at {when}, but the description does not fit it.",
                f"The other {other.kind} at {when} is not the one described.",
            )
            return [pick(options, rng)]
    return []


def _intro(text: str, rng: np.random.Generator) -> str:
    quoted = f'"{text.rstrip(".")}"'
    options = (
        f"I am looking for {quoted}",
        f"The query is {quoted}",
        f"What is asked for: {quoted}",
        f"I have to find {quoted}",
    )
    return pick(options, rng) + "."


def _glance(clip: Clip, frame: FrameView, things: list[Thing], rng: np.random.Generator) -> str:
    when, what = f"{clip.time(frame):.1f} s", _and([named(t) for t in things])
    options = (
        f"At {when} I see {what}.",
        f"The frame at {when} shows {what}.",
        f"At {when} there is {what}.",
    )
    return pick(options, rng)


def _visible_relation(
    facts: RoomFacts, query: Query, frames: list[FrameView], rng: np.random.Generator
) -> str:
    """The relation in words if one of the frames shows everything that it is about."""
    form = query.form
    if not form.anchors:
        return ""
    parts = [*form.anchors, *([form.viewpoint] if form.viewpoint else [])]
    ids = [query.targets[0]]
    for part in parts:
        (one,) = meaning(Form(part), facts).sure
        ids.append(one)
    if not any(all(frame.shows(i) for i in ids) for frame in frames):
        return ""
    phrase = relation_phrase(form, rng)
    phrase = phrase.removeprefix("that is ").removeprefix("that hangs ")
    return f"the one {phrase}" if form.relation in SELECTING else phrase


def named(thing: Thing) -> str:
    """``"a red striped sofa"``: a thing as one sees it."""
    pattern = thing.texture if thing.texture in PATTERNS else None
    color = thing.color if has_color(thing) else None
    words = [w for w in (color, pattern, thing.kind) if w]
    return article(" ".join(words))


def _largest(facts: RoomFacts, frame: FrameView, count: int, without: set[int]) -> list[Thing]:
    """The things that cover most of a frame, one of each look."""
    shown = [
        (entry[1], i) for i, entry in frame.boxes.items() if frame.shows(i) and i not in without
    ]
    things: list[Thing] = []
    for _, i in sorted(shown, reverse=True):
        thing = facts.thing(i)
        if named(thing) not in [named(t) for t in things]:
            things.append(thing)
    same = Counter(named(facts.thing(i)) for _, i in shown)
    return [t for t in things if same[named(t)] == 1][:count]


def _spread(frames: tuple[FrameView, ...], count: int) -> list[FrameView]:
    if len(frames) <= count:
        return list(frames)
    return [frames[i * (len(frames) - 1) // max(1, count - 1)] for i in range(count)]


def _and(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
