"""What RViz and planners get: clouds, markers, objects; bad and many requests."""

from __future__ import annotations

import dataclasses
import struct

import numpy as np
import pytest
from rclpy.qos import DurabilityPolicy, QoSProfile
from ros_graph import best_seen
from scene_r1_msgs.msg import Box2D, GroundedObjectArray
from scene_r1_msgs.srv import ForgetObject, ListObjects, TrackBox
from sensor_msgs.msg import PointCloud2
from std_msgs.msg import Header
from std_srvs.srv import Trigger
from visualization_msgs.msg import Marker, MarkerArray
from waiting import wait_for

from scene_r1_ros import errors
from scene_r1_ros.geometry import Box3D
from scene_r1_ros.memory import GroundedObject
from scene_r1_ros.ros.client import GroundingClient
from scene_r1_ros.ros.cloud import points_to_cloud
from scene_r1_ros.ros.conversions import box3d_from_msg, object_to_msg
from scene_r1_ros.ros.markers import delete_all, deletion, object_markers

LATCHED = QoSProfile(depth=10, durability=DurabilityPolicy.TRANSIENT_LOCAL)
TOP = Header(frame_id="map")
ITEM = GroundedObject(
    object_id="mug_7",
    number=7,
    query_id="q",
    label="mug",
    query="the mug",
    box=Box3D((1.0, 2.0, 0.5), (0.3, 0.2, 0.1), yaw=0.7),
    points=np.zeros((3, 3), np.float32),
    colors=np.zeros((3, 3), np.uint8),
    views=2,
    confidence=0.5,
    first_seen_ns=1_500_000_000,
    last_seen_ns=2_000_000_001,
)


def test_a_cloud_is_laid_out_as_pcl_and_rviz_read_it():
    points = np.array([[1.0, -2.0, 3.5], [0.25, 0.5, -0.75]], np.float32)
    colors = np.array([[255, 128, 1], [3, 2, 250]], np.uint8)
    cloud = points_to_cloud(points, colors, TOP)
    assert [(f.name, f.offset, f.datatype, f.count) for f in cloud.fields] == [
        (name, 4 * i, 7, 1) for i, name in enumerate(("x", "y", "z", "rgb"))  # 7: FLOAT32
    ]  # fmt: skip
    assert (cloud.height, cloud.width, cloud.point_step, cloud.row_step) == (1, 2, 16, 32)
    data = bytes(cloud.data)
    for i in range(2):
        assert struct.unpack_from("<fff", data, 16 * i) == tuple(points[i])
        # little-endian 0x00RRGGBB: bytes blue, green, red, 0
        assert tuple(data[16 * i + 12 : 16 * i + 16]) == (*colors[i][::-1], 0)


def test_markers_can_be_seen_and_keep_their_ids():
    markers = object_markers([ITEM], TOP).markers
    assert {(m.ns, m.id) for m in markers} == {("box", 7), ("label", 7), ("axes", 7)}
    for marker in markers:
        assert marker.action == Marker.ADD
        assert marker.header.frame_id == "map"
        assert marker.color.a > 0.9 or marker.colors
        size = marker.scale.z if marker.type == Marker.TEXT_VIEW_FACING else marker.scale.x
        assert size > 0
        q = marker.pose.orientation
        assert q.x**2 + q.y**2 + q.z**2 + q.w**2 == pytest.approx(1.0)
    box = next(m for m in markers if m.ns == "box")
    corners = np.array([(p.x, p.y, p.z) for p in box.points])
    assert len(corners) == 24  # twelve edges
    assert np.ptp(corners, axis=0) == pytest.approx(ITEM.box.size)
    label = next(m for m in markers if m.ns == "label")
    assert "mug" in label.text
    assert label.pose.position.z > ITEM.box.center[2] + ITEM.box.size[2] / 2
    stale = object_markers([dataclasses.replace(ITEM, stale=True)], TOP).markers
    assert all(m.color.a < 0.5 for m in stale)


def test_deletions_name_what_was_added():
    added = {(m.ns, m.id) for m in object_markers([ITEM], TOP).markers}
    assert {(m.ns, m.id) for m in deletion([7], TOP).markers} == added
    assert {m.action for m in deletion([7], TOP).markers} == {Marker.DELETE}
    assert [m.action for m in delete_all(TOP).markers] == [Marker.DELETEALL]


def test_an_object_message_carries_the_box_with_its_yaw():
    msg = object_to_msg(ITEM, "map")
    box = box3d_from_msg(msg)
    assert box.yaw == pytest.approx(0.7)
    assert box.size == pytest.approx(ITEM.box.size)
    assert box.center == pytest.approx(ITEM.box.center)
    assert (msg.last_seen.sec, msg.last_seen.nanosec) == (2, 1)


# -- the running graph


@pytest.fixture
def prompt(played, recording_dir):
    thing, view = best_seen(recording_dir)
    stamp = int(played.player.recording.stamps_ns[view["index"]])
    return thing["label"], stamp, tuple(view["box"])


def test_late_joiners_see_what_is_there_and_what_is_not(played, prompt):
    label, stamp, box = prompt
    item = played.client.track_box(box, stamp, label=label)
    node, heard = played.listener("latecomer"), {}
    for kind, topic in (
        (GroundedObjectArray, "objects"),
        (PointCloud2, "object_cloud"),
        (MarkerArray, "markers"),
    ):
        node.create_subscription(
            kind, topic, lambda msg, topic=topic: heard.update({topic: msg}), LATCHED
        )
    # of the lists that are kept, those from before the object may come first
    wait_for(lambda: len(heard) == 3 and heard["objects"].objects, what="three kept messages")
    assert heard["objects"].objects[-1].object_id == item.object_id
    wait_for(lambda: heard["object_cloud"].width > 50, what="the kept cloud")
    played.client.forget_all()
    wait_for(lambda: heard["object_cloud"].width == 0, what="the empty cloud")
    wait_for(lambda: not heard["objects"].objects, what="the empty list")
    # deletion and what is left are one message, so that nobody can miss half of it
    wait_for(lambda: {m.action for m in heard["markers"].markers} == {Marker.DELETE})
    again = played.client.track_box(box, stamp, label=label)
    assert again.object_id != item.object_id  # ids are not used again
    played.client.forget_all()


def test_a_node_that_starts_takes_old_markers_away(played):
    node, heard = played.listener("marker_reader"), []
    node.create_subscription(MarkerArray, "markers", heard.append, LATCHED)
    wait_for(lambda: heard, what="what is kept")
    played.lifting.trigger_deactivate()
    played.lifting.trigger_activate()
    wait_for(lambda: heard[-1].markers and heard[-1].markers[0].action == Marker.DELETEALL)


def raw_track(played, **fields):
    """The response itself, whatever it says."""
    node = played.listener(f"raw_{len(played.nodes)}")
    client = node.create_client(TrackBox, "track_box")
    assert client.wait_for_service(5.0)
    future = client.call_async(TrackBox.Request(**fields))
    wait_for(future.done, what="an answer")
    played.remove(node)
    return future.result()


def test_extreme_numbers_are_answered(played, prompt):
    box = prompt[2]
    good = Box2D(x_min=box[0], y_min=box[1], x_max=box[2], y_max=box[3])
    huge = Box2D(x_min=-1e300, y_min=-1e300, x_max=1e300, y_max=1e300)
    request = TrackBox.Request(box=good)
    request.stamp.sec = -(2**31)
    assert raw_track(played, stamp=request.stamp, box=good).error_code == 102
    request.timeout.sec, request.timeout.nanosec = 2**31 - 1, 2**32 - 1
    late = raw_track(played, box=Box2D(x_min=float("nan")), timeout=request.timeout)
    assert (late.error_code, "finite" in late.message) == (401, True)
    assert raw_track(played, box=huge).error_code in (0, 401, 403)  # the whole image
    request.timeout.sec = -(2**31)
    assert raw_track(played, box=good, timeout=request.timeout).error_code == 1


def test_endless_names_are_refused(played, prompt):
    _, stamp, box = prompt
    with pytest.raises(errors.RequestError, match="label of 1000000 characters"):
        played.client.track_box(box, stamp, label="x" * 1_000_000)
    assert played.client.list_objects("x" * 1_000_000) == []
    request = ForgetObject.Request(object_id="x" * 1_000_000)
    with pytest.raises(errors.UnknownObjectError) as failed:
        played.client.call(ForgetObject, "forget_object", request, 5.0)
    assert len(str(failed.value)) < 1000


@pytest.mark.parametrize("timeout", [float("nan"), float("inf"), 1e12])
def test_a_time_out_that_is_none_is_refused_by_the_client(played, prompt, timeout):
    with pytest.raises(errors.RequestError, match="timeout"):
        played.client.track_box(prompt[2], timeout=timeout)


def test_twenty_at_once_are_all_answered_some_with_busy(played, prompt):
    label, stamp, box = prompt
    answers = [played.client.track_box_async(box, stamp, label, timeout=60.0) for _ in range(20)]
    outcomes = [answer.exception(90) for answer in answers]
    assert {type(outcome) for outcome in outcomes} == {type(None), errors.BusyError}
    assert outcomes.count(None) >= 4
    assert played.client.track_box(box, stamp, label).points > 0


def test_a_taken_back_query_leaves_no_object(played, prompt):
    _, stamp, box = prompt
    played.client.forget_all()
    for _ in range(3):
        with pytest.raises(errors.DeadlineError):
            played.client.track_box(box, stamp, timeout=0.05)
    wait_for(lambda: played.lifting.stage._worker.busy + played.tracking.stage._worker.busy == 0)
    assert played.client.list_objects() == []


def test_the_client_works_inside_a_callback(played, prompt):
    """A planner calls from its own service, on a single-threaded executor."""
    _, stamp, box = prompt
    planner = played.listener("planner")

    def plan(request, response):
        with GroundingClient(played.namespace, discovery_timeout=30.0) as client:
            response.message = client.track_box(box, stamp).object_id
            response.success = bool(client.list_objects())
        return response

    planner.create_service(Trigger, "plan", plan)
    caller = planner.create_client(Trigger, "plan")
    assert caller.wait_for_service(5.0)
    future = caller.call_async(Trigger.Request())
    wait_for(future.done, what="the plan")
    assert future.result().success


def test_listing_answers_while_prompts_are_served(played, prompt):
    label, stamp, box = prompt
    answers = [played.client.track_box_async(box, stamp, label) for _ in range(3)]
    response = played.client.call(ListObjects, "list_objects", ListObjects.Request(), 2.0)
    assert response.error_code == 0
    for answer in answers:
        answer.result(60)
