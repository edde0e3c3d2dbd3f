"""From which of several boxes that mean one thing masks go out."""

from __future__ import annotations

import numpy as np
import pytest
from rgbd_scenes import Sensor, box_of, desk_scene, loosened
from scripted_backend import reply
from truthful_model import ROOM, WINDOW, Truthful, reasoner, shown_frames

from scene_r1_ros.control import Control
from scene_r1_ros.errors import CancelledError, DeadlineError, EmptyMaskError
from scene_r1_ros.geometry import box_iou
from scene_r1_ros.reasoning.box_lift import median_depth_box
from scene_r1_ros.reasoning.messages import Conversation
from scene_r1_ros.reasoning.prompt_choice import PromptFit, prompt_fits
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

    def __init__(self, stamp_ns: int, share: float = 0.0, before=lambda: None) -> None:
        self.stamp_ns, self.share, self.before = stamp_ns, share, before
        self.windows: list[tuple[int, ...]] = []
        self.asked: list[int] = []

    def track(self, window, anchor_stamp_ns, box_xyxy, control) -> MaskTrack:
        self.before()
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


def half_of(box):
    """The left half of a box."""
    x0, y0, x1, y1 = box
    return (x0, y0, (x0 + x1) / 2, y1)


def test_the_fit_is_the_mean_overlap_of_masks_and_boxes():
    boxes = red_boxes()
    best, half, *_ = boxes
    tracker = OnlyFrom(best, share=0.5)
    fits = prompt_fits(WINDOW, boxes, 2, tracker)
    assert list(fits) == [best, half]
    assert fits[best].fit > 0.9
    assert fits[half].fit == pytest.approx(0.5, abs=0.06)
    assert prompt_fits(WINDOW, boxes, 2, OnlyFrom(best))[half] == PromptFit(0.0, None)


def test_the_bounds_are_those_of_the_mask_in_the_prompt_s_own_frame():
    boxes = red_boxes()
    for stamp_ns, tried in prompt_fits(WINDOW, boxes, 2, OnlyFrom(-1, share=0.5)).items():
        assert tried.bounds == pytest.approx(half_of(boxes[stamp_ns]), abs=1.0)


def test_it_is_told_how_large_the_mask_is_in_every_frame_tracked_through():
    boxes = red_boxes()
    first = next(iter(boxes))
    shown = prompt_fits(WINDOW, boxes, 1, OnlyFrom(first))[first].shown
    assert set(shown) == {frame.stamp_ns for frame in WINDOW.frames}
    for stamp_ns, pixels in shown.items():
        x0, y0, x1, y1 = (round(v) for v in boxes.get(stamp_ns, (0, 0, 0, 0)))
        assert pixels == (x1 - x0) * (y1 - y0)


def test_a_frame_in_which_nothing_is_tracked_counts_as_no_overlap():
    boxes = red_boxes()
    first = next(iter(boxes))
    blind = next(f.stamp_ns for f in WINDOW.frames if f.stamp_ns not in boxes)
    whole = prompt_fits(WINDOW, boxes, 1, OnlyFrom(first))[first].fit
    with_one_more = prompt_fits(WINDOW, boxes | {blind: (1.0, 1.0, 9.0, 9.0)}, 1, OnlyFrom(first))
    assert with_one_more[first].fit == pytest.approx(whole * len(boxes) / (len(boxes) + 1))


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
    assert fits[second].fit > fits[first].fit + 0.1


def asked(tracker, script=Truthful("red"), **settings):  # noqa: B008 - it keeps nothing
    """What is grounded for the red box, all ten frames voting, and its trace."""
    config = ReasonerConfig(vote_frames=10, **settings)
    model = TwoStageReasoner(reasoner(script).backend, config, tracker=tracker)
    return model.ground_traced(WINDOW, "the red box")


def test_the_answer_is_the_box_whose_masks_fit_and_the_trace_says_so():
    stamps = list(red_boxes())
    usual = reasoner(Truthful("red"), vote_frames=10, vote_prompts=1).ground(WINDOW, "the red box")
    wanted = next(stamp_ns for stamp_ns in stamps if stamp_ns != usual.anchor_stamp_ns)
    tracker = OnlyFrom(wanted)
    found, trace = asked(tracker)
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


def test_the_answer_s_box_is_around_the_mask_and_masks_go_out_from_what_was_said():
    found, trace = asked(OnlyFrom(-1, share=0.5))
    said = ROOM.box_in("red", WINDOW.at(found.anchor_stamp_ns))
    assert found.prompt == pytest.approx(said, abs=1.0)
    assert found.box_xyxy == pytest.approx(half_of(said), abs=1.0)
    page = render_page(trace.to_json(), {})
    assert "the box around the mask" in page


def test_the_answer_s_span_is_where_its_masks_are():
    class NotAfter(OnlyFrom):
        """It finds nothing from half of the window on, as if the box were gone by then."""

        def track(self, window, anchor_stamp_ns, box_xyxy, control) -> MaskTrack:
            track = super().track(window, anchor_stamp_ns, box_xyxy, control)
            masks = (m for m in track.masks if m.stamp_ns <= max(middle, anchor_stamp_ns))
            return MaskTrack(anchor_stamp_ns, tuple(masks))

    first, *_, last = red_boxes()
    middle = (first + last) // 2
    whole, _ = asked(OnlyFrom(first))
    assert whole.span == (first, last)
    ended, _ = asked(NotAfter(first))
    assert ended.span == (first, max(s for s in red_boxes() if s <= middle))


def test_where_nothing_can_be_tracked_the_box_of_the_vote_stays():
    usual = reasoner(Truthful("red"), vote_frames=10, vote_prompts=1).ground(WINDOW, "the red box")
    found, trace = asked(OnlyFrom(-1))
    assert found.anchor_stamp_ns == usual.anchor_stamp_ns
    assert found.box_xyxy == found.prompt == usual.box_xyxy
    choice = next(c for c in trace.choices if c.what == "prompt")
    assert choice.why == "masks from none of the boxes fit any"


def test_only_boxes_of_the_elected_place_are_tried_the_vote_s_own_first():
    elsewhere = [f for f in WINDOW.frames if ROOM.box_in("red", f) and ROOM.box_in("blue", f)][:2]
    assert len(elsewhere) == 2

    def script(messages: Conversation) -> str:
        (frame,) = shown_frames(messages, WINDOW)
        return Truthful("blue" if frame in elsewhere else "red")(messages)

    tracker = OnlyFrom(-1)
    found, trace = asked(tracker, script)
    agreeing = [s for s in red_boxes() if s not in [f.stamp_ns for f in elsewhere]]
    assert tracker.asked[0] == found.anchor_stamp_ns
    assert sorted(tracker.asked) == agreeing
    anchor = next(c for c in trace.choices if c.what == "anchor")
    said = {c["time"]: c["agreement"] for c in anchor.candidates}
    rest = [said[round((s - WINDOW.start_ns) * 1e-9, 3)] for s in tracker.asked[1:]]
    assert rest == sorted(rest, reverse=True)


def test_of_two_boxes_that_agree_neither_can_judge_the_other():
    shown = [WINDOW.at(stamp_ns) for stamp_ns in list(red_boxes())[:2]]

    def script(messages: Conversation) -> str:
        (frame,) = shown_frames(messages, WINDOW)
        return Truthful("red")(messages) if frame in shown else reply("not found")

    tracker = OnlyFrom(-1)
    found, _ = asked(tracker, script, vote_confidence=0.0)
    assert found.found
    assert "2 of 10 frames show it" in found.rationale_temporal
    assert tracker.asked == []


@pytest.mark.parametrize("settings", [{"vote_prompts": 1}, {"vote_confidence": 0.99}])
def test_no_prompt_is_tried_where_one_is_enough_or_nothing_was_found(settings):
    tracker = OnlyFrom(-1)
    asked(tracker, **settings)
    assert tracker.asked == []


def test_who_waits_is_told_nothing_of_tracking():
    told: list[str] = []
    control = Control(on_progress=lambda stage, share, text: told.append(stage))
    boxes = red_boxes()
    prompt_fits(WINDOW, boxes, 2, OnlyFrom(next(iter(boxes))), control)
    assert told == []


def test_a_caller_who_gives_up_ends_it_while_the_tracker_works():
    control = Control()
    boxes = red_boxes()
    tracker = OnlyFrom(next(iter(boxes)), before=control.cancel)
    with pytest.raises(CancelledError):
        prompt_fits(WINDOW, boxes, 2, tracker, control)
    assert len(tracker.asked) == 0


def test_it_takes_a_share_of_the_time_that_is_left_and_then_goes_by_what_was_tried(monkeypatch):
    now = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    boxes = red_boxes()

    def slow() -> None:
        now[0] += 2.0

    tracker = OnlyFrom(next(iter(boxes)), before=slow)
    control = Control(deadline=110.0)  # 3 of its 10 s: one is tracked, in the next time is up
    assert list(prompt_fits(WINDOW, boxes, 6, tracker, control)) == [next(iter(boxes))]
    assert now[0] == 104.0
    with pytest.raises(DeadlineError):
        prompt_fits(WINDOW, boxes, 6, tracker, Control(deadline=now[0]))


def test_a_result_seen_from_another_view_keeps_what_each_view_said_of_the_place():
    boxes = list(red_boxes().items())[:3]
    lifted = [median_depth_box(WINDOW, stamp_ns, box) for stamp_ns, box in boxes]
    views = [
        CheckedView(stamp_ns, box, box3d, "boxed", True, agreement)
        for (stamp_ns, box), box3d, agreement in zip(boxes, lifted, (1.0, 0.8, 0.7), strict=True)
    ]
    before = Verification(boxes[0][0], boxes[0][1], lifted[0], tuple(views[1:]), 0.6)
    after = seen_from(before, boxes[2][0])
    assert (after.anchor_stamp_ns, after.box, after.lifted) == (*boxes[2], lifted[2])
    assert [(v.stamp_ns, v.box, v.lifted, v.agreement) for v in after.views] == [
        (*boxes[0], lifted[0], 0.7), (*boxes[1], lifted[1], 0.8)
    ]  # fmt: skip
    assert after.confidence == 0.6
