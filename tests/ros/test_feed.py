"""Camera topics to frames: what is dropped and told, clocks that jump, load, the end."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import ros_camera
from box_room import BoxRoom
from ros_camera import SECOND, VIEW
from waiting import wait_for

from scene_r1_ros.feed_config import FeedConfig
from scene_r1_ros.frames import VideoWindow
from scene_r1_ros.ros.client import GroundingClient
from scene_r1_ros.ros.feed import CameraFeed
from scene_r1_ros.ros.grounding_node import GroundingNode
from scene_r1_ros.ros.image_messages import image_to_msg, millimetres
from scene_r1_ros.ros.lifting_node import LiftingNode
from scene_r1_ros.ros.tracking_node import TrackingNode

# -- wrong messages


def small(pixels):
    return np.ascontiguousarray(pixels[::2, ::2])


def wrong_depth_size(camera, stamp):
    depth = image_to_msg(small(millimetres(VIEW.depth_m)), "16UC1", camera.top(stamp))
    return {"depth": depth}, camera.config.depth_topic, "80 x 60 pixels but colour is 160 x 120"


def wrong_info_size(camera, stamp):
    info = camera.info_msg(stamp)
    info.width, info.height = 320, 240
    return {"info": info}, camera.config.camera_info_topic, "for 320 x 240 pixels but images are"


def empty_intrinsics(camera, stamp):
    info = camera.info_msg(stamp)
    info.k = [0.0] * 9
    return {"info": info}, camera.config.camera_info_topic, "is the camera calibrated"


def unknown_distortion(camera, stamp):
    info = camera.info_msg(stamp)
    info.d, info.distortion_model = [0.1] * 5, "fancy"
    return {"info": info}, camera.config.camera_info_topic, "'fancy' is not known"


def unknown_color_encoding(camera, stamp):
    color = camera.color_msg(stamp)
    color.encoding = "purple8"
    return {"color": color}, camera.config.color_topic, "'purple8'"


def color_as_depth(camera, stamp):
    depth = image_to_msg(VIEW.color, "rgb8", camera.top(stamp))
    return {"depth": depth}, camera.config.depth_topic, "needs 16UC1 .* or 32FC1"


def too_little_color(camera, stamp):
    color = camera.color_msg(stamp)
    color.data = color.data[: len(color.data) // 2]
    return {"color": color}, camera.config.color_topic, "holds 28800 bytes; needs 57600"


def impossible_step(camera, stamp):
    depth = camera.depth_msg(stamp)
    depth.step = 7
    return {"depth": depth}, camera.config.depth_topic, "rows of 7 bytes; needs at least 320"


def no_frame_id(camera, stamp):
    color = camera.color_msg(stamp)
    color.header.frame_id = ""
    return {"color": color}, camera.config.color_topic, "frame_id is empty; set .* camera_frame"


@pytest.mark.parametrize(
    "wrong",
    [
        wrong_depth_size,
        wrong_info_size,
        empty_intrinsics,
        unknown_distortion,
        unknown_color_encoding,
        color_as_depth,
        too_little_color,
        impossible_step,
        no_frame_id,
    ],
    ids=lambda wrong: wrong.__name__,
)
def test_a_wrong_message_is_told_once_with_its_topic_and_the_next_frame_is_taken(usual, wrong):
    usual.warnings.clear()
    usual.feed.stats._told.clear()
    before = usual.counts()
    for _ in range(3):
        stamp = next(usual.clock)
        parts, topic, words = wrong(usual, stamp)
        usual.send(stamp, **parts)
    wait_for(
        lambda: sum(usual.counts().dropped.values()) == sum(before.dropped.values()) + 3,
        what="three drops",
    )
    usual.send(next(usual.clock))
    usual.wait_accepted(before.accepted + 1)
    assert len(usual.warnings) == 1
    assert usual.warnings[0].startswith(f"{topic}: ")
    assert re.search(words, usual.warnings[0]), usual.warnings[0]


def test_stamps_that_no_clock_gives_do_not_end_the_feed(camera):
    one = camera()
    bad = one.color_msg(0)
    bad.header.stamp.sec = -5
    one.color.publish(bad)
    one.send(0)
    one.wait_dropped("message")
    one.wait_dropped("frame")
    assert any("header.stamp is 0" in w for w in one.warnings)
    one.send(20 * SECOND)
    one.wait_accepted(1)


def test_a_second_image_with_the_same_stamp_is_counted_as_such(camera):
    one = camera()
    one.send(20 * SECOND)
    one.wait_accepted(1)
    one.send(20 * SECOND)
    one.wait_dropped("duplicate")
    assert one.counts().accepted == 1


def test_an_exception_in_processing_leaves_the_filter_unlocked(camera, monkeypatch):
    one = camera()

    def broken(color, depth, info):
        raise RuntimeError("boom")

    good = one.feed._sync.callbacks[0]
    one.feed._sync.callbacks[0] = (broken, ())
    one.send(20 * SECOND)
    one.wait_dropped("message")
    one.feed._sync.callbacks[0] = good
    monkeypatch.setattr(one.window, "add", lambda frame: 1 / 0)
    one.send(21 * SECOND)
    one.wait_dropped("fault")
    monkeypatch.undo()
    one.send(22 * SECOND)
    one.wait_accepted(1)
    assert "boom" in " ".join(one.warnings)


# -- clocks


def test_a_clock_that_jumps_back_resets_everything_and_is_told(camera, monkeypatch):
    one = camera(pose_timeout=0.2)
    told = []
    monkeypatch.setattr(one.feed._log, "warning", told.append)
    for i in range(3):
        one.send((100 + i) * SECOND)
    one.wait_accepted(3)
    one.color.publish(one.color_msg(103 * SECOND))  # its partners never come
    for i in range(4):
        one.send((50 + i) * SECOND)
        wait_for(lambda i=i: sum(one.counts().dropped.values()) + one.counts().accepted == 4 + i)
    assert "jumped back by 53.000 s" in told[0]
    assert len(told) == 1
    assert one.counts().resets == 1
    assert [f.stamp_ns // SECOND for f in one.window.snapshot().frames] == [50, 51, 52, 53]


# -- load


def test_what_comes_whole_of_30_hz_of_640x480_is_all_taken(graph):
    base, frames = f"{graph.namespace}/fast", 120
    topics = {"color_topic": "rgb", "depth_topic": "depth", "camera_info_topic": "info"}
    settings = {key: f"{base}/{name}" for key, name in topics.items()}
    window = VideoWindow()
    for kind in (LiftingNode, TrackingNode, GroundingNode):
        node = graph.add(kind, window, parameters=settings | {"model.backend": "none"})
    counts = node.access.feed.stats.counts
    script = Path(ros_camera.__file__).with_name("ros_camera_30hz.py")
    camera = subprocess.Popen([sys.executable, str(script), base], stdin=subprocess.PIPE)
    try:
        wait_for(lambda: counts().topics["color"].received, what="the first image")
        # a busy machine loses images on the way, best effort, and their partners come alone
        wait_for(lambda: counts().synchronized >= frames, what="the frames", seen=counts)
        whole = counts().synchronized
        wait_for(lambda: counts().accepted >= whole, what="their taking", seen=counts)
        assert counts().dropped == {}
        assert len(window.snapshot().trajectory) >= whole
        # the frame that is the latest now can be prompted, though its pixels are soon let go
        box = tuple(4 * v for v in BoxRoom().box_in("red", VIEW))
        with GroundingClient(graph.namespace, discovery_timeout=30.0) as client:
            assert client.track_box(box).views >= 1
    finally:
        camera.communicate(timeout=90)


def test_closing_leaves_no_thread_and_no_subscription(feed_graph):
    node = feed_graph.listener("closing")
    before = {t.name for t in threading.enumerate()}
    subscriptions = len(list(node.subscriptions))
    for source in ("tf", "pose"):
        feed = CameraFeed(node, FeedConfig(pose_source=source), VideoWindow())
        feed.close()
    assert len(list(node.subscriptions)) == subscriptions
    assert {t.name for t in threading.enumerate()} <= before
