"""Axis-aligned boxes: overlap, corners in any order, what a prediction record may hold."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scene_r1_training.evaluation.boxes import (
    aabb,
    aabb_from_record,
    aabb_iou,
    aabb_of_points,
)
from scene_r1_training.evaluation.errors import EvaluationError

from scene_r1_ros.geometry import Box3D, box3d_iou

coordinate = st.floats(-5, 5)
extent = st.floats(0.01, 4)
boxes = st.tuples(*[coordinate] * 3, *[extent] * 3).map(lambda v: aabb(v[:3], np.add(v[:3], v[3:])))


def as_box3d(box):
    return Box3D(tuple((box[:3] + box[3:]) / 2), tuple(box[3:] - box[:3]))


@given(boxes, boxes)
def test_overlap_equals_that_of_clipped_polygons(a, b):
    assert aabb_iou(a, b) == pytest.approx(box3d_iou(as_box3d(a), as_box3d(b)), abs=1e-6)


def test_half_covered_cube_has_a_third():
    assert aabb_iou(aabb([0, 0, 0], [1, 1, 1]), aabb([0.5, 0, 0], [1.5, 1, 1])) == pytest.approx(
        1 / 3
    )


def test_touching_and_flat_boxes_share_nothing():
    cube = aabb([0, 0, 0], [1, 1, 1])
    assert aabb_iou(cube, aabb([1, 0, 0], [2, 1, 1])) == 0.0
    assert aabb_iou(aabb([0, 0, 0], [1, 1, 0]), aabb([0, 0, 0], [1, 1, 0])) == 0.0


def test_corners_may_come_in_any_order():
    box = aabb([1, 2, 3], [4, 6, 8])
    corners = as_box3d(box).corners()
    shuffled = corners[np.random.default_rng(0).permutation(8)]
    assert aabb_from_record({"bbox": shuffled.tolist()}) == pytest.approx(box)


def test_a_turned_box_is_measured_by_the_box_around_it():
    record = {"center": [0, 0, 0], "size": [2, 2, 1], "yaw": np.pi / 4}
    side = np.sqrt(2)
    assert aabb_from_record(record) == pytest.approx([-side, -side, -0.5, side, side, 0.5])


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({"scene_id": "x"}, "has no box"),
        ({"aabb": [0, 0, 0, 1, 1]}, "six finite numbers"),
        ({"aabb": [0, 0, 0, 1, float("nan"), 1]}, "six finite numbers"),
        ({"aabb": [1, 0, 0, 0, 1, 1]}, "minimum lies above"),
        ({"bbox": [[0, 0, 0]] * 7}, "8 corners"),
        ({"aabb": "wide"}, "cannot be read"),
    ],
)
def test_what_is_no_box_is_said(record, message):
    with pytest.raises(EvaluationError, match=message):
        aabb_from_record(record)


def test_no_points_have_no_box():
    with pytest.raises(EvaluationError, match="no points"):
        aabb_of_points(np.zeros((0, 3)))
