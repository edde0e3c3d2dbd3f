"""Images that a feed takes: transports, encodings, quality of service, stamps apart, lenses."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from box_room import CAMERA
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy, qos_profile_sensor_data
from ros_camera import SECOND, VIEW, pose
from sensor_msgs.msg import CompressedImage, Image
from waiting import wait_for

from scene_r1_ros.frames import VideoWindow
from scene_r1_ros.ros.feed import CameraFeed
from scene_r1_ros.ros.image_messages import (
    compressed_color_to_msg,
    compressed_depth_to_msg,
    image_to_msg,
    millimetres,
)


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
            lambda: feed.stats.counts().synchronized == 1, what="kept frame", seen=feed.stats.counts
        )
        one.send_transform(20 * SECOND, pose())
        wait_for(lambda: len(late) == 1, what="the kept frame in the window")
        feed.close()
        return
    for i in range(3):
        one.send((20 + i) * SECOND)
        one.wait_accepted(i + 1)


def test_what_a_topic_keeps_may_come_as_soon_as_it_is_subscribed_to(camera, monkeypatch):
    one, stamp = camera(), 20 * SECOND
    kept = {
        one.config.color_topic: one.color_msg(stamp),
        one.config.depth_topic: one.depth_msg(stamp),
        one.config.camera_info_topic: one.info_msg(stamp),
    }
    subscribe = one.feed_node.create_subscription

    def with_what_is_kept(kind, topic, callback, *args, **kwargs):
        subscription = subscribe(kind, topic, callback, *args, **kwargs)
        if topic in kept:
            callback(kept.pop(topic))
        return subscription

    monkeypatch.setattr(one.feed_node, "create_subscription", with_what_is_kept)
    feed = CameraFeed(one.feed_node, one.config, VideoWindow())
    feed.close()
    assert feed.stats.counts().synchronized == 1


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
