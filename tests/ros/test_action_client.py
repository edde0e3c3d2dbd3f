"""An answer that comes before its request is registered, as it does on a busy machine."""

import time

import pytest
import rclpy.action.client
from rclpy.action import ActionServer, CancelResponse
from scene_r1_msgs.action import Ground
from waiting import wait_for

from scene_r1_ros.ros.action_client import ThreadedActionClient


@pytest.fixture
def late_futures(monkeypatch):
    """The client's futures come into being long after their requests were answered."""
    real = rclpy.action.client.Future

    def late():
        time.sleep(0.3)
        return real()

    monkeypatch.setattr(rclpy.action.client, "Future", late)


def execute(goal):
    if goal.request.query == "wait":
        wait_for(lambda: goal.is_cancel_requested, what="a cancel request")
        goal.canceled()
    else:
        goal.succeed()
    return Ground.Result(message=goal.request.query)


@pytest.fixture
def action(played):
    name = f"{played.namespace}/echo"
    server = ActionServer(
        played.lifting, Ground, name, execute, cancel_callback=lambda _: CancelResponse.ACCEPT
    )
    client = ThreadedActionClient(played.client.node, Ground, name)
    assert client.wait_for_server(timeout_sec=30.0)
    yield client
    client.destroy()
    server.destroy()


def outcome(future):
    wait_for(future.done, timeout=10.0, what="an answer")
    return future.result()


def test_goal_and_result_are_not_lost(action, late_futures):
    handle = outcome(action.send_goal_async(Ground.Goal(query="cup")))
    assert outcome(handle.get_result_async()).result.message == "cup"


def test_cancelling_is_not_lost(action, late_futures):
    handle = outcome(action.send_goal_async(Ground.Goal(query="wait")))
    assert outcome(handle.cancel_goal_async()).goals_canceling
    assert outcome(handle.get_result_async()).result.message == "wait"
