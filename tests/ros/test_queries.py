"""Language over ROS with a scripted model: every outcome, feedback, cancel, busy, deadline."""

from __future__ import annotations

import importlib.util
import os
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import rclpy
from geometry_msgs.msg import PoseStamped
from ros_graph import best_seen
from scene_r1_msgs.action import Ground
from scene_r1_msgs.msg import Grounding as GroundingMsg
from scripted_backend import ScriptedBackend, reply, stage_of
from std_msgs.msg import String
from waiting import wait_for

from scene_r1_ros import errors
from scene_r1_ros.control import Control
from scene_r1_ros.reasoning.messages import pictures
from scene_r1_ros.reasoning.reasoner import TwoStageReasoner
from scene_r1_ros.reasoning.reasoner_config import ReasonerConfig
from scene_r1_ros.reasoning.trace_store import TraceConfig, TraceStore
from scene_r1_ros.ros.action_client import ThreadedActionClient
from scene_r1_ros.ros.client import GroundingClient
from scene_r1_ros.ros.conversions import box3d_from_msg, stamp_to_ns

QUERY = "the thing that the script knows"


class Model:
    """What the scripted model says now; each test sets it."""

    def __init__(self):
        self.says = lambda messages: reply("not found")
        self.backend = ScriptedBackend(lambda messages: self.says(messages))

    def knows(self, seconds, box, width=320, height=240):
        """Answer every query with this box (pixels) in the frame at ``seconds``."""

        def says(messages):
            if stage_of(messages) == "temporal":
                return reply(f"{seconds:.1f} to {seconds:.1f}", "It shows then.")
            shown_height, shown_width = pictures(messages)[0].image.shape[:2]
            scale = np.array([shown_width / width, shown_height / height] * 2)
            corners = [round(float(v), 2) for v in np.array(box) * scale]
            return reply(f'{{"bbox_2d": {corners}, "label": "thing"}}', "It is the one there.")

        self.says = says


@pytest.fixture(scope="module")
def model():
    return Model()


@pytest.fixture(scope="module")
def reasoner(model, tmp_path_factory):
    traces = TraceStore(TraceConfig(folder=str(tmp_path_factory.mktemp("traces"))))
    config = ReasonerConfig(views=1, verify_views=0, max_frames=32)
    return TwoStageReasoner(model.backend, config, traces=traces)


@pytest.fixture
def prompt(played, recording_dir, model):
    _, view = best_seen(recording_dir)
    stamps = played.player.recording.stamps_ns
    stamp = int(stamps[view["index"]])
    model.backend.hold = None
    model.backend.entered.clear()
    model.knows((stamp - int(stamps[0])) * 1e-9, view["box"])
    yield stamp, tuple(view["box"])
    if model.backend.hold is not None:
        model.backend.hold.set()


def test_a_query_gives_what_the_box_gives(played, prompt):
    stamp, box = prompt
    from_box = played.client.track_box(box, stamp)
    answer = played.client.ground_async(QUERY).result()
    assert answer.grounding.found
    assert stamp_to_ns(answer.grounding.header.stamp) == stamp
    got = answer.grounding.box
    assert (got.x_min, got.y_min, got.x_max, got.y_max) == pytest.approx(box, abs=1.0)
    a, b = box3d_from_msg(from_box), box3d_from_msg(answer.object)
    assert a.center == pytest.approx(b.center, abs=0.05)
    assert answer.object.object_id == from_box.object_id
    assert answer.grounding.rationale_temporal == "It shows then."
    assert answer.grounding.rationale_image == "It is the one there."
    assert answer.seconds.tracking > 0
    assert answer.seconds.lifting > 0


def test_every_answer_is_on_the_grounding_topic_and_leaves_a_trace(played, prompt, reasoner):
    heard = []
    node = played.listener("grounding_listener")
    node.create_subscription(GroundingMsg, "grounding", heard.append, 10)
    wait_for(lambda: played.grounding.groundings.get_subscription_count() >= 3, what="discovery")
    query_id = played.client.ground_async(QUERY).result().grounding.query_id
    wait_for(lambda: heard, what="the grounding")
    assert heard[0].query_id == query_id
    assert reasoner.traces.load(query_id)["query"] == QUERY


def test_not_found_ambiguous_and_failure_are_three_answers(played, prompt, model):
    model.says = lambda messages: reply("not found", "Nothing like it.")
    with pytest.raises(errors.NotFoundError):
        played.client.ground(QUERY)
    model.says = lambda messages: "I would rather not say."
    with pytest.raises(errors.UnparsableAnswerError, match="asked 2 times"):
        played.client.ground(QUERY)


def test_an_empty_query_is_refused(played, prompt):
    with pytest.raises(errors.RequestError, match="holds no words"):
        played.client.ground("   ")


def test_questions_are_answered_with_evidence(played, prompt, model):
    model.says = lambda messages: (
        reply("0.0 to 3.0") if stage_of(messages) == "temporal" else reply("Two.", "I counted.")
    )
    answer = played.client.answer_async("how many chairs?").result()
    assert answer.answer == "Two."
    assert answer.rationale.endswith("I counted.")
    assert answer.evidence_stamps


def test_the_deadline_frees_the_worker(played, prompt, model):
    model.backend.hold = threading.Event()
    with pytest.raises(errors.DeadlineError):
        played.client.ground(QUERY, timeout=0.3)
    wait_for(lambda: played.grounding.queries.worker.busy == 0, what="a free worker")
    model.backend.hold = None
    assert played.client.ground(QUERY).views > 0


def test_a_full_queue_answers_busy_and_the_graph_serves_on(played, prompt, model):
    stamp, box = prompt
    model.backend.hold = threading.Event()
    places = played.grounding.config.max_queries + 1
    waiting = [played.client.ground_async(QUERY) for _ in range(places)]
    wait_for(lambda: played.grounding.queries.worker.busy == places, what="a full queue")
    with pytest.raises(errors.BusyError, match="the reasoner is busy"):
        played.client.ground(QUERY)
    assert played.client.track_box(box, stamp).views > 0
    model.backend.hold.set()
    assert all(answer.result().grounding.found for answer in waiting)


@pytest.fixture
def planner(played, monkeypatch):
    """The planner of the documentation, on this graph."""
    from rclpy.executors import SingleThreadedExecutor

    example = Path(__file__).resolve().parents[2] / "examples" / "planner.py"
    spec = importlib.util.spec_from_file_location("planner_example", example)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(
        module, "GroundingClient", lambda: GroundingClient(played.namespace, discovery_timeout=30.0)
    )
    monkeypatch.setenv("ROS_DOMAIN_ID", os.environ["ROS_DOMAIN_ID"])
    rclpy.init()
    node = module.Planner()
    executor = SingleThreadedExecutor()  # as rclpy.spin: a client that needs it would deadlock
    executor.add_node(node)
    thread = threading.Thread(target=executor.spin, daemon=True)
    thread.start()
    yield node
    executor.shutdown()
    thread.join(timeout=5.0)
    node.objects.close()
    node.destroy_node()
    rclpy.try_shutdown()


def test_the_documented_planner_sends_a_goal_where_the_object_stands(played, prompt, planner):
    goals = []
    node = played.listener("goal_listener")
    node.create_subscription(PoseStamped, "/goal_pose", goals.append, 1)
    fetch = node.create_publisher(String, "/fetch", 1)
    wait_for(lambda: fetch.get_subscription_count() == 1, what="discovery")
    wait_for(lambda: planner.goals.get_subscription_count() == 1, what="discovery")
    fetch.publish(String(data=QUERY))
    wait_for(lambda: goals, what="a goal")
    assert goals[0].header.frame_id == "map"
    assert goals[0].pose == played.client.list_objects()[0].pose


@pytest.fixture
def action(played):
    client = ThreadedActionClient(played.client.node, Ground, f"{played.namespace}/ground_action")
    assert client.wait_for_server(timeout_sec=30.0)
    yield client
    client.destroy()


def outcome(future):
    wait_for(future.done, what="the action's answer")
    return future.result()


def test_the_action_reports_stages_and_rationale(played, prompt, action):
    heard = []
    goal = Ground.Goal(query=QUERY)
    handle = outcome(action.send_goal_async(goal, lambda msg: heard.append(msg.feedback)))
    result = outcome(handle.get_result_async()).result
    assert result.error_code == errors.OK
    assert result.object.views > 0
    stages = [feedback.stage for feedback in heard]
    assert stages == sorted(stages, key=["temporal", "image", "tracking", "lifting"].index)
    assert {"temporal", "image"} <= set(stages)
    assert any("It shows then." in feedback.partial_rationale for feedback in heard)
    progress = [feedback.progress for feedback in heard]
    assert progress == sorted(progress)


def test_the_client_follows_a_query_live(played, prompt):
    heard = []
    control = Control(on_progress=lambda stage, share, text: heard.append((stage, share)))
    assert played.client.ground_live(QUERY, control=control).object.views > 0
    assert {"temporal", "image"} <= {stage for stage, _ in heard}


def test_the_client_reports_abstention_as_the_service_does(played, prompt, model):
    model.says = lambda messages: reply("not found")
    with pytest.raises(errors.NotFoundError):
        played.client.ground_live(QUERY)


def test_the_action_is_cancelled_while_the_model_thinks(played, prompt, action, model):
    model.backend.hold = threading.Event()
    handle = outcome(action.send_goal_async(Ground.Goal(query=QUERY)))
    wait_for(model.backend.entered.is_set, what="a thinking model")
    outcome(handle.cancel_goal_async())
    answer = outcome(handle.get_result_async())
    assert answer.result.error_code == errors.CancelledError.code
    wait_for(lambda: played.grounding.queries.worker.busy == 0, what="a free worker")


def test_the_window_keeps_its_frames_while_the_model_thinks(played, prompt, model, recording_dir):
    model.backend.hold = threading.Event()
    waiting = played.client.ground_async(QUERY)
    wait_for(model.backend.entered.is_set, what="a thinking model")
    before, published = played.window.received, played.player.published
    played.player.trigger_deactivate()
    played.player.trigger_activate()
    assert played.player.finished.wait(60.0)
    sent = played.player.published - published
    counts = played.grounding.access.feed.stats.counts
    wait_for(
        lambda: played.window.received - before >= 0.95 * sent,
        what="95 % of the frames",
        seen=counts,
    )
    started = time.monotonic()
    played.client.list_objects()
    assert time.monotonic() - started < 10.0
    model.backend.hold.set()
    waiting.exception()  # the recording began again, so the grounded frame may be gone
