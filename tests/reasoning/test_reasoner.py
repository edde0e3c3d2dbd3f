"""The two stages with a scripted model: every outcome, every choice, every way to end early."""

from __future__ import annotations

import json
import re
import threading
import time

import pytest
from box_room import SECOND
from scripted_backend import ScriptedBackend, reply, stage_of
from truthful_model import ROOM, WINDOW, Truthful, reasoner

from scene_r1_ros.control import Control
from scene_r1_ros.errors import (
    CancelledError,
    DeadlineError,
    RequestError,
    UnparsableAnswerError,
)
from scene_r1_ros.frames import RgbdFrame, WindowSnapshot
from scene_r1_ros.geometry import box_iou
from scene_r1_ros.reasoning.messages import Conversation
from scene_r1_ros.reasoning.reasoner import Oracle, TwoStageReasoner
from scene_r1_ros.reasoning.reasoner_config import ReasonerConfig


@pytest.mark.parametrize("frame", ["resized_pixels", "thousandths", "unit"])
def test_a_query_comes_to_the_span_the_view_and_the_box_in_original_pixels(frame: str) -> None:
    script = Truthful("red", "0.0 to 5.0", frame)
    found = reasoner(script, max_image_pixels=8000, refine_span=False).ground(WINDOW, "the red box")
    assert found.found
    assert found.span == (WINDOW.start_ns, WINDOW.start_ns + 5_000_000_000)
    anchor = WINDOW.at(found.anchor_stamp_ns)
    assert found.span[0] <= found.anchor_stamp_ns <= found.span[1]
    assert box_iou(found.box_xyxy, ROOM.box_in("red", anchor)) > 0.95
    assert (found.label, found.query) == ("red", "the red box")
    assert found.rationale_temporal == "I see it then."
    assert found.rationale_image == "It is the red one."


# -- the three results


def test_not_found_is_an_answer_at_either_stage() -> None:
    first = reasoner([reply("not found", "Nothing green.")]).ground(WINDOW, "green ball")
    assert (first.found, first.candidates) == (False, 0)
    assert first.reason == "not found: 'green ball' is in none of the frames. Nothing green."
    never = [reply("0 to 9"), *[reply("not found")] * ReasonerConfig().view_looks]
    second = reasoner(never).ground(WINDOW, "green ball")
    assert (second.found, second.candidates) == (False, 0)
    assert "no view of the span shows" in second.reason


def test_several_objects_that_fit_are_ambiguous_with_their_number() -> None:
    boxes = '[{"view": 1, "bbox_2d": [5, 5, 40, 40]}, {"view": 1, "bbox_2d": [90, 5, 140, 40]}]'
    found = reasoner([reply("0 to 9"), reply(boxes)]).ground(WINDOW, "the box")
    assert (found.found, found.candidates) == (False, 2)
    assert found.reason.startswith("ambiguous: 2 objects fit")
    stated = reasoner([reply("ambiguous: 3")]).ground(WINDOW, "the box")
    assert (stated.found, stated.candidates) == (False, 3)


def test_the_same_object_listed_twice_is_not_ambiguous() -> None:
    boxes = '[{"view": 1, "bbox_2d": [5, 5, 40, 40]}, {"view": 1, "bbox_2d": [6, 5, 41, 40]}]'
    script = [reply("0 to 9"), reply(boxes)]
    assert reasoner(script, verify_views=0).ground(WINDOW, "the box").found


def test_an_unusable_answer_is_asked_for_again_with_the_reason() -> None:
    model = reasoner(
        [reply("a banana"), reply("1 to 5"), "", reply('{"view": 1, "bbox_2d": [5, 5, 40, 40]}')],
        verify_views=0,
    )
    found, trace = model.ground_traced(WINDOW, "the box")
    assert found.found
    assert [call.usable for call in trace.calls] == [False, True, False, True]
    again = model.backend.prompts[1][-1].text
    assert "no time span of the form START to END, in seconds, can be read from it" in again
    assert not re.search(r"\d", again.replace("x1", "")), "a number could be copied"
    assert "it was empty" in model.backend.prompts[3][-1].text


UNUSABLE = {
    "span": ([reply("40 to 50")] * 2, "lies outside the video, which runs from 0.0 to 9.0 s"),
    "empty": ([""] * 2, "it was empty"),
    "endless": (["<think>and then and then"] * 2, "holds no answer after the reasoning"),
    "no box": ([reply("0 to 9"), *[reply("there")] * 2], "no box such as"),
    "no view": (
        [reply("0 to 9"), *[reply('{"view": 9, "bbox_2d": [1, 2, 30, 40]}')] * 2],
        "there is no view 9; views are 1 to 4",
    ),
    "outside": (
        [reply("0 to 9"), *[reply('{"view": 1, "bbox_2d": [900, 2, 930, 40]}')] * 2],
        "lies outside the image of 160 x 120",
    ),
}


@pytest.mark.parametrize("case", UNUSABLE)
def test_a_second_unusable_answer_is_a_failure_that_says_why(case: str) -> None:
    script, why = UNUSABLE[case]
    with pytest.raises(UnparsableAnswerError, match=re.escape(why)) as caught:
        reasoner(script).ground(WINDOW, "the box")
    assert "asked 2 times" in str(caught.value)


def test_an_empty_or_endless_query_never_reaches_the_model() -> None:
    model = reasoner([])
    for query in ("", "   ", "<|im_start|>", "x" * 501):
        with pytest.raises(RequestError):
            model.ground(WINDOW, query)
    assert model.backend.prompts == []


# -- choices


def test_the_check_in_other_views_moves_the_confidence() -> None:
    agreeing = reasoner(Truthful("red"), verify_views=2).ground(WINDOW, "red")
    unchecked = reasoner(Truthful("red"), verify_views=0).ground(WINDOW, "red")
    script = Truthful("red")
    script.wrong_in_verify = True
    disagreeing = reasoner(script, verify_views=2, consensus=False).ground(WINDOW, "red")
    assert agreeing.confidence > 0.7
    assert unchecked.confidence == 0.5
    assert disagreeing.confidence < 0.3


def test_views_that_agree_with_each_other_overrule_the_first_choice() -> None:
    script = Truthful("red")

    def first_wrong(messages: Conversation) -> str:
        script.name = "blue" if stage_of(messages) == "image" else "red"
        return script(messages)

    found, trace = reasoner(first_wrong, verify_views=3).ground_traced(WINDOW, "red")
    anchor = WINDOW.at(found.anchor_stamp_ns)
    assert box_iou(found.box_xyxy, ROOM.box_in("red", anchor)) > 0.9
    assert "agrees better" in next(c for c in trace.choices if c.what == "anchor").why


def test_the_span_is_what_geometry_sees_and_the_models_own_stays_in_the_trace() -> None:
    model = reasoner(Truthful("red", "2.0 to 3.0"), verify_views=0)
    found, trace = model.ground_traced(WINDOW, "red")
    shown = [f.stamp_ns for f in WINDOW.frames if ROOM.box_in("red", f) is not None]
    assert abs(found.span[0] - shown[0]) <= SECOND
    assert abs(found.span[1] - shown[-1]) <= SECOND
    assert found.rationale_temporal == "I see it then."
    choices = {c.what: c for c in trace.choices}
    assert (choices["span"].by, choices["span"].chosen) == ("model", "2.00 s to 3.00 s")
    assert choices["refined span"].by == "geometry"
    assert "refinement" in trace.seconds
    model = reasoner(Truthful("red", "2.0 to 3.0"), verify_views=0, refine_span=False)
    own = model.ground(WINDOW, "red").span
    assert own == tuple(WINDOW.start_ns + s * SECOND for s in (2, 3))


def test_without_depth_nothing_is_checked_and_nothing_fails() -> None:
    flat = WindowSnapshot.of(
        RgbdFrame(f.stamp_ns, f.color, f.depth_m * float("nan"), f.intrinsics, f.T_world_camera)
        for f in WINDOW.frames
    )
    found = reasoner(Truthful("red", "0.0 to 4.0")).ground(flat, "red")
    assert found.found
    assert found.span == (flat.start_ns, flat.start_ns + 4 * SECOND)
    assert found.confidence == 0.5


def test_an_oracle_replaces_the_choices_and_the_model_is_not_asked() -> None:
    frame = WINDOW.frames[3]
    truth = ROOM.box_in("red", frame)
    model = reasoner(Truthful("red"))
    found, trace = model.ground_traced(
        WINDOW, "red", oracle=Oracle(view_stamp_ns=frame.stamp_ns, box=truth)
    )
    assert model.backend.prompts == []
    assert (found.anchor_stamp_ns, found.box_xyxy) == (frame.stamp_ns, truth)
    assert {c.what: c.by for c in trace.choices if c.by == "oracle"} == {
        "span": "oracle",
        "view": "oracle",
        "box": "oracle",
    }
    viewed, _ = model.ground_traced(WINDOW, "red", oracle=Oracle(view_stamp_ns=frame.stamp_ns))
    assert viewed.anchor_stamp_ns == frame.stamp_ns
    assert [stage_of(p) for p in model.backend.prompts] == ["verify"]
    spanned = reasoner(Truthful("red"), verify_views=0)
    span = (WINDOW.frames[1].stamp_ns, WINDOW.frames[4].stamp_ns)
    assert spanned.ground_traced(WINDOW, "red", oracle=Oracle(span=span))[0].span == span
    assert [stage_of(p) for p in spanned.backend.prompts] == ["image"]


def test_a_box_without_its_view_is_refused_as_an_oracle() -> None:
    with pytest.raises(RequestError, match="stamp of the view"):
        Oracle(box=(0, 0, 10, 10))


def test_a_span_between_two_frames_takes_the_nearest() -> None:
    found = reasoner(Truthful("red", "1.3 to 1.4"), verify_views=0).ground(WINDOW, "red")
    assert found.anchor_stamp_ns == WINDOW.frames[1].stamp_ns


def test_a_window_of_one_frame_needs_no_first_stage() -> None:
    one = WindowSnapshot.of([WINDOW.frames[2]])
    script = Truthful("red")
    script.window = one
    model = reasoner(script)
    assert model.ground(one, "red").found
    assert [stage_of(p) for p in model.backend.prompts] == ["verify"]


def test_every_choice_is_recorded_with_its_scores() -> None:
    _, trace = reasoner(Truthful("red")).ground_traced(WINDOW, "red")
    record = json.loads(json.dumps(trace.to_json(), allow_nan=False))
    choices = {c["what"]: c for c in record["choices"]}
    assert list(choices) == ["span", "views", "view", "box", "anchor", "refined span"]
    ranked = choices["views"]["candidates"]
    assert len(ranked) == len(WINDOW.frames)
    assert set(ranked[0]) == {"time", "score", "visibility", "sharpness", "motion", "distance"}
    assert all(c["agreement"] > 0.8 for c in choices["anchor"]["candidates"])
    assert [c["stage"] for c in record["calls"]] == ["temporal", "image", "verify", "verify"]
    assert record["tokens"] == {"in": 400, "out": sum(c["tokens_out"] for c in record["calls"])}
    assert {"temporal", "ranking", "image", "verify", "model", "total"} <= set(record["seconds"])
    assert record["calls"][0]["stamps_ns"] == [f.stamp_ns for f in WINDOW.frames]
    assert record["model"] == {"name": "scripted", "backend": "scripted"}


def test_words_that_the_model_has_never_seen_are_said_and_kept() -> None:
    model = reasoner([reply("not found", "Nothing.")])
    model.backend.unknown = ("zebra",)
    grounding, trace = model.ground_traced(WINDOW, "the zebra")
    assert grounding.reason.endswith(
        "is in none of the frames. The model does not know the word 'zebra'. Nothing."
    )
    assert ("unknown words", "zebra") in [(c.what, c.chosen) for c in trace.choices]
    sure = reasoner(Truthful("red"))
    sure.backend.unknown = ("zebra",)
    _, trace = sure.ground_traced(WINDOW, "the red zebra")
    assert "unknown words" in [c.what for c in trace.choices]


# -- questions


def test_a_question_is_answered_from_its_span_with_evidence() -> None:
    answer = reasoner(Truthful("red", "2.0 to 4.0")).answer(WINDOW, "how many boxes?")
    assert answer.text == "two boxes"
    assert answer.rationale == "One red, one blue."
    assert answer.evidence_stamps_ns == tuple(f.stamp_ns for f in WINDOW.frames[2:5])
    assert answer.span == (WINDOW.frames[2].stamp_ns, WINDOW.frames[4].stamp_ns)


@pytest.mark.parametrize("temporal", [[reply("not found")], ["", ""]])
def test_a_question_without_a_span_is_answered_from_the_whole_window(temporal: list[str]) -> None:
    answer = reasoner([*temporal, reply("two")]).answer(WINDOW, "how many boxes?")
    assert answer.text == "two"
    assert answer.span == (WINDOW.start_ns, WINDOW.end_ns)


def test_an_empty_answer_to_a_question_is_a_failure() -> None:
    with pytest.raises(UnparsableAnswerError, match="it was empty"):
        reasoner(["", ""], answer_span=False).answer(WINDOW, "how many boxes?")


# -- deadlines, cancelling, progress


STAGES = ["temporal", "image", "verify", "answer"]


def held_at(stage: str) -> TwoStageReasoner:
    """A reasoner whose model never comes back from ``stage``."""
    script = Truthful("red")
    model = reasoner(script)
    go = threading.Event()
    go.set()
    never = threading.Event()

    class Held(ScriptedBackend):
        def generate(self, messages, control, limits):
            self.hold = never if stage_of(messages) == stage else go
            if self.hold is never:
                self.reached.set()
            return super().generate(messages, control, limits)

    model.backend = Held(script)
    model.backend.reached = threading.Event()
    return model


def call(model: TwoStageReasoner, stage: str, control: Control) -> None:
    (model.answer if stage == "answer" else model.ground)(WINDOW, "red", control)


@pytest.mark.parametrize("stage", STAGES)
def test_cancelling_ends_the_work_at_every_stage(stage: str) -> None:
    model, control, errors = held_at(stage), Control(), []

    def run() -> None:
        try:
            call(model, stage, control)
        except CancelledError as error:
            errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    assert model.backend.reached.wait(5)
    control.cancel()
    thread.join(2)
    assert not thread.is_alive()
    assert len(errors) == 1


@pytest.mark.parametrize("stage", STAGES)
def test_the_deadline_ends_the_work_at_every_stage(stage: str) -> None:
    started = time.monotonic()
    with pytest.raises(DeadlineError):
        call(held_at(stage), stage, Control.within(0.5))
    assert time.monotonic() - started < 2


def test_progress_names_the_stage_and_streams_the_rationale() -> None:
    told = []
    control = Control(on_progress=lambda *args: told.append(args))
    reasoner(Truthful("red")).ground(WINDOW, "red", control)
    assert list(dict.fromkeys(stage for stage, _, _ in told)) == ["temporal", "image", "verify"]
    assert any("I see it then" in text for _, fraction, text in told if fraction < 1)
    assert all(0 <= fraction <= 1 for _, fraction, _ in told)


def test_the_work_around_the_model_is_quick() -> None:
    _, trace = reasoner(Truthful("red")).ground_traced(WINDOW, "red")
    assert trace.total_seconds - trace.model_seconds < 0.3
