"""Doors, curtains and windows that go on beyond the upper border of every image."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from box_room import BoxRoom
from red_box_views import RED, seen

from scene_r1_ros.geometry import Box3D
from scene_r1_ros.lifting import LiftConfig, lift
from scene_r1_ros.lifting.floor import Floor
from scene_r1_ros.lifting.hidden_top import hidden_top
from scene_r1_ros.lifting.mask_end import end_is_hidden
from scene_r1_ros.lifting.views import object_view

WALL = (Box3D((0.0, 1.0, 1.5), (8.0, 0.1, 3.0)), (180, 180, 170))
"""Its face is at y = 0.95; a camera 1.1 metres up sees the lower 1.3 of it."""


def on_wall(low: float, high: float, width: float = 0.9) -> BoxRoom:
    box = Box3D((0.0, 0.92, (low + high) / 2), (width, 0.06, high - low))
    return BoxRoom({"wall": WALL, "red": (box, RED)})


def heights(room: BoxRoom, *hide, config: LiftConfig | None = None, eye: float = 1.1):
    box = lift(*seen(room, *hide, eye=eye), config=config or LiftConfig()).box
    return box.bottom, box.top


@pytest.mark.parametrize("low", [0.0, 0.06], ids=["a door", "a curtain"])
def test_what_begins_at_the_floor_ends_where_doors_do(low):
    room = on_wall(low, 2.1)
    bottom, top = heights(room)
    assert bottom == pytest.approx(low, abs=0.03)
    assert top == pytest.approx(2.04, abs=0.02)
    assert heights(room, config=LiftConfig(reach_top=False))[1] < 1.4


def test_a_window_ends_where_doors_do():
    bottom, top = heights(on_wall(0.85, 1.95, width=1.2))
    assert bottom == pytest.approx(0.85, abs=0.03)
    assert top == pytest.approx(2.04, abs=0.02)


@pytest.mark.parametrize(("width", "top"), [(0.45, 1.5), (0.9, 1.6)], ids=["square", "wider"])
def test_of_a_picture_that_is_cut_off_a_square_is_there_at_least(width, top):
    bottom, high = heights(on_wall(1.05, 1.95, width=width))
    assert bottom == pytest.approx(1.05, abs=0.03)
    assert high == pytest.approx(top, abs=0.04)


def test_what_lies_on_furniture_stays_as_low_as_it_is():
    board = Box3D((0.0, 0.3, 0.71), (0.5, 0.16, 0.02))
    desk = (Box3D((0.0, 0.3, 0.35), (1.2, 0.6, 0.7)), (120, 90, 60))
    room = BoxRoom({"wall": WALL, "desk": desk, "red": (board, RED)})

    def cut(frame, mask):
        rows = np.flatnonzero(mask.any(axis=1))
        above = np.arange(mask.shape[0]) < rows[0] + 2  # something hides its farther edge
        depth = np.where(above[:, None], np.float32(0.5), frame.depth_m)
        return replace(frame, depth_m=depth.astype(np.float32)), mask & ~above[:, None]

    window, track = seen(room, cut, eye=1.5)
    views = [
        object_view(frame, item.mask, LiftConfig(), 6000)
        for frame, item in zip(window.frames, track.masks, strict=True)
    ]
    assert end_is_hidden(board, views, 0.5, above=True)
    assert hidden_top(board, views, Floor(window), flat=True) is None


def test_a_picture_of_which_more_than_a_square_is_seen_stays_as_it_is():
    assert heights(on_wall(0.85, 1.95, width=0.38))[1] < 1.4


def furniture(high: float, width: float = 0.7) -> BoxRoom:
    return BoxRoom({"wall": WALL, "red": (Box3D((0.0, 0.5, high / 2), (width, 0.7, high)), RED)})


def test_furniture_that_goes_on_above_a_metre_is_tall():
    assert heights(furniture(1.9))[1] == pytest.approx(1.75, abs=0.03)
    assert heights(furniture(1.9), config=LiftConfig(reach_top=False))[1] < 1.4


def test_what_is_narrow_or_goes_on_lower_stays_as_it_is():
    assert heights(furniture(1.9, width=0.4))[1] < 1.4
    assert heights(furniture(1.9), eye=0.7)[1] < 1.0


@pytest.mark.parametrize("high", [0.9, 2.1])
def test_an_end_that_is_seen_is_believed(high):
    assert heights(on_wall(0.0, high), eye=high + 0.3)[1] == pytest.approx(high, abs=0.03)


def test_one_view_that_shows_an_end_is_not_believed_and_two_are():
    def cut_short_in(stamps: tuple[int, ...]):
        def cut(frame, mask):
            if frame.stamp_ns in stamps:
                mask = mask.copy()
                mask[: np.flatnonzero(mask.any(axis=1))[0] + 6] = False
            return frame, mask

        return cut

    assert heights(on_wall(0.0, 2.1), cut_short_in((3,)))[1] == pytest.approx(2.04, abs=0.02)
    assert heights(on_wall(0.0, 2.1), cut_short_in((3, 4)))[1] < 1.4


def test_without_a_floor_in_view_nothing_is_said():
    def without_floor(frame, mask):
        return replace(frame, depth_m=np.where(mask, frame.depth_m, np.nan)), mask

    assert heights(on_wall(0.0, 2.1), without_floor)[1] < 1.4
