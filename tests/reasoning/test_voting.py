"""Frames that are asked one by one, and what their boxes mean together in 3D."""

from __future__ import annotations

import re
import threading
from dataclasses import replace

import pytest
from scripted_backend import ScriptedBackend, reply, stage_of
from truthful_model import ROOM, WINDOW, Truthful, reasoner, shown_frames

from scene_r1_ros.control import Control
from scene_r1_ros.errors import DeadlineError, UnparsableAnswerError
from scene_r1_ros.geometry import Box3D, box_iou
from scene_r1_ros.reasoning.backends import Generation
from scene_r1_ros.reasoning.box_lift import median_depth_box
from scene_r1_ros.reasoning.messages import Conversation
from scene_r1_ros.reasoning.reasoner import Oracle, TwoStageReasoner
from scene_r1_ros.reasoning.reasoner_config import ReasonerConfig
from scene_r1_ros.reasoning.trace_page import render_page
from scene_r1_ros.reasoning.verification import CheckedView
from scene_r1_ros.reasoning.voting import Vote, elect, places_of


def wrong_in(times: tuple[float, ...], name: str = "blue"):
    """A model that boxes the red thing, but another one in the frames at ``times``."""

    def script(messages: Conversation) -> str:
        assert stage_of(messages) == "verify", "a vote asks about one frame at a time"
        (frame,) = shown_frames(messages, WINDOW)
        wrong = any(abs(WINDOW.time_of(frame) - t) < 0.06 for t in times)
        return Truthful(name if wrong else "red")(messages)

    return script


# -- the election itself


def vote(stamp_ns: int, x: float | None, probability: float = 1.0) -> Vote:
    """A thing of 20 cm at (x, 0, 1) in the world, or nothing found."""
    lifted = None if x is None else Box3D((x, 0.0, 1.0), (0.2, 0.2, 0.2))
    box = None if x is None else (10.0, 10.0, 20.0, 20.0)
    return Vote(CheckedView(stamp_ns, box, lifted, "", True), probability)


def stamps(count: int) -> list[int]:
    return [frame.stamp_ns for frame in WINDOW.frames[:count]]


def test_the_place_of_most_votes_is_taken_and_what_the_others_said_is_kept():
    a, b, c, d = stamps(4)
    result = elect(WINDOW, [vote(a, 5.0), vote(b, 0.0), vote(c, 0.01), vote(d, None)])
    assert result.anchor_stamp_ns in (b, c)
    assert result.lifted.center[0] == pytest.approx(0.0, abs=0.02)
    agreements = {view.stamp_ns: view.agreement for view in result.views}
    other = c if result.anchor_stamp_ns == b else b
    assert agreements[other] > 0.95
    assert agreements[a] < 0.05
    assert agreements[d] == 0.0


def test_a_sure_vote_outweighs_two_unsure_ones():
    a, b, c = stamps(3)
    unsure = [vote(a, 0.0, 0.8), vote(b, 0.0, 0.8)]  # 2 * 0.8 ** 8 = 0.34
    assert elect(WINDOW, [*unsure, vote(c, 5.0)]).anchor_stamp_ns == c
    assert elect(WINDOW, [*unsure, vote(c, 5.0, 0.7)]).anchor_stamp_ns == a


def test_one_sure_vote_has_confidence_one_half_and_each_more_raises_it():
    confidences = [elect(WINDOW, [vote(s, 0.0) for s in stamps(n)]).confidence for n in (1, 2, 3)]
    assert confidences == pytest.approx([1 / 2, 2 / 3, 3 / 4])


def test_a_box_elsewhere_speaks_against_only_where_its_frame_should_see_the_thing():
    shows = [f for f in WINDOW.frames if ROOM.box_in("red", f) is not None]
    hides = [f for f in WINDOW.frames if ROOM.box_in("red", f) is None]
    box = ROOM.box_in("red", shows[0])
    lifted = median_depth_box(WINDOW, shows[0].stamp_ns, box)
    red = Vote(CheckedView(shows[0].stamp_ns, box, lifted, "", True))
    for frame, confidence in ((shows[1], 0.785 / 1.785), (hides[0], 1 / 2)):
        unsure_elsewhere = vote(frame.stamp_ns, 50.0, 0.9)  # 1 - 0.5 * 0.9 ** 8 = 0.785
        result = elect(WINDOW, [red, unsure_elsewhere])
        assert result.anchor_stamp_ns == shows[0].stamp_ns
        assert result.confidence == pytest.approx(confidence, abs=0.005)


def test_without_a_box_nothing_is_elected():
    assert elect(WINDOW, [vote(s, None) for s in stamps(3)]) is None
    assert elect(WINDOW, []) is None


def test_the_box_that_stands_for_a_place_is_whole_and_as_large_as_all_mean_it():
    a, b, c = stamps(3)

    def seen(stamp_ns: int, left: float, side: float, probability: float = 1.0) -> Vote:
        lifted = Box3D((0.0, 0.0, 1.0), (side, side, side))
        view = CheckedView(stamp_ns, (left, 10.0, left + 20.0, 30.0), lifted, "", True)
        return Vote(view, probability)

    cut = [seen(a, 0.0, 0.4), seen(b, 139.5, 0.4), seen(c, 40.0, 0.4, 0.9)]
    assert elect(WINDOW, cut).anchor_stamp_ns == c  # though it is the least sure
    small = [seen(a, 40.0, 0.1), seen(b, 40.0, 0.4), seen(c, 40.0, 0.4)]
    assert elect(WINDOW, small).anchor_stamp_ns in (b, c)
    assert elect(WINDOW, small).box == (40.0, 10.0, 60.0, 30.0)


def test_votes_on_the_target_alone_support_and_do_not_oppose():
    # four sure frames boxed another thing that fits, in views that should see this one too
    frames = [f for f in WINDOW.frames if ROOM.box_in("red", f) and ROOM.box_in("blue", f)]
    views = []
    for name, shown in (("red", frames[:1]), ("blue", frames[1:5])):
        for frame in shown:
            box = ROOM.box_in(name, frame)
            lifted = median_depth_box(WINDOW, frame.stamp_ns, box)
            views.append(CheckedView(frame.stamp_ns, box, lifted, "", True))
    loud = places_of(WINDOW, [Vote(view) for view in views])
    silent = places_of(WINDOW, [Vote(view, opposes=False) for view in views])
    assert [len(loud), loud[-1].confidence] == [2, 0.0]
    assert silent[-1].confidence == pytest.approx(0.5, abs=0.01)


# -- in the reasoner


def test_frames_outvote_wrong_ones_and_stage_1_is_not_asked():
    times = tuple(WINDOW.time_of(f) for f in WINDOW.frames[:2])
    found, trace = reasoner(wrong_in(times), vote_frames=8).ground_traced(WINDOW, "the red box")
    assert found.found
    anchor = WINDOW.at(found.anchor_stamp_ns)
    assert box_iou(found.box_xyxy, ROOM.box_in("red", anchor)) > 0.9
    assert {call.stage for call in trace.calls} == {"vote"}
    assert len(trace.calls) == 8
    assert "of 8 frames show it in the same place" in found.rationale_temporal
    assert found.rationale_image == "It is the red one."
    choice = next(c for c in trace.choices if c.what == "anchor")
    assert len(choice.candidates) == 7
    assert found.confidence > 0.5


def test_the_span_is_that_of_the_frames_that_agree_where_geometry_does_not_refine_it():
    model = reasoner(wrong_in(()), vote_frames=8, refine_span=False)
    found = model.ground(WINDOW, "the red box")
    seen = [f.stamp_ns for f in WINDOW.frames if ROOM.box_in("red", f) is not None]
    assert seen[0] <= found.span[0] <= found.anchor_stamp_ns <= found.span[1] <= seen[-1]
    assert found.span[1] > found.span[0]


def test_not_found_where_no_frame_shows_it_and_where_too_few_agree():
    none = reasoner(lambda _: reply("not found", "Nothing green."), vote_frames=5)
    found, trace = none.ground_traced(WINDOW, "green ball")
    assert (found.found, len(trace.calls)) == (False, 5)
    assert found.reason.startswith("not found: 'green ball' is in none of the frames.")
    assert "None of 5 frames shows it." in found.reason

    doubtful = reasoner(wrong_in(()), vote_frames=5, vote_confidence=0.99)
    found = doubtful.ground(WINDOW, "the red box")
    assert not found.found
    assert found.reason.startswith("not found: 'the red box': too few frames agree where it is.")
    assert "of 5 frames show it in the same place" in found.reason


@pytest.mark.parametrize(
    ("elsewhere", "words"), [(False, "s."), (True, "s; 1 shows something elsewhere.")]
)
def test_the_reason_counts_one_frame_as_one(elsewhere, words):
    red = next(f for f in WINDOW.frames if ROOM.box_in("red", f) is not None)
    blue = next(f for f in reversed(WINDOW.frames) if ROOM.box_in("blue", f) is not None)

    def script(messages: Conversation) -> str:
        (frame,) = shown_frames(messages, WINDOW)
        if frame is red:
            return Truthful("red")(messages)
        shown = elsewhere and frame is blue
        return Truthful("blue")(messages) if shown else reply("not found")

    model = reasoner(script, vote_frames=len(WINDOW.frames), vote_confidence=0.0)
    why = model.ground(WINDOW, "the red box").rationale_temporal
    assert re.fullmatch(rf"1 of 10 frames shows it, at \d\.\d {re.escape(words)}", why), why


def test_ambiguous_where_frames_say_so_and_none_has_a_box():
    found = reasoner(lambda _: reply("ambiguous: 3"), vote_frames=4).ground(WINDOW, "the box")
    assert (found.found, found.candidates) == (False, 3)


def test_a_reply_that_cannot_be_used_is_no_vote_and_only_such_replies_are_an_error():
    asked: list[int] = []

    def first_is_nonsense(messages: Conversation) -> str:
        asked.append(1)
        return "?" if len(asked) == 1 else Truthful("red")(messages)

    assert reasoner(first_is_nonsense, vote_frames=6).ground(WINDOW, "the red box").found
    assert len(asked) == 6  # it is not asked again
    with pytest.raises(
        UnparsableAnswerError, match="scripted was shown 3 frames one by one, and none"
    ):
        reasoner(lambda _: "?", vote_frames=3).ground(WINDOW, "the red box")


def test_a_given_span_holds_the_frames_that_vote_and_a_given_view_leaves_the_vote_out():
    model = reasoner(wrong_in(()), vote_frames=6)
    span = (WINDOW.start_ns, WINDOW.start_ns + 2_000_000_000)
    _, trace = model.ground_traced(WINDOW, "the red box", oracle=Oracle(span=span))
    assert all(span[0] <= call.stamps_ns[0] <= span[1] for call in trace.calls)
    seen = next(f.stamp_ns for f in WINDOW.frames if ROOM.box_in("red", f) is not None)
    given = Oracle(view_stamp_ns=seen)
    found, trace = model.ground_traced(WINDOW, "the red box", oracle=given)
    assert found.anchor_stamp_ns == seen
    assert "vote" not in {call.stage for call in trace.calls}


def test_the_probability_that_the_backend_tells_weighs_the_vote():
    class Unsure(ScriptedBackend):
        def generate(self, messages, control, limits) -> Generation:
            return replace(super().generate(messages, control, limits), probability=0.5)

    sure = reasoner(wrong_in(()), vote_frames=6).ground(WINDOW, "the red box")
    config = ReasonerConfig(vote_frames=6, vote_confidence=0.0)
    unsure = TwoStageReasoner(Unsure(wrong_in(())), config).ground(WINDOW, "the red box")
    assert unsure.confidence < 0.1 < sure.confidence


def test_the_page_of_a_vote_shows_its_frames_in_one_strip_and_who_agreed():
    times = tuple(WINDOW.time_of(f) for f in WINDOW.frames[:2])
    found, trace = reasoner(wrong_in(times), vote_frames=8).ground_traced(WINDOW, "the red box")
    page = render_page(trace.to_json(), {})
    agreed = int(found.rationale_temporal.split()[0])
    assert page.count('<div class="agrees">') == agreed > 1
    denied = sum("not found" in call.outcome for call in trace.calls)
    assert page.count('<div class="elsewhere">') == 8 - agreed - denied
    assert page.count(" · not found</figcaption>") == denied
    assert "Vote · where is it in each of 8 frames?" in page
    assert page.count("Vote · is it in this frame, and where?") == 8  # folded away below


def test_a_deadline_ends_the_vote_while_the_model_thinks():
    model = reasoner(wrong_in(()), vote_frames=6)
    model.backend.hold = threading.Event()
    with pytest.raises(DeadlineError):
        model.ground(WINDOW, "the red box", Control.within(0.2))
    assert len(model.backend.prompts) == 1


def test_who_waits_is_told_how_many_frames_were_looked_at(monkeypatch):
    monkeypatch.setattr("scene_r1_ros.reasoning.box_election.TOGETHER", 4)
    told: list[tuple[str, float, str]] = []
    control = Control(on_progress=lambda *what: told.append(what))
    model = reasoner(lambda _: reply("not found"), vote_frames=10)
    model.ground(WINDOW, "the red box", control)
    assert [(stage, share) for stage, share, _ in told] == [
        ("image", 0.4), ("image", 0.8), ("image", 1.0)
    ]  # fmt: skip
    assert told[1][2] == "8 of 10 frames looked at; a box in 0 of them."
