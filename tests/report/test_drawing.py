"""3D boxes over images, and which views are shown."""

import numpy as np
from box_room import CAMERA, BoxRoom
from hypothesis import given, settings
from hypothesis import strategies as st

from scene_r1_ros.geometry import Box3D, invert, transform_points
from scene_r1_ros.report.drawing import EDGES, draw_box3d
from scene_r1_ros.report.pictures import different_views, evenly

RGB = (255, 0, 255)
ROOM = BoxRoom(boxes={})
coordinate = st.floats(-4, 4)


def test_box_has_twelve_edges_between_corners_that_differ_along_one_axis():
    corners = Box3D((0, 0, 0), (1, 2, 3)).corners()
    assert len(EDGES) == 12
    assert all(np.count_nonzero(corners[a] - corners[b]) == 1 for a, b in EDGES)


def test_corners_are_drawn_where_they_project():
    frame = ROOM.frame(1, (0.0, -2.2, 1.1))
    box = Box3D((0.0, 0.0, 0.3), (0.5, 0.4, 0.6), 0.3)
    drawn = (draw_box3d(frame.color, frame, box, RGB) != frame.color).any(axis=2)
    pixels, _ = CAMERA.project(transform_points(invert(frame.T_world_camera), box.corners()))
    for u, v in pixels.round().astype(int):
        assert drawn[v - 1 : v + 2, u - 1 : u + 2].any()
    assert drawn.mean() < 0.1


def test_box_behind_the_camera_draws_nothing():
    frame = ROOM.frame(1, (0.0, -2.2, 1.1))
    box = Box3D((0.0, -6.0, 0.3), (0.5, 0.4, 0.6))
    np.testing.assert_array_equal(draw_box3d(frame.color, frame, box, RGB), frame.color)


@settings(max_examples=30, deadline=None)
@given(coordinate, coordinate, coordinate, st.floats(0.01, 6), st.floats(-4, 4))
def test_any_box_can_be_drawn(x, y, z, size, yaw):
    frame = ROOM.frame(1, (0.0, -2.2, 1.1))
    image = draw_box3d(frame.color, frame, Box3D((x, y, z), (size, size, size), yaw), RGB)
    assert image.shape == frame.color.shape
    assert image.dtype == np.uint8


def test_views_are_from_different_directions_and_in_order():
    box = Box3D((0.0, 0.0, 0.3), (0.4, 0.4, 0.6))
    eyes = [(0.0, -2.2, 1.1), (0.02, -2.2, 1.1), (0.9, -2.2, 1.1), (0.92, -2.2, 1.1)]
    frames = [ROOM.frame(i + 1, eye, look=-eye[0] / 3) for i, eye in enumerate(eyes)]
    chosen = [frame.stamp_ns for frame in different_views(frames, box, 2)]
    assert len(chosen) == 2
    assert {stamp <= 2 for stamp in chosen} == {True, False}
    assert chosen == sorted(chosen)
    assert different_views([], box, 2) == []


def test_evenly_keeps_both_ends():
    assert evenly(list(range(50)), 3) == [0, 24, 49]
    assert evenly([1, 2], 5) == [1, 2]
