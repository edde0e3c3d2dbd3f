"""Multi3DRefer (Zhang et al., ICCV 2023): F1@0.25 and F1@0.5 with zero, one or many targets.

Per query, predicted and true boxes are matched one to one so that the *sum of IoUs* is largest
(Hungarian method), then matches with ``iou >= t`` count as true positives and
``F1 = 2 TP / (predicted + true)``. A query without a target scores 1 if nothing is predicted,
else 0. Scores are averaged over queries, overall and for each of the five types.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from scipy.optimize import linear_sum_assignment

from .boxes import Aabb, aabb_iou_matrix
from .rates import IOU_THRESHOLDS, Metrics, mean

EVAL_TYPES = ("zt_wo_d", "zt_w_d", "st_wo_d", "st_w_d", "mt")
"""Zero, single or multiple targets, without or with distractors of the same class."""


def f1_score(predicted: Sequence[Aabb], true: Sequence[Aabb], threshold: float) -> float:
    """F1 of one query at an IoU threshold."""
    if not len(true):
        return 1.0 if not len(predicted) else 0.0
    if not len(predicted):
        return 0.0
    ious = aabb_iou_matrix(predicted, true)
    matched = ious[linear_sum_assignment(ious, maximize=True)]
    return 2.0 * int((matched >= threshold).sum()) / (len(predicted) + len(true))


def multi3dref_metrics(
    predicted: Mapping[str, Sequence[Aabb]],
    true: Mapping[str, Sequence[Aabb]],
    eval_type: Mapping[str, str],
) -> Metrics:
    """``f1_25`` and ``f1_50``, overall and by type (None where a type has no query)."""
    metrics: Metrics = {}
    for threshold in IOU_THRESHOLDS:
        name = f"f1_{round(threshold * 100)}"
        scores = {key: f1_score(predicted[key], true[key], threshold) for key in true}
        metrics[name] = mean(scores.values())
        for kind in EVAL_TYPES:
            metrics[f"{kind}_{name}"] = mean(
                score for key, score in scores.items() if eval_type[key] == kind
            )
    return metrics
