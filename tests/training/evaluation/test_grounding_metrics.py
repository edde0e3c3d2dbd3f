"""ScanRefer, Nr3D and Multi3DRefer against values worked out by hand."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scene_r1_training.evaluation.boxes import aabb, aabb_iou
from scene_r1_training.evaluation.classes import ClassMap
from scene_r1_training.evaluation.errors import EvaluationError
from scene_r1_training.evaluation.multi3dref import f1_score, multi3dref_metrics
from scene_r1_training.evaluation.nr3d import is_view_dependent, nr3d_metrics, parse_stimulus
from scene_r1_training.evaluation.rates import by_group, wilson_interval
from scene_r1_training.evaluation.scanrefer import (
    Described,
    scanrefer_metrics,
    unique_among_annotated,
    unique_in_scene,
)

from scene_r1_ros.errors import RecordingFormatError


def cube(x, size=1.0):
    return aabb([x, 0, 0], [x + size, 1, 1])


# -- ScanRefer


def test_an_iou_of_exactly_the_threshold_counts():
    quarter = aabb_iou(aabb([0, 0, 0], [4, 1, 1]), aabb([0, 0, 0], [1, 1, 1]))
    half = aabb_iou(aabb([0, 0, 0], [2, 1, 1]), aabb([0, 0, 0], [1, 1, 1]))
    metrics = scanrefer_metrics({"a": quarter, "b": half}, {"a": True, "b": False})
    assert metrics["acc_25"] == 1.0
    assert metrics["acc_50"] == 0.5
    assert metrics["unique_acc_50"] == 0.0
    assert metrics["multiple_acc_50"] == 1.0


def test_a_group_without_samples_is_none_and_not_nan():
    metrics = scanrefer_metrics({"a": 1.0}, {"a": True})
    assert metrics["multiple_acc_25"] is None
    assert metrics["multiple_n"] == 0


def test_the_two_definitions_of_unique_differ_where_an_object_is_not_annotated():
    samples = [
        Described("1", "s", 3, "office_chair"),
        Described("2", "s", 3, "office_chair"),  # same object twice: still one chair
        Described("3", "s", 4, "lamp"),
        Described("4", "s", 5, "plant"),  # lamp and plant are both "others"
    ]
    classes = ClassMap({"office chair": "chair", "chair": "chair"})
    annotated = unique_among_annotated(samples, classes)
    assert annotated == {"1": True, "2": True, "3": False, "4": False}
    names = {"s": ["office chair", "chair", "lamp", "plant"]}
    assert unique_in_scene(samples, names, classes)["1"] is False


def test_unique_by_scene_with_exact_names_counts_names():
    samples = [Described("1", "s", 3, "lamp")]
    same_name = str.lower
    assert unique_in_scene(samples, {"s": ["lamp", "plant"]}, same_name) == {"1": True}


def test_class_map_reads_the_release_file(tmp_path):
    path = tmp_path / "labels.tsv"
    path.write_text(
        "id\traw_category\tcategory\tnyu40class\n1\toffice chair\tchair\tchair\n"
        "2\tmug\tcup\totherprop\n"
    )
    classes = ClassMap.from_tsv(path)
    assert classes("office_chair") == "chair"
    assert classes("mug") == "others"
    assert classes("never heard of") == "others"
    path.write_text("id\tname\n1\tx\n")
    with pytest.raises(RecordingFormatError, match="raw_category"):
        ClassMap.from_tsv(path)


def test_exact_labels_may_be_classes_of_their_own():
    classes = ClassMap.own_names()
    assert classes("office_chair") == "office chair"
    assert classes("lamp") != classes("plant")


# -- Nr3D


def test_stimulus_with_two_objects_is_easy_and_three_is_hard():
    easy = parse_stimulus("scene0525_00-plant-2-9-10")
    assert (easy.label, easy.count, easy.target_id, easy.distractor_ids) == ("plant", 2, 9, (10,))
    assert easy.easy
    assert not parse_stimulus("scene0525_00-office_chair-3-9-10-12").easy
    assert parse_stimulus("scene0525_00-plant-1-9").easy


@pytest.mark.parametrize("text", ["", "scene-chair", "scene-chair-x-1", "scene-chair-3-1-2"])
def test_a_malformed_stimulus_is_refused(text):
    with pytest.raises(EvaluationError, match="stimulus_id"):
        parse_stimulus(text)


def test_view_words_are_whole_tokens():
    assert is_view_dependent(["the", "chair", "on", "the", "left"])
    assert not is_view_dependent(["the", "leftover", "backpack", "Front"])


def test_nr3d_groups():
    metrics = nr3d_metrics(
        easy={"a": True, "b": True, "c": False},
        view_dependent={"a": True, "b": False, "c": False},
        correct={"a": True, "b": False, "c": True},
        ious={"a": 0.25, "b": 0.0, "c": 0.6},
    )
    assert metrics["acc"] == pytest.approx(2 / 3)
    assert (metrics["easy_acc"], metrics["hard_acc"]) == (0.5, 1.0)
    assert (metrics["view_dep_acc"], metrics["view_indep_acc"]) == (1.0, 0.5)
    assert metrics["easy_acc_25"] == 0.5
    assert metrics["acc_50"] == pytest.approx(1 / 3)


# -- Multi3DRefer


def test_no_target_is_right_only_when_nothing_is_predicted():
    assert f1_score([], [], 0.25) == 1.0
    assert f1_score([cube(0)], [], 0.25) == 0.0
    assert f1_score([], [cube(0)], 0.25) == 0.0


def test_one_of_two_found_and_one_too_many():
    # TP 1, predicted 3, true 2: 2 / 5
    assert f1_score([cube(0), cube(10), cube(20)], [cube(0), cube(5)], 0.5) == pytest.approx(0.4)


def test_two_predictions_on_one_object_count_once():
    assert f1_score([cube(0), cube(0.05)], [cube(0), cube(9)], 0.5) == pytest.approx(0.5)


def test_matching_is_by_the_sum_of_ious_and_not_greedy():
    # greedy takes the best pair (p0, t0) and leaves p1 with nothing at 0.5
    true = [cube(0.0), cube(0.45)]
    predicted = [cube(0.1), cube(-0.3)]
    ious = np.array([[aabb_iou(p, t) for t in true] for p in predicted])
    assert ious[0, 0] == ious.max()
    assert f1_score(predicted, true, 0.25) == 1.0


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.floats(0, 4).map(cube), min_size=1, max_size=4),
    st.lists(st.floats(0, 4).map(cube), min_size=1, max_size=4),
)
def test_matching_equals_trying_every_assignment(predicted, true):
    ious = np.array([[aabb_iou(p, t) for t in true] for p in predicted])
    if len(predicted) > len(true):
        ious = ious.T
    best = max(
        sum(ious[i, j] for i, j in enumerate(columns))
        for columns in itertools.permutations(range(ious.shape[1]), ious.shape[0])
    )
    tps = {
        sum(ious[i, j] >= 0.25 for i, j in enumerate(columns))
        for columns in itertools.permutations(range(ious.shape[1]), ious.shape[0])
        if sum(ious[i, j] for i, j in enumerate(columns)) >= best - 1e-9
    }
    f1 = f1_score(predicted, true, 0.25)
    assert round(f1 * (len(predicted) + len(true)) / 2) in tps


def test_overall_is_the_mean_over_queries_not_over_types():
    metrics = multi3dref_metrics(
        {"a": [], "b": [], "c": [cube(0)]},
        {"a": [], "b": [], "c": [cube(3)]},
        {"a": "zt_wo_d", "b": "zt_wo_d", "c": "st_w_d"},
    )
    assert metrics["f1_25"] == pytest.approx(2 / 3)
    assert metrics["zt_wo_d_f1_25"] == 1.0
    assert metrics["st_w_d_f1_25"] == 0.0
    assert metrics["mt_f1_25"] is None


# -- shares


def test_groups_come_largest_first_with_their_counts():
    shares = by_group({"a": 1, "b": 0, "c": 1}, {"a": "x", "b": "y", "c": "y"})
    assert list(shares.items()) == [("y", (0.5, 2)), ("x", (1.0, 1))]


def test_interval_of_a_share_agrees_with_scipy():
    from scipy.stats import binomtest

    for passed, n in ((0, 5), (5, 5), (7, 20)):
        expected = binomtest(passed, n).proportion_ci(method="wilson")
        assert wilson_interval(passed, n) == pytest.approx((expected.low, expected.high))
    assert wilson_interval(0, 0) == (0.0, 1.0)
