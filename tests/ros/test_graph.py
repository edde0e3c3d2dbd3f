"""The composed graph: a box in, masks, cloud, markers and an object out."""

from __future__ import annotations

import pytest
from rclpy.qos import DurabilityPolicy, QoSProfile
from ros_graph import best_seen
from scene_r1_msgs.msg import GroundedObjectArray, ObjectMask
from sensor_msgs.msg import Image, PointCloud2
from visualization_msgs.msg import Marker, MarkerArray
from waiting import wait_for

from scene_r1_ros import errors
from scene_r1_ros.geometry import Box3D, box3d_iou
from scene_r1_ros.ros.cloud import cloud_to_points
from scene_r1_ros.ros.conversions import box3d_from_msg, mask_from_msg

LATCHED = QoSProfile(depth=10, durability=DurabilityPolicy.TRANSIENT_LOCAL)


@pytest.fixture
def prompt(played, recording_dir):
    """A box prompt: the truth, the frame's stamp and the box."""
    thing, view = best_seen(recording_dir)
    stamp = played.player.recording.stamps_ns[view["index"]]
    return thing, int(stamp), tuple(view["box"])


def collect(played, kind, topic, qos):
    received = []
    node = played.listener(f"listener_{topic}")
    publisher = next(
        one
        for scene_node in (played.tracking, played.lifting)
        for one in scene_node.publishers
        if one.topic_name == f"{played.namespace}/{topic}"
    )
    before = publisher.get_subscription_count()
    node.create_subscription(kind, topic, received.append, qos)
    wait_for(lambda: publisher.get_subscription_count() > before, what="discovery")
    return received


def test_a_box_becomes_an_object_with_masks_cloud_and_markers(played, prompt):
    thing, stamp, box = prompt
    masks = collect(played, ObjectMask, "masks", QoSProfile(depth=1000))
    overlays = collect(played, Image, "mask_overlay", QoSProfile(depth=100))

    item = played.client.track_box(box, stamp, label=thing["label"])

    truth = Box3D(**thing["box"])
    assert box3d_iou(box3d_from_msg(item), truth) > 0.25
    assert item.object_id.endswith("_1")
    assert item.header.frame_id == "map"
    assert item.label == thing["label"]
    wait_for(lambda: masks and len(masks) == masks[0].count, what="every mask")
    assert {mask.query_id for mask in masks} == {item.query_id}
    at_anchor = [mask_from_msg(m) for m in masks if mask_from_msg(m).stamp_ns == stamp]
    assert len(at_anchor) == 1
    assert at_anchor[0].mask.any()
    wait_for(lambda: len(overlays) == len(masks), what="every overlay")

    objects = collect(played, GroundedObjectArray, "objects", LATCHED)
    clouds = collect(played, PointCloud2, "object_cloud", LATCHED)
    markers = collect(played, MarkerArray, "markers", LATCHED)
    wait_for(
        # What was kept from before the object may come first.
        lambda: (
            objects
            and objects[-1].objects
            and clouds
            and clouds[-1].width
            and markers
            and len(markers[-1].markers) >= 3
        ),
        what="what a late joiner gets",
    )
    assert [o.object_id for o in objects[-1].objects] == [item.object_id]
    points, colors = cloud_to_points(clouds[-1])
    assert len(points) == len(colors) > 50
    assert box3d_from_msg(item).contains(points, margin=0.1).mean() > 0.95
    assert {(m.ns, m.id) for m in markers[-1].markers} == {("box", 1), ("label", 1), ("axes", 1)}


def test_the_same_box_again_updates_the_object(played, prompt):
    thing, stamp, box = prompt
    first = played.client.track_box(box, stamp, label=thing["label"])
    second = played.client.track_box(box, stamp, label=thing["label"])
    assert first.object_id == second.object_id
    assert [o.object_id for o in played.client.list_objects(thing["label"])].count(
        second.object_id
    ) == 1


def test_forgetting_takes_object_and_markers_away(played, prompt):
    _, stamp, box = prompt
    item = played.client.track_box(box, stamp)
    markers = collect(played, MarkerArray, "markers", QoSProfile(depth=100))
    played.client.forget_object(item.object_id)
    assert played.client.list_objects() == []
    deleted = wait_for(
        lambda: [m for msg in markers for m in msg.markers if m.action == Marker.DELETE],
        what="deletion",
    )
    assert {m.ns for m in deleted} == {"box", "label", "axes"}


def test_an_unknown_object_is_named_with_the_known_ones(played):
    with pytest.raises(errors.UnknownObjectError, match=r"'chair_9'; known ids: "):
        played.client.forget_object("chair_9")


def test_forget_needs_an_id_or_all(played):
    with pytest.raises(errors.RequestError, match="give the id of one object, or all: true"):
        played.client.forget_object("")


@pytest.mark.parametrize(
    ("box", "error", "message"),
    [
        ((10, 10, 10, 40), errors.BoxError, "is empty"),
        ((900, 10, 950, 40), errors.BoxError, "outside the image of 320 x 240"),
        ((float("nan"), 10, 950, 40), errors.BoxError, "four finite numbers"),
    ],
)
def test_a_wrong_box_is_refused_with_its_numbers(played, box, error, message):
    with pytest.raises(error, match=message):
        played.client.track_box(box)


def test_a_stamp_without_frame_names_the_nearest(played):
    with pytest.raises(errors.NoSuchFrameError, match=r"nearest is at .* window spans"):
        played.client.track_box((10, 10, 100, 100), stamp_ns=5_000_000_000_000)


def test_a_deadline_is_kept_and_the_graph_serves_on(played, prompt):
    _, stamp, box = prompt
    with pytest.raises(errors.DeadlineError, match="deadline"):
        played.client.track_box(box, stamp, timeout=0.01)
    assert played.client.track_box(box, stamp).views > 0


def test_a_negative_timeout_is_refused(played, prompt):
    _, stamp, box = prompt
    with pytest.raises(errors.RequestError, match="negative"):
        played.client.track_box(box, stamp, timeout=-1.0)


def test_inactive_stages_are_named(played, prompt):
    _, stamp, box = prompt
    played.tracking.trigger_deactivate()
    try:
        with pytest.raises(errors.NotActiveError, match="tracking is not active; run"):
            played.client.track_box(box, stamp)
    finally:
        played.tracking.trigger_activate()
    assert played.client.track_box(box, stamp).views > 0


def test_a_cleared_window_is_empty(played):
    frames = len(played.window)
    assert frames > 0
    assert played.client.clear_window() == frames
    with pytest.raises(errors.WindowEmptyError, match="holds no frame yet"):
        played.client.track_box((10, 10, 100, 100))
    assert len(played.window) == 0
