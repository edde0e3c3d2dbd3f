"""Shares of samples that pass, overall and by group; None where a group is empty, never NaN."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Mapping
from statistics import NormalDist

Metrics = dict[str, float | None]
IOU_THRESHOLDS = (0.25, 0.5)


def mean(values: Iterable[float]) -> float | None:
    """The mean, or None of nothing."""
    items = [float(value) for value in values]
    return math.fsum(items) / len(items) if items else None


def acc_name(threshold: float, prefix: str = "") -> str:
    """``acc_25`` for 0.25, with ``prefix`` and an underscore before it where there is one."""
    return f"{prefix}_acc_{round(threshold * 100)}" if prefix else f"acc_{round(threshold * 100)}"


def accuracy_at(ious: Iterable[float], thresholds: Iterable[float], prefix: str = "") -> Metrics:
    """Share of IoUs that reach each threshold (``iou >= t``), as ScanRefer defines Acc@kIoU."""
    items = list(ious)
    return {acc_name(t, prefix): mean(iou >= t for iou in items) for t in thresholds}


def by_group(
    values: Mapping[str, float], group_of: Mapping[str, Hashable]
) -> dict[Hashable, tuple[float, int]]:
    """Mean and count of ``values`` in each group, the largest group first."""
    groups: dict[Hashable, list[float]] = {}
    for key, value in values.items():
        groups.setdefault(group_of[key], []).append(value)
    ordered = sorted(groups.items(), key=lambda item: (-len(item[1]), str(item[0])))
    return {name: (math.fsum(items) / len(items), len(items)) for name, items in ordered}


def wilson_interval(passed: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Interval of a share (Wilson 1927), sensible also near 0 and 1 and for small ``n``."""
    if n == 0:
        return (0.0, 1.0)
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    p = passed / n
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return (max(0.0, centre - half), min(1.0, centre + half))
