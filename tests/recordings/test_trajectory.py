"""Poses between poses, and transforms through a tree of frames."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scene_r1_ros.errors import RecordingFormatError
from scene_r1_ros.recordings.trajectory import Trajectory
from scene_r1_ros.recordings.transform_tree import TransformTree


def turn(angle):
    return [0, 0, np.sin(angle / 2), np.cos(angle / 2)]


@given(st.floats(0, 1), st.floats(-3, 3))
def test_between_two_poses_position_and_angle_grow_evenly(share, angle):
    path = Trajectory([0, 1000], np.array([[0, 0, 0, *turn(0)], [2, 4, 6, *turn(angle)]]))
    stamp = round(share * 1000)
    T = path.at(stamp, 0, 1000)
    np.testing.assert_allclose(T[:3, 3], np.array([2, 4, 6]) * stamp / 1000, atol=1e-9)
    assert np.arctan2(T[1, 0], T[0, 0]) == pytest.approx(angle * stamp / 1000, abs=1e-9)


def test_too_far_from_any_pose_there_is_none():
    path = Trajectory([0, 1000], np.array([[0, 0, 0, *turn(0)], [1, 0, 0, *turn(0)]]))
    assert path.at(500, 100) is None
    assert path.at(500, 100, 1000) is not None
    assert path.at(950, 100)[0, 3] == pytest.approx(0.95)
    assert path.at(1050, 100)[0, 3] == pytest.approx(1.0)
    assert path.at(1101, 100, 1000) is None
    assert path.at(-101, 100, 1000) is None


def test_broken_rows_do_not_count_and_the_last_of_equal_stamps_does():
    rows = np.array([[0.0] * 7, [np.nan] * 7, [1, 0, 0, *turn(0)], [2, 0, 0, *turn(0)]])
    path = Trajectory([1, 2, 3, 3], rows)
    assert len(path) == 1
    assert path.at(3, 0)[0, 3] == 2
    assert Trajectory([], np.zeros((0, 7))).at(0, 10) is None


def test_a_chain_is_composed_with_static_parts_and_across_branches():
    tree = TransformTree()
    tree.add("map", "base", 0, (0, 0, 0, *turn(0)), static=False)
    tree.add("map", "base", 100, (10, 0, 0, *turn(np.pi / 2)), static=False)
    tree.add("/base", "/camera", 0, (1, 0, 0, *turn(0)), static=True)
    tree.add("map", "door", 0, (0, 5, 0, *turn(0)), static=True)
    np.testing.assert_allclose(
        tree.lookup("map", "camera", 100, 0, 0)[:3, 3], (10, 1, 0), atol=1e-9
    )
    np.testing.assert_allclose(tree.lookup("door", "camera", 0, 0, 0)[:3, 3], (1, -5, 0), atol=1e-9)
    assert tree.lookup("map", "camera", 50, 0, 0) is None
    assert tree.moves("map", "camera")
    assert not tree.moves("base", "camera")
    assert not tree.connected("camera", "moon")


def test_a_frame_with_two_parents_or_a_loop_is_refused():
    tree = TransformTree()
    tree.add("map", "base", 0, (0, 0, 0, *turn(0)), static=False)
    with pytest.raises(RecordingFormatError, match="frame base two parents, map and odom"):
        tree.add("odom", "base", 0, (0, 0, 0, *turn(0)), static=False)
    tree.add("base", "map", 0, (0, 0, 0, *turn(0)), static=False)
    with pytest.raises(RecordingFormatError, match="loop: base -> map -> base"):
        tree.ancestors("base")
