"""Annotations joined with views: when a target is visible, and where it is seen best."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .labels_spans import merge_spans
from .labels_visibility import VisibilityConfig
from .prepare_annotations import Annotation


def annotation_rows(
    annotations: Iterable[Annotation],
    views: Sequence[Mapping[str, Any]],
    stamps_ns: Sequence[int],
    config: VisibilityConfig,
) -> list[dict[str, Any]]:
    """Rows of the table ``annotations`` for one scene.

    ``views`` are the scene's rows of the table ``views``, ``stamps_ns`` all its frames in order.
    """
    by_object: dict[int, list[Mapping[str, Any]]] = {}
    for view in views:
        by_object.setdefault(view["object_id"], []).append(view)
    rows = []
    for item in annotations:
        seen = [v for i in item.object_ids for v in by_object.get(i, ()) if v["visible"]]
        times = {view["stamp_ns"] for view in seen}
        flags = [stamp in times for stamp in stamps_ns]
        spans = merge_spans(stamps_ns, flags, config.max_gap, config.min_span)
        first = [v for v in seen if v["object_id"] == item.object_ids[0]] or seen
        best = max(first, key=view_quality, default=None)
        rows.append(
            {
                "benchmark": item.benchmark,
                "key": item.key,
                "scene_id": item.scene_id,
                "text": item.text,
                "label": item.label,
                "kind": item.kind,
                "object_ids": list(item.object_ids),
                "answers": list(item.answers),
                "spans": [{"start_ns": a, "end_ns": b} for a, b in spans],
                "visible_frames": len(times),
                "frames": len(stamps_ns),
                "best_frame": None if best is None else best["frame"],
                "best_box": None if best is None else best["box"],
                "spans_source": "+".join(sorted({v["source"] for v in seen})),
            }
        )
    return rows


def view_quality(view: Mapping[str, Any]) -> float:
    """How well a view shows its object: visible share times size, halved at the image's border."""
    share = 1.0 if view["percent"] is None else view["percent"] / 100.0
    area = view["pixels"] / (view["height"] * view["width"])
    return float(share * area**0.5 * (0.5 if view["truncated"] else 1.0))
