"""The transform buffer: geometry, times, waiting, and transforms over DDS."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation, Slerp

pytest.importorskip("tf2_py.frame_tree", reason="needs this project's overlay")

import tf2_ros
import yaml
from geometry_msgs.msg import PointStamped, TransformStamped
from rclpy.duration import Duration
from rclpy.time import Time

BASE = 1_700_000_000


def at(seconds):
    return Time(nanoseconds=BASE * 10**9 + round(seconds * 1e9))


def stamped(parent, child, seconds, xyz=(0.0, 0.0, 0.0), quaternion=(0.0, 0.0, 0.0, 1.0)):
    msg = TransformStamped(child_frame_id=child)
    msg.header.frame_id = parent
    msg.header.stamp = at(seconds).to_msg()
    t, r = msg.transform.translation, msg.transform.rotation
    t.x, t.y, t.z = map(float, xyz)
    r.x, r.y, r.z, r.w = map(float, quaternion)
    return msg


def matrix(msg):
    t, r = msg.transform.translation, msg.transform.rotation
    T = np.eye(4)
    T[:3, :3] = Rotation.from_quat([r.x, r.y, r.z, r.w]).as_matrix()
    T[:3, 3] = t.x, t.y, t.z
    return T


def buffer_with(*transforms, **options):
    buffer = tf2_ros.Buffer(**options)
    for transform in transforms:
        buffer.set_transform(transform, "test")
    return buffer


lengths = st.floats(-10, 10)
vectors = st.tuples(lengths, lengths, lengths)
quaternions = (
    st.tuples(*[st.floats(-1, 1)] * 4)
    .map(np.array)
    .filter(lambda q: np.linalg.norm(q) > 0.1)
    .map(lambda q: q / np.linalg.norm(q))
)


@given(vectors, quaternions, vectors, quaternions, st.floats(0.001, 0.999))
@settings(max_examples=60, deadline=None)
def test_between_two_poses_translation_is_linear_and_rotation_spherical(p0, q0, p1, q1, ratio):
    buffer = buffer_with(stamped("map", "camera", 0, p0, q0), stamped("map", "camera", 1, p1, q1))
    got = matrix(buffer.lookup_transform("map", "camera", at(ratio)))
    ratio = round(ratio * 1e9) / 1e9
    np.testing.assert_allclose(
        got[:3, 3], np.array(p0) * (1 - ratio) + np.array(p1) * ratio, atol=1e-9
    )
    if abs(q0 @ q1) > 1e-3:  # else both ways round are equally short
        expected = Slerp([0, 1], Rotation.from_quat([q0, q1]))(ratio).as_matrix()
        np.testing.assert_allclose(got[:3, :3], expected, atol=1e-6)


@given(*[vectors, quaternions] * 4)
@settings(max_examples=60, deadline=None)
def test_chains_through_a_common_ancestor_compose(p0, q0, p1, q1, p2, q2, p3, q3):
    edges = [
        stamped("map", "odom", 0, p0, q0),
        stamped("odom", "base", 0, p1, q1),
        stamped("base", "camera", 0, p2, q2),
        stamped("base", "gripper", 0, p3, q3),
    ]
    buffer = buffer_with(*edges)
    map_odom, odom_base, base_camera, base_gripper = map(matrix, edges)

    def lookup(target, source):
        return matrix(buffer.lookup_transform(target, source, at(0)))

    def close(got, expected):
        np.testing.assert_allclose(got, expected, atol=1e-8)

    close(lookup("map", "camera"), map_odom @ odom_base @ base_camera)
    close(lookup("camera", "map"), np.linalg.inv(map_odom @ odom_base @ base_camera))
    close(lookup("gripper", "camera"), np.linalg.inv(base_gripper) @ base_camera)
    close(lookup("camera", "camera"), np.eye(4))


def test_time_zero_asks_for_the_latest_time_that_all_frames_have():
    buffer = buffer_with(
        stamped("map", "base", 0), stamped("map", "base", 3, (3, 0, 0)), stamped("map", "hand", 0)
    )
    buffer.set_transform(stamped("map", "hand", 2), "test")
    buffer.set_transform_static(stamped("base", "camera", 0, (0, 0, 1)), "test")
    assert buffer.get_latest_common_time("hand", "camera") == at(2)
    got = buffer.lookup_transform("hand", "camera", Time())
    assert Time.from_msg(got.header.stamp).nanoseconds == at(2).nanoseconds
    assert (got.header.frame_id, got.child_frame_id) == ("hand", "camera")
    assert got.transform.translation.x == pytest.approx(2.0)


def test_static_transforms_hold_at_every_time_and_outlive_clear():
    buffer = tf2_ros.Buffer()
    buffer.set_transform_static(stamped("base", "camera", 5, (1, 2, 3)), "test")
    buffer.set_transform(stamped("map", "base", 5), "test")
    buffer.clear()
    assert buffer.can_transform("base", "camera", at(-100))
    assert buffer.lookup_transform("base", "camera", at(100)).header.stamp == at(100).to_msg()
    assert not buffer.can_transform("map", "base", Time())


def test_times_outside_the_data_are_extrapolation_and_named():
    buffer = buffer_with(stamped("map", "base", 1), stamped("map", "base", 2))
    for seconds, words in ((0.5, "into the past"), (2.5, "into the future")):
        with pytest.raises(tf2_ros.ExtrapolationException) as error:
            buffer.lookup_transform("map", "base", at(seconds))
        text = str(error.value)
        assert f"Lookup would require extrapolation {words}" in text
        assert f"Requested time {BASE + seconds:.6f}" in text
        assert f"data is at time {BASE + (1 if seconds < 1 else 2):.6f}" in text
        assert "from frame [base] to frame [map]" in text
    with pytest.raises(tf2_ros.ExtrapolationException, match="only time"):
        buffer_with(stamped("map", "base", 1)).lookup_transform("map", "base", at(1.5))


def test_a_frame_without_data_at_the_time_does_not_matter_above_the_common_ancestor():
    buffer = buffer_with(
        stamped("map", "base", 1), stamped("base", "a", 5), stamped("base", "b", 5)
    )
    assert buffer.can_transform("a", "b", at(5))


@pytest.mark.parametrize(
    ("target", "source", "exception", "words"),
    [
        ("map", "nowhere", tf2_ros.LookupException, '"nowhere" passed to .* does not exist'),
        (
            "map",
            "island",
            tf2_ros.ConnectivityException,
            "'map' and 'island'.*unconnected trees",
        ),
        ("map", "", tf2_ros.InvalidArgumentException, "cannot be empty"),
        ("/map", "base", tf2_ros.InvalidArgumentException, "cannot start with a '/'"),
    ],
)
def test_each_mistake_has_its_exception(target, source, exception, words):
    buffer = buffer_with(stamped("map", "base", 0), stamped("sea", "island", 0))
    with pytest.raises(exception, match=words) as error:
        buffer.lookup_transform(target, source, at(0))
    assert isinstance(error.value, tf2_ros.TransformException)
    possible, reason = buffer.can_transform(target, source, at(0), return_debug_tuple=True)
    assert not possible
    assert reason


def test_a_loop_of_frames_is_an_error_and_not_an_endless_walk():
    buffer = buffer_with(stamped("a", "b", 0), stamped("b", "a", 0), stamped("map", "base", 0))
    with pytest.raises(tf2_ros.LookupException, match="contains a loop"):
        buffer.lookup_transform("map", "b", at(0))


def test_data_older_than_the_cache_time_goes_and_older_still_is_refused(capfd):
    buffer = buffer_with(
        *[stamped("map", "base", seconds) for seconds in range(8)], cache_time=Duration(seconds=3)
    )
    assert buffer.can_transform("map", "base", at(4.5))
    assert not buffer.can_transform("map", "base", at(2.5))
    buffer.set_transform(stamped("map", "base", 1), "sleeper")
    assert "TF_OLD_DATA" in capfd.readouterr().err
    assert not buffer.can_transform("map", "base", at(1))


def test_a_new_parent_counts_from_its_first_stamp_on():
    buffer = buffer_with(stamped("map", "box", 0, (1, 0, 0)), stamped("hand", "box", 1, (2, 0, 0)))
    assert buffer.lookup_transform("map", "box", at(0.5)).transform.translation.x == 1.0
    assert buffer.lookup_transform("hand", "box", at(1)).transform.translation.x == 2.0


@pytest.mark.parametrize(
    ("transform", "words"),
    [
        (stamped("map", "base", 0, (float("nan"), 0, 0)), "TF_NAN_INPUT"),
        (stamped("map", "base", 0, quaternion=(0, 0, 0, 0)), "TF_DENORMALIZED_QUATERNION"),
        (stamped("map", "map", 0), "TF_SELF_TRANSFORM"),
        (stamped("map", "", 0), "TF_NO_CHILD_FRAME_ID"),
        (stamped("", "base", 0), "TF_NO_FRAME_ID"),
    ],
)
def test_a_transform_that_cannot_be_right_is_logged_and_left_out(transform, words, capfd):
    buffer = buffer_with(transform)
    assert words in capfd.readouterr().err
    assert buffer.all_frames_as_yaml() == "[]"


def test_a_quaternion_of_another_length_is_normalized():
    buffer = buffer_with(stamped("map", "base", 0, quaternion=(0, 0, 2, 0)))
    assert buffer.lookup_transform("map", "base", at(0)).transform.rotation.z == 1.0


def test_the_full_lookup_goes_through_the_fixed_frame_at_two_times():
    buffer = buffer_with(
        stamped("map", "base", 0, (1, 0, 0)),
        stamped("map", "base", 1, (4, 0, 0)),
        stamped("map", "camera", 0, (1, 1, 0)),
        stamped("map", "camera", 1, (1, 1, 0)),
    )
    got = buffer.lookup_transform_full("base", at(1), "camera", at(0), "map")
    assert (got.transform.translation.x, got.transform.translation.y) == (-3.0, 1.0)
    assert got.header.stamp == at(1).to_msg()
    assert buffer.can_transform_full("base", at(1), "camera", at(0), "map")
    assert not buffer.can_transform_full("base", at(2), "camera", at(0), "map")


def test_velocity_of_a_turning_frame_is_along_the_axes_of_the_observer():
    turn = Rotation.from_rotvec([0, 0, 0.2]).as_quat()
    buffer = buffer_with(stamped("map", "base", 0), stamped("map", "base", 2, (0, 1, 0), turn))
    linear, angular = buffer.lookupVelocityCore("base", "map", at(1), Duration(seconds=2))
    assert linear == pytest.approx((0.0, 0.5, 0.0))
    assert angular == pytest.approx((0.0, 0.0, 0.1))


def test_frames_are_listed_as_yaml():
    buffer = buffer_with(*[stamped("map", "base", i / 10) for i in range(11)])
    frames = yaml.safe_load(buffer.all_frames_as_yaml())
    assert frames["base"]["parent"] == "map"
    assert frames["base"]["broadcaster"] == "test"
    assert frames["base"]["rate"] == pytest.approx(11.0)
    assert frames["base"]["buffer_length"] == pytest.approx(1.0)


def test_a_lookup_with_timeout_wakes_as_soon_as_the_transform_comes():
    buffer = buffer_with(stamped("map", "base", 0))
    timer = threading.Timer(0.05, buffer.set_transform, [stamped("map", "base", 1), "test"])
    timer.start()
    started = time.monotonic()
    buffer.lookup_transform("map", "base", at(0.5), Duration(seconds=30))
    assert time.monotonic() - started < 10
    timer.join()


def test_a_timeout_ends_with_the_reason():
    buffer = buffer_with(stamped("map", "base", 0))
    started = time.monotonic()
    with pytest.raises(tf2_ros.ExtrapolationException):
        buffer.lookup_transform("map", "base", at(1), Duration(seconds=0.05))
    assert not buffer.can_transform("map", "base", at(1), Duration(seconds=0.05))
    assert time.monotonic() - started >= 0.1


def test_futures_are_done_when_the_transform_comes_and_forgotten_when_cancelled():
    buffer = tf2_ros.Buffer()
    wanted = buffer.wait_for_transform_async("map", "base", at(0))
    full = buffer.wait_for_transform_full_async("map", at(0), "base", at(0), "map")
    unwanted = buffer.wait_for_transform_async("map", "nowhere", at(0))
    assert not wanted.done()
    unwanted.cancel()
    buffer.set_transform(stamped("map", "base", 0, (1, 0, 0)), "test")
    assert wanted.result().transform.translation.x == 1.0
    assert full.done()
    assert not buffer._waiting


def test_transform_uses_what_has_been_registered_for_the_type():
    buffer = buffer_with(stamped("map", "base", 0, (1, 2, 3)))
    point = PointStamped()
    point.header.frame_id, point.header.stamp = "base", at(0).to_msg()
    with pytest.raises(tf2_ros.TypeException, match="not loaded or supported"):
        buffer.transform(TransformStamped(), "map")

    def shift(_, transform):
        return transform.transform.translation.y

    tf2_ros.TransformRegistration().add(PointStamped, shift)
    assert buffer.transform(point, "map") == 2.0


def test_lookups_are_fast_enough_for_every_frame():
    buffer = buffer_with(*[stamped("map", "odom", i / 50, (i, 0, 0)) for i in range(500)])
    buffer.set_transform_static(stamped("odom", "camera", 0), "test")
    started = time.perf_counter()
    for i in range(1000):
        buffer.lookup_transform("map", "camera", at(i / 200))
    assert 1000 / (time.perf_counter() - started) > 2000


def test_a_jump_back_of_the_clock_clears_the_buffer(node):
    buffer = tf2_ros.Buffer(node=node)
    clock = node.get_clock()
    clock._set_ros_time_is_active(True)
    clock.set_ros_time_override(at(10))
    buffer.set_transform(stamped("map", "base", 10), "test")
    clock.set_ros_time_override(at(11))
    assert buffer.can_transform("map", "base", at(10))
    clock.set_ros_time_override(at(2))
    assert not buffer.can_transform("map", "base", at(10))


def test_transforms_reach_a_listener_that_joins_late_and_spins_by_itself(ros_context):
    import rclpy

    sender = rclpy.create_node("sender", context=ros_context)
    receiver = rclpy.create_node("receiver", context=ros_context)
    static = tf2_ros.StaticTransformBroadcaster(sender)
    static.sendTransform(stamped("base", "camera", 0, (9, 0, 0)))
    static.sendTransform([stamped("base", "lidar", 0), stamped("base", "camera", 0, (1, 0, 0))])

    buffer = tf2_ros.Buffer()
    listener = tf2_ros.TransformListener(buffer, receiver, spin_thread=True)
    got = buffer.lookup_transform("lidar", "camera", Time(), Duration(seconds=10))
    assert got.transform.translation.x == 1.0

    broadcaster = tf2_ros.TransformBroadcaster(sender)
    deadline = time.monotonic() + 10
    while not buffer.can_transform("map", "camera", at(0), Duration(seconds=0.05)):
        broadcaster.sendTransform([stamped("map", "base", 0)])  # until discovered
        assert time.monotonic() < deadline

    thread = listener.dedicated_listener_thread
    rclpy.try_shutdown(context=ros_context)
    thread.join(timeout=5)
    assert not thread.is_alive()


def test_buffer_client_turns_the_servers_errors_into_exceptions(node, spinning):
    from rclpy.action import ActionServer
    from tf2_msgs.action import LookupTransform
    from tf2_msgs.msg import TF2Error

    def execute(handle):
        result = LookupTransform.Result()
        if handle.request.source_frame == "nowhere":
            result.error = TF2Error(error=TF2Error.LOOKUP_ERROR, error_string="no such frame")
            handle.abort()
        else:
            result.transform = stamped("map", handle.request.source_frame, 0)
            handle.succeed()
        return result

    client = tf2_ros.BufferClient(node, "tf_server", timeout_padding=Duration(seconds=10))
    with pytest.raises(tf2_ros.TimeoutException, match="not ready"):
        client.lookup_transform("map", "base", Time())
    server = ActionServer(node, LookupTransform, "tf_server", execute)
    spinning(node)
    assert client.action_client.wait_for_server(timeout_sec=10)
    assert client.lookup_transform("map", "base", at(0)).child_frame_id == "base"
    with pytest.raises(tf2_ros.LookupException, match="no such frame"):
        client.lookup_transform("map", "nowhere", at(0))
    assert not client.can_transform("map", "nowhere", at(0))
    client.destroy()
    server.destroy()
