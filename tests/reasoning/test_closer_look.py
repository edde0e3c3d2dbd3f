"""What is small in a frame is asked for again in the part around it."""

from __future__ import annotations

import base64
import json

import numpy as np
import pytest
from scripted_backend import reply
from truthful_model import ROOM, WINDOW, Truthful, reasoner, shown_frames

from scene_r1_ros.control import Control
from scene_r1_ros.errors import ConfigError
from scene_r1_ros.geometry import box_iou
from scene_r1_ros.reasoning.closer_look import enlarged, into_part, out_of_part, part_around
from scene_r1_ros.reasoning.messages import Conversation, pictures
from scene_r1_ros.reasoning.reasoner_config import ReasonerConfig
from scene_r1_ros.reasoning.trace_page import render_page

SIZE = (320, 240)


@pytest.mark.parametrize(
    ("box", "part"),
    [
        ((150, 110, 170, 130), (80, 60, 240, 180)),  # twice as large, in the middle
        ((0, 0, 20, 20), (0, 0, 160, 120)),  # inside the image
        ((300, 230, 320, 240), (160, 120, 320, 240)),
        ((100, 100, 220, 120), (64, 38, 256, 182)),  # less, so that it has room
        ((0, 0, 20, 120), None),  # 1.6 times its height is more than three quarters
        ((0, 0, 320, 240), None),
    ],
)
def test_the_part_shows_the_box_larger_with_room_around_it(box, part):
    assert part_around(box, SIZE, 2.0) == part


def test_a_box_is_where_it_was_once_it_has_been_in_the_part_and_out_of_it():
    part = (64.0, 38.0, 256.0, 182.0)
    inside = into_part((100.0, 100.0, 220.0, 120.0), part, SIZE)
    assert inside == pytest.approx((60.0, 310 / 3, 260.0, 410 / 3))
    assert out_of_part(inside, part, SIZE) == pytest.approx((100.0, 100.0, 220.0, 120.0))


def test_the_part_is_shown_in_the_pixels_of_the_camera():
    camera = np.zeros((480, 640, 3), np.uint8)
    camera[::2] = 200  # stripes that a smaller image would not have
    shown = enlarged(camera, (320.0, 240.0, 640.0, 480.0), SIZE)
    assert shown.shape == (240, 320, 3)
    assert np.array_equal(shown, camera[240:, 320:])


class Blurred:
    """Boxes the blue thing in most whole frames; denies it in their parts, where it would box the
    red one."""

    def __init__(self) -> None:
        self.closer: list[Conversation] = []

    def __call__(self, messages: Conversation) -> str:
        (picture,), (frame,) = pictures(messages), shown_frames(messages, WINDOW)
        if np.array_equal(picture.image, frame.color):
            name = "red" if frame in WINDOW.frames[:4] else "blue"
            return Truthful(name)(messages)
        self.closer.append(messages)
        red = np.asarray(picture.image, int)
        rows, columns = np.nonzero((red[..., 0] > 150) & (red[..., 2] < 80))
        if len(rows) < 50:
            return reply("not found")
        box = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        return reply(json.dumps({"bbox_2d": [int(v) for v in box], "label": "red"}), "Red.")


def test_what_is_said_from_closer_counts_too():
    misled = reasoner(Blurred(), vote_frames=10).ground(WINDOW, "the red box")
    anchor = WINDOW.at(misled.anchor_stamp_ns)
    assert box_iou(misled.prompt, ROOM.box_in("blue", anchor)) > 0.9

    model = Blurred()
    found, trace = reasoner(model, vote_frames=10, vote_closer=2.0).ground_traced(
        WINDOW, "the red box"
    )
    anchor = WINDOW.at(found.anchor_stamp_ns)
    assert box_iou(found.prompt, ROOM.box_in("red", anchor)) > 0.85  # half a pixel of the part
    stages = [call.stage for call in trace.calls]
    assert stages.count("vote") == 10
    assert stages.count("closer") == len(model.closer) >= 7
    assert found.rationale_image == "Red."


def test_only_what_is_looked_for_is_seen_from_closer_not_the_landmarks():
    def script(messages: Conversation) -> str:
        asked = next(m for m in messages if m.role == "user").text
        return Truthful("blue" if "look for the blue box." in asked else "red")(messages)

    model = reasoner(script, vote_frames=6, vote_closer=2.0)
    _, trace = model.ground_traced(WINDOW, "the red box left of the blue box")
    about = {(call.stage, call.about) for call in trace.calls}
    assert {("locate", "blue box"), ("closer", ""), ("closer", "red box")} <= about
    assert ("closer", "blue box") not in about


def test_a_reply_from_closer_that_cannot_be_used_leaves_the_first():
    def script(messages: Conversation) -> str:
        (picture,), (frame,) = pictures(messages), shown_frames(messages, WINDOW)
        whole = np.array_equal(picture.image, frame.color)
        return Truthful("red")(messages) if whole else "?"

    model = reasoner(script, vote_frames=8, vote_closer=2.0)
    found, trace = model.ground_traced(WINDOW, "the red box")
    closer = [call.usable for call in trace.calls if call.stage == "closer"]
    assert closer
    assert not any(closer)
    anchor = WINDOW.at(found.anchor_stamp_ns)
    assert box_iou(found.prompt, ROOM.box_in("red", anchor)) > 0.9


@pytest.mark.parametrize(("left", "looks"), [(1e-6, False), (1e6, True)])
def test_no_closer_look_costs_the_answer_its_deadline(left, looks):
    control = Control()
    control.remaining = lambda: left
    model = reasoner(Truthful("red"), vote_frames=8, vote_closer=2.0)
    found, trace = model.ground_traced(WINDOW, "the red box", control)
    assert found.found
    assert ("closer" in {call.stage for call in trace.calls}) == looks


def test_the_trace_tells_the_box_in_the_whole_frame():
    _, trace = reasoner(Blurred(), vote_frames=10, vote_closer=2.0).ground_traced(
        WINDOW, "the red box"
    )
    told = [call for call in trace.calls if call.stage == "closer" and call.boxes]
    assert told
    for call in told:
        left, top, right, bottom = (
            float(v) for v in call.outcome.split("[")[1].split("]")[0].split(",")
        )
        red = ROOM.box_in("red", WINDOW.at(call.stamps_ns[0]))
        assert box_iou((left, top, right, bottom), red) > 0.75
        assert call.outcome.endswith("px of the whole frame, 'red'")


@pytest.mark.parametrize("closer", [0.0, 1.0])
def test_without_it_no_part_is_shown(closer):
    model = reasoner(Truthful("red"), vote_frames=8, vote_closer=closer)
    _, trace = model.ground_traced(WINDOW, "the red box")
    assert {call.stage for call in trace.calls} == {"vote"}


def test_the_page_shows_the_parts_and_the_answer_on_the_whole_frame():
    found, trace = reasoner(Blurred(), vote_frames=10, vote_closer=2.0).ground_traced(
        WINDOW, "the red box"
    )
    record = trace.to_json()
    page = render_page(record, {})
    parts = sum(call["stage"] == "closer" for call in record["calls"])
    assert f"where is it, seen from closer? Parts around small boxes: {parts}<" in page
    whole = next(
        call
        for call in record["calls"]
        if call["stage"] == "vote" and call["stamps_ns"] == [found.anchor_stamp_ns]
    )
    key = next(p["image"] for turn in whole["prompt"] for p in turn["parts"] if "image" in p)
    top = render_page(record, {key: b"the whole frame"}).split("<h2>Choices")[0]
    assert base64.b64encode(b"the whole frame").decode() in top


@pytest.mark.parametrize("closer", [9.0, 1.2, 0.5])
def test_how_much_closer_is_checked(closer):
    with pytest.raises(ConfigError, match="vote_closer"):
        ReasonerConfig(vote_closer=closer)
