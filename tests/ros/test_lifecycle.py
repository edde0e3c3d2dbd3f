"""Lifecycle of the nodes by their services, and their parameters."""

from __future__ import annotations

import re
import threading

import pytest
from lifecycle_msgs.msg import State, Transition
from lifecycle_msgs.srv import ChangeState, GetState
from rcl_interfaces.msg import Parameter as ParameterMsg
from rcl_interfaces.msg import ParameterType, ParameterValue
from rcl_interfaces.srv import DescribeParameters, SetParameters
from ros_graph import Graph
from scene_r1_msgs.msg import GroundedObjectArray, ObjectMask, StageStatus
from scene_r1_msgs.msg import Grounding as GroundingMsg
from std_msgs.msg import Header
from waiting import wait_for

from scene_r1_ros.errors import ConfigError
from scene_r1_ros.frames import VideoWindow
from scene_r1_ros.ros.grounding_node import GroundingNode
from scene_r1_ros.ros.lifting_node import LiftingNode
from scene_r1_ros.ros.player_node import PlayerNode
from scene_r1_ros.ros.tracking_node import TrackingNode

QUIET = {"model.backend": "none"}
KINDS = {"grounding": GroundingNode, "tracking": TrackingNode, "lifting": LiftingNode}


@pytest.fixture(scope="module")
def space():
    """A graph for single nodes, and a node that calls their services."""
    one = Graph("/test_lifecycle")
    one.caller = one.listener("caller")
    yield one
    one.close()


@pytest.fixture
def make(space):
    made = []

    def add(kind, autostart=False, **parameters):
        settings = {"autostart": autostart, **parameters}
        if kind is GroundingNode:
            settings = QUIET | settings
        made.append(space.add(kind, parameters=settings))
        return made[-1]

    yield add
    for node in made:
        node.close()
        space.remove(node)


def call(space, kind, name, request):
    client = space.caller.create_client(kind, name)
    assert client.wait_for_service(timeout_sec=30.0)
    future = client.call_async(request)
    wait_for(future.done, what=f"the answer of {name}")
    space.caller.destroy_client(client)
    return future.result()


def change(space, node, transition):
    request = ChangeState.Request(transition=Transition(id=transition))
    return call(
        space, ChangeState, f"{node.get_fully_qualified_name()}/change_state", request
    ).success


def state(space, node):
    name = f"{node.get_fully_qualified_name()}/get_state"
    return call(space, GetState, name, GetState.Request()).current_state.id


def held(node):
    """What a node has open, by kind."""
    kinds = ("publishers", "subscriptions", "services", "clients", "timers", "waitables")
    return {kind: len(list(getattr(node, kind))) for kind in kinds}


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_without_autostart_the_services_lead_through_every_state(space, make, kind):
    node = make(kind)
    assert state(space, node) == State.PRIMARY_STATE_UNCONFIGURED
    steps = [
        (Transition.TRANSITION_CONFIGURE, State.PRIMARY_STATE_INACTIVE),
        (Transition.TRANSITION_ACTIVATE, State.PRIMARY_STATE_ACTIVE),
        (Transition.TRANSITION_DEACTIVATE, State.PRIMARY_STATE_INACTIVE),
        (Transition.TRANSITION_CLEANUP, State.PRIMARY_STATE_UNCONFIGURED),
    ]
    for transition, reached in steps:
        assert change(space, node, transition)
        assert state(space, node) == reached
        assert node.active == (reached == State.PRIMARY_STATE_ACTIVE)


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_nothing_is_left_over_by_cleanup(make, kind):
    node = make(kind)
    empty, threads, running = held(node), None, None
    for _ in range(5):
        node.trigger_configure()
        node.trigger_activate()
        running = running or held(node)
        assert held(node) == running
        node.trigger_deactivate()
        node.trigger_cleanup()
        assert held(node) == empty
        threads = threads or threading.active_count()
        assert threading.active_count() <= threads


def test_the_player_gives_everything_back_too(make, recording_dir):
    node = make(PlayerNode, source=str(recording_dir), rate=100.0, wait_for_subscribers=0.0)
    empty = held(node)
    for _ in range(3):
        node.trigger_configure()
        node.trigger_activate()
        assert node.finished.wait(60)
        node.trigger_deactivate()
        node.trigger_cleanup()
        assert held(node) == empty


@pytest.mark.parametrize("steps", [(), (1,), (1, 3)], ids=["unconfigured", "inactive", "active"])
def test_shutdown_from_any_state(space, make, steps):
    node = make(TrackingNode)
    empty = held(node)
    for transition in steps:
        assert change(space, node, transition)
    shutdown = {
        (): Transition.TRANSITION_UNCONFIGURED_SHUTDOWN,
        (1,): Transition.TRANSITION_INACTIVE_SHUTDOWN,
        (1, 3): Transition.TRANSITION_ACTIVE_SHUTDOWN,
    }[steps]
    assert change(space, node, shutdown)
    assert state(space, node) == State.PRIMARY_STATE_FINALIZED
    assert held(node) == empty


def test_an_impossible_transition_is_answered_and_harmless(space, make):
    node = make(TrackingNode, autostart=True)
    assert not change(space, node, Transition.TRANSITION_CONFIGURE)
    assert not change(space, node, 99)
    assert state(space, node) == State.PRIMARY_STATE_ACTIVE
    assert change(space, node, Transition.TRANSITION_DEACTIVATE)


def test_a_failed_configuration_leaves_nothing_and_can_be_repeated(space, make, tmp_path):
    damaged = tmp_path / "memory.npz"
    damaged.write_bytes(b"no objects")
    node = make(LiftingNode, **{"lifting_node.memory_file": str(damaged)})
    empty = held(node)
    assert not change(space, node, Transition.TRANSITION_CONFIGURE)
    assert held(node) == empty
    assert state(space, node) == State.PRIMARY_STATE_UNCONFIGURED
    damaged.unlink()
    assert change(space, node, Transition.TRANSITION_CONFIGURE)


def test_a_failure_half_way_is_undone(make, monkeypatch):
    node = make(GroundingNode)
    empty = held(node)
    with monkeypatch.context() as patch:
        patch.setattr(
            "scene_r1_ros.ros.grounding_node.QueryApi", lambda *_: (_ for _ in ()).throw(OSError())
        )
        node.trigger_configure()
    assert held(node) == empty
    node.trigger_configure()
    inactive = held(node)
    with monkeypatch.context() as patch:
        patch.setattr(node.queries, "start", lambda: 1 / 0)
        node.trigger_activate()
    assert not node.active
    node.trigger_activate()
    assert node.active
    node.trigger_deactivate()
    assert held(node) == inactive


def test_an_error_leads_back_to_unconfigured(space, make, monkeypatch):
    node = make(TrackingNode)
    empty = held(node)
    node.trigger_configure()
    node.trigger_activate()
    with monkeypatch.context() as patch:
        patch.setattr(node, "stop", lambda: 1 / 0)
        assert not change(space, node, Transition.TRANSITION_DEACTIVATE)
    assert state(space, node) == State.PRIMARY_STATE_UNCONFIGURED
    assert held(node)["subscriptions"] == empty["subscriptions"]
    assert change(space, node, Transition.TRANSITION_CONFIGURE)
    assert change(space, node, Transition.TRANSITION_ACTIVATE)


def test_messages_of_strangers_do_not_end_a_node(space):
    window = VideoWindow()
    nodes = [
        space.add(kind, window, parameters=QUIET if kind is GroundingNode else {})
        for kind in (LiftingNode, TrackingNode, GroundingNode)
    ]
    bad = GroundingMsg(query_id="x", found=True, confidence=float("nan"))
    bad.box.x_min = float("inf")
    late = GroundingMsg(query_id="y", found=True)
    late.header.stamp.sec = -3
    late.span_start.sec, late.span_end.sec = 9, 3
    masks = ObjectMask(query_id="x", count=1)
    masks.mask.encoding, masks.mask.height, masks.mask.step = "mono8", 5, 0
    wide = ObjectMask(query_id="z", count=1)
    wide.mask.encoding, wide.mask.height, wide.mask.width, wide.mask.step = "mono8", 2, 9, 4
    wide.mask.data.frombytes(bytes(8))
    for kind, topic, messages in (
        (GroundingMsg, "grounding", [bad, late]),
        (ObjectMask, "masks", [masks, wide]),
        (StageStatus, "stage_status", [StageStatus(query_id="x", stage=200, state=77)]),
        (GroundedObjectArray, "objects", [GroundedObjectArray()]),
        (Header, "window_cleared", [Header()]),
    ):
        publisher = space.caller.create_publisher(kind, topic, 10)
        wait_for(publisher.get_subscription_count, what=f"{topic} to be subscribed")
        for message in messages:
            publisher.publish(message)
    for node in nodes:
        assert state(space, node) == State.PRIMARY_STATE_ACTIVE
    for node in nodes:
        node.close()
        space.remove(node)


# -- parameters


def set_parameter(space, node, name, **value):
    kinds = {
        "integer_value": ParameterType.PARAMETER_INTEGER,
        "double_value": ParameterType.PARAMETER_DOUBLE,
        "string_value": ParameterType.PARAMETER_STRING,
    }
    (key,) = value
    request = SetParameters.Request(
        parameters=[ParameterMsg(name=name, value=ParameterValue(type=kinds[key], **value))]
    )
    path = f"{node.get_fully_qualified_name()}/set_parameters"
    return call(space, SetParameters, path, request).results[0]


@pytest.mark.parametrize(("name", "value", "reason"), [
    ("sync_slop", {"double_value": -1.0}, "sync_slop"),
    ("sync_slop", {"integer_value": 9}, r"sync_slop = 9.*: must lie in 0 to 5"),
    ("sync_slop", {"double_value": float("nan")}, "sync_slop"),
    ("sync_slop", {"string_value": "much"}, "sync_slop = 'much': needs a float, got a str"),
    ("qos_depth", {"integer_value": 0}, "qos_depth"),
    ("qos_depth", {"double_value": 3.0}, "expected 'Type.INTEGER'"),
    ("pose_source", {"string_value": "gps"}, "pose_source = 'gps': choose one of tf, pose"),
])  # fmt: skip
def test_a_wrong_parameter_is_refused_with_the_reason(space, make, name, value, reason):
    result = set_parameter(space, make(TrackingNode), name, **value)
    assert not result.successful
    assert re.search(reason, result.reason), result.reason


def test_whole_numbers_are_taken_for_fractions(space, make):
    node = make(TrackingNode)
    assert set_parameter(space, node, "window.max_seconds", integer_value=30).successful
    node.trigger_configure()
    assert node.access.window.config.max_seconds == 30.0


def test_every_parameter_is_described_with_its_range(space, make):
    node = make(LiftingNode)
    names = ["window.max_seconds", "memory.same_object_iou", "depth_qos"]
    path = f"{node.get_fully_qualified_name()}/describe_parameters"
    seconds, iou, qos = call(
        space, DescribeParameters, path, DescribeParameters.Request(names=names)
    ).descriptors
    assert seconds.description.startswith("Frames older than this")
    assert iou.floating_point_range[0].to_value == 1.0
    assert "transient_local" in qos.additional_constraints


@pytest.mark.parametrize(("settings", "words"), [
    ({"qos_depth": 0}, "parameter qos_depth: .*0"),
    ({"sync_slop": 9}, "parameter sync_slop: sync_slop = 9.*: must lie in 0 to 5"),
    ({"pose_source": "gps"}, "parameter pose_source: .*choose one of tf, pose, odometry"),
    ({"undistort": "yes"}, "parameter undistort: .*"),
])  # fmt: skip
def test_a_wrong_value_at_start_up_is_an_error_that_names_it(space, settings, words):
    with pytest.raises(ConfigError, match=words):
        space.add(TrackingNode, parameters=settings, autostart=False)


def test_a_topic_that_cannot_be_one_fails_the_configuration(space, make):
    node = make(TrackingNode, color_topic="rgb image!")
    with pytest.raises(ConfigError, match="color_topic = 'rgb image!' cannot be a topic"):
        node.setup()
    assert not change(space, node, Transition.TRANSITION_CONFIGURE)
