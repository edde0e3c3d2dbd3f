"""Camera topics to frames: what is taken, what is dropped and told, late poses, clocks, codecs."""

from __future__ import annotations

import itertools
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
import ros_camera
from box_room import CAMERA, BoxRoom
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy, qos_profile_sensor_data
from ros_camera import SECOND, VIEW, Camera, pose
from ros_graph import Graph, wait_for
from sensor_msgs.msg import CompressedImage, Image

from scene_r1_ros.feed_config import FeedConfig
from scene_r1_ros.frames import VideoWindow
from scene_r1_ros.ros.client import GroundingClient
from scene_r1_ros.ros.feed import CameraFeed
from scene_r1_ros.ros.grounding_node import GroundingNode
from scene_r1_ros.ros.image_messages import (
    compressed_color_to_msg,
    compressed_depth_to_msg,
    image_to_msg,
    millimetres,
)
from scene_r1_ros.ros.lifting_node import LiftingNode
from scene_r1_ros.ros.tracking_node import TrackingNode

NAMES = (f"cam{i}" for i in itertools.count())


@pytest.fixture(scope="module")
def bench():
    one = Graph("/test_feed")
    yield one
    one.close()


@pytest.fixture
def camera(bench):
    """Makes cameras; their feeds end with the test."""
    made = []

    def make(**settings):
        made.append(Camera(bench, next(NAMES), **settings))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture(scope="module")
def usual(bench):
    """One camera with default settings for the tests of single wrong messages."""
    one = Camera(bench, next(NAMES), pose_timeout=0.3)
    one.clock = itertools.count(10 * SECOND, SECOND // 10)
    yield one
    one.close()


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


def time_before_zero(camera, stamp):
    color = camera.color_msg(stamp)
    color.header.stamp.sec = -5
    return {"color": color}, camera.config.color_topic, "cannot be used"


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


# -- poses


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
    stamps = [f.stamp_ns // SECOND for f in one.window.snapshot().frames]
    # TF for the very first frame may have come before the jump was seen
    assert stamps in ([50, 51, 52, 53], [51, 52, 53])


# -- transports, encodings, quality of service


def test_compressed_transports(camera):
    one = camera(
        color_kind=CompressedImage,
        depth_kind=CompressedImage,
        color_transport="compressed",
        depth_transport="compressedDepth",
    )
    top = one.top(20 * SECOND)
    one.send(
        20 * SECOND,
        color=compressed_color_to_msg(VIEW.color, top),
        depth=compressed_depth_to_msg(millimetres(VIEW.depth_m), top),
    )
    one.wait_accepted(1)
    frame = one.window.snapshot().frames[0]
    assert np.abs(frame.color.astype(int) - VIEW.color).mean() < 4
    assert np.nanmax(np.abs(frame.depth_m - VIEW.depth_m)) < 0.001
    for data in (b"", b"no image"):
        msg = CompressedImage(header=one.top(21 * SECOND), format="jpeg")
        msg.data.frombytes(data)
        depth = compressed_depth_to_msg(millimetres(VIEW.depth_m), one.top(21 * SECOND))
        one.send(21 * SECOND, color=msg, depth=depth)
    one.wait_dropped("color", 2)
    assert one.warnings[0].startswith(f"{one.config.color_topic}/compressed: ")


def padded(pixels, encoding, top, big_endian):
    """The image with 24 more bytes in each row, in either byte order."""
    swapped = pixels.byteswap() if big_endian else pixels
    rows = np.full((pixels.shape[0], pixels.shape[1] * pixels.itemsize + 24), 0xAB, np.uint8)
    rows[:, :-24] = swapped.view(np.uint8).reshape(pixels.shape[0], -1)
    msg = Image(header=top, height=pixels.shape[0], width=pixels.shape[1], encoding=encoding)
    msg.step, msg.is_bigendian = rows.shape[1], int(big_endian)
    msg.data.frombytes(rows.tobytes())
    return msg


@pytest.mark.parametrize("encoding", ["16UC1", "32FC1"])
@pytest.mark.parametrize("big_endian", [False, True], ids=["little", "big"])
def test_depth_in_every_layout(usual, encoding, big_endian):
    stamp, before = next(usual.clock), usual.counts().accepted
    pixels = millimetres(VIEW.depth_m) if encoding == "16UC1" else VIEW.depth_m.copy()
    usual.send(stamp, depth=padded(pixels, encoding, usual.top(stamp), big_endian))
    usual.wait_accepted(before + 1)
    depth = usual.window.snapshot(passing="recent").at(stamp).depth_m
    expected = np.where(VIEW.depth_m <= usual.config.max_depth, VIEW.depth_m, np.nan)
    assert (np.isnan(depth) == np.isnan(expected)).all()
    assert np.nanmax(np.abs(depth - expected)) < 0.001


@pytest.mark.parametrize("encoding", ["bgr8", "bgra8", "mono8"])
def test_color_in_other_encodings(usual, encoding):
    code = {"bgr8": cv2.COLOR_RGB2BGR, "bgra8": cv2.COLOR_RGB2BGRA, "mono8": cv2.COLOR_RGB2GRAY}
    stamp, before = next(usual.clock), usual.counts().accepted
    pixels = cv2.cvtColor(VIEW.color, code[encoding])
    usual.send(stamp, color=image_to_msg(pixels, encoding, usual.top(stamp)))
    usual.wait_accepted(before + 1)
    color = usual.window.snapshot(passing="recent").at(stamp).color
    expected = cv2.cvtColor(pixels, cv2.COLOR_GRAY2RGB) if encoding == "mono8" else VIEW.color
    assert (color == expected).all()


@pytest.mark.parametrize(("wanted", "offered"), [
    ("sensor_data", "sensor_data"),
    ("sensor_data", "reliable"),
    ("reliable", "reliable"),
    ("transient_local", "transient_local"),
])  # fmt: skip
def test_quality_of_service(camera, wanted, offered):
    profile = {
        "sensor_data": qos_profile_sensor_data,
        "reliable": QoSProfile(depth=10, reliability=ReliabilityPolicy.RELIABLE),
        "transient_local": QoSProfile(depth=10, durability=DurabilityPolicy.TRANSIENT_LOCAL),
    }[offered]
    one = camera(qos=profile, color_qos=wanted, depth_qos=wanted, camera_info_qos=wanted)
    if wanted == "transient_local":  # what was sent before somebody listened comes too
        one.send(20 * SECOND)
        one.wait_accepted(1)
        late = VideoWindow()
        feed = CameraFeed(one.feed_node, one.config.replace(pose_timeout=5.0), late)
        wait_for(
            lambda: feed.stats.counts().synchronized == 1, what=f"kept frame {feed.stats.counts}"
        )
        one.send_transform(20 * SECOND, pose())
        wait_for(lambda: len(late) == 1, what="the kept frame in the window")
        feed.close()
        return
    for i in range(3):
        one.send((20 + i) * SECOND)
        one.wait_accepted(i + 1)


@pytest.mark.parametrize(("slop", "apart", "taken"), [
    (0.02, 0.01, True), (0.02, 0.05, False), (0.0, 0.0, True), (0.0, 0.001, False),
])  # fmt: skip
def test_stamps_of_a_frame_may_differ_by_the_slop(camera, slop, apart, taken):
    one = camera(sync_slop=slop)
    depth = one.depth_msg(20 * SECOND + round(apart * SECOND))
    one.send(20 * SECOND, depth=depth)
    one.send(21 * SECOND)
    one.wait_accepted(1)
    expected = [20, 21] if taken else [21]
    wait_for(lambda: one.counts().accepted == len(expected), what="frames")
    stamps = [f.stamp_ns // SECOND for f in one.window.snapshot(passing="recent").frames]
    assert stamps == expected


# -- lenses


def test_a_distorted_image_is_undistorted_as_opencv_does(camera):
    one = camera()
    K, D = CAMERA.K, np.array([-0.28, 0.09, 0.001, -0.0005, 0.0])
    info = one.info_msg(20 * SECOND)
    info.d = D.tolist()
    one.send(20 * SECOND, info=info)
    one.wait_accepted(1)
    frame = one.window.snapshot().frames[0]
    off = np.abs(frame.color.astype(int) - cv2.undistort(VIEW.color, K, D))
    assert off.mean() < 0.5
    # a pixel of the result shows what the lens model says it shows
    pixel = np.array([[[120.0, 90.0]]])
    ray = np.append((pixel[0, 0] - K[:2, 2]) / K[[0, 1], [0, 1]], 1.0)
    source, _ = cv2.projectPoints(ray[None], np.zeros(3), np.zeros(3), K, D)
    u, v = np.rint(source.ravel()).astype(int)
    assert frame.depth_m[90, 120] == pytest.approx(VIEW.depth_m[v, u], abs=0.001)
    # readings are moved, never mixed
    measured = np.unique(millimetres(VIEW.depth_m))
    assert np.isin(millimetres(frame.depth_m), measured).all()


# -- load


def test_30_hz_of_640x480_from_another_process_are_all_taken(graph):
    base, frames = f"{graph.namespace}/fast", 120
    topics = {"color_topic": "rgb", "depth_topic": "depth", "camera_info_topic": "info"}
    settings = {key: f"{base}/{name}" for key, name in topics.items()}
    window = VideoWindow()
    for kind in (LiftingNode, TrackingNode, GroundingNode):
        node = graph.add(kind, window, parameters=settings | {"model.backend": "none"})
    counts = node.access.feed.stats.counts
    script = Path(ros_camera.__file__).with_name("ros_camera_30hz.py")
    command = [sys.executable, str(script), base, str(frames + 30)]
    camera = subprocess.Popen(command, stdin=subprocess.PIPE)
    try:
        wait_for(lambda: counts().topics["color"].received, what="the first image")
        began, used = time.monotonic(), time.process_time()
        enough = 0.98 * frames  # best effort on a machine that may be busy
        wait_for(lambda: counts().accepted >= enough, what="the frames")
        share = (time.process_time() - used) / (time.monotonic() - began)
        assert counts().dropped == {}
        assert len(window.snapshot().trajectory) >= enough
        print(f"{share:.2f} of a core for 640x480 at 30 Hz")
        assert share < 0.8
        # the frame that is the latest now can be prompted, though its pixels are soon let go
        box = tuple(4 * v for v in BoxRoom().box_in("red", VIEW))
        with GroundingClient(graph.namespace) as client:
            for _ in range(3):
                assert client.track_box(box).views >= 1
    finally:
        camera.communicate(timeout=10)


def test_closing_leaves_no_thread_and_no_subscription(bench):
    node = bench.listener("closing")
    before = {t.name for t in threading.enumerate()}
    subscriptions = len(list(node.subscriptions))
    for source in ("tf", "pose"):
        feed = CameraFeed(node, FeedConfig(pose_source=source), VideoWindow())
        feed.close()
    assert len(list(node.subscriptions)) == subscriptions
    assert {t.name for t in threading.enumerate()} <= before
