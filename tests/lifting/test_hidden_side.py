"""Doors and pictures of which one side is hidden in every view."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from box_room import BoxRoom
from red_box_views import RED, seen

from scene_r1_ros.geometry import Box3D
from scene_r1_ros.lifting import LiftConfig, lift

WALL = (Box3D((0.0, 1.0, 1.5), (8.0, 0.1, 3.0)), (180, 180, 170))


def door(width: float = 0.98, top: float = 2.04) -> BoxRoom:
    return BoxRoom({"wall": WALL, "red": (Box3D((0.0, 0.92, top / 2), (width, 0.06, top)), RED)})


def hidden_from(x: float):
    """Something near hides all of the wall that lies farther right than ``x`` metres."""

    def hide(frame, mask):
        columns = np.arange(mask.shape[1])
        rays = (columns - frame.intrinsics.cx) / frame.intrinsics.fx
        T = frame.T_world_camera
        right = T[:2, 0] * rays[:, None] + T[:2, 2]
        at = T[0, 3] + right[:, 0] * (0.95 - T[1, 3]) / right[:, 1]
        depth = np.where(at > x, np.float32(0.5), frame.depth_m).astype(np.float32)
        return replace(frame, depth_m=depth), mask & (at <= x)

    return hide


def sides(room: BoxRoom, x: float, config: LiftConfig | None = None) -> tuple[float, float]:
    box = lift(*seen(room, hidden_from(x), eye=2.3), config=config or LiftConfig()).box
    across = box.corners()[:, 0]
    return float(across.min()), float(across.max())


def test_a_door_goes_on_where_its_side_is_hidden():
    low, high = sides(door(), x=0.15)
    assert low == pytest.approx(-0.49, abs=0.03)
    assert high == pytest.approx(0.49, abs=0.03)
    assert sides(door(), 0.15, LiftConfig(reach_top=False))[1] < 0.25


def test_a_picture_is_as_wide_as_high_at_least():
    room = BoxRoom({"wall": WALL, "red": (Box3D((0.0, 0.92, 1.6), (0.6, 0.06, 0.5)), RED)})
    low, high = sides(room, x=-0.1)
    assert low == pytest.approx(-0.3, abs=0.03)
    assert high - low == pytest.approx(0.5, abs=0.06)


def test_a_side_that_is_seen_is_believed():
    low, high = sides(door(width=0.7), x=0.6)
    assert high - low == pytest.approx(0.7, abs=0.04)


def test_what_is_lower_than_a_door_stays_as_it_is():
    assert sides(door(top=1.6), x=0.15)[1] < 0.25
