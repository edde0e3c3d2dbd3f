"""Nothing leaves the generator unchecked: every query against the solver, every chain of thought
against the frames that it is shown with."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .facts import FrameView, RoomFacts, Thing
from .solver import MENTION, SolverScene, mention_of, solve
from .words import covers, has_color

Records = dict[str, list[dict[str, Any]]]

CHAINS = ("cold_start", "cold_start_views")
"""Kinds of records that are chains of thought."""
_QUOTED = re.compile(r'"[^"]*"')
_TIME = re.compile(r"\b(?:at|from) (\d+\.\d) s\b", re.IGNORECASE)


def solver_scene(facts: RoomFacts) -> SolverScene:
    """The facts as the solver takes them."""
    things = facts.things
    return SolverScene(
        np.array([t.object_id for t in things]),
        tuple(t.kind for t in things),
        tuple(t.color for t in things),
        tuple(t.texture for t in things),
        np.array([t.low for t in things]).reshape(-1, 3),
        np.array([t.high for t in things]).reshape(-1, 3),
        np.array([t.front for t in things]).reshape(-1, 2),
    )


def verified(records: Records, facts: RoomFacts) -> tuple[Records, int]:
    """The records that hold, and how many were dropped."""
    scene = solver_scene(facts)
    kept = dict(records)
    kept["scanrefer"] = [
        r for r in records["scanrefer"] if _solves(r["description"], {int(r["object_id"])}, scene)
    ]
    kept["multi3drefer"] = [
        r for r in records["multi3drefer"] if _solves(r["description"], r["object_ids"], scene)
    ]
    kept["nr3d"] = [r for r in records["nr3d"] if _solves(r["utterance"], {r["target_id"]}, scene)]
    for chains in CHAINS:
        if chains in records:
            kept[chains] = [
                r
                for r in records[chains]
                if (r["stage"] == 3 or _solves(r["query"], r["object_ids"], scene))
                and not chain_problems(r, facts)
            ]
    before, after = (sum(len(part) for part in one.values()) for one in (records, kept))
    return kept, before - after


def _solves(text: str, ids: Sequence[int] | set[int], scene: SolverScene) -> bool:
    try:
        return solve(text, scene) == set(ids)
    except ValueError:
        return False


def chain_problems(example: Mapping[str, Any], facts: RoomFacts) -> list[str]:
    """What a chain of thought says that its frames do not show; empty if all is well.

    Outside the quoted query every noun must be a thing that some frame shows; in a sentence with
    a time, that the frame of that time shows.
    """
    frames = [facts.views[i] for i in example["frames"]]
    think = example["completion"].split("</think>")[0]
    problems = []
    for sentence in re.split(r"(?<=[.])\s+(?=[A-Z])", _QUOTED.sub("", think)):
        times = _TIME.findall(sentence)
        shown = [f for f in frames if not times or _at(f, frames[0], float(times[0]))]
        if times and not shown:
            problems.append(f"no frame at {times[0]} s: {sentence}")
        for found in MENTION.finditer(sentence):
            mention = mention_of(found)
            things = (t for t in facts.things if _could_be(mention, t))
            if not any(f.shows(t.object_id) for t in things for f in shown):
                problems.append(f"{found[0]!r} is not shown: {sentence}")
    return problems


def _could_be(mention: Any, thing: Thing) -> bool:
    color = mention.color is None or not has_color(thing) or mention.color == thing.color
    pattern = mention.pattern is None or mention.pattern == thing.texture
    return thing.kind in covers(mention.noun) and color and pattern


def _at(frame: FrameView, first: FrameView, seconds: float) -> bool:
    return abs(frame.seconds - first.seconds - seconds) < 0.051
