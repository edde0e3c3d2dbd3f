"""The way of the data: which stage gets what, and what comes out when a stage has nothing."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from scene_r1_ros.control import Control
from scene_r1_ros.errors import BoxError, CancelledError, NoSuchFrameError, ReasoningError
from scene_r1_ros.frames import CameraIntrinsics, RgbdFrame, WindowSnapshot
from scene_r1_ros.geometry import Box3D
from scene_r1_ros.lifting import LiftedObject
from scene_r1_ros.pipeline import Pipeline
from scene_r1_ros.reasoning import Grounding
from scene_r1_ros.result import result_record
from scene_r1_ros.tracking import FrameMask, MaskTrack

NS = 1_000_000_000
CAMERA = CameraIntrinsics(8, 6, 10.0, 10.0, 3.5, 2.5)


def window():
    return WindowSnapshot.of(
        RgbdFrame(
            second * NS,
            np.zeros((6, 8, 3), np.uint8),
            np.ones((6, 8), np.float32),
            CAMERA,
            np.eye(4),
        )
        for second in (1, 2, 3)
    )


class Stages:
    """A tracker, a lifter and a reasoner that note what they were given."""

    name = "noting"

    def __init__(self, grounding=None):
        self.grounding = grounding
        self.seen = []

    def ground(self, window, query, control):
        self.seen.append(("ground", query))
        return self.grounding

    def track(self, window, anchor_stamp_ns, box_xyxy, control):
        control.check("tracking")
        self.seen.append(("track", anchor_stamp_ns, box_xyxy))
        return MaskTrack(anchor_stamp_ns, (FrameMask(anchor_stamp_ns, np.ones((6, 8), bool)),))

    def lift(self, window, track, control):
        self.seen.append(("lift", len(track.masks)))
        points = np.zeros((5, 3), np.float32)
        colors = np.zeros((5, 3), np.uint8)
        return LiftedObject(Box3D((0, 0, 1), (1, 2, 3), 0.5), points, colors, (2 * NS,), 0.7)

    def pipeline(self, reasoner=True):
        return Pipeline(self, self.lift, self if reasoner else None)


def test_a_box_goes_through_tracking_and_lifting():
    stages = Stages()
    result = stages.pipeline().from_box(window(), 2 * NS, (1, 1, 99, 5), "mug")
    assert stages.seen == [("track", 2 * NS, (1, 1, 8, 5)), ("lift", 1)]
    assert result.lifted.box.size == (1, 2, 3)
    assert set(result.seconds) == {"grounding", "tracking", "lifting", "total"}


def test_a_query_is_grounded_first():
    found = Grounding("the mug", True, 3 * NS, (2 * NS, 3 * NS), (1, 2, 3, 4), "mug")
    stages = Stages(found)
    result = stages.pipeline().from_query(window(), "the mug")
    assert [step[0] for step in stages.seen] == ["ground", "track", "lift"]
    assert result.grounding is found


def test_masks_go_out_from_the_prompt_where_it_is_another_box():
    found = Grounding(
        "the mug", True, 3 * NS, (2 * NS, 3 * NS), (1, 2, 3, 4), prompt_xyxy=(0, 1, 4, 5)
    )
    stages = Stages(found)
    stages.pipeline().from_query(window(), "the mug")
    assert ("track", 3 * NS, (0, 1, 4, 5)) in stages.seen
    record = result_record(stages.pipeline().from_grounding(window(), found), window())
    assert record["box"] == [1, 2, 3, 4]
    with pytest.raises(ReasoningError, match=r"box \(0, nan, 4, 5\) is not finite"):
        dataclasses.replace(found, prompt_xyxy=(0, float("nan"), 4, 5))


def test_what_is_not_found_is_neither_tracked_nor_lifted():
    stages = Stages(Grounding("the mug", False, reason="there is none"))
    result = stages.pipeline().from_query(window(), "the mug")
    assert stages.seen == [("ground", "the mug")]
    assert result.track is None
    assert result.lifted is None


def test_without_reasoner_a_query_says_what_to_do():
    with pytest.raises(ReasoningError, match="prompt it with a box instead"):
        Stages().pipeline(reasoner=False).from_query(window(), "the mug")


def test_a_wrong_prompt_reaches_no_stage():
    stages = Stages()
    with pytest.raises(BoxError, match="outside the image of 8 x 6"):
        stages.pipeline().from_box(window(), 2 * NS, (20, 1, 30, 5))
    with pytest.raises(NoSuchFrameError, match=r"no frame with pixels at 9\.000000 s"):
        stages.pipeline().from_box(window(), 9 * NS, (1, 1, 5, 5))
    assert stages.seen == []


def test_cancelling_ends_the_stage_that_runs():
    control = Control()
    control.cancel()
    with pytest.raises(CancelledError):
        Stages().pipeline().from_box(window(), 2 * NS, (1, 1, 5, 5), control=control)


def test_the_record_is_json_with_spans_in_the_windows_seconds():
    found = Grounding(
        "the mug", True, 3 * NS, (2 * NS, 3 * NS), (1, 2, 3, 4), "mug", "when", "where", 0.9
    )
    result = Stages(found).pipeline().from_query(window(), "the mug")
    record = json.loads(json.dumps(result_record(result, window(), 7)))
    assert record["span"] == [1.0, 2.0]
    assert (record["frame"], record["box"], record["label"]) == (7, [1, 2, 3, 4], "mug")
    assert record["rationale"] == "when\nwhere"
    assert record["object"]["center"] == [0, 0, 1]
    assert (record["object"]["points"], record["object"]["views"]) == (5, 1)


def test_the_record_of_an_abstention_has_no_object():
    result = (
        Stages(Grounding("x", False, reason="there is none")).pipeline().from_query(window(), "x")
    )
    record = result_record(result, window())
    assert record["found"] is False
    assert record["object"] is record["box"] is record["span"] is None
    assert record["reason"] == "there is none"
