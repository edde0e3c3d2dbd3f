"""What one look misses is looked for again, in time and among the views, before "not found"."""

from __future__ import annotations

import pytest
from scripted_backend import reply, stage_of
from truthful_model import WINDOW, Truthful, reasoner, shown_frames

from scene_r1_ros.reasoning.messages import Conversation, pictures


def test_what_one_look_misses_is_found_by_a_look_at_the_frames_between() -> None:
    looks: list[list[float]] = []

    def sees_it_at_one_moment(messages: Conversation) -> str:
        if stage_of(messages) != "temporal":
            return Truthful("red")(messages)
        times = [WINDOW.time_of(f) for f in shown_frames(messages, WINDOW)]
        looks.append(times)
        seen = [t for t in times if 0.5 < t < 1.5]
        return reply(f"{seen[0]:.1f} to {seen[0]:.1f}" if seen else "not found")

    found = reasoner(sees_it_at_one_moment, max_frames=3).ground(WINDOW, "the red box")
    assert found.found
    assert 2 <= len(looks) <= 3
    assert not set(looks[0]) & set(looks[1])
    looks.clear()
    assert not reasoner(sees_it_at_one_moment, max_frames=3, looks=1).ground(WINDOW, "a").found
    assert len(looks) == 1


def test_not_found_after_the_last_look_and_a_window_of_few_frames_is_looked_at_once() -> None:
    asked: list[int] = []

    def never(messages: Conversation) -> str:
        asked.append(len(pictures(messages)))
        return reply("not found")

    assert not reasoner(never, max_frames=3, looks=2).ground(WINDOW, "a zebra").found
    assert asked == [3, 3]
    asked.clear()
    assert not reasoner(never, max_frames=64, looks=3).ground(WINDOW, "a zebra").found
    assert len(asked) == 1


@pytest.mark.parametrize("looks", [1, 2])
def test_a_span_whose_views_do_not_show_it_is_not_the_last_word(looks: int) -> None:
    spans: list[str] = []
    asked: list[float] = []

    def first_span_is_wrong(messages: Conversation) -> str:
        if stage_of(messages) == "temporal":
            spans.append("8.0 to 9.0" if not spans else "0.0 to 9.0")
            return reply(spans[-1], f"Look {len(spans)}.")
        asked.extend(WINDOW.time_of(f) for f in shown_frames(messages, WINDOW))
        return Truthful("red")(messages) if len(spans) == 2 else reply("not found")

    settings = {"views": 1, "view_looks": 2, "verify_views": 0, "max_frames": 3}
    found = reasoner(first_span_is_wrong, looks=looks, **settings).ground(WINDOW, "the red box")
    assert found.found == (looks == 2)
    assert len(spans) == looks
    assert len(asked) == len(set(asked))  # a view that was denied is not looked at again
    assert found.rationale_temporal == f"Look {looks}."


def test_a_later_look_that_cannot_be_read_loses_no_box() -> None:
    looks: list[int] = []
    boxes: list[int] = []

    def denied_then_nonsense(messages: Conversation) -> str:
        if stage_of(messages) == "temporal":
            looks.append(1)
            return reply("0.0 to 9.0") if len(looks) == 1 else "?"
        boxes.append(1)
        return Truthful("red")(messages) if len(boxes) == 1 else reply("not found")

    settings = {"views": 1, "view_looks": 1, "verify_views": 2, "max_frames": 3}
    found = reasoner(denied_then_nonsense, **settings).ground(WINDOW, "the red box")
    assert found.found
    assert found.label == "red"
    assert len(looks) > 1


def test_a_later_look_that_cannot_be_read_does_not_undo_what_views_have_said() -> None:
    looks: list[int] = []

    def nowhere_then_nonsense(messages: Conversation) -> str:
        if stage_of(messages) != "temporal":
            return reply("not found")
        looks.append(1)
        return reply("0.0 to 9.0") if len(looks) == 1 else "?"

    settings = {"views": 1, "view_looks": 1, "verify_views": 0, "max_frames": 3}
    found = reasoner(nowhere_then_nonsense, **settings).ground(WINDOW, "the red box")
    assert not found.found
    assert found.reason.startswith("not found: no view of the span shows 'the red box'")
    assert len(looks) > 1


@pytest.mark.parametrize("looks", [1, 2, 3])
def test_what_the_best_views_do_not_show_is_looked_for_in_the_next_best(looks: int) -> None:
    asked: list[list[float]] = []

    def not_in_the_first(messages: Conversation) -> str:
        if stage_of(messages) != "image":
            return Truthful("red")(messages)
        asked.append([WINDOW.time_of(f) for f in shown_frames(messages, WINDOW)])
        return reply("not found") if len(asked) < 3 else Truthful("red")(messages)

    script = reasoner(not_in_the_first, views=2, view_looks=looks, verify_views=0)
    assert script.ground(WINDOW, "the red box").found == (looks == 3)
    assert [len(times) for times in asked] == [2] * looks
    assert len({t for times in asked for t in times}) == 2 * looks


@pytest.mark.parametrize(("confirmed", "name"), [(0.5, "red"), (0.0, "blue")])
def test_a_box_that_other_views_deny_is_taken_only_if_no_look_does_better(confirmed, name) -> None:
    looks: list[float] = []

    def wrong_at_first(messages: Conversation) -> str:
        if stage_of(messages) != "image":
            return Truthful("red")(messages)
        looks.append(confirmed)
        return Truthful("blue" if len(looks) == 1 else "red")(messages)

    settings = {"views": 2, "view_looks": 2, "verify_views": 2, "consensus": False}
    found = reasoner(wrong_at_first, confirmed=confirmed, **settings).ground(WINDOW, "red")
    assert found.label == name
    assert len(looks) == (2 if confirmed else 1)
    looks.clear()
    # a reply that cannot be used loses no box that was found before
    once = reasoner(
        lambda m: "?" if looks and stage_of(m) == "image" else wrong_at_first(m), **settings
    ).ground(WINDOW, "red")
    assert once.label == "blue"


def test_what_was_said_of_a_single_view_is_not_asked_again() -> None:
    asked: list[float] = []

    def denied(messages: Conversation) -> str:
        if stage_of(messages) == "temporal":
            return Truthful("red")(messages)
        (frame,) = shown_frames(messages, WINDOW)
        asked.append(WINDOW.time_of(frame))
        return Truthful("red")(messages) if len(asked) == 1 else reply("not found")

    found = reasoner(denied, views=1, view_looks=3, verify_views=2).ground(WINDOW, "red")
    assert found.found
    assert found.confidence < 0.5
    assert len(asked) == len(set(asked))
