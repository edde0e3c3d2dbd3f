"""All language of one room: what goes into the annotation files, by file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from scene_r1_ros.config import Config, option

from . import records
from .answering import answering
from .chains_of_room import ChainsOfRoom
from .choose import Query, empty_queries, several_queries, unique_queries
from .facts import RoomFacts
from .questions import questions
from .situations import situated
from .verify import verified

Records = dict[str, list[dict[str, Any]]]


@dataclass(frozen=True)
class LanguageConfig(Config):
    """How much is said of a room."""

    descriptions: int = option(2, "Descriptions of each object, at most.", minimum=0, maximum=20)
    questions: int = option(12, "Questions a room, at most, of each benchmark.", minimum=0)
    empty_share: float = option(
        0.25, "Queries without a target, as a share of those with one.", minimum=0.0, maximum=2.0
    )
    clip_frames: int = option(
        0, "Frames that a chain of thought over time is about; 0: 6 to 12, drawn.",
        minimum=0, maximum=64,
    )  # fmt: skip
    views: int = option(
        0, "Views drawn evenly of which further chains of thought ask each description.",
        minimum=0, maximum=64,
    )  # fmt: skip

    @property
    def frames(self) -> tuple[int, ...]:
        """How many frames a clip may have."""
        return (self.clip_frames,) if self.clip_frames else (6, 8, 10, 12)


def language_of(facts: RoomFacts, config: LanguageConfig | None = None) -> tuple[Records, int]:
    """Verified records by kind: "scanrefer", "multi3drefer", "nr3d", "scanqa", "sqa3d_questions",
    "sqa3d_annotations", "cold_start" (chains of thought) and, where views are asked for,
    "cold_start_views"; and how many were dropped."""
    config = config or LanguageConfig()
    rng = np.random.default_rng([facts.seed, 31])
    out: Records = {"scanrefer": [], "multi3drefer": [], "nr3d": [], "cold_start": []}
    chains = ChainsOfRoom(facts, config.frames, config.views)
    for thing in facts.things:
        if thing.object_id not in facts.shown or thing.kind in ("curtain", "rug"):
            continue
        chosen = unique_queries(facts, thing, rng)
        for ann_id, query in enumerate(chosen[: config.descriptions]):
            record = records.scanrefer(facts, thing, query, ann_id, rng)
            out["scanrefer"].append(record)
            chains.add(query, record["description"], rng)
        same = sum(t.kind == thing.kind for t in facts.things)
        if 2 <= same <= 6 and chosen:
            query = chosen[-1]
            out["nr3d"].append(records.nr3d(facts, thing, query, len(out["nr3d"]), rng))
    _add_multi(out, chains, facts, config, rng)
    out["cold_start"] = chains.chosen()
    if config.views:
        out["cold_start_views"] = chains.anywhere()
    out["scanqa"] = questions(facts, rng, config.questions)
    answers = (answering(facts, record, rng, config.frames) for record in out["scanqa"])
    out["cold_start"] += [example for example in answers if example is not None]
    out["sqa3d_questions"], out["sqa3d_annotations"] = situated(facts, rng, config.questions)
    return verified(out, facts)


def _add_multi(
    out: Records,
    chains: ChainsOfRoom,
    facts: RoomFacts,
    config: LanguageConfig,
    rng: np.random.Generator,
) -> None:
    several = several_queries(facts, rng)[: max(1, config.descriptions) * 2]
    count = round(config.empty_share * len(out["scanrefer"]))
    with_kind, without_kind = empty_queries(facts, rng)
    empty = [
        *((q, "zt_w_d") for q in with_kind[: count - count // 2]),
        *((q, "zt_wo_d") for q in without_kind[: count // 2]),
    ]
    single: list[tuple[Query, str]] = []
    for thing in facts.things:
        if thing.object_id in facts.shown and len(single) < len(several) + 2:
            found = unique_queries(facts, thing, rng)
            alone = records.is_alone(facts, thing)
            single += [(q, "st_wo_d" if alone else "st_w_d") for q in found[:1]]
    for query, eval_type in [*((q, "mt") for q in several), *single, *empty]:
        ann_id = len(out["multi3drefer"])
        record = records.multi3drefer(facts, query, ann_id, eval_type, rng)
        out["multi3drefer"].append(record)
        if eval_type.startswith("zt"):
            chains.add(query, record["description"], rng)
