"""What nothing seems to carry: a lamp's shade over its pole."""

from __future__ import annotations

import pytest
from box_room import BoxRoom
from red_box_views import RED, seen

from scene_r1_ros.geometry import Box3D
from scene_r1_ros.lifting import LiftConfig, lift

SHADE = Box3D((0.0, 0.0, 0.95), (0.3, 0.3, 0.3))


def bottom(room: BoxRoom, eye: float = 1.1, config: LiftConfig | None = None) -> float:
    return lift(*seen(room, eye=eye), config=config or LiftConfig()).box.bottom


def test_a_shade_stands_on_the_floor():
    room = BoxRoom({"red": (SHADE, RED)})
    assert bottom(room) == pytest.approx(0.0, abs=0.02)
    assert bottom(room, config=LiftConfig(reach_down=False)) == pytest.approx(0.8, abs=0.03)


def test_a_lamp_on_a_table_stays_there():
    table = (Box3D((0.0, 0.0, 0.4), (1.0, 0.8, 0.8)), (90, 160, 90))
    assert bottom(BoxRoom({"red": (SHADE, RED), "table": table})) == pytest.approx(0.8, abs=0.03)


def test_what_may_hang_from_the_ceiling_stays_where_it_is():
    high = Box3D((0.0, 0.0, 2.0), (0.3, 0.3, 0.3))
    assert bottom(BoxRoom({"red": (high, RED)}), eye=2.2) == pytest.approx(1.85, abs=0.03)


def test_a_picture_on_a_wall_does_not_float():
    wall = (Box3D((0.0, 1.0, 1.5), (8.0, 0.1, 3.0)), (180, 180, 170))
    picture = (Box3D((0.0, 0.935, 0.9), (0.5, 0.03, 0.4)), RED)
    assert bottom(BoxRoom({"wall": wall, "red": picture})) == pytest.approx(0.7, abs=0.03)
