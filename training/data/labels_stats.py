"""What a labelled data set holds, as numbers and as plots."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np


def label_statistics(
    annotations: Sequence[Mapping[str, Any]], views: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """Counts and medians of the two tables (rows as dictionaries)."""
    targeted = [row for row in annotations if row["object_ids"]]
    lengths = _span_seconds(annotations)
    seen = [view for view in views if view["visible"]]
    percents = [view["percent"] for view in seen if view["percent"] is not None]
    return {
        "annotations": len(annotations),
        "without_target": sum(not row["object_ids"] and not row["answers"] for row in annotations),
        "never_visible": sum(not row["spans"] for row in targeted),
        "benchmarks": dict(Counter(row["benchmark"] for row in annotations)),
        "kinds": dict(Counter(row["kind"] for row in annotations if row["kind"])),
        "labels": dict(Counter(row["label"] for row in targeted).most_common()),
        "scenes": len({row["scene_id"] for row in annotations}),
        "spans": len(lengths),
        "span_seconds_median": float(np.median(lengths)) if lengths else None,
        "visible_share_median": _median(
            row["visible_frames"] / row["frames"] for row in targeted if row["frames"]
        ),
        "views": len(views),
        "visible_views": len(seen),
        "percent_median": _median(percents),
        "pixels_median": _median(view["pixels"] for view in seen),
        "truncated_share": _mean(view["truncated"] for view in seen),
        "sources": dict(Counter(view["source"] for view in views)),
    }


def plot_statistics(
    path: Path,
    annotations: Sequence[Mapping[str, Any]],
    views: Sequence[Mapping[str, Any]],
) -> None:
    """A page of six plots as PNG."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    seen = [view for view in views if view["visible"]]
    targeted = [row for row in annotations if row["object_ids"]]
    figure, axes = plt.subplots(2, 3, figsize=(13, 7.5), constrained_layout=True)
    _bars(axes[0, 0], Counter(row["label"] for row in targeted).most_common(20), "targets by label")
    _histogram(axes[0, 1], _span_seconds(annotations), "length of spans", "s")
    share = [100 * row["visible_frames"] / row["frames"] for row in targeted if row["frames"]]
    _histogram(axes[0, 2], share, "frames that show the target", "%")
    percents = [view["percent"] for view in seen if view["percent"] is not None]
    _histogram(axes[1, 0], percents, "visible share of the surface", "%")
    _histogram(axes[1, 1], [view["distance"] for view in seen], "distance", "m")
    axis = axes[1, 2]
    heat, across, down = np.zeros((48, 64)), 64, 48
    for view in seen:
        x0, y0, x1, y1 = view["box"]
        w, h = view["width"], view["height"]
        rows = slice(int(y0 / h * down), max(int(y0 / h * down) + 1, round(y1 / h * down)))
        cols = slice(int(x0 / w * across), max(int(x0 / w * across) + 1, round(x1 / w * across)))
        heat[rows, cols] += 1
    axis.imshow(heat, cmap="magma", interpolation="nearest")
    axis.set_title("where boxes lie in the image")
    axis.set_axis_off()
    figure.savefig(path, dpi=90)
    plt.close(figure)


def _span_seconds(annotations: Sequence[Mapping[str, Any]]) -> list[float]:
    return [(s["end_ns"] - s["start_ns"]) * 1e-9 for row in annotations for s in row["spans"]]


def _median(values: Any) -> float | None:
    items = list(values)
    return float(np.median(items)) if items else None


def _mean(values: Any) -> float | None:
    items = list(values)
    return float(np.mean(items)) if items else None


def _histogram(axis: Any, values: Sequence[float], title: str, unit: str) -> None:
    finite = [value for value in values if np.isfinite(value)]
    axis.hist(finite, bins=24, color="#e8743b")
    axis.set_title(title)
    axis.set_xlabel(unit)
    axis.grid(alpha=0.25)


def _bars(axis: Any, counts: Sequence[tuple[str, int]], title: str) -> None:
    names = [name for name, _ in counts][::-1]
    axis.barh(names, [n for _, n in counts][::-1], color="#4c78a8")
    axis.set_title(title)
    axis.tick_params(labelsize=8)
