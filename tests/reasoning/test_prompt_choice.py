"""From which of several boxes that mean one thing masks go out."""

from __future__ import annotations

import numpy as np
import pytest
from rgbd_scenes import Sensor, box_of, desk_scene, loosened
from truthful_model import ROOM, WINDOW, Truthful, reasoner

from scene_r1_ros.control import Control
from scene_r1_ros.errors import CancelledError, EmptyMaskError
from scene_r1_ros.geometry import box_iou
from scene_r1_ros.reasoning.prompt_choice import prompt_fits
from scene_r1_ros.reasoning.reasoner import TwoStageReasoner
from scene_r1_ros.reasoning.reasoner_config import ReasonerConfig
from scene_r1_ros.reasoning.sampling import sample_frames
from scene_r1_ros.reasoning.trace_page import render_page
from scene_r1_ros.reasoning.verification import CheckedView, Verification, seen_from
from scene_r1_ros.tracking import FrameMask, GeometricTracker, MaskTrack


class OnlyFrom:
    """A tracker that knows the red box, and finds it from one frame alone; elsewhere what it finds
    is ``share`` of its width, or nothing."""

    name = "only from"

    def __init__(self, stamp_ns: int, share: float = 0.0) -> None:
        self.stamp_ns, self.share = stamp_ns, share
        self.windows: list[tuple[int, ...]] = []
        self.asked: list[int] = []

    def track(self, window, anchor_stamp_ns, box_xyxy, control) -> MaskTrack:
        control.check("tracking")
        control.progress("tracking", 0.5)
        self.windows.append(tuple(frame.stamp_ns for frame in window.frames))
        self.asked.append(anchor_stamp_ns)
        share = 1.0 if anchor_stamp_ns == self.stamp_ns else self.share
        if share == 0.0:
            raise EmptyMaskError("nothing stands out")
        masks = []
        for frame in window.frames:
            box = ROOM.box_in("red", frame)
            mask = np.zeros((120, 160), dtype=bool)
            if box is not None:
                x0, y0, x1, y1 = (round(v) for v in box)
                mask[y0:y1, x0 : x0 + max(1, round(share * (x1 - x0)))] = True
            masks.append(FrameMask(frame.stamp_ns, mask))
        return MaskTrack(anchor_stamp_ns, tuple(masks))


def red_boxes() -> dict[int, tuple[float, float, float, float]]:
    boxes = {frame.stamp_ns: ROOM.box_in("red", frame) for frame in WINDOW.frames}
    return {stamp_ns: box for stamp_ns, box in boxes.items() if box is not None}


def test_the_fit_is_the_mean_overlap_of_masks_and_boxes():
    boxes = red_boxes()
    best, half, *_ = boxes
    tracker = OnlyFrom(best, share=0.5)
    fits = prompt_fits(WINDOW, boxes, 2, tracker)
    assert list(fits) == [best, half]
    assert fits[best] > 0.9
    assert fits[half] == pytest.approx(0.5, abs=0.06)
    assert prompt_fits(WINDOW, boxes, 2, OnlyFrom(best))[half] == 0.0


def test_frames_with_a_box_and_some_of_the_others_are_tracked_through(monkeypatch):
    monkeypatch.setattr("scene_r1_ros.reasoning.prompt_choice.THROUGH", 4)
    boxes = red_boxes()
    some = dict(list(boxes.items())[1:3])
    tracker = OnlyFrom(next(iter(some)))
    prompt_fits(WINDOW, some, 1, tracker)
    between = {frame.stamp_ns for frame in sample_frames(WINDOW, 4)}
    assert tracker.windows == [tuple(sorted(between | set(some)))]
    assert len(tracker.windows[0]) < len(WINDOW.frames)


def test_a_box_that_holds_something_else_fits_worse_than_one_that_is_right():
    scene = desk_scene(sensor=Sensor(320, 240, noise=0.3, pose_jitter=0.002, pose_jitter_deg=0.1))
    window, ids = scene.render()
    carton = 4
    boxes = {
        frame.stamp_ns: box_of(image, carton)
        for frame, image in zip(window.frames, ids, strict=True)
    }
    first, second = list(boxes)[:2]
    boxes[first] = loosened(boxes[first], 3.0)
    fits = prompt_fits(window, boxes, 2, GeometricTracker())
    assert fits[second] > fits[first] + 0.1


def test_the_answer_is_the_box_whose_masks_fit_and_the_trace_says_so():
    stamps = list(red_boxes())
    usual = reasoner(Truthful("red"), vote_frames=10, vote_prompts=1).ground(WINDOW, "the red box")
    wanted = next(stamp_ns for stamp_ns in stamps if stamp_ns != usual.anchor_stamp_ns)
    tracker = OnlyFrom(wanted)
    model = TwoStageReasoner(
        reasoner(Truthful("red")).backend, ReasonerConfig(vote_frames=10), tracker=tracker
    )
    found, trace = model.ground_traced(WINDOW, "the red box")
    assert found.anchor_stamp_ns == wanted
    assert found.confidence == usual.confidence
    assert box_iou(found.box_xyxy, ROOM.box_in("red", WINDOW.at(wanted))) > 0.9
    assert tracker.asked[0] == usual.anchor_stamp_ns
    assert len(tracker.asked) == min(6, len(stamps))
    choice = next(c for c in trace.choices if c.what == "prompt")
    seconds = (wanted - WINDOW.start_ns) * 1e-9
    assert choice.chosen == f"{seconds:.2f} s"
    assert choice.why == f"masks from it fit the boxes of {len(stamps)} frames best"
    assert [c["fit"] > 0 for c in choice.candidates] == [s == wanted for s in tracker.asked]
    assert trace.seconds["prompt choice"] >= 0
    assert f"{len(stamps)} of 10 frames show it in the same place" in found.rationale_temporal
    assert choice.why in render_page(trace.to_json(), {})


def test_where_nothing_can_be_tracked_the_box_of_the_vote_stays():
    usual = reasoner(Truthful("red"), vote_frames=10, vote_prompts=1).ground(WINDOW, "the red box")
    backend = reasoner(Truthful("red")).backend
    none = TwoStageReasoner(backend, ReasonerConfig(vote_frames=10), tracker=OnlyFrom(-1))
    assert none.ground(WINDOW, "the red box").anchor_stamp_ns == usual.anchor_stamp_ns


@pytest.mark.parametrize("settings", [{"vote_prompts": 1}, {"vote_confidence": 0.99}])
def test_no_prompt_is_tried_where_one_is_enough_or_nothing_was_found(settings):
    tracker = OnlyFrom(-1)
    config = ReasonerConfig(vote_frames=10, **settings)
    backend = reasoner(Truthful("red")).backend
    TwoStageReasoner(backend, config, tracker=tracker).ground(WINDOW, "the red box")
    assert tracker.asked == []


def test_who_waits_is_told_nothing_of_tracking_and_can_end_it():
    told: list[str] = []
    control = Control(on_progress=lambda stage, share, text: told.append(stage))
    boxes = red_boxes()
    prompt_fits(WINDOW, boxes, 2, OnlyFrom(next(iter(boxes))), control)
    assert told == []
    control.cancel()
    with pytest.raises(CancelledError):
        prompt_fits(WINDOW, boxes, 2, OnlyFrom(next(iter(boxes))), control)


def test_a_result_seen_from_another_view_compares_all_views_with_that_one():
    boxes = list(red_boxes().items())[:3]
    lifted = [reasoner(Truthful("red")).lift_box(WINDOW, stamp_ns, box) for stamp_ns, box in boxes]
    views = [
        CheckedView(stamp_ns, box, box3d, "boxed", True, 0.7)
        for (stamp_ns, box), box3d in zip(boxes, lifted, strict=True)
    ]
    before = Verification(boxes[0][0], boxes[0][1], lifted[0], tuple(views[1:]), 0.6)
    after = seen_from(before, boxes[2][0])
    assert (after.anchor_stamp_ns, after.box, after.lifted) == (*boxes[2], lifted[2])
    assert [view.stamp_ns for view in after.views] == [boxes[0][0], boxes[1][0]]
    assert all(view.agreement > 0.9 for view in after.views)
    assert after.confidence == 0.6
