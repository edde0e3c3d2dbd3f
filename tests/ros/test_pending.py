"""A request is told again until a stage takes it up, and never run twice."""

from __future__ import annotations

import threading

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2; run ./dev test")

from scene_r1_msgs.msg import GroundedObject, GroundedObjectArray, StageStatus

from scene_r1_ros.control import Control
from scene_r1_ros.errors import BusyError, NotActiveError
from scene_r1_ros.ros.pending import PendingRequests


def answer(requests, query_id):
    item = GroundedObject(object_id="x_1", query_id=query_id)
    requests.on_objects(GroundedObjectArray(objects=[item]))


def test_what_no_stage_has_taken_up_is_told_again():
    requests = PendingRequests()
    request = requests.open("q", Control.within(20.0), 4)
    told = []

    def tell_again():
        told.append(True)
        answer(requests, "q")

    assert request.wait(lambda: None, tell_again).object_id == "x_1"
    assert told


def test_what_a_stage_works_on_is_not_told_again():
    requests = PendingRequests()
    request = requests.open("q", Control.within(20.0), 4)
    requests.on_status(
        StageStatus(query_id="q", stage=StageStatus.TRACKING, state=StageStatus.RUNNING)
    )
    told = []
    threading.Timer(1.5, lambda: answer(requests, "q")).start()
    request.wait(lambda: None, lambda: told.append(True))
    assert not told


def test_stages_that_stay_silent_are_named():
    request = PendingRequests().open("q", Control.within(20.0), 4)
    with pytest.raises(NotActiveError, match="the tracking node has said nothing"):
        request.wait(lambda: None, lambda: None)


def test_more_than_the_limit_is_busy():
    requests = PendingRequests()
    first = requests.open("a", Control(), 1)
    with pytest.raises(BusyError, match="1 requests are being served"):
        requests.open("b", Control(), 1)
    requests.close(first)
    requests.open("b", Control(), 1)
