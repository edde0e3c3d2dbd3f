"""Queries as records of the benchmarks' own files.

Beyond the benchmarks' fields a record holds ``query_type``, the relation that it turns on.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from . import wording
from .choose import Query
from .facts import RoomFacts, Thing
from .words import covers, has_color

Record = dict[str, Any]

_VIEW_OR_PLACE = frozenset(
    {"left", "right", "on", "under", "above", "next_to", "between", "closest", "farthest"}
)


def query_type(query: Query) -> str:
    """The relation of a query, or "color", "pattern", "noun"."""
    target = query.form.target
    if query.form.relation:
        return query.form.relation
    return "pattern" if target.pattern else "color" if target.color else "noun"


def scanrefer(
    facts: RoomFacts, thing: Thing, query: Query, ann_id: int, rng: np.random.Generator
) -> Record:
    """A record of ``ScanRefer_filtered.json``."""
    text = wording.description(query.form, rng)
    return {
        "scene_id": facts.scene_id,
        "object_id": str(thing.object_id),
        "object_name": thing.kind.replace(" ", "_"),
        "ann_id": str(ann_id),
        "description": text,
        "token": wording.tokens(text),
        "query_type": query_type(query),
    }


def multi3drefer(
    facts: RoomFacts, query: Query, ann_id: int, eval_type: str, rng: np.random.Generator
) -> Record:
    """A record of Multi3DRefer; ``eval_type`` is zt_w_d, zt_wo_d, st_w_d, st_wo_d or mt."""
    if eval_type == "mt":
        text = wording.several(query.form, rng)
    else:
        text = wording.description(query.form, rng)
    return {
        "scene_id": facts.scene_id,
        "object_ids": list(query.targets),
        "object_name": query.form.target.noun.replace(" ", "_"),
        "ann_id": ann_id,
        "eval_type": eval_type,
        "description": text,
        "spatial": query.form.relation in _VIEW_OR_PLACE,
        "color": query.form.target.color is not None,
        "texture": query.form.target.pattern is not None,
        "shape": False,
        "query_type": query_type(query),
    }


def nr3d(
    facts: RoomFacts, thing: Thing, query: Query, number: int, rng: np.random.Generator
) -> Record:
    """A row of ``nr3d.csv``; values are as ``csv`` writes them."""
    text = wording.utterance(query.form, rng)
    others = [t.object_id for t in facts.things if t.kind == thing.kind and t is not thing]
    label = thing.kind.replace(" ", "_")
    ids = [thing.object_id, *others]
    stimulus = "-".join([facts.scene_id, label, str(len(ids)), *map(str, ids)])
    relation = query.form.relation
    return {
        "assignmentid": facts.seed * 1000 + number,
        "stimulus_id": stimulus,
        "utterance": text,
        "correct_guess": True,
        "speaker_id": 0,
        "listener_id": 1,
        "scan_id": facts.scene_id,
        "instance_type": thing.kind,
        "target_id": thing.object_id,
        "tokens": str(wording.tokens(text)),
        "dataset": "nr3d",
        "mentions_target_class": True,
        "uses_object_lang": bool(query.form.anchors),
        "uses_spatial_lang": relation in _VIEW_OR_PLACE,
        "uses_color_lang": query.form.target.color is not None,
        "uses_shape_lang": relation in ("largest", "smallest", "tallest"),
    }


def is_alone(facts: RoomFacts, thing: Thing) -> bool:
    """Whether no other thing could go by its noun."""
    return sum(t.kind in covers(thing.kind) for t in facts.things) == 1


def speaks_of_color(thing: Thing) -> bool:
    """Whether a question about the thing's colour has one answer."""
    return has_color(thing) and thing.kind not in ("bed", "plant", "bookshelf", "picture", "door")
