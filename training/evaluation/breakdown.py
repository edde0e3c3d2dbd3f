"""Where the points are lost: first failing stage, budget between oracles, results by group."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from ..data.prepare_annotations import Annotation
from .rates import IOU_THRESHOLDS, by_group, wilson_interval
from .run_scene import VARIANTS
from .truth import SceneTruth

STAGES = (
    "correct",
    "found although absent",
    "target never visible",
    "failed",
    "said not found",
    "wrong view",
    "wrong object",
    "box off",
    "masks off",
    "lifting off",
)


def failing_stage(
    item: Annotation, record: Mapping[str, Any], iou: float, ever_visible: bool
) -> str:
    """The first stage that went wrong for a grounding sample; one of :data:`STAGES`.

    "wrong object": the box fits another object of the frame with an IoU of 0.5 and more than the
    target. "box off" and "masks off" are IoUs with the truth below 0.5.
    """
    if not item.object_ids:
        if record.get("error") and not record.get("found"):
            return "failed"
        return "correct" if record.get("found") is False else "found although absent"
    if iou >= IOU_THRESHOLDS[0]:
        return "correct"
    if not ever_visible:
        return "target never visible"
    if record.get("error") and "box_iou" not in record:
        return "failed"
    if not record.get("found"):
        return "said not found"
    box_iou, other = float(record.get("box_iou", 0.0)), float(record.get("other_box_iou", 0.0))
    if box_iou < 0.5 <= other:
        return "wrong object"
    if record.get("anchor_visible") is False:
        return "wrong view"
    if box_iou < 0.5:
        return "box off"
    if record.get("error"):
        return "failed"
    return "masks off" if float(record.get("mask_iou", 0.0)) < 0.5 else "lifting off"


def stage_counts(stages: Mapping[str, str]) -> dict[str, int]:
    """How many samples ended in each stage, in the order of :data:`STAGES`."""
    count = Counter(stages.values())
    return {stage: count[stage] for stage in STAGES if count[stage]}


def stage_budget(
    accuracy: Mapping[str, float | None], never_visible: float = 0.0
) -> dict[str, float]:
    """Points lost in each stage: what the next oracle wins over the one before.

    ``accuracy`` is by variant, ``never_visible`` the share of targets that no frame shows, which
    no stage can win. Without the pipeline's own figure the first stages are left out.
    """
    names = {
        "pipeline": "finding the time",
        "true_span": "choosing the view",
        "true_view": "finding the box",
        "true_box": "tracking",
        "true_mask": "lifting",
    }
    known = [(v, a) for v in VARIANTS if (a := accuracy.get(v)) is not None]
    lost = {}
    for (variant, value), (_, following) in zip(
        known, [*known[1:], ("", 1.0 - never_visible)], strict=True
    ):
        lost[names[variant]] = following - value
    return lost | ({"never filmed": never_visible} if never_visible else {})


def distance_group(metres: float | None) -> str:
    """Near, middle or far."""
    if metres is None or metres != metres:
        return "unknown"
    return "below 1.5 m" if metres < 1.5 else "1.5 to 3 m" if metres < 3 else "3 m and more"


def occlusion_group(percent: float | None) -> str:
    """By the share of the surface that the best frame shows; a free view shows about half."""
    if percent is None:
        return "unknown"
    if percent >= 35:
        return "free (35 % and more seen)"
    return "partly hidden (15 to 35 %)" if percent >= 15 else "mostly hidden (below 15 %)"


def truth_groups(
    annotations: Sequence[Annotation], truths: Mapping[str, SceneTruth]
) -> dict[str, dict[str, str]]:
    """Groups by category, distance, occlusion and query type, of samples with a target."""
    groups: dict[str, dict[str, str]] = {
        "category": {},
        "distance": {},
        "occlusion": {},
        "query": {},
    }
    for item in annotations:
        kind = str(item.record.get("query_type") or item.kind)
        if kind:
            groups["query"][item.key] = kind
        if not item.object_ids:
            continue
        if item.label:
            groups["category"][item.key] = item.label
        truth = truths.get(item.scene_id)
        if truth is None or not truth.views:
            continue
        best = truth.best_view(item.object_ids)
        groups["distance"][item.key] = distance_group(best["distance"] if best else None)
        groups["occlusion"][item.key] = occlusion_group(best["percent"] if best else None)
    return {name: members for name, members in groups.items() if members}


def group_results(
    value: Mapping[str, float],
    correct: Mapping[str, bool],
    groups: Mapping[str, Mapping[str, str]],
    most: int = 30,
) -> dict[str, list[dict[str, Any]]]:
    """Per group: its members' share correct with a 95 % interval, mean value and count."""
    found: dict[str, list[dict[str, Any]]] = {}
    for name, members in groups.items():
        keys = [key for key in members if key in value]
        shares = by_group({key: float(correct[key]) for key in keys}, members)
        means = by_group({key: value[key] for key in keys}, members)
        rows = []
        for group, (share, n) in list(shares.items())[:most]:
            low, high = wilson_interval(round(share * n), n)
            row = {"group": str(group), "n": n, "correct": share, "low": low, "high": high}
            rows.append(row | {"value": means[group][0]})
        found[name] = rows
    return found
