"""The player: every kind of recording as camera topics and TF; rate, parts, loops, clocks."""

from __future__ import annotations

import itertools
import time

import cv2
import numpy as np
import pytest
from box_room import CAMERA, BoxRoom
from rclpy.qos import DurabilityPolicy, QoSProfile
from ros_graph import Graph
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CameraInfo, Image
from tf2_msgs.msg import TFMessage
from waiting import wait_for

from scene_r1_ros.errors import ConfigError, RecordingError
from scene_r1_ros.feed_config import FeedConfig
from scene_r1_ros.frames import VideoWindow
from scene_r1_ros.recordings import SensWriter, write_folder, write_mcap
from scene_r1_ros.ros.feed import CameraFeed
from scene_r1_ros.ros.image_messages import millimetres
from scene_r1_ros.ros.player_node import PlayerNode

NUMBERS = itertools.count()
LATCHED = QoSProfile(depth=10, durability=DurabilityPolicy.TRANSIENT_LOCAL)
WALK = BoxRoom().walk(frames=6, seconds=2.5).frames
STAMPS = [frame.stamp_ns for frame in WALK]


@pytest.fixture(scope="module")
def space():
    one = Graph("/test_player")
    yield one
    one.close()


class Playing:
    """A player on topics and frames of its own, and a feed that takes what it plays."""

    def __init__(self, space, **settings):
        number, self.space = next(NUMBERS), space
        base, self.world = f"{space.namespace}/p{number}", f"map{number}"
        topics = {"color_topic": f"{base}/rgb", "depth_topic": f"{base}/depth",
                  "camera_info_topic": f"{base}/info", "pose_topic": f"{base}/pose"}  # fmt: skip
        pose = settings.get("pose", "tf")
        packed = settings.get("transport") == "compressed"
        self.config = FeedConfig(
            **topics,
            fixed_frame=self.world,
            pose_source=pose,
            color_qos="reliable",
            depth_qos="reliable",
            color_transport="compressed" if packed else "raw",
            depth_transport="compressedDepth" if packed else "raw",
            sync_slop=0.0,
        )
        self.window = VideoWindow()
        self.node = space.listener(f"listener{number}")
        self.feed = CameraFeed(self.node, self.config, self.window)
        self.told = []
        self.feed._log.warning = self.told.append
        parameters = {
            "rate": 10.0,
            "fixed_frame": self.world,
            "link_frame": f"link{number}",
            "optical_frame": f"optical{number}",
            "wait_for_subscribers": 10.0,
        }
        self.player = space.add(
            PlayerNode, autostart=False, parameters=topics | parameters | settings
        )

    def play(self):
        self.player.trigger_configure()
        self.player.trigger_activate()
        return self

    def frames(self, number):
        """The frames that came, once these many have."""
        wait_for(lambda: self.feed.stats.counts().accepted >= number, what=f"{number} frames")
        assert self.feed.stats.counts().dropped == {}
        return self.window.snapshot(passing="recent").frames

    def close(self):
        self.player.close()
        self.feed.close()
        self.space.remove(self.player)
        self.space.remove(self.node)


@pytest.fixture
def playing(space):
    made = []

    def make(**settings):
        made.append(Playing(space, **settings))
        return made[-1]

    yield make
    for one in made:
        one.close()


def tum(path):
    for part in ("rgb", "depth"):
        (path / part).mkdir(parents=True)
    lists = {"rgb": [], "depth": [], "groundtruth": []}
    from scene_r1_ros.ros.conversions import matrix_to_pose

    for i, frame in enumerate(WALK):
        cv2.imwrite(str(path / "rgb" / f"{i}.png"), frame.color[..., ::-1])
        cv2.imwrite(str(path / "depth" / f"{i}.png"), millimetres(frame.depth_m) * 5)
        pose = matrix_to_pose(frame.T_world_camera)
        p, q = pose.position, pose.orientation
        lists["rgb"].append(f"{frame.stamp:.6f} rgb/{i}.png")
        lists["depth"].append(f"{frame.stamp:.6f} depth/{i}.png")
        lists["groundtruth"].append(f"{frame.stamp:.6f} {p.x} {p.y} {p.z} {q.x} {q.y} {q.z} {q.w}")
    for name, lines in lists.items():
        (path / f"{name}.txt").write_text("\n".join(lines) + "\n")
    (path / "calibration.txt").write_text("140 140 79.5 59.5\n")
    return path


def seven_scenes(path):
    path = path / "seq-01"
    path.mkdir(parents=True)
    for i, frame in enumerate(WALK):
        cv2.imwrite(str(path / f"frame-{i:06d}.color.png"), frame.color[..., ::-1])
        cv2.imwrite(str(path / f"frame-{i:06d}.depth.png"), millimetres(frame.depth_m))
        np.savetxt(path / f"frame-{i:06d}.pose.txt", frame.T_world_camera)
    np.savetxt(path.parent / "camera-intrinsics.txt", CAMERA.K)
    return path


def sens(path):
    with SensWriter(path.with_suffix(".sens"), CAMERA) as writer:
        for frame in WALK:
            writer.write(frame)
    return path.with_suffix(".sens")


def folder(path):
    write_folder(path, WALK)
    return path


def mcap(path):
    write_mcap(path.with_suffix(".mcap"), WALK)
    return path.with_suffix(".mcap")


def bag(path):
    write_mcap(path, WALK)
    return path


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    return folder(tmp_path_factory.mktemp("player") / "walk")


@pytest.mark.parametrize("kind", [folder, sens, tum, seven_scenes, mcap, bag])
def test_every_kind_of_recording_plays(playing, tmp_path, kind):
    one = playing(source=str(kind(tmp_path / "walk"))).play()
    frames = one.frames(6)
    assert one.player.finished.wait(30)
    assert len(frames) == 6
    for got, want in zip(frames, WALK, strict=True):
        assert got.T_world_camera == pytest.approx(want.T_world_camera, abs=1e-4)
        assert np.abs(got.color.astype(int) - want.color).mean() < 4
        near = np.where(want.depth_m < 9, want.depth_m, np.nan)
        assert np.nanmax(np.abs(got.depth_m - near)) < 0.002
        assert got.intrinsics.fx == pytest.approx(CAMERA.fx)
    if kind is not seven_scenes:  # it has no times
        steps = np.diff([frame.stamp_ns for frame in frames]) * 1e-9
        assert steps == pytest.approx([0.5] * 5, abs=1e-3)


@pytest.mark.parametrize("settings", [
    {"pose": "pose"}, {"pose": "odometry"}, {"transport": "compressed"},
])  # fmt: skip
def test_poses_and_images_in_other_forms(playing, recorded, settings):
    frames = playing(source=str(recorded), **settings).play().frames(6)
    for got, want in zip(frames, WALK, strict=True):
        assert got.T_world_camera == pytest.approx(want.T_world_camera, abs=1e-6)
        near = np.where(want.depth_m < 9, want.depth_m, np.nan)
        assert np.nanmax(np.abs(got.depth_m - near)) < 0.002


def test_rate_and_part(playing, recorded):
    lasted = {}
    for rate in (0.5, 4.0):  # 1 s of the recording
        one = playing(source=str(recorded), rate=rate, start=0.9, end=2.1)
        arrivals = []
        one.node.create_subscription(
            Image, one.config.color_topic, lambda _, to=arrivals: to.append(time.monotonic()), 10
        )
        frames = one.play().frames(3)
        assert [frame.stamp_ns for frame in frames] == STAMPS[2:5]
        wait_for(lambda got=arrivals: len(got) == 3)
        lasted[rate] = arrivals[2] - arrivals[0]
    assert lasted[0.5] > 1.7  # a busy machine only makes it longer
    assert lasted[4.0] < lasted[0.5]


def test_a_loop_starts_the_window_again(playing, recorded):
    one = playing(source=str(recorded), loop=True, rate=20.0).play()
    wait_for(lambda: one.feed.stats.counts().resets >= 2, what="two jumps of the clock")
    assert any("jumped back by 2.500 s" in words for words in one.told)
    one.player.trigger_deactivate()
    one.player.config = one.player.config.replace(loop=False)
    one.player.trigger_activate()
    assert one.player.finished.wait(30)
    wait_for(lambda: len(one.window) == 6, what="the last round")
    assert [frame.stamp_ns for frame in one.window.snapshot().frames] == STAMPS


def test_restamped_frames_are_of_now_and_a_loop_goes_on(playing, recorded):
    began = time.time()
    one = playing(source=str(recorded), loop=True, restamp=True, rate=20.0).play()
    frames = one.frames(13)
    assert one.feed.stats.counts().resets == 0
    assert all(began - 1 < frame.stamp < time.time() + 1 for frame in frames)


def test_clock_runs_with_the_recording_and_nodes_follow_it(playing, space, recorded):
    one = playing(source=str(recorded), clock=True, rate=2.0)
    from rclpy.node import Node
    from rclpy.parameter import Parameter

    follower = Node("follower", namespace=space.namespace, context=space.context,
                    parameter_overrides=[Parameter("use_sim_time", value=True)])  # fmt: skip
    space.nodes.append(follower)
    space.executor.add_node(follower)
    ticks = []
    one.node.create_subscription(Clock, "/clock", lambda msg: ticks.append(msg.clock), 100)
    one.player.trigger_configure()
    wait_for(lambda: one.player.clock.get_subscription_count() >= 2, what="who hears the clock")
    one.player.trigger_activate()
    one.frames(6)
    times = [tick.sec * 1_000_000_000 + tick.nanosec for tick in ticks]
    assert times == sorted(times)
    assert set(times) - set(STAMPS)  # how many ticks between frames, a busy machine decides
    assert STAMPS[0] <= times[-1] <= STAMPS[-1]
    wait_for(lambda: follower.get_clock().now().nanoseconds == STAMPS[-1], what="the last tick")
    space.remove(follower)


def test_who_comes_late_gets_intrinsics_and_the_static_transform(playing, recorded):
    one = playing(source=str(recorded)).play()
    one.frames(6)
    late, heard = one.space.listener("late"), {}
    late.create_subscription(
        CameraInfo, one.config.camera_info_topic, lambda msg: heard.update(info=msg), LATCHED
    )
    late.create_subscription(
        TFMessage,
        "/tf_static",
        lambda msg: heard.update({t.child_frame_id: t for t in msg.transforms}),
        QoSProfile(depth=100, durability=DurabilityPolicy.TRANSIENT_LOCAL),
    )
    optical = one.player.config.optical_frame
    wait_for(lambda: {"info", optical} <= heard.keys(), what="what is kept for late joiners")
    assert (heard["info"].width, heard["info"].k[0]) == (160, pytest.approx(140.0))
    assert heard[optical].header.frame_id == one.player.config.link_frame
    one.space.remove(late)


def test_damaged_frames_are_skipped_and_counted(playing, tmp_path):
    path = folder(tmp_path / "walk")
    depth = path / "depth" / "2.png"
    depth.write_bytes(depth.read_bytes()[:200])
    np.savetxt(path / "pose" / "4.txt", np.full((4, 4), -np.inf))
    one = playing(source=str(path)).play()
    assert [frame.stamp_ns for frame in one.frames(4)] == [STAMPS[i] for i in (0, 1, 3, 5)]
    assert one.player.finished.wait(30)
    assert sum(one.player.skipped_counts().values()) == 2
    assert not one.player.failed


@pytest.mark.parametrize(("settings", "error", "words"), [
    ({"source": ""}, RecordingError, "no recording is named"),
    ({"source": "/no/such/folder"}, RecordingError, "/no/such/folder"),
    ({"clock": True, "restamp": True}, ConfigError, "clock and restamp are both true"),
    ({"color_topic": "a b"}, ConfigError, "color_topic = 'a b' cannot be a topic"),
])  # fmt: skip
def test_what_cannot_be_played_is_said(playing, recorded, settings, error, words):
    one = playing(**({"source": str(recorded)} | settings))
    with pytest.raises(error, match=words):
        one.player.setup()


def test_a_part_without_frames_fails_and_ends_a_loop(playing, recorded):
    one = playing(source=str(recorded), start=50.0, loop=True, wait_for_subscribers=0.0).play()
    assert one.player.finished.wait(30)
    assert one.player.failed
