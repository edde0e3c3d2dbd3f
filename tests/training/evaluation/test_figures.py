"""Figures of grounding runs: what a sample counts for, by kind of query, and how sure it is."""

from __future__ import annotations

from typing import Any

import pytest
from scene_r1_training.data.prepare_annotations import Annotation
from scene_r1_training.evaluation.breakdown import failing_stage
from scene_r1_training.evaluation.by_query import query_rows
from scene_r1_training.evaluation.figures import DRAWS, figures_of, intervals, mean_figures
from scene_r1_training.evaluation.rates import wilson_interval

FAILED = {"variant": "pipeline", "found": False, "error": "UnparsableAnswerError: ..."}
ABSENT = {"variant": "pipeline", "found": False}


def query(key: str, kind: str, room: str = "a", absent: str = "") -> Annotation:
    return Annotation(
        benchmark="multi3dref" if absent else "scanrefer",
        scene_id=room,
        key=key,
        text="a query",
        object_ids=() if absent else (1,),
        kind=absent,
        record={"query_type": kind},
    )


def found(**values: Any) -> dict[str, Any]:
    return {"variant": "pipeline", "found": True, **values}


def test_nothing_found_counts_zero_in_every_figure_of_a_run() -> None:
    assert figures_of(query("k", "color"), ABSENT, 0.0) == {
        **dict.fromkeys(("found_kept", "tiou", "mask_iou", "box_iou", "box_acc_50"), 0.0),
        **dict.fromkeys(("acc_25", "acc_50"), 0.0),
    }


def test_a_failure_is_no_right_not_found() -> None:
    empty = query("k", "color", absent="zt_wo_d")
    assert figures_of(empty, ABSENT) == {"not_found_recall": 1.0}
    assert figures_of(empty, FAILED) == {"not_found_recall": 0.0}
    assert figures_of(empty, found()) == {"not_found_recall": 0.0}
    assert failing_stage(empty, FAILED, 0.0, False) == "failed"
    assert failing_stage(empty, ABSENT, 1.0, False) == "correct"


def test_thresholds_are_met_by_what_equals_them() -> None:
    figures = figures_of(query("k", "color"), found(box_iou=0.5, tiou=0.7, mask_iou=0.6), 0.25)
    assert (figures["box_acc_50"], figures["acc_25"], figures["acc_50"]) == (1.0, 1.0, 0.0)
    assert figures["tiou"] == 0.7


def test_a_prediction_file_has_no_figures_that_only_a_run_can_know() -> None:
    box = {"aabb": [0, 0, 0, 1, 1, 1]}
    assert figures_of(query("k", "color"), box) == {"found_kept": 1.0}
    assert figures_of(query("k", "color"), {"boxes": [box]}) == {"found_kept": 1.0}
    assert figures_of(query("k", "color", absent="zt_w_d"), {"boxes": []}) == {
        "not_found_recall": 1.0
    }
    assert "tiou" not in figures_of(query("k", "color"), {"variant": "true_mask", "found": True})


def test_intervals_treat_samples_of_one_room_as_one_thing() -> None:
    alike = {f"{room}{i}": {"tiou": float(room)} for room in "01" for i in range(50)}
    rooms = {key: key[0] for key in alike}
    assert intervals(alike, rooms)["tiou"] == (0.0, 1.0)  # two rooms, not a hundred samples
    apart = {key: str(i) for i, key in enumerate(alike)}
    low, high = intervals(alike, apart)["tiou"]
    assert (low, high) == pytest.approx((0.4, 0.6), abs=0.03)
    assert DRAWS >= 1000


def test_shares_are_never_surer_than_wilson_and_one_room_tells_nothing_of_a_mean() -> None:
    sure = {str(i): {"acc_25": 1.0, "tiou": 0.5} for i in range(10)}
    ends = intervals(sure, dict.fromkeys(sure, "only"))
    assert ends == {"acc_25": wilson_interval(10, 10)}
    assert intervals({}, {}) == {}


def test_rows_go_by_kind_then_type_and_keep_the_absent_apart() -> None:
    items = [
        query("1", "color"),
        query("2", "color", "b"),
        query("3", "left"),
        query("4", "noun"),
        query("5", "color", absent="zt_w_d"),
        query("6", "noun", "b", absent="zt_wo_d"),
    ]
    right = found(tiou=1.0, box_iou=0.9, mask_iou=0.8)
    records = {"1": right, "2": ABSENT, "3": right, "4": right, "5": ABSENT, "6": found()}
    figures = {
        i.key: figures_of(i, records[i.key], 0.6 if i.object_ids and i.key != "2" else 0.0)
        for i in items
    }
    rows = {row["group"]: row for row in query_rows(items, figures)}
    assert list(rows) == [
        *("all", "name", "- noun", "attribute", "- color", "relation", "- left"),
        *("absent, others of its name there", "absent, none of its name there"),
    ]
    assert (rows["all"]["n"], rows["all"]["n_absent"]) == (4, 2)
    assert rows["all"]["found_kept"] == 0.75
    assert rows["all"]["not_found_recall"] == 0.5
    assert rows["attribute"]["tiou"] == 0.5
    assert rows["attribute"]["not_found_recall"] == 1.0
    assert rows["absent, none of its name there"]["not_found_recall"] == 0.0
    assert "not_found_recall" not in rows["relation"]
    low, high = rows["all"]["found_kept_low"], rows["all"]["found_kept_high"]
    assert low < 0.75 < high
    assert mean_figures(list(figures.values()))["acc_50"] == 0.75


def test_annotations_that_do_not_say_what_they_turn_on_have_no_rows() -> None:
    item = Annotation("scanrefer", "a", "k", "a query", (1,), record={})
    assert query_rows([item], {"k": {"found_kept": 1.0}}) == []
