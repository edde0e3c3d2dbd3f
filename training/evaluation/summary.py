"""One evaluation as one JSON object: figures, ceilings, budget, calibration, groups, costs."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..data.prepare_annotations import Annotation
from .breakdown import failing_stage, group_results, stage_budget, stage_counts, truth_groups
from .by_query import query_rows
from .calibration import calibration
from .figures import Figures, figures_of, intervals
from .rates import acc_name
from .run_scene import ORACLES, PIPELINE
from .scoring import Scored
from .truth import SceneTruth

Record = Mapping[str, Any]
_MAIN = {"multi3dref": "f1_25"}


def summarize(
    benchmark: str,
    split: str,
    annotations: Sequence[Annotation],
    scored: Mapping[str, Scored],
    records: Mapping[str, Mapping[str, Record]],
    truths: Mapping[str, SceneTruth],
    about: Mapping[str, Any],
    notes: Sequence[str] = (),
) -> dict[str, Any]:
    """The result of ``scene-r1 eval``; ``scored`` and ``records`` are by variant.

    The variant ``pipeline`` (or the prediction file) gives ``metrics``, the oracles ``ceilings``.
    """
    main = scored.get(PIPELINE)
    shown = main or next(iter(scored.values()), None)
    shown_name = PIPELINE if main else next(iter(scored), "")
    shown_records = records.get(shown_name, {})
    grounding = benchmark in ("scanrefer", "nr3d", "multi3dref", "rooms")
    stages = stages_of(annotations, shown, shown_records, truths) if grounding and shown else {}
    name = _MAIN.get(benchmark, acc_name(0.25))
    accuracy = {variant: result.metrics.get(name) for variant, result in scored.items()}
    counted = [item for item in annotations if item.object_ids or benchmark == "multi3dref"]
    unseen = _never_visible(counted, truths)
    all_notes = [*notes, *(shown.notes if shown else ())]
    if main is None:
        all_notes.append("No reasoner ran (--model none): there are ceilings, but no metrics.")
    figures = {v: _figures(benchmark, annotations, scored[v], records[v]) for v in scored}
    rooms = {item.key: item.scene_id for item in annotations}
    groups = {**truth_groups(annotations, truths), **(shown.groups if shown else {})}
    return {
        "benchmark": benchmark,
        "split": split,
        "n": len(annotations),
        "metrics": dict(main.metrics) if main else {},
        "ceilings": {v: dict(scored[v].metrics) for v in ORACLES if v in scored},
        "intervals": {v: intervals(found, rooms) for v, found in figures.items() if found},
        "by_query": query_rows(annotations, figures[shown_name]) if figures.get(shown_name) else [],
        "seconds": _seconds(shown_records.values()),
        "tokens": _tokens(shown_records.values()),
        "stages": stage_counts(stages),
        "stages_of": shown_name,
        "budget": stage_budget(accuracy, unseen) if grounding else {},
        "calibration": _calibrated(main, records.get(PIPELINE, {})),
        "groups": group_results(shown.value, shown.correct, groups) if shown else {},
        "failed": sum(bool(record.get("error")) for record in shown_records.values()),
        "notes": list(dict.fromkeys(all_notes)),
        "about": dict(about),
    }


def _figures(
    benchmark: str, annotations: Sequence[Annotation], scored: Scored, records: Mapping[str, Record]
) -> dict[str, Figures]:
    """By key; empty for benchmarks that do not ask for one box a sample."""
    if benchmark not in ("scanrefer", "rooms"):
        return {}
    return {
        item.key: figures_of(
            item, records[item.key], scored.value[item.key] if item.object_ids else None
        )
        for item in annotations
    }


def _never_visible(counted: Sequence[Annotation], truths: Mapping[str, SceneTruth]) -> float:
    """Share of the samples whose targets no frame shows; 0 where views are not known."""
    unseen = 0
    for item in counted:
        truth = truths.get(item.scene_id)
        known = bool(item.object_ids and truth and truth.views)
        unseen += known and truth is not None and not truth.seen(item.object_ids)
    return unseen / len(counted) if counted else 0.0


def stages_of(
    annotations: Sequence[Annotation],
    scored: Scored,
    records: Mapping[str, Record],
    truths: Mapping[str, SceneTruth],
) -> dict[str, str]:
    """The first failing stage of each grounding sample that was run (not of prediction files)."""
    found = {}
    for item in annotations:
        record = records.get(item.key)
        if record is None or ("seconds" not in record and "error" not in record):
            continue
        truth = truths.get(item.scene_id)
        visible = bool(truth and truth.seen(item.object_ids)) or not (truth and truth.views)
        found[item.key] = failing_stage(item, record, scored.value[item.key], visible)
    return found


def _calibrated(scored: Scored | None, records: Mapping[str, Record]) -> dict[str, Any]:
    if scored is None:
        return {}
    keys = [
        key
        for key, record in records.items()
        if record.get("confidence") is not None
        and record.get("found") is not False
        and key in scored.correct
    ]
    if not keys:
        return {}
    result = calibration(
        [float(records[key]["confidence"]) for key in keys], [scored.correct[key] for key in keys]
    )
    return dataclasses.asdict(result) | {"n": len(keys)}


def _seconds(records: Any) -> dict[str, Any]:
    """Median and 95th percentile of each stage, over the samples that report it."""
    stages: dict[str, list[float]] = {}
    for record in records:
        for stage, value in (record.get("seconds") or {}).items():
            stages.setdefault(stage, []).append(float(value))
    found: dict[str, Any] = {}
    for stage, values in stages.items():
        found[stage] = round(float(np.median(values)), 4)
        found[f"{stage}_p95"] = round(float(np.percentile(values, 95)), 4)
    return found


def _tokens(records: Any) -> dict[str, float]:
    kept = [record["tokens"] for record in records if record.get("tokens")]
    return {
        f"{name}_mean": float(np.mean([tokens.get(name, 0) for tokens in kept]))
        for name in ("in", "out")
        if kept
    }
