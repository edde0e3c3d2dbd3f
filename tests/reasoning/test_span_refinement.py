"""Exact spans: which frames around the anchor see the object, by geometry alone."""

from __future__ import annotations

import numpy as np
import pytest
from box_room import SECOND, BoxRoom
from hypothesis import given
from hypothesis import strategies as st

from scene_r1_ros.frames import RgbdFrame, WindowSnapshot
from scene_r1_ros.geometry import Box3D
from scene_r1_ros.reasoning.box_lift import median_depth_box
from scene_r1_ros.reasoning.span_refinement import refined_span
from scene_r1_ros.spans import MAX_GAP, run_around

EYE = (-0.8, -2.2, 1.1)  # in front of the red box
AWAY = 1.4  # radians: the red box is out of the image


def window(looks: list[float], room: BoxRoom | None = None, eye=EYE, period: float = 0.5):
    """Frames from one place, turned by each of ``looks``, ``period`` seconds apart."""
    room = room or BoxRoom()
    stamps = [round(i * period * SECOND) for i in range(len(looks))]
    return WindowSnapshot.of(
        room.frame(stamp, eye, look) for stamp, look in zip(stamps, looks, strict=True)
    )


def span_of_red(
    frames: WindowSnapshot, anchor: int, pixels: dict[int, int] | None = None
) -> list[int] | None:
    """Indices of the first and last frame of the red box's span; ``pixels`` are the sizes of its
    masks by the index of their frames."""
    shown = pixels and {frames.frames[i].stamp_ns: size for i, size in pixels.items()}
    frame = frames.frames[anchor]
    box = BoxRoom().box_in("red", frame)
    lifted = median_depth_box(frames, frame.stamp_ns, box)
    span = refined_span(frames, frame.stamp_ns, box, lifted, shown)
    return None if span is None else [frames.index_of(stamp) for stamp in span]


def test_the_span_ends_where_the_object_leaves_the_image() -> None:
    looks = [AWAY, AWAY, AWAY, 0.0, 0.1, 0.2, AWAY, AWAY, AWAY]
    assert span_of_red(window(looks), 4) == [3, 5]


def test_a_look_away_of_a_second_does_not_end_it_a_longer_one_does() -> None:
    short = [0.0, AWAY, 0.0, 0.1, AWAY, 0.0]
    assert span_of_red(window(short), 2) == [0, 5]
    long = [0.0, AWAY, AWAY, 0.0, 0.1, AWAY, AWAY, 0.0]
    assert span_of_red(window(long), 4) == [3, 4]


def test_what_stands_in_front_ends_it() -> None:
    open_room = BoxRoom()
    screen = (Box3D((-0.8, -0.9, 0.6), (1.6, 0.05, 1.2)), (90, 90, 90))
    closed = BoxRoom({**open_room.boxes, "screen": screen})
    views = [
        (closed if hidden else open_room).frame(i * SECOND, EYE)
        for i, hidden in enumerate([True, True, False, False, True, True, True])
    ]
    assert span_of_red(WindowSnapshot.of(views), 2) == [2, 3]


def test_an_object_that_was_taken_away_is_not_seen_where_it_was() -> None:
    room = BoxRoom()
    empty = BoxRoom({"blue": room.boxes["blue"]})
    views = [(room if i < 3 else empty).frame(i * SECOND, EYE) for i in range(6)]
    assert span_of_red(WindowSnapshot.of(views), 1) == [0, 2]


def test_from_the_side_the_object_still_sees_itself() -> None:
    room = BoxRoom()
    eyes = [(-0.8, -2.2, 0.0), (-2.2, -1.4, 0.8), (-2.4, -0.9, 1.0)]
    views = [room.frame(i * SECOND, (x, y, 1.1), look) for i, (x, y, look) in enumerate(eyes)]
    assert span_of_red(WindowSnapshot.of(views), 0) == [0, 2]


def test_frames_without_a_depth_reading_count_by_the_image_alone() -> None:
    def blind(frame: RgbdFrame) -> RgbdFrame:
        depth = np.full_like(frame.depth_m, np.nan)
        return RgbdFrame(frame.stamp_ns, frame.color, depth, frame.intrinsics, frame.T_world_camera)

    frames = window([0.0, 0.0, 0.1, AWAY, AWAY, AWAY, 0.0]).frames
    seen = WindowSnapshot.of([frames[0], *(blind(f) for f in frames[1:])])
    assert span_of_red(seen, 0) == [0, 2]


def test_masks_say_of_their_frames_whether_they_show_it() -> None:
    frames = window([0.0] * 8)
    assert span_of_red(frames, 1) == [0, 7]
    few = 120 * 160 * 200 // (640 * 480)
    assert span_of_red(frames, 1, {0: 400, 1: 400, 3: 400, 4: few - 1, 5: 0, 6: 0, 7: 0}) == [0, 3]
    assert span_of_red(frames, 1, {0: 400, 1: 400, 3: 400, 4: few + 1, 5: 0, 6: 0, 7: 0}) == [0, 4]


def test_what_two_masks_agree_on_holds_between_them_and_geometry_where_they_do_not() -> None:
    looks = [0.0, AWAY, AWAY, AWAY, 0.0, 0.1, AWAY, AWAY]
    assert span_of_red(window(looks), 4) == [4, 5]
    assert span_of_red(window(looks), 4, {0: 400, 4: 400, 7: 0}) == [0, 5]
    assert span_of_red(window([0.0] * 9), 4, {0: 0, 3: 0, 4: 400, 8: 400}) == [4, 8]


def test_without_depth_in_the_anchor_there_is_no_such_span_but_by_masks() -> None:
    frames = window([0.0, 0.0, 0.0, AWAY])
    lost = Box3D((5.0, 5.0, 5.0), (0.1, 0.1, 0.1))
    assert refined_span(frames, frames.start_ns, (60, 40, 100, 80), lost) is None
    stamps = [frame.stamp_ns for frame in frames.frames]
    shown = dict(zip(stamps, [400, 400, 0, 0], strict=True))
    assert refined_span(frames, stamps[0], (60, 40, 100, 80), lost, shown) == tuple(stamps[:2])


@pytest.mark.parametrize("anchor", [0, 2])
def test_neighbours_of_a_thinned_window_are_one_run_however_far_apart(anchor: int) -> None:
    assert span_of_red(window([0.0, 0.05, 0.1, AWAY, 0.0], period=3.0), anchor) == [0, 2]


@given(
    seen=st.lists(st.booleans(), min_size=1, max_size=30),
    steps=st.lists(st.integers(1, 2 * SECOND), min_size=30, max_size=30),
    data=st.data(),
)
def test_a_run_is_the_longest_chain_of_short_gaps(seen, steps, data) -> None:
    stamps = np.cumsum(steps)[: len(seen)].tolist()
    index = data.draw(st.integers(0, len(seen) - 1))
    shown = [i for i in range(len(seen)) if seen[i] or i == index]
    chain = [index]
    for i in [i for i in shown if i > index]:
        if i - chain[-1] > 1 and stamps[i] - stamps[chain[-1]] > MAX_GAP * 1e9:
            break
        chain.append(i)
    for i in [i for i in reversed(shown) if i < index]:
        if chain[0] - i > 1 and stamps[chain[0]] - stamps[i] > MAX_GAP * 1e9:
            break
        chain.insert(0, i)
    assert run_around(stamps, seen, index) == (stamps[chain[0]], stamps[chain[-1]])
