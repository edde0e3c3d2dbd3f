"""One benchmark from start to end: samples, predictions or a run, scores, JSON and page."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scene_r1_ros.errors import ConfigError, SceneR1Error

from ..data.prepare_annotations import Annotation, read_annotations
from .boxes import Aabb, aabb_from_record
from .by_query import COLUMNS
from .classes import ClassMap
from .errors import EvaluationError
from .models import parse_settings, prompts_note, resolve_model
from .predictions import match_predictions, read_records
from .report_page import Case, Table, write_page
from .report_pictures import sample_picture
from .run import ResultFile, choose, run_variants, with_missing
from .run_scene import NEEDS_MODEL, ORACLES, PIPELINE, QUESTIONS
from .scoring import Scored, score
from .summary import stages_of, summarize
from .truth import SceneTruth, load_truth

GROUNDING = ("scanrefer", "nr3d", "multi3dref")
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class EvalOptions:
    """What is evaluated, with what, and where the results go.

    ``data`` is a prepared data set; questions with a prediction file need none. ``oracles`` are
    the ceilings that are run besides; None: all of them with a run, none with a prediction file.
    """

    benchmark: str
    annotations: Path
    out: Path
    data: Path | None = None
    predictions: Path | None = None
    label_map: Path | None = None
    model: str = "none"
    settings: tuple[str, ...] = ()
    tracker: str = "auto"
    oracles: tuple[str, ...] | None = None
    split: str = ""
    subset: tuple[str, ...] | None = None
    limit: int = 0
    nr3d_all: bool = False
    scan2cap_tokens: bool = False
    max_frames: int = 240
    engine: str = "local"
    jobs: int = 1
    address: str | None = None
    worst: int = 8
    about: Mapping[str, Any] = field(default_factory=dict)


def evaluate(options: EvalOptions, on_progress: Progress | None = None) -> dict[str, Any]:
    """Evaluate; writes ``summary.json``, ``index.html`` (and ``results.jsonl`` of a run).

    Raises:
        SceneR1Error: saying what is missing, malformed or does not fit.
    """
    options = dataclasses.replace(options, model=resolve_model(options.model))
    parse_settings(options.settings)
    whole = _samples(options)
    chosen = choose(whole, options.subset, options.limit)
    truths = _truths(options, chosen)
    records = _records(options, whole, chosen, on_progress)
    classes = ClassMap.own_names() if options.benchmark == "rooms" else None
    if options.label_map is not None:
        classes = ClassMap.from_tsv(options.label_map)
    scored = {
        variant: score(
            options.benchmark,
            chosen,
            found,
            truths,
            whole_split=whole,
            classes=classes,
            scan2cap_tokens=options.scan2cap_tokens,
        )
        for variant, found in records.items()
    }
    about = {
        "predictions": options.predictions and str(options.predictions),
        "model": None if options.predictions else options.model,
        "prompts": None if options.predictions else prompts_note(options.model, options.settings),
        "data": options.data and str(options.data),
        **options.about,
    }
    summary = summarize(options.benchmark, options.split, chosen, scored, records, truths, about)
    _write(options, summary, chosen, scored, records, truths)
    return summary


def _samples(options: EvalOptions) -> list[Annotation]:
    everything = read_annotations(options.annotations, options.nr3d_all)
    if options.benchmark == "rooms":
        found = room_queries(everything)
    else:
        wanted = "scanrefer" if options.benchmark == "caption" else options.benchmark
        found = [item for item in everything if item.benchmark == wanted]
    if not found:
        raise EvaluationError(f"{options.annotations} holds no annotation of {options.benchmark}.")
    return found


def room_queries(annotations: Sequence[Annotation]) -> list[Annotation]:
    """Descriptions of one object each, and the queries that nothing in the room fits."""
    return [
        item
        for item in annotations
        if item.benchmark == "scanrefer" or (item.benchmark == "multi3dref" and not item.object_ids)
    ]


def _truths(options: EvalOptions, chosen: Sequence[Annotation]) -> dict[str, SceneTruth]:
    if options.data is None:
        if options.benchmark in QUESTIONS and options.predictions is not None:
            return {}
        raise ConfigError(
            f"eval {options.benchmark} needs --data, the folder that scene-r1 prepare made."
        )
    need = options.predictions is None and options.benchmark not in QUESTIONS
    scenes = dict.fromkeys(item.scene_id for item in chosen)
    if options.benchmark in QUESTIONS:
        found = {}
        for scene in scenes:
            try:
                found[scene] = load_truth(options.data, scene, need_views=False)
            except SceneR1Error:
                continue  # questions are scored without boxes
        return found
    return {scene: load_truth(options.data, scene, need_views=need) for scene in scenes}


def _records(
    options: EvalOptions,
    whole: Sequence[Annotation],
    chosen: Sequence[Annotation],
    on_progress: Progress | None,
) -> dict[str, dict[str, Any]]:
    records: dict[str, dict[str, Any]] = {}
    variants: list[str] = []
    if options.predictions is not None:
        asked = dict.fromkeys(_prediction_key(options.benchmark, item) for item in chosen)
        rest = frozenset(_prediction_key(options.benchmark, i) for i in whole) - asked.keys()
        found = read_records(options.predictions)
        records[PIPELINE] = match_predictions(options.benchmark, found, list(asked), rest)
    elif options.benchmark == "caption":
        raise ConfigError(
            "the pipeline does not write captions; eval caption scores a file, --predictions."
        )
    elif options.model != "none":
        variants.append(PIPELINE)
    elif options.benchmark in QUESTIONS:
        raise ConfigError(
            f"eval {options.benchmark} needs --predictions, or --model to answer the questions."
        )
    if options.benchmark in GROUNDING or options.benchmark == "rooms":
        oracles = options.oracles
        if oracles is None:
            oracles = () if options.predictions is not None else ORACLES
        variants += [name for name in oracles if options.model != "none" or name not in NEEDS_MODEL]
    if not variants:
        return records
    if options.data is None:
        raise ConfigError("running the pipeline needs --data.")
    run = {
        "benchmark": options.benchmark,
        "data": str(options.data),
        "model": options.model,
        "tracker": options.tracker,
        "max_frames": options.max_frames,
        "settings": list(options.settings),
    }
    results = ResultFile(options.out / "results.jsonl", run)
    total = len(chosen) * len(variants)
    done = sum((v, item.key) in results.records for v in variants for item in chosen)

    def advance(count: int) -> None:
        nonlocal done
        done += count
        if on_progress is not None:
            on_progress(done, total)

    advance(0)
    failed = run_variants(
        results,
        chosen,
        variants,
        data=options.data,
        model=options.model,
        tracker=options.tracker,
        max_frames=options.max_frames,
        settings=options.settings,
        engine=options.engine,
        jobs=options.jobs,
        address=options.address,
        on_done=advance,
    )
    for variant in variants:
        kept = with_missing(results.of(variant), chosen, failed)
        records[variant] = {record["key"]: {"variant": variant} | record for record in kept}
    return records


def _prediction_key(benchmark: str, item: Annotation) -> str:
    return f"{item.scene_id}|{item.object_ids[0]}" if benchmark == "caption" else item.key


def _write(
    options: EvalOptions,
    summary: Mapping[str, Any],
    chosen: Sequence[Annotation],
    scored: Mapping[str, Scored],
    records: Mapping[str, Mapping[str, Any]],
    truths: Mapping[str, SceneTruth],
) -> None:
    options.out.mkdir(parents=True, exist_ok=True)
    text = json.dumps(summary, indent=1, default=float) + "\n"
    (options.out / "summary.json").write_text(text, encoding="utf-8")
    name = summary["stages_of"] or next(iter(scored))
    shown, found = scored[name], records[name]
    stages = stages_of(chosen, shown, found, truths) if summary["stages"] else {}
    worst = sorted(
        (item for item in chosen if not shown.correct.get(item.key, True)),
        key=lambda item: shown.value[item.key],
    )
    cases = [
        _case(options, item, found.get(item.key, {}), shown, stages.get(item.key, ""), truths)
        for item in _varied(worst, stages, options.worst)
    ]
    write_page(
        options.out / "index.html",
        summary,
        cases=cases,
        values=list(shown.value.values()),
        tables=[_query_table(summary)] if summary["by_query"] else [],
    )


def _query_table(summary: Mapping[str, Any]) -> Table:
    """Figures by kind of query with their intervals, as the page shows them."""

    def cell(row: Mapping[str, Any], name: str) -> str:
        if row.get(name) is None:
            return "–"
        low, high = row[f"{name}_low"], row[f"{name}_high"]
        return f"{row[name]:.2f}" + ("" if low is None else f" ({low:.2f} to {high:.2f})")

    return Table(
        f"By kind of query ({summary['stages_of'].replace('_', ' ')}), with 95 % intervals",
        ("", "with target", "without", *COLUMNS),
        [
            (row["group"], row["n"], row["n_absent"], *(cell(row, name) for name in COLUMNS))
            for row in summary["by_query"]
        ],
    )


def _varied(worst: Sequence[Annotation], stages: Mapping[str, str], count: int) -> list[Annotation]:
    """``count`` of the worst, taking turns between the stages that failed."""
    queues: dict[str, list[Annotation]] = {}
    for item in worst:
        queues.setdefault(stages.get(item.key, ""), []).append(item)
    picked: list[Annotation] = []
    while len(picked) < min(count, len(worst)):
        for queue in queues.values():
            if queue and len(picked) < count:
                picked.append(queue.pop(0))
    return picked


def _case(
    options: EvalOptions,
    item: Annotation,
    record: Mapping[str, Any],
    scored: Scored,
    stage: str,
    truths: Mapping[str, SceneTruth],
) -> Case:
    picture = None
    truth = truths.get(item.scene_id)
    if options.data is not None and truth is not None and options.benchmark not in QUESTIONS:
        picture = sample_picture(options.data, truth, item, record, _box_of(record))
    details = [
        f"{name} {record[name]:.2f}" for name in ("box_iou", "mask_iou", "tiou") if name in record
    ]
    details += [str(record[name]) for name in ("rationale", "reason", "error") if record.get(name)]
    return Case(
        key=item.key,
        text=item.text,
        value=scored.value[item.key],
        stage=stage,
        detail=" · ".join(details)[:600],
        answer=str(record.get("answer", "")),
        truth=" / ".join(item.answers[:4]),
        picture=picture,
    )


def _box_of(record: Mapping[str, Any]) -> Aabb | None:
    if record.get("found") is False:
        return None
    try:
        return aabb_from_record(record)
    except EvaluationError:
        return None
