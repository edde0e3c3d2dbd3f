"""With a tracker of streams, a found object stays masked in the frames that come afterwards."""

from __future__ import annotations

import pytest
from sam2_builders import RED, Card, ColorEngine, card_frame, color_mask, iou
from scene_r1_msgs.msg import GroundedObject, GroundedObjectArray, ObjectMask
from waiting import wait_for

from scene_r1_ros.frames import VideoWindow, WindowConfig
from scene_r1_ros.reasoning import Grounding
from scene_r1_ros.ros.conversions import grounding_to_msg, mask_from_msg
from scene_r1_ros.ros.node_base import MASKS_QOS
from scene_r1_ros.ros.tracking_node import TrackingNode
from scene_r1_ros.tracking.sam2 import Sam2Config, Sam2Tracker

NS = 1_000_000_000
TARGET = Card(-0.4, 0, 1.5, 0.4, 0.5, RED)


def frame(second, camera_x):
    return card_frame([TARGET], camera_x, second * NS)


@pytest.fixture
def followed(graph):
    """A node that found the card in three frames, and what it publishes."""
    window = VideoWindow(WindowConfig(keyframe_interval=0.0, keyframe_max_interval=0.0))
    for second in (1, 2, 3):
        window.add(frame(second, -0.2 + 0.02 * second))
    tracker = Sam2Tracker(Sam2Config(), engine=ColorEngine())
    node = graph.add(TrackingNode, window, tracker, parameters={"tracking.live_rate": 50.0})
    listener = graph.listener()
    masks = []
    listener.create_subscription(ObjectMask, "masks", masks.append, MASKS_QOS)
    groundings = listener.create_publisher(type(grounding_to_msg(*found())), "grounding", 10)
    objects = listener.create_publisher(GroundedObjectArray, "objects", 10)
    wait_for(lambda: node.masks.get_subscription_count() == 1, what="discovery")
    wait_for(lambda: groundings.get_subscription_count() == 1, what="discovery")
    wait_for(lambda: objects.get_subscription_count() == 1, what="discovery")
    groundings.publish(grounding_to_msg(*found()))
    wait_for(lambda: node.live is not None and node.live.following, what="a followed object")
    return node, window, masks, objects


def found():
    first = frame(1, -0.18)
    box = (43, 37, 79, 82)
    return Grounding.from_box(first.stamp_ns, box, "card"), "query-1", "camera"


def live(masks):
    return [mask for mask in masks if mask.count == 0]


def test_new_frames_are_masked_and_carry_the_objects_id(followed):
    _, window, masks, objects = followed
    item = GroundedObject(object_id="card_1", query_id="query-1")
    objects.publish(GroundedObjectArray(objects=[item]))
    for second in range(4, 60):
        newest = frame(second, -0.14 + 0.002 * second)
        window.add(newest)
        stamp = newest.stamp_ns
        wait_for(lambda: any(mask_from_msg(m).stamp_ns == stamp for m in masks), what="its mask")  # noqa: B023
        if live(masks)[-1].object_id:
            break
    last = live(masks)[-1]
    assert (last.query_id, last.object_id) == ("query-1", "card_1")
    assert iou(mask_from_msg(last).mask, color_mask(newest, RED)) > 0.8
    indices = [mask.index for mask in live(masks)]
    assert indices == list(range(len(indices)))


def test_a_forgotten_object_is_followed_no_more(followed):
    node, _, _, objects = followed
    item = GroundedObject(object_id="card_1", query_id="query-1")
    objects.publish(GroundedObjectArray(objects=[item]))
    objects.publish(GroundedObjectArray())
    wait_for(lambda: not node.live.following, what="its end")


def test_deactivating_ends_the_thread(followed):
    node, _, _, _ = followed
    thread = node.live._thread
    node.trigger_deactivate()
    assert node.live is None
    assert not thread.is_alive()
