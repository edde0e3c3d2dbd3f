"""Real nodes over real DDS, on a domain of their own, ended with the test that started them."""

from __future__ import annotations

import itertools
import zlib

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2; run ./dev test")

from ros_graph import Graph
from waiting import wait_for


@pytest.fixture(scope="session")
def recording_dir(tmp_path_factory):
    """A small synthetic recording with its truth."""
    from scene_r1_ros.synthetic import demo_recording

    return demo_recording(tmp_path_factory.mktemp("recordings") / "room", seconds=4.0, fps=5.0)


@pytest.fixture
def graph(request):
    """An empty graph for this test."""
    one = Graph(f"/test_{zlib.crc32(request.node.nodeid.encode()):x}")
    yield one
    one.close()


@pytest.fixture(scope="module")
def reasoner():
    """The reasoner of ``played``; None is what the parameters say. Test modules replace it."""
    return


@pytest.fixture(scope="module")
def played(request, recording_dir, reasoner):
    """The composed graph after it has seen the small recording, with a client."""
    from scene_r1_ros.frames import VideoWindow
    from scene_r1_ros.ros.client import GroundingClient
    from scene_r1_ros.ros.grounding_node import GroundingNode
    from scene_r1_ros.ros.lifting_node import LiftingNode
    from scene_r1_ros.ros.player_node import PlayerNode
    from scene_r1_ros.ros.tracking_node import TrackingNode

    one = Graph(f"/test_{zlib.crc32(request.node.nodeid.encode()):x}")
    topics = {
        "color_topic": f"{one.namespace}/rgb",
        "depth_topic": f"{one.namespace}/depth",
        "camera_info_topic": f"{one.namespace}/info",
    }
    window = VideoWindow()
    one.lifting = one.add(LiftingNode, window, parameters=topics)
    one.tracking = one.add(TrackingNode, window, parameters=topics)
    every_frame = {"window.keyframe_interval": 0.0, "window.keyframe_max_interval": 0.0}
    one.grounding = one.add(
        GroundingNode, window, reasoner=reasoner, parameters={**topics, **every_frame}
    )
    play = {**topics, "source": str(recording_dir), "rate": 10.0}
    one.player = one.add(PlayerNode, parameters=play)
    assert one.player.finished.wait(60.0)
    wait_for(lambda: window.received >= one.player.published, what="the last frame in the window")
    one.window = window
    one.client = GroundingClient(one.namespace, discovery_timeout=30.0)
    yield one
    one.client.close()
    one.close()


CAMERA_NAMES = (f"cam{i}" for i in itertools.count())


@pytest.fixture(scope="module")
def feed_graph(request):
    """A graph that the cameras of one test module share."""
    one = Graph(f"/test_{zlib.crc32(request.node.nodeid.encode()):x}")
    yield one
    one.close()


@pytest.fixture
def camera(feed_graph):
    """Makes cameras; their feeds end with the test."""
    from ros_camera import Camera

    made = []

    def make(**settings):
        made.append(Camera(feed_graph, next(CAMERA_NAMES), **settings))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture(scope="module")
def usual(feed_graph):
    """One camera with default settings, for tests that send a single message or few."""
    from ros_camera import SECOND, Camera

    one = Camera(feed_graph, next(CAMERA_NAMES), pose_timeout=0.3)
    one.clock = itertools.count(10 * SECOND, SECOND // 10)
    yield one
    one.close()
