"""A vote on a query that names a place: the things it names are voted on too, geometry judges."""

from __future__ import annotations

import json
from collections import Counter

import pytest
from box_room import BoxRoom
from scripted_backend import reply
from truthful_model import reasoner, shown_frames

from scene_r1_ros.control import Control
from scene_r1_ros.geometry import Box3D, box_iou
from scene_r1_ros.reasoning.messages import Conversation, Text, pictures
from scene_r1_ros.reasoning.model_frames import box_to_model
from scene_r1_ros.reasoning.trace_page import _answer_picture, render_page

RED = (200, 40, 40)
ROOM = BoxRoom(
    {
        "far red": (Box3D((-0.9, 0.0, 0.2), (0.4, 0.4, 0.4)), RED),
        "near red": (Box3D((0.3, 0.0, 0.15), (0.3, 0.3, 0.3)), RED),
        "blue": (Box3D((0.9, 0.1, 0.3), (0.4, 0.5, 0.6)), (40, 40, 200)),
    }
)
WINDOW = ROOM.walk()
QUERY = "the red box closest to the blue box"


def asked(messages: Conversation) -> str:
    """All words of a prompt."""
    return " ".join(part.text for m in messages for part in m.parts if isinstance(part, Text))


def careless(messages: Conversation) -> str:
    """Boxes a red box, mostly the wrong one, and of the blue one what is true."""
    if "look for the blue box." in asked(messages):
        return said("blue", messages)
    (frame,) = shown_frames(messages, WINDOW)
    return said("near red" if WINDOW.time_of(frame) > 5.5 else "far red", messages)


def said(name: str, messages: Conversation) -> str:
    """The truth about the box of that name in the one frame of a prompt."""
    (frame,) = shown_frames(messages, WINDOW)
    box = ROOM.box_in(name, frame)
    if box is None:
        return reply("not found", "Nothing of the kind.")
    height, width = pictures(messages)[0].image.shape[:2]
    shown = box_to_model(box, "resized_pixels", (width, height), (160, 120))
    found = {"bbox_2d": [round(v, 3) for v in shown], "label": name}
    return reply(json.dumps(found), f"I see the {name} one.")


def boxed(found) -> str:
    """The name of the box that was found."""
    frame = WINDOW.at(found.anchor_stamp_ns)
    shown = {name: ROOM.box_in(name, frame) for name in ROOM.boxes}
    return max((n for n, b in shown.items() if b), key=lambda n: box_iou(shown[n], found.box_xyxy))


def test_the_relation_decides_between_places_where_the_model_alone_is_wrong():
    plain = reasoner(careless, vote_frames=10, vote_relations=False)
    assert boxed(plain.ground(WINDOW, QUERY)) == "far red"
    found, trace = reasoner(careless, vote_frames=10).ground_traced(WINDOW, QUERY)
    assert found.found
    assert boxed(found) == "near red"
    assert found.label == "near red"
    assert found.rationale_temporal.endswith(" Geometry judged the relation (closest: blue box).")
    told = next(choice for choice in trace.choices if choice.what == "relation")
    assert told.chosen == "closest: blue box"
    assert told.why.startswith("'blue box' is at (0.9")
    degrees = {round(c["center"][0], 1): c["degree"] for c in told.candidates}
    assert degrees[0.3] > 0.9 > 0.3 > degrees[-0.9]


def test_the_target_and_each_landmark_are_asked_for_in_every_frame_and_frames_are_told_once():
    found, trace = reasoner(careless, vote_frames=10).ground_traced(WINDOW, QUERY)
    calls = Counter((call.stage, call.about) for call in trace.calls)
    assert calls == {("vote", ""): 10, ("locate", "red box"): 10, ("locate", "blue box"): 10}
    anchor = next(choice for choice in trace.choices if choice.what == "anchor")
    assert len({c["time"] for c in anchor.candidates}) == len(anchor.candidates) == 9
    assert "of 10 frames show it in the same place" in found.rationale_temporal


def test_without_its_landmark_the_model_s_reading_counts_and_the_trace_says_so():
    def reads(messages: Conversation) -> str:
        """Right on the sentence, wrong on the target alone."""
        if "look for the red box." in asked(messages):
            return said("far red", messages)
        return said("near red", messages) if QUERY in asked(messages) else reply("not found")

    found, trace = reasoner(reads, vote_frames=10).ground_traced(WINDOW, QUERY)
    assert boxed(found) == "near red"
    assert "Geometry" not in found.rationale_temporal
    told = next(choice for choice in trace.choices if choice.what == "relation")
    assert told.why == "'blue box' was not found, so the model's reading alone counts"


def test_what_stands_in_no_such_relation_is_not_found():
    def alone(messages: Conversation) -> str:
        other = "far red" in careless(messages) or "near red" in careless(messages)
        (frame,) = shown_frames(messages, WINDOW)
        late = WINDOW.time_of(frame) > 5.5
        return reply("not found") if other and late else careless(messages)

    beside = "the red box next to the blue box"
    sure = reasoner(alone, vote_frames=10, vote_confidence=0.5)
    assert sure.ground(WINDOW, "the red box").found
    answer = sure.ground(WINDOW, beside)
    assert not answer.found
    assert "too few frames agree" in answer.reason


@pytest.mark.parametrize("query", ["the red box", "the red box on the left"])
def test_a_query_without_a_relation_costs_no_more(query):
    _, trace = reasoner(careless, vote_frames=6).ground_traced(WINDOW, query)
    assert {call.stage for call in trace.calls} == {"vote"}
    assert all(choice.what != "relation" for choice in trace.choices)


def test_who_waits_is_told_which_thing_is_looked_for(monkeypatch):
    monkeypatch.setattr("scene_r1_ros.reasoning.box_election.TOGETHER", 5)
    told: list[tuple[str, float, str]] = []
    control = Control(on_progress=lambda *what: told.append(what))
    reasoner(careless, vote_frames=10).ground(WINDOW, QUERY, control)
    assert [round(share, 3) for _, share, _ in told] == [
        round(n / 6, 3) for n in range(1, 7)
    ]  # fmt: skip
    assert told[0][2].startswith("5 of 10 frames looked at;")
    assert told[-1][2].startswith("blue box: 10 of 10 frames looked at;")


def answer_label(record) -> str:
    """What the box on the page's answer picture is called."""
    return _answer_picture(record)["boxes"][0]["label"]


def test_a_viewpoint_where_the_landmark_is_tells_no_sides():
    query = "the red box left of the blue box, seen from the blue box"
    _, trace = reasoner(careless, vote_frames=10).ground_traced(WINDOW, query)
    told = next(choice for choice in trace.choices if choice.what == "relation")
    assert told.why.startswith("'blue box' is where one would stand, so the model's")
    # named twice, asked for once
    assert Counter(call.about for call in trace.calls)["blue box"] == 10


def test_the_page_has_a_strip_for_each_thing():
    _, trace = reasoner(careless, vote_frames=10).ground_traced(WINDOW, QUERY)
    page = render_page(trace.to_json(), {})
    assert answer_label(trace.to_json()) == "near red"
    for what in ("it", "red box", "blue box"):
        assert f"Vote · where is {what} in each of 10 frames?" in page
    assert page.count("Vote · is what the query names in this frame, and where?") == 20
    record = trace.to_json()
    del record["window"]["frame_size"]  # as older traces are
    for call in record["calls"]:
        del call["about"]
    assert "Vote · where is it in each of 10 frames?" in render_page(record, {})
