"""Poses of camera frames: tf that is late, missing or wrong; pose and odometry topics."""

from __future__ import annotations

import time

import numpy as np
import pytest
from ros_camera import SECOND, pose
from waiting import wait_for

from scene_r1_ros.ros.pose_source import PoseNotReadyError


def test_a_frame_waits_for_tf_that_comes_late(camera):
    one = camera(pose_timeout=3.0)
    one.send_transform(19 * SECOND, pose())
    one.send(20 * SECOND, transform=False)
    time.sleep(0.2)  # TF is late by this
    assert one.counts().accepted == 0
    one.send_transform(21 * SECOND, pose(2.0))
    one.wait_accepted(1)
    T = one.window.snapshot().frames[0].T_world_camera
    assert T[:3, 3] == pytest.approx(pose(1.0)[:3, 3], abs=1e-6)  # between 19 s and 21 s


def test_without_tf_frames_are_dropped_in_the_words_of_tf2(camera):
    one = camera(pose_timeout=0.1)
    for i in range(3):
        one.send((20 + i) * SECOND, transform=False)
    one.wait_dropped("pose", 3)
    assert len(one.warnings) == 1
    assert f"from {one.frame_id} to {one.world} at 20.000000 s" in one.warnings[0]
    assert "does not exist" in one.warnings[0]
    one.send(24 * SECOND)
    one.wait_accepted(1)


def test_tf_that_is_no_transform_is_ignored(camera):
    one = camera(pose_timeout=0.1)
    T = pose()
    T[0, 3] = np.nan
    one.send_transform(20 * SECOND, T)
    one.send_transform(20 * SECOND, pose(), child=one.world)  # a frame in itself
    one.send(20 * SECOND, transform=False)
    wait_for(lambda: sum(one.counts().dropped.values()) == 1, what="a drop")
    one.send(21 * SECOND)
    one.wait_accepted(1)


def test_poses_of_a_topic_are_interpolated(camera):
    one = camera(pose_source="pose", pose_timeout=2.0)
    one.send_pose(20 * SECOND, pose(0.0))
    one.send_pose(22 * SECOND, pose(0.4))
    one.send(int(20.5 * SECOND), transform=False)
    one.wait_accepted(1)
    T = one.window.snapshot().frames[0].T_world_camera
    assert pytest.approx(pose(0.1), abs=1e-9) == T
    assert one.counts().topics["pose"].received == 2


def test_odometry_of_another_frame_and_body_goes_through_tf(camera):
    one = camera(pose_source="odometry", pose_timeout=2.0)
    turned = np.eye(4)
    turned[:2, :2] = [[0.0, -1.0], [1.0, 0.0]]
    turned[:3, 3] = (1.0, 2.0, 0.0)
    mounted = np.eye(4)
    mounted[:3, 3] = (0.1, 0.0, 0.5)
    for stamp in (19 * SECOND, 21 * SECOND):
        one.send_transform(stamp, turned, child=f"{one.name}_odom")
        one.send_transform(stamp, mounted, parent=f"{one.name}_base")
        one.send_pose(stamp, pose(), frame=f"{one.name}_odom", child=f"{one.name}_base")
    one.send(20 * SECOND, transform=False)
    one.wait_accepted(1)
    T = one.window.snapshot().frames[0].T_world_camera
    assert pytest.approx(turned @ pose() @ mounted, abs=1e-9) == T


def test_frames_outside_the_poses_name_the_times_there_are(camera):
    one = camera(pose_source="pose", pose_timeout=0.1)
    one.send_pose(20 * SECOND, pose())
    one.send_pose(21 * SECOND, pose())
    one.send(23 * SECOND, transform=False)
    one.wait_dropped("pose")
    assert "there are poses from 20.000000 to 21.000000 s" in one.warnings[0]


@pytest.mark.parametrize("source", ["tf", "pose"])
def test_poses_that_overtake_the_image_of_a_jump_back_are_not_forgotten(camera, source):
    one = camera(pose_source=source, pose_timeout=0.3)
    say = one.send_transform if source == "tf" else one.send_pose
    for second in (100, 101, 102):
        say(second * SECOND, pose(1.0))
        one.send(second * SECOND, transform=False)
    one.wait_accepted(3)
    for second in (90, 91, 92, 93):
        say(second * SECOND, pose(2.0))
    found = one.feed.pose_source.T_world_camera
    wait_for(lambda: known(found, 93 * SECOND, one.frame_id), what="the poses of the new time")
    for second in (90, 91, 92, 93):
        one.send(second * SECOND, transform=False)
    one.wait_accepted(7)
    frames = one.window.snapshot().frames
    assert [f.stamp_ns // SECOND for f in frames] == [90, 91, 92, 93]
    assert all(pytest.approx(pose(2.0), abs=1e-6) == f.T_world_camera for f in frames)
    with pytest.raises(PoseNotReadyError):
        found(100 * SECOND, one.frame_id)  # of the time before the jump


def known(find, stamp_ns, frame_id):
    try:
        return find(stamp_ns, frame_id)[0, 3] == pytest.approx(2.0)
    except PoseNotReadyError:
        return False
