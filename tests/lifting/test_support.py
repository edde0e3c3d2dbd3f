"""What a thing stands on, where more than a table top is seen about its foot."""

from __future__ import annotations

import numpy as np
import pytest
from box_room import BoxRoom

from scene_r1_ros.frames import WindowSnapshot
from scene_r1_ros.geometry import Box3D
from scene_r1_ros.lifting import LiftConfig, lift
from scene_r1_ros.lifting.support import support_height
from scene_r1_ros.lifting.views import object_view
from scene_r1_ros.tracking import FrameMask, MaskTrack

RED, BROWN = (200, 40, 40), (120, 90, 60)
TOP = 0.9
"""Height of the dresser."""


@pytest.mark.parametrize("eye", [0.93, 0.97, 1.3])
def test_a_thing_at_the_edge_of_a_dresser_does_not_reach_down_its_front(eye):
    book = Box3D((0.0, -0.12, TOP + 0.03), (0.24, 0.2, 0.06))
    dresser = Box3D((0.0, 0.0, TOP / 2), (0.9, 0.45, TOP))
    room = BoxRoom({"book": (book, RED), "dresser": (dresser, BROWN)})
    frames = [
        room.frame(i, (float(x), -1.6, eye), look=float(-x / 1.6))
        for i, x in enumerate(np.linspace(-0.6, 0.6, 8))
    ]
    masks = tuple(FrameMask(f.stamp_ns, (f.color == RED).all(axis=-1)) for f in frames)
    box = lift(WindowSnapshot.of(frames), MaskTrack(0, masks)).box
    assert box.center[2] - box.size[2] / 2 == pytest.approx(TOP, abs=0.015)


def test_a_strip_of_a_table_that_the_masks_miss_does_not_carry_the_table():
    top = Box3D((0.0, 0.0, 0.42), (1.2, 0.8, 0.04))
    bowl = Box3D((0.1, 0.0, 0.49), (0.3, 0.3, 0.1))
    room = BoxRoom({"top": (top, RED), "bowl": (bowl, BROWN)})
    views = []
    for i, x in enumerate(np.linspace(-0.6, 0.6, 8)):
        frame = room.frame(i, (float(x), -1.0, 1.1), look=float(-x / 1.6))
        mask = (frame.color == RED).all(axis=-1)
        columns, rows = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
        mask[:, : columns[0] + 4] = mask[:, columns[-1] - 4 :] = False
        mask[: rows[0] + 2] = False
        mask |= (frame.color == BROWN).all(axis=-1)  # and they take what stands on it along
        views.append(object_view(frame, mask, LiftConfig(), 6000))
    fitted = Box3D((0.0, -0.02, 0.477), (1.16, 0.77, 0.127))
    assert support_height(fitted, views) is None


@pytest.mark.parametrize("front", [False, True])
def test_seats_under_a_table_do_not_carry_it_where_the_floor_is_seen_beneath(front):
    top = Box3D((0.0, 0.0, 0.72), (1.6, 0.9, 0.06))
    seats = {f"seat {x}": (Box3D((x, -0.5, 0.22), (0.4, 0.45, 0.44)), BROWN) for x in (-0.55, 0.55)}
    if front:  # a cupboard as deep as the table carries it
        seats = {"cupboard": (Box3D((0.0, 0.0, 0.22), (1.7, 1.1, 0.44)), BROWN)}
    room = BoxRoom({"top": (top, RED), **seats})
    views = []
    for i, x in enumerate(np.linspace(-0.6, 0.6, 8)):
        frame = room.frame(i, (float(x), -2.2, 1.0), look=float(-x / 2))
        mask = (frame.color == RED).all(axis=-1)
        views.append(object_view(frame, mask, LiftConfig(), 6000))
    # the masks took a little of the seats along
    found = support_height(Box3D((0.0, 0.0, 0.6), (1.6, 0.9, 0.3)), views)
    assert found == (pytest.approx(0.44, abs=0.02) if front else None)


@pytest.mark.parametrize("table", [False, True])
def test_the_bottom_of_a_basin_that_the_masks_miss_does_not_carry_it(table):
    sides = {
        f"side {x} {y}": (Box3D((x, y, 0.72), size), RED)
        for x, y, size in (
            (-0.3, 0.0, (0.06, 0.5, 0.36)),
            (0.3, 0.0, (0.06, 0.5, 0.36)),
            (0.0, -0.22, (0.54, 0.06, 0.36)),
            (0.0, 0.22, (0.54, 0.06, 0.36)),
        )
    }
    carrying = {"bottom": (Box3D((0.0, 0.0, 0.59), (0.54, 0.38, 0.06)), BROWN)}
    if table:
        carrying = {"table": (Box3D((0.0, 0.0, 0.57), (1.4, 1.0, 0.06)), BROWN)}
    room = BoxRoom({**sides, **carrying})
    views = []
    for i, x in enumerate(np.linspace(-0.5, 0.5, 8)):
        frame = room.frame(i, (float(x), -0.9, 1.7), look=float(-x))
        mask = (frame.color == RED).all(axis=-1)
        views.append(object_view(frame, mask, LiftConfig(), 6000))
    found = support_height(Box3D((0.0, 0.0, 0.75), (0.66, 0.5, 0.3)), views)
    assert found == (pytest.approx(0.6, abs=0.02) if table else None)
