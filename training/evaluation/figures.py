"""What one sample of a grounding run adds to each figure, and how sure their means are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..data.prepare_annotations import Annotation
from .rates import IOU_THRESHOLDS, acc_name, wilson_interval

Record = Mapping[str, Any]
Figures = dict[str, float]
Interval = tuple[float, float]

DRAWS = 2000
SHARES = frozenset(
    {"found_kept", "not_found_recall", "box_acc_50", *(acc_name(t) for t in IOU_THRESHOLDS)}
)
"""Figures that are 0 or 1 for a sample."""


def answered(record: Record) -> bool:
    """Whether something was found, right or wrong."""
    if record.get("found") is False:
        return False
    boxed = {"aabb", "center", "bbox"} & record.keys() or record.get("boxes")
    return bool(record.get("found") or boxed)


def said_absent(record: Record) -> bool:
    """Whether it was said that there is nothing; a failure says nothing."""
    return not answered(record) and not record.get("error")


def figures_of(item: Annotation, record: Record, iou: float | None = None) -> Figures:
    """Figures by name. ``iou`` is that of the 3D boxes, for benchmarks of one box a sample.

    With a target: ``found_kept`` and, of a run, ``tiou``, ``mask_iou``, ``box_iou`` and
    ``box_acc_50``, 0 where nothing was found. Without: ``not_found_recall``.
    """
    if not item.object_ids:
        return {"not_found_recall": float(said_absent(record))}
    figures = {"found_kept": float(answered(record))}
    was_run = "variant" in record
    for name in ("tiou", "mask_iou", "box_iou"):
        # the true masks have no span: their prompt is an instant
        if name in record or (was_run and (name, record["variant"]) != ("tiou", "true_mask")):
            figures[name] = float(record.get(name, 0.0))
    if "box_iou" in figures:
        figures["box_acc_50"] = float(figures["box_iou"] >= 0.5)
    if iou is not None:
        figures |= {acc_name(t): float(iou >= t) for t in IOU_THRESHOLDS}
    return figures


def intervals(
    figures: Mapping[str, Figures], room_of: Mapping[str, str], confidence: float = 0.95
) -> dict[str, Interval]:
    """Interval of each figure's mean, by name: a bootstrap over rooms (percentiles of
    :data:`DRAWS` draws), as samples of one room resemble each other.

    Shares get at least Wilson's interval: of few rooms, or of samples that all agree, the
    bootstrap knows too little. Other figures of a single room have none.
    """
    tail = 50.0 * (1.0 - confidence)
    found: dict[str, Interval] = {}
    for name in dict.fromkeys(n for values in figures.values() for n in values):
        keys = [key for key in figures if name in figures[key]]
        values = np.array([figures[key][name] for key in keys])
        rooms, index = np.unique([room_of[key] for key in keys], return_inverse=True)
        ends: list[Interval] = []
        if len(rooms) > 1:
            sums, counts = np.bincount(index, values), np.bincount(index)
            drawn = np.random.default_rng(0).integers(0, len(rooms), (DRAWS, len(rooms)))
            means = sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1)
            low, high = np.percentile(means, [tail, 100.0 - tail])
            ends.append((float(low), float(high)))
        if name in SHARES:
            ends.append(wilson_interval(int(values.sum()), len(values), confidence))
        if ends:
            found[name] = (min(e[0] for e in ends), max(e[1] for e in ends))
    return found


def mean_figures(figures: Sequence[Figures]) -> Figures:
    """The mean of each figure over the samples that have it."""
    names = dict.fromkeys(name for values in figures for name in values)
    return {n: float(np.mean([values[n] for values in figures if n in values])) for n in names}
