"""Figures by the kind of query: what must be understood to answer it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..data.prepare_annotations import Annotation
from .figures import Figures, intervals, mean_figures

ALL = "all"
KINDS: dict[str, str] = {
    "noun": "name",
    **dict.fromkeys(("color", "pattern"), "attribute"),
    **dict.fromkeys(("largest", "smallest", "tallest"), "size"),
    **dict.fromkeys(
        ("left", "right", "on", "under", "above", "next_to", "between", "closest", "farthest"),
        "relation",
    ),
}
"""Kind of each query type of the synthetic rooms."""
ABSENT = {"zt_w_d": "absent, others of its name there", "zt_wo_d": "absent, none of its name there"}
COLUMNS = ("tiou", "box_acc_50", "acc_25", "acc_50", "found_kept", "not_found_recall")


def query_rows(
    annotations: Sequence[Annotation], figures: Mapping[str, Figures]
) -> list[dict[str, Any]]:
    """One row for all queries, one for each kind, each type and each way to be absent.

    ``n`` counts queries with a target, ``n_absent`` those without. Each of :data:`COLUMNS` that
    has samples is there with its interval, ``NAME_low`` and ``NAME_high``. Empty where the
    annotations do not say what they turn on.
    """
    if not any(item.record.get("query_type") for item in annotations):
        return []
    rooms = {item.key: item.scene_id for item in annotations}
    members: dict[tuple[int, str], list[Annotation]] = {}
    for item in annotations:
        kind = str(item.record.get("query_type") or "unknown")
        groups = [(0, ALL), (1, KINDS.get(kind, "other")), (2, f"- {kind}")]
        if not item.object_ids:
            groups.append((3, ABSENT.get(item.kind, "absent")))
        for group in groups:
            members.setdefault(group, []).append(item)
    order = [ALL, *dict.fromkeys(KINDS.values())]

    def place(group: tuple[int, str]) -> tuple[int, int, int, int]:
        level, name = group
        kind = KINDS.get(name[2:], "other") if level == 2 else name
        first = order.index(kind) if kind in order else len(order)
        return (1 if level == 3 else 0, first, level, -len(members[group]))

    return [_row(name, members[level, name], figures, rooms) for level, name in
            sorted(members, key=place)]  # fmt: skip


def _row(
    name: str,
    items: Sequence[Annotation],
    figures: Mapping[str, Figures],
    rooms: Mapping[str, str],
) -> dict[str, Any]:
    mine = {item.key: figures[item.key] for item in items}
    n = sum(bool(item.object_ids) for item in items)
    row: dict[str, Any] = {"group": name, "n": n, "n_absent": len(items) - n}
    means, ends = mean_figures(list(mine.values())), intervals(mine, rooms)
    for column in COLUMNS:
        if column in means:
            row[column] = means[column]
            row[f"{column}_low"], row[f"{column}_high"] = ends.get(column, (None, None))
    return row
