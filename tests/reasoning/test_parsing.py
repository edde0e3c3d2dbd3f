"""What the parsers read, what they refuse, and that no text makes them raise."""

from __future__ import annotations

import json
import math
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scene_r1_ros.reasoning import parse_answer, parse_box, parse_span
from scene_r1_ros.reasoning.parsing import (
    is_not_found,
    parse_ambiguous,
    parse_boxes,
    parse_label,
    parse_think,
    parse_view,
)


def answer(body: str) -> str:
    return f"<think>I looked at t = 3 s to 4 s.</think><answer>{body}</answer>"


SPANS = {
    "12.5 to 17.0": (12.5, 17.0),
    "from 5s to 10 s": (5, 10),
    "5s-10s": (5, 10),
    "5 - 10": (5, 10),
    "5–10 sec": (5, 10),
    "00:12 - 00:17": (12, 17),
    "01:02:03.5 to 01:02:05": (3723.5, 3725),
    "00:00:12,500 --> 00:00:17,000": (12.5, 17),
    "[5, 10]": (5, 10),
    "[[5, 10]]": (5, 10),
    "[[5.0, 10.0], [20, 25]]": (5, 10),
    "(5, 10)": (5, 10),
    "5, 10": (5, 10),
    "['5.0', '10.0',]": (5, 10),
    '{"start": 5, "end": 10}': (5, 10),
    "{'start_time': '00:05', 'end_time': '00:10',}": (5, 10),
    '[{"start": 5, "end": 10}, {"start": 20, "end": 30}]': (5, 10),
    "```json\n[5.0, 10.0]\n```": (5, 10),
    "**5.0 s to 10.0 s**": (5, 10),
    "between 5 and 10 seconds": (5, 10),
    "t = 5.0 s to t = 10.0 s": (5, 10),
    "The chair is seen in 2 frames, from 5 s to 10 s, then again.": (5, 10),
    "It starts at 5 s and ends at 10 s": (5, 10),
    "frame 3 (t = 5 s) to frame 7 (t = 10 s)": (5, 10),
    "5 seconds until 1 minute": (5, 60),
    "1 to 2 minutes": (60, 120),
    "1 min 5 s to 1m10s": (65, 70),
    "500 ms to 1500 ms": (0.5, 1.5),
    "10 to 5": (5, 10),
    "first visible at 5 s, it is gone after 10 s": (5, 10),
    "-3 to 10": (-3, 10),
    "1e1 to 2e1": (10, 20),
    "5to10": (5, 10),
    "from the 5th to the 10th second": (5, 10),
    "5,5 s to 10,25 s": (5.5, 10.25),
    "<5, 10>": (5, 10),
    "**Start:** 5 s\n**End:** 10 s": (5, 10),
    "It is visible from 5.0 to 10.0 in frames 3 to 6": (5, 10),
}
NO_SPANS = [
    *("", "banana", "5", "nan to nan", "nan to 5", "inf to 5", "not found", "none", "5 to"),
    *("[5, 10, 15]", "frames 3 to 7", "null", "{}", "[]", "the 2 chairs and 3 tables", "to 10"),
    *("5 s for 3 s", "not found between 0 and 30 s", "1e999 to 5", "bbox_2d", "x1 to x2"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), SPANS.items())
def test_a_span_is_read_however_it_is_written(text: str, expected: tuple[float, float]) -> None:
    assert parse_span(text) == pytest.approx(expected)
    assert parse_span(answer(text)) == pytest.approx(expected)
    assert parse_span(f"<think>hm</think><answer>{text}") == pytest.approx(expected)


@pytest.mark.parametrize("text", NO_SPANS)
def test_what_is_no_span_is_none(text: str) -> None:
    assert parse_span(text) is None
    assert parse_span(answer(text)) is None


def test_a_span_is_clipped_to_the_bounds_of_the_window() -> None:
    assert parse_span("5 to 100", bounds=(0, 30)) == (5, 30)
    assert parse_span("-4 to 10", bounds=(0, 30)) == (0, 10)
    assert parse_span("40 to 50", bounds=(0, 30)) == (30, 30)


def test_only_the_answer_counts_not_the_reasoning() -> None:
    assert parse_span("<think>maybe 1 to 2</think><answer>5 to 10</answer>") == (5, 10)
    assert parse_span("<think>in <answer> tags, 1 to 2</think><answer>5 to 10</answer>") == (5, 10)
    assert parse_span("<think>it is 1 to 2 but my thoughts never end") is None
    assert parse_span("<think>1 to 2</think><answer></answer>") is None
    assert parse_span("<think>1 to 2</think> 5 to 10") == (5, 10)
    assert parse_span("<answer>1 to 2</answer><answer>5 to 10</answer>") == (5, 10)
    assert parse_span("<ANSWER>5 to 10</ANSWER><|im_end|>") == (5, 10)


BOXES = {
    '{"bbox_2d": [10, 20, 30, 40], "label": "chair"}': (10, 20, 30, 40),
    "{'bbox_2d': [10, 20, 30, 40], 'label': 'chair'}": (10, 20, 30, 40),
    '{"bbox_2d": [10, 20, 30, 40,], "label": "chair",}': (10, 20, 30, 40),
    '```json\n[{"bbox_2d": [10, 20, 30, 40], "label": "chair"}]\n```': (10, 20, 30, 40),
    "[10, 20, 30, 40]": (10, 20, 30, 40),
    "[[10, 20, 30, 40]]": (10, 20, 30, 40),
    "[[10, 20], [30, 40]]": (10, 20, 30, 40),
    "(10,20),(30,40)": (10, 20, 30, 40),
    "<|box_start|>(10,20),(30,40)<|box_end|>": (10, 20, 30, 40),
    "10 20 30 40": (10, 20, 30, 40),
    "The box is 10, 20, 30, 40.": (10, 20, 30, 40),
    "In view 2 it is at 10, 20, 30, 40": (10, 20, 30, 40),
    "Here you are: [30, 40, 10, 20], the chair!": (10, 20, 30, 40),
    '{"bbox_2d": [10.5, 20, 30, 40': (10.5, 20, 30, 40),
    '{"x1": 10, "x2": 30, "y1": 20, "y2": 40}': (10, 20, 30, 40),
    '{"box": {"x_min": 10, "y_min": 20, "x_max": 30, "y_max": 40}}': (10, 20, 30, 40),
    "[10, 20, 30, 40, 0.9]": (10, 20, 30, 40),
    '["10", "20", "30px", "40"]': (10, 20, 30, 40),
    '{"label": "box [1, 2, 3, 4]", "bbox_2d": [10, 20, 30, 40]}': (10, 20, 30, 40),
    '{"objects": [{"bbox": [10, 20, 30, 40]}]}': (10, 20, 30, 40),
    '{"bbox_2d": "10, 20, 30, 40"}': (10, 20, 30, 40),
    '{"x": 10, "y": 20, "width": 20, "height": 20}': (10, 20, 30, 40),
    "x1=10, x2=30, y1=20, y2=40": (10, 20, 30, 40),
    "top-left (10, 20), bottom-right (30, 40)": (10, 20, 30, 40),
    "1. chair: [10, 20, 30, 40]": (10, 20, 30, 40),
    "{bbox_2d: [10, 20, 30, 40], label: chair}": (10, 20, 30, 40),
}
NO_BOXES = [
    *("", "banana", "[1, 2, 3]", "[nan, 2, 3, 4]", "[NaN, 2, 30, 40]", "[1, 2, 1, 4]"),
    *('{"bbox_2d": null}', '{"bbox_2d": [Infinity, 1, 2, 3]}', "[]", "1 2 3 4 5 6"),
    *("not found", "[1e999,2,3,4]", '{"bbox_2d": ["a", "b", "c", "d"]}'),
    *("[true, false, true, true]",),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), BOXES.items())
def test_a_box_is_read_however_it_is_written(text: str, expected: tuple[float, ...]) -> None:
    assert parse_box(text) == pytest.approx(expected)
    assert parse_box(answer(text)) == pytest.approx(expected)
    assert parse_box(f"<answer>{text}") == pytest.approx(expected)


@pytest.mark.parametrize("text", NO_BOXES)
def test_what_is_no_box_is_none(text: str) -> None:
    assert parse_box(text) is None
    assert parse_box(answer(text)) is None


def test_a_box_is_clipped_to_the_image_and_none_outside_it() -> None:
    assert parse_box("[-10, 20, 900, 40]", bounds=(640, 480)) == (0, 20, 640, 40)
    assert parse_box("[700, 20, 900, 40]", bounds=(640, 480)) is None


def test_every_object_of_a_list_is_read_with_label_and_view() -> None:
    text = answer('[{"view": 2, "bbox_2d": [1,2,3,4], "label": "a"}, {"bbox": [5,6,7,8]}]')
    first, second = parse_boxes(text)
    assert (first.label, first.view, first.box) == ("a", 2, (1, 2, 3, 4))
    assert (second.label, second.view, second.box) == ("", None, (5, 6, 7, 8))
    assert parse_view(text) == 2
    assert parse_view("In view 3: [1, 2, 3, 4]") == 3
    assert parse_view("[1, 2, 3, 4]") is None


def test_labels_survive_quotes() -> None:
    assert parse_label("""{'bbox_2d': [1, 2, 3, 4], 'label': "the dog's bed"}""") == "the dog's bed"
    assert parse_label('{"bbox_2d": [1, 2, 3, 4, "label": "lamp"') == "lamp"
    assert parse_label("nothing here") == ""


@pytest.mark.parametrize(
    "text",
    [
        *("not found", "Not found.", '"not found"', "none", "NULL", "not_found", "[]", "{}"),
        *("The object is not visible in this video.", "There is no red lamp.", "no such object"),
        *('{"found": false}', '{"bbox_2d": null}', "I could not find it: cannot find the chair"),
    ],
)
def test_not_found_is_understood(text: str) -> None:
    if text.startswith("I could"):
        text = text.split(": ")[1]
    assert is_not_found(answer(text))


@pytest.mark.parametrize("text", ["", "5 to 10", "[1, 2, 3, 4]", "a chair", "nonetheless 5 to 10"])
def test_other_answers_are_not_taken_for_not_found(text: str) -> None:
    assert not is_not_found(answer(text))


def test_ambiguity_is_stated_with_its_number() -> None:
    assert parse_ambiguous(answer("ambiguous: 3")) == 3
    assert parse_ambiguous(answer("Ambiguous")) == 2
    assert parse_ambiguous(answer("5 to 10")) is None


def test_an_answer_is_plain_text() -> None:
    assert parse_answer(answer(" two chairs ")) == "two chairs"
    assert parse_answer('<answer>```\n"red"\n```') == "red"
    assert parse_answer("<think>hm</think>red") == "red"
    assert parse_answer("red") == "red"
    assert parse_answer("<think>hm</think><answer>  </answer>") is None
    assert parse_answer("<think>never ends") is None
    assert parse_answer("") is None


def test_the_reasoning_is_what_stands_in_think() -> None:
    assert parse_think("<think>a  b</think><answer>x</answer>") == "a b"
    assert parse_think("<think>a b<answer>x</answer>") == "a b"
    assert parse_think("because a <answer>x</answer>") == "because a"
    assert parse_think("x") == ""


# -- any text at all

pieces = st.sampled_from(
    [
        *("<think>", "</think>", "<answer>", "</answer>", "5", "10.5", "-", " to ", "s", ":"),
        *("[", "]", "{", "}", '"', "'", ",", "bbox_2d", "label", "nan", "inf", "1e400"),
        *("not found", "\n", "```", "(", ")", "view ", "00:12", "9" * 40, "\\"),
        *("<|im_end|>", "é", "\x00", "٣"),
    ]
)  # fmt: skip
anything = st.one_of(st.text(max_size=80), st.lists(pieces, max_size=30).map("".join))


@settings(max_examples=300, deadline=None)
@given(anything)
def test_no_text_raises_and_what_is_read_is_sound(text: str) -> None:
    span, box = parse_span(text), parse_box(text)
    if span is not None:
        assert all(math.isfinite(v) for v in span)
        assert span[0] <= span[1]
    if box is not None:
        assert all(math.isfinite(v) for v in box)
        assert box[0] < box[2]
        assert box[1] < box[3]
    clipped = parse_span(text, bounds=(2, 9))
    assert clipped is None or 2 <= clipped[0] <= clipped[1] <= 9
    inside = parse_box(text, bounds=(50, 40))
    assert inside is None or (0 <= inside[0] < inside[2] <= 50 and 0 <= inside[1] < inside[3] <= 40)
    assert parse_answer(text) is None or parse_answer(text)
    for parse in (is_not_found, parse_label, parse_view, parse_think, parse_ambiguous):
        parse(text)


RUNAWAY = ["[", "[1,", "{'a':", "(1,2)", "1 ", "1:", "5 to ", "<answer>", "'", "view ", "1 m ", "9"]


@pytest.mark.parametrize("piece", RUNAWAY)
def test_a_reply_that_runs_away_is_read_in_no_time(piece: str) -> None:
    text = piece * (20_000 // len(piece))
    started = time.process_time()
    for parse in (parse_span, parse_box, parse_answer, parse_label, parse_view, parse_think):
        parse(text)
    assert time.process_time() - started < 2.0


times = st.floats(0, 1e5).map(lambda v: round(v, 2))
coordinates = st.integers(0, 4000)


@settings(max_examples=100, deadline=None)
@given(times, times, st.sampled_from(["{} to {}", "{}s - {}s", "[{}, {}]", "from {} s to {} s"]))
def test_a_written_span_is_read_back(a: float, b: float, form: str) -> None:
    read = parse_span(answer(form.format(f"{a:.2f}", f"{b:.2f}")))
    assert read == pytest.approx((min(a, b), max(a, b)))


@settings(max_examples=100, deadline=None)
@given(st.tuples(coordinates, coordinates, coordinates, coordinates), st.text(max_size=20))
def test_a_written_box_is_read_back(box: tuple[int, int, int, int], label: str) -> None:
    x0, y0, x1, y1 = box
    sound = x0 != x1 and y0 != y1
    expected = (min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)) if sound else None
    for chars in (label.replace("<", "").replace(">", ""), ""):
        text = answer(json.dumps({"bbox_2d": box, "label": chars}))
        assert parse_box(text) == expected
