"""Predictions and truth to the benchmark's metrics, and a score for every sample.

Predictions are records by key, from a file or from a run; see :func:`score` for their fields.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..data.prepare_annotations import Annotation
from .answers import normalized_match, refined_match
from .boxes import Aabb, aabb_from_record, aabb_iou
from .caption import caption_metrics
from .classes import ClassMap
from .errors import EvaluationError
from .figures import figures_of, mean_figures
from .multi3dref import f1_score, multi3dref_metrics
from .nr3d import is_view_dependent, nr3d_metrics, parse_stimulus
from .rates import IOU_THRESHOLDS, Metrics, accuracy_at
from .scanqa import question_class, scanqa_metrics
from .scanrefer import Described, scanrefer_metrics, unique_among_annotated, unique_in_scene
from .sqa3d import question_type, sqa3d_metrics
from .truth import SceneTruth
from .vsi import CHOICE_TYPES, vsi_metrics, vsi_score

Record = Mapping[str, Any]


@dataclass(frozen=True)
class Scored:
    """``value`` by key in 0..1 is what groups and worst cases go by: the IoU or the answer's score.

    ``correct`` by key: IoU of 0.25 or more, nothing found where nothing is, or a right answer.
    """

    metrics: Metrics
    value: Mapping[str, float]
    correct: Mapping[str, bool]
    groups: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    notes: Sequence[str] = ()


def score(
    benchmark: str,
    annotations: Sequence[Annotation],
    records: Mapping[str, Record],
    truths: Mapping[str, SceneTruth],
    *,
    whole_split: Sequence[Annotation] | None = None,
    classes: ClassMap | None = None,
    scan2cap_tokens: bool = False,
) -> Scored:
    """Score ``records`` (one for each annotation's key).

    Boxes: ``aabb``, ``center`` + ``size`` or ``bbox`` (none, or ``found`` false: not found);
    Multi3DRefer: ``boxes``, a list of these; Nr3D may give ``predicted_object_id``. Questions:
    ``answer``, or ``answers`` / ``answer_top10``, the best first. Captions: a box and ``caption``.
    ``whole_split`` is what unique and multiple are counted over when ``annotations`` is a part.

    Raises:
        EvaluationError: if a record cannot be read, or the truth lacks an object.
    """
    if benchmark in ("scanrefer", "rooms"):
        return _scanrefer(annotations, records, truths, whole_split or annotations, classes)
    if benchmark == "nr3d":
        return _nr3d(annotations, records, truths)
    if benchmark == "multi3dref":
        return _multi3dref(annotations, records, truths)
    if benchmark == "caption":
        return _caption(annotations, records, truths, scan2cap_tokens)
    if benchmark in ("scanqa", "sqa3d", "vsi"):
        return _questions(benchmark, annotations, records)
    raise EvaluationError(f"benchmark {benchmark!r} is not known.")


def true_box(truths: Mapping[str, SceneTruth], item: Annotation, object_id: int) -> Aabb:
    """The box of an annotated object.

    Raises:
        EvaluationError: if its scene has no such object.
    """
    truth = truths.get(item.scene_id)
    if truth is None or object_id not in truth.boxes:
        raise EvaluationError(
            f"{item.benchmark} {item.key}: the truth of {item.scene_id} has no object {object_id}."
        )
    return truth.boxes[object_id]


def _box(record: Record, key: str) -> Aabb | None:
    if record.get("found") is False or not {"aabb", "center", "bbox"} & record.keys():
        return None
    try:
        return aabb_from_record(record)
    except EvaluationError as error:
        raise EvaluationError(f"prediction {key}: {error}") from error


def _iou_of_first(item: Annotation, record: Record, truths: Mapping[str, SceneTruth]) -> float:
    box = _box(record, item.key)
    return 0.0 if box is None else aabb_iou(box, true_box(truths, item, item.object_ids[0]))


def _grounding_rates(annotations: Sequence[Annotation], records: Mapping[str, Record]) -> Metrics:
    """How well "not found" is used, and the 2D and temporal figures that a run recorded."""
    return dict(mean_figures([figures_of(item, records[item.key]) for item in annotations]))


def _scanrefer(
    annotations: Sequence[Annotation],
    records: Mapping[str, Record],
    truths: Mapping[str, SceneTruth],
    whole: Sequence[Annotation],
    classes: ClassMap | None,
) -> Scored:
    notes = []
    if classes is None or not classes.from_file:
        classes = classes or ClassMap()
        notes.append(
            "unique and multiple go by the object's own name where it is a benchmark class, all "
            "others being one class: no scannetv2-labels.combined.tsv was given (--label-map)."
        )
    present = [item for item in annotations if item.object_ids]
    ious = {item.key: _iou_of_first(item, records[item.key], truths) for item in present}
    unique = unique_among_annotated([_described(i) for i in whole if i.object_ids], classes)
    names = {scene: list(truth.labels.values()) for scene, truth in truths.items()}
    in_scene = unique_in_scene([_described(i) for i in present], names, classes)
    metrics = scanrefer_metrics(ious, unique, in_scene) | _grounding_rates(annotations, records)
    value, correct = _with_absent(annotations, records, ious)
    groups = {
        "unique": {k: "unique" if unique[k] else "multiple" for k in ious},
        "unique in scene": {k: "unique" if in_scene[k] else "multiple" for k in ious},
    }
    return Scored(metrics, value, correct, groups, notes)


def _described(item: Annotation) -> Described:
    return Described(item.key, item.scene_id, item.object_ids[0], item.label)


def _with_absent(
    annotations: Sequence[Annotation], records: Mapping[str, Record], ious: Mapping[str, float]
) -> tuple[dict[str, float], dict[str, bool]]:
    value = dict(ious)
    for item in annotations:
        if not item.object_ids:
            record = records[item.key]
            said = record.get("found") is False or _box(record, item.key) is None
            value[item.key] = 1.0 if said and not record.get("error") else 0.0
    return value, {key: iou >= IOU_THRESHOLDS[0] for key, iou in value.items()}


def _nr3d(
    annotations: Sequence[Annotation],
    records: Mapping[str, Record],
    truths: Mapping[str, SceneTruth],
) -> Scored:
    stimuli = {item.key: parse_stimulus(item.record["stimulus_id"]) for item in annotations}
    easy = {key: stimulus.easy for key, stimulus in stimuli.items()}
    dependent = {item.key: is_view_dependent(item.record["tokens"]) for item in annotations}
    picked = all("predicted_object_id" in records[item.key] for item in annotations)
    groups = {
        "context": {key: "easy" if flag else "hard" for key, flag in easy.items()},
        "view": {key: "dependent" if f else "independent" for key, f in dependent.items()},
    }
    if picked:
        right = {
            item.key: int(records[item.key]["predicted_object_id"]) == item.object_ids[0]
            for item in annotations
        }
        value = {key: float(flag) for key, flag in right.items()}
        return Scored(nr3d_metrics(easy, dependent, correct=right), value, right, groups)
    ious = {item.key: _iou_of_first(item, records[item.key], truths) for item in annotations}
    metrics = nr3d_metrics(easy, dependent, ious=ious) | _grounding_rates(annotations, records)
    notes = ["Boxes were compared by IoU; the benchmark's own accuracy picks among given objects."]
    right = {key: iou >= IOU_THRESHOLDS[0] for key, iou in ious.items()}
    return Scored(metrics, ious, right, groups, notes)


def _multi3dref(
    annotations: Sequence[Annotation],
    records: Mapping[str, Record],
    truths: Mapping[str, SceneTruth],
) -> Scored:
    predicted, true = {}, {}
    for item in annotations:
        record = records[item.key]
        if "boxes" in record:
            boxes = [_box(entry, item.key) for entry in record["boxes"]]
        else:
            boxes = [_box(record, item.key)]
        predicted[item.key] = [box for box in boxes if box is not None]
        true[item.key] = [true_box(truths, item, number) for number in item.object_ids]
    kinds = {item.key: item.kind for item in annotations}
    metrics = multi3dref_metrics(predicted, true, kinds) | _grounding_rates(annotations, records)
    value = {key: f1_score(predicted[key], true[key], IOU_THRESHOLDS[0]) for key in true}
    return Scored(metrics, value, {k: v >= 0.5 for k, v in value.items()}, {"type": kinds})


def _caption(
    annotations: Sequence[Annotation],
    records: Mapping[str, Record],
    truths: Mapping[str, SceneTruth],
    scan2cap_tokens: bool,
) -> Scored:
    references: dict[str, list[str]] = {}
    owner: dict[str, Annotation] = {}
    for item in annotations:
        key = f"{item.scene_id}|{item.object_ids[0]}"
        references.setdefault(key, []).append(item.text)
        owner[key] = item
    candidates = {key: str(records[key].get("caption", "")) for key in references}
    ious = {key: _iou_of_first(owner[key], records[key], truths) for key in references}
    metrics, notes = caption_metrics(references, candidates, ious, scan2cap_tokens)
    metrics |= accuracy_at(ious.values(), IOU_THRESHOLDS)
    right = {key: iou >= 0.5 for key, iou in ious.items()}
    return Scored(metrics, ious, right, {}, notes)


def _questions(
    benchmark: str, annotations: Sequence[Annotation], records: Mapping[str, Record]
) -> Scored:
    tops = {item.key: _answers(records[item.key], item.key) for item in annotations}
    first = {key: (answers[0] if answers else "") for key, answers in tops.items()}
    truths = {item.key: item.answers for item in annotations}
    notes: Sequence[str] = ()
    kind_of: Callable[[Annotation], str]
    if benchmark == "scanqa":
        metrics, notes = scanqa_metrics(tops, truths)
        value = {key: float(normalized_match(first[key], truths[key])) for key in truths}
        kind_of = lambda item: question_class(item.text)  # noqa: E731
    elif benchmark == "sqa3d":
        metrics = sqa3d_metrics(first, truths, {item.key: item.text for item in annotations})
        value = {key: float(refined_match(first[key], truths[key])[0]) for key in truths}
        kind_of = lambda item: question_type(item.text)  # noqa: E731
    else:
        kinds = {item.key: item.kind for item in annotations}
        value = {k: vsi_score(kinds[k], first[k], truths[k][0]) for k in truths}
        metrics = vsi_metrics(value, kinds)
        kind_of = lambda item: item.kind  # noqa: E731
    groups = {"question": {item.key: kind_of(item) for item in annotations}}
    if benchmark == "vsi":
        groups["form"] = {
            item.key: "choice" if item.kind in CHOICE_TYPES else "number" for item in annotations
        }
    return Scored(metrics, value, {k: v >= 0.5 for k, v in value.items()}, groups, notes)


def _answers(record: Record, key: str) -> list[str]:
    for name in ("answer_top10", "answers", "answer"):
        if name in record:
            found = record[name]
            return [found] if isinstance(found, str) else [str(text) for text in found]
    if record.get("error") or record.get("found") is False:
        return []
    raise EvaluationError(f"prediction {key} has no answer; give answer, answers or answer_top10.")
