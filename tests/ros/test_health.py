"""Every reason for "it runs, I see nothing" is named, with its numbers and the mending command."""

from __future__ import annotations

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.qos import QoSProfile, ReliabilityPolicy
from scripted_backend import ScriptedBackend, reply
from sensor_msgs.msg import CameraInfo, Image
from waiting import wait_for

from scene_r1_ros.frames import CameraIntrinsics
from scene_r1_ros.reasoning.backends import LoadState, ModelStatus
from scene_r1_ros.reasoning.reasoner import TwoStageReasoner
from scene_r1_ros.ros.client import GroundingClient
from scene_r1_ros.ros.conversions import header
from scene_r1_ros.ros.grounding_node import GroundingNode
from scene_r1_ros.ros.image_messages import camera_info_to_msg, image_to_msg
from scene_r1_ros.ros.lifting_node import LiftingNode
from scene_r1_ros.ros.tracking_node import TrackingNode

CAMERA = CameraIntrinsics(32, 24, 30.0, 30.0, 15.5, 11.5)
NS = 1_000_000_000


class Camera:
    """A camera whose every output can be bent; publishes at about 20 Hz while asked to."""

    def __init__(self, node, namespace, best_effort=False):
        from tf2_ros import TransformBroadcaster

        qos = QoSProfile(depth=10)
        if best_effort:
            qos.reliability = ReliabilityPolicy.BEST_EFFORT
        self.node = node
        self.publishers = {
            "color": node.create_publisher(Image, f"{namespace}/rgb", qos),
            "depth": node.create_publisher(Image, f"{namespace}/depth", qos),
            "info": node.create_publisher(CameraInfo, f"{namespace}/info", qos),
        }
        self.tf = TransformBroadcaster(node)
        self.stamp = 100 * NS

    def shoot(self, without=(), depth_delay=0.0, depth=1.0, tf=True, encoding="rgb8", info=None):
        from geometry_msgs.msg import TransformStamped

        self.stamp += NS // 20
        top = header(self.stamp, "optical")
        if tf:
            transform = TransformStamped(header=header(self.stamp, "map"), child_frame_id="optical")
            self.tf.sendTransform(transform)
        color = image_to_msg(np.zeros((24, 32, 3), np.uint8), "rgb8", top)
        color.encoding = encoding
        late = header(self.stamp + round(depth_delay * NS), "optical")
        meters = image_to_msg(np.full((24, 32), depth, np.float32), "32FC1", late)
        if info is not None:
            info.header = top
        messages = {
            "color": color,
            "depth": meters,
            "info": info or camera_info_to_msg(CAMERA, top),
        }
        for name, message in messages.items():
            if name not in without:
                self.publishers[name].publish(message)


@pytest.fixture
def setup(graph):
    """Starts the graph with these parameters; gives client and camera."""
    clients = []

    def start(stages=False, best_effort=False, backend=None, camera=True, **parameters):
        topics = {
            "color_topic": f"{graph.namespace}/rgb",
            "depth_topic": f"{graph.namespace}/depth",
            "camera_info_topic": f"{graph.namespace}/info",
            "pose_timeout": 0.1,
            **parameters,
        }
        backend = backend or ScriptedBackend(lambda messages: reply("not found"))
        node = graph.add(GroundingNode, reasoner=TwoStageReasoner(backend), parameters=topics)
        if stages:
            graph.add(LiftingNode, node.window, parameters=topics)
            graph.add(TrackingNode, node.window, parameters=topics)
        client = GroundingClient(graph.namespace, discovery_timeout=30.0)
        clients.append(client)
        eye = Camera(graph.listener("camera"), graph.namespace, best_effort) if camera else None
        if eye:
            wait_for(lambda: eye.publishers["depth"].get_subscription_count(), what="discovery")
        return client, eye

    yield start
    for client in clients:
        client.close()


def until(client, words, shoot=lambda: None):
    """The first health report whose unmet precondition holds ``words``."""

    def look():
        shoot()
        health = client.health()
        return health if words in health.precondition else None

    return wait_for(look, what=f"a report of {words!r}")


def test_when_all_is_there_health_says_so_and_diagnostics_tell(setup, graph):
    client, camera = setup(stages=True)

    def ready():
        camera.shoot()
        return client.health().ready

    wait_for(ready, what="readiness")
    client.wait_until_ready(timeout=30.0)
    heard = []
    graph.listener("diagnostics").create_subscription(
        DiagnosticArray, "/diagnostics", heard.append, 10
    )
    name = graph.namespace.strip("/")
    wait_for(
        lambda: [s for msg in heard for s in msg.status if s.name == f"{name}: window"],
        what="diagnostics",
    )


def test_nobody_publishes(setup):
    client, _ = setup(camera=False)
    health = until(client, "nobody publishes")
    assert "color topic" in health.precondition
    assert "scene-r1 play DIR" in health.remedy


def test_another_topic_of_the_type_is_offered(setup, graph):
    client, _ = setup(camera=False)
    node = graph.listener("other")
    node.create_publisher(Image, "/elsewhere/rgb", 10)
    health = until(client, "/elsewhere/rgb")
    assert "--color-topic /elsewhere/rgb" in health.remedy


def test_quality_of_service_that_does_not_match(setup):
    client, camera = setup(best_effort=True, color_qos="reliable")
    health = until(client, "quality of service does not match", camera.shoot)
    assert health.remedy == "scene-r1 up --color-qos sensor_data"


def test_one_topic_is_silent(setup):
    client, camera = setup()
    health = until(client, "no message on", lambda: camera.shoot(without=("depth",)))
    assert "depth topic" in health.precondition
    assert "ros2 topic hz" in health.remedy


def test_stamps_are_too_far_apart(setup):
    client, camera = setup()
    health = until(client, "synchronisation", lambda: camera.shoot(depth_delay=0.2))
    wait_for(
        lambda: "depth +200.0 ms" in client.health().precondition or camera.shoot(depth_delay=0.2),
        what="the difference",
    )
    assert "sync_slop = 20 ms" in health.precondition or "waits" in health.precondition


def test_the_camera_has_no_transform(setup):
    client, camera = setup()
    health = until(client, "camera pose", lambda: camera.shoot(tf=False))
    assert (
        "no transform from optical to map"
        in until(client, "no transform", lambda: camera.shoot(tf=False)).precondition
    )
    assert "--fixed-frame" in health.remedy or "above" in health.remedy


def test_an_unknown_encoding(setup):
    client, camera = setup()
    until(client, "'strange8'", lambda: camera.shoot(encoding="strange8"))


def test_an_uncalibrated_camera(setup):
    client, camera = setup()
    empty = CameraInfo(width=32, height=24)
    until(client, "is the camera calibrated", lambda: camera.shoot(info=empty))


def test_no_depth_reading(setup):
    client, camera = setup()
    health = until(client, "depth: 0.0 %", lambda: camera.shoot(depth=float("nan")))
    assert "max_depth" in health.remedy


def test_stages_are_missing(setup):
    client, camera = setup()
    health = until(client, "tracking and lifting is not there", camera.shoot)
    assert "ros2 run scene_r1_ros tracking_node" in health.remedy


def test_the_model_is_loading_and_then_absent(setup):
    backend = ScriptedBackend(lambda messages: "")
    backend.status = lambda: ModelStatus(LoadState.LOADING, 0.4, "reading weights")
    client, camera = setup(stages=True, backend=backend)
    until(client, "still loading, 40 %: reading weights", camera.shoot)
    backend.status = lambda: ModelStatus(LoadState.FAILED, 0.0, "the model folder x is gone")
    health = until(client, "the model folder x is gone", camera.shoot)
    assert "--model FOLDER_OR_NAME" in health.remedy
    client.wait_until_ready(timeout=30.0, model=False)


def test_an_inactive_node_still_answers_health(setup, graph):
    client, _ = setup()
    graph.nodes[0].trigger_deactivate()
    health = until(client, "is not active")
    assert "ros2 lifecycle set" in health.remedy
