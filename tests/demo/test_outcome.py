"""Answers beside the truth: what counts as right, and what is shown of it."""

import dataclasses

import pytest
from report_builders import room_result

from scene_r1_ros.demo import beside
from scene_r1_ros.demo.annotations import AnnotatedObject, SeenIn
from scene_r1_ros.demo.outcome import Outcome
from scene_r1_ros.demo.queries import DemoQuery
from scene_r1_ros.geometry import Box3D
from scene_r1_ros.pipeline import PipelineResult
from scene_r1_ros.reasoning import Grounding
from scene_r1_ros.report.page import PageExtras
from scene_r1_ros.report.queries_page import Line, QueryCard, write_queries_page

WINDOW, FOUND, BOX = room_result()
NUMBERS = tuple(range(len(WINDOW.frames)))
ANCHOR = [frame.stamp_ns for frame in WINDOW.frames].index(FOUND.grounding.anchor_stamp_ns)


def target(box=BOX, frames=(ANCHOR,), box_2d=FOUND.grounding.box_xyxy):
    seen = tuple(SeenIn(i, box_2d, 100 + i) for i in frames)
    return AnnotatedObject("box", box, True, seen, "red")


def outcome(query, result=FOUND, **more):
    return Outcome(query, WINDOW, NUMBERS, result, **more)


def abstention():
    grounding = Grounding("the red box", False, reason="not found: it is in none of the frames.")
    return PipelineResult(grounding, None, None, {"total": 1.0})


def test_found_where_it_is_is_right():
    one = outcome(DemoQuery("the red box", target()))
    assert one.right
    assert (one.iou, one.box_iou) == (pytest.approx(1.0), pytest.approx(1.0))
    assert one.record()["truth"]["label"] == "red box"


def test_found_elsewhere_is_wrong():
    away = dataclasses.replace(BOX, center=(9.0, 9.0, 0.5))
    one = outcome(DemoQuery("the red box", target(away, frames=())))
    assert one.right is False
    assert (one.iou, one.box_iou, one.span_iou) == (0.0, 0.0, 0.0)
    assert "not in this frame" in [row.truth for row in beside.rows(one)]


def test_not_found_is_right_only_of_what_is_not_there():
    assert outcome(DemoQuery("the red bed", absent=True), abstention()).right
    assert outcome(DemoQuery("the red box", target()), abstention()).right is False
    assert outcome(DemoQuery("the red bed", absent=True)).right is False


def test_a_failure_is_wrong_whatever_was_asked():
    for query in (DemoQuery("the red bed", absent=True), DemoQuery("the red box", target())):
        one = outcome(query, None, error="the answer could not be used.")
        assert (one.verdict, one.right) == ("failed", False)
        assert beside.verdict(one) == "failed"
        assert "could not be used" in beside.remark(one)


def test_without_truth_nothing_is_judged():
    one = outcome(DemoQuery("something red"))
    assert (one.right, one.truth, one.iou) == (None, None, None)
    assert beside.verdict(one) == "truth not known"
    assert beside.summary([one]).startswith("the truth")


def test_true_spans_are_parted_where_it_is_out_of_view():
    times = [WINDOW.time_of(frame) for frame in WINDOW.frames]
    one = outcome(DemoQuery("the red box", target(frames=(0, 1, 6, 7))))
    assert one.true_spans == ((times[0], times[1]), (times[6], times[7]))
    assert outcome(DemoQuery("the red box", target(frames=()))).true_spans == ()


def test_words_that_the_model_does_not_know_are_said():
    one = outcome(DemoQuery("a zebra"), unknown=("zebra",))
    assert beside.remark(one).startswith("The model does not know the word 'zebra'")
    assert one.record()["unknown_words"] == ["zebra"]


def test_page_shows_right_and_wrong_and_escapes_what_was_said(tmp_path):
    good = outcome(DemoQuery("the red box", target()))
    bad = outcome(DemoQuery("<b>box</b>", target()), abstention())
    cards = [
        QueryCard(
            one.query.text,
            beside.verdict(one),
            one.right,
            [Line(r.what, r.said, r.truth, r.overlap) for r in beside.rows(one)],
            result=one.result,
            truth=one.truth,
            true_box=one.true_box,
            true_view=one.best_view,
        )
        for one in (good, bad)
    ]
    summary = beside.summary([good, bad])
    write_queries_page(tmp_path / "page.html", WINDOW, cards, summary, PageExtras())
    page = (tmp_path / "page.html").read_text()
    assert "badge right" in page
    assert "badge wrong" in page
    assert "&lt;b&gt;box" in page
    assert "1 of 2 right" in page
    assert page.count("data:image/jpeg") == 3  # box and mask, box in 3D; where it really is


def test_boxes_are_in_metres_and_pixels():
    found = beside.rows(outcome(DemoQuery("the red box", target())))
    assert [row.what for row in found] == ["answer", "span", "box", "object"]
    assert found[3].overlap == "3D IoU 1.00"
    assert isinstance(BOX, Box3D)
