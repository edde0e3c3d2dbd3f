"""Transforms, image boxes and 3D boxes."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scene_r1_ros.errors import BoxError, FrameError
from scene_r1_ros.geometry import (
    Box3D,
    box3d_iou,
    box_iou,
    checked_box,
    invert,
    mask_box,
    rigid_transform,
    rotation_angle,
    transform_points,
    yaw_matrix,
)

metres = st.floats(-20, 20)
extents = st.floats(0.05, 3.0)
angles = st.floats(-math.pi, math.pi)
boxes = st.builds(
    Box3D, st.tuples(metres, metres, metres), st.tuples(extents, extents, extents), angles
)


def pose(x, y, z, yaw):
    T = np.eye(4)
    T[:3, :3], T[:3, 3] = yaw_matrix(yaw), (x, y, z)
    return T


@given(metres, metres, metres, angles)
def test_a_transform_and_its_inverse_cancel(x, y, z, yaw):
    T = pose(x, y, z, yaw)
    assert np.allclose(T @ invert(T), np.eye(4), atol=1e-9)


@given(angles)
def test_the_angle_between_two_yaws_is_their_difference(yaw):
    assert rotation_angle(np.eye(4), pose(0, 0, 0, yaw)) == pytest.approx(abs(yaw), abs=1e-6)


def test_points_keep_their_precision():
    points = np.ones((2, 3), np.float32)
    assert transform_points(np.eye(4), points).dtype == np.float32


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        (np.eye(3), r"shape \(3, 3\)"),
        (np.full((4, 4), -np.inf), "inf or NaN"),
        (np.diag([2.0, 1, 1, 1]), "not orthonormal"),
        (np.diag([-1.0, 1, 1, 1]), "not orthonormal"),
        (np.vstack([np.eye(4)[:3], [0, 0, 1, 1]]), "last row"),
    ],
)
def test_what_is_no_rigid_transform_is_refused(matrix, message):
    with pytest.raises(FrameError, match=message):
        rigid_transform(matrix)


@given(boxes)
def test_a_box_overlaps_itself_wholly(box):
    assert box3d_iou(box, box) == pytest.approx(1.0, abs=1e-6)


@given(boxes, boxes)
def test_overlap_is_symmetric_and_a_share(a, b):
    iou = box3d_iou(a, b)
    assert 0.0 <= iou <= 1.0 + 1e-9
    assert iou == pytest.approx(box3d_iou(b, a), abs=1e-6)


@given(boxes, angles, metres, metres)
def test_overlap_does_not_depend_on_the_frame(box, yaw, x, y):
    other = Box3D(np.add(box.center, (0.1, 0.05, 0.02)), box.size, box.yaw + 0.3)
    T = pose(x, y, 0.0, yaw)

    def moved(b):
        return Box3D(transform_points(T, np.array(b.center)), b.size, b.yaw + yaw)

    assert box3d_iou(box, other) == pytest.approx(box3d_iou(moved(box), moved(other)), abs=1e-6)


@given(boxes)
def test_a_quarter_turn_swaps_the_sides(box):
    sx, sy, sz = box.size
    turned = Box3D(box.center, (sy, sx, sz), box.yaw + math.pi / 2)
    assert box3d_iou(box, turned) == pytest.approx(1.0, abs=1e-6)


def test_two_squares_at_45_degrees_overlap_in_an_octagon():
    a, b = Box3D((0, 0, 0), (2, 2, 1)), Box3D((0, 0, 0), (2, 2, 1), math.pi / 4)
    octagon = 8 * (math.sqrt(2) - 1)
    assert box3d_iou(a, b) == pytest.approx(octagon / (8 - octagon))


def test_boxes_above_each_other_do_not_overlap():
    assert box3d_iou(Box3D((0, 0, 0), (1, 1, 1)), Box3D((0, 0, 1.0), (1, 1, 1))) == 0.0


@given(boxes, st.sampled_from((0, 1, 2)), st.floats(-2.0, 2.0))
def test_a_grown_box_keeps_its_other_faces(box, axis, by):
    grown = box.grown(axis, by)
    size = list(box.size)
    size[axis] += abs(by)
    assert grown.size == pytest.approx(size)
    kept = np.zeros(3)
    kept[axis] = -math.copysign(box.size[axis] / 2, by)
    other = transform_points(
        invert(grown.T_world_box), transform_points(box.T_world_box, kept[None])
    )
    assert abs(other[0, axis]) == pytest.approx(grown.size[axis] / 2, abs=1e-9)


def test_a_box_reaches_other_heights_and_never_turns_over():
    box = Box3D((1.0, 2.0, 0.5), (0.4, 0.3, 0.6), 0.2)
    assert (box.bottom, box.top) == pytest.approx((0.2, 0.8))
    assert box.reaching() is box
    lower = box.reaching(bottom=0.0)
    assert (lower.bottom, lower.top) == pytest.approx((0.0, 0.8))
    both = box.reaching(0.1, 1.1)
    assert (both.bottom, both.top) == pytest.approx((0.1, 1.1))
    assert (both.center[:2], both.size[:2], both.yaw) == (box.center[:2], box.size[:2], box.yaw)
    assert box.reaching(bottom=0.8) is box
    assert box.reaching(top=0.1) is box


@given(boxes)
def test_the_axis_aligned_box_holds_every_corner(box):
    around = box.axis_aligned()
    assert around.yaw == 0.0
    assert around.contains(box.corners(), margin=1e-9).all()


@pytest.mark.parametrize("size", [(-1, 1, 1), (1, 1, float("nan"))])
def test_a_box_without_extent_is_refused(size):
    with pytest.raises(BoxError, match="not a box"):
        Box3D((0, 0, 0), size)


def test_image_boxes_are_clipped_to_the_image():
    assert checked_box([-5, 10, 700, 20], 640, 480) == (0, 10, 640, 20)


@pytest.mark.parametrize(
    ("box", "message"),
    [
        ([1, 2, 3], "needs four finite numbers"),
        ([1, 2, float("inf"), 4], "needs four finite numbers"),
        ([5, 5, 5, 9], r"\[5, 5, 5, 9\] is empty"),
        ([9, 5, 5, 9], "is empty"),
        ([700, 5, 800, 9], "outside the image of 640 x 480"),
    ],
)
def test_wrong_image_boxes_are_refused_with_their_numbers(box, message):
    with pytest.raises(BoxError, match=message):
        checked_box(box, 640, 480)


def test_image_overlap_is_intersection_over_union():
    assert box_iou((0, 0, 2, 2), (1, 1, 3, 3)) == pytest.approx(1 / 7)
    assert box_iou((0, 0, 2, 2), (2, 0, 3, 3)) == 0.0


def test_the_box_of_a_mask_is_tight():
    mask = np.zeros((5, 6), bool)
    mask[1:3, 2:5] = True
    assert mask_box(mask) == (2, 1, 5, 3)
    assert mask_box(np.zeros((5, 6), bool)) is None
