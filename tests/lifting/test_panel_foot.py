"""A screen's foot, which masks miss, is in its box."""

from __future__ import annotations

import pytest
from box_room import BoxRoom

from scene_r1_ros.geometry import Box3D
from scene_r1_ros.lifting.floor import Floor
from scene_r1_ros.lifting.panel_foot import with_panel_foot

FLOOR = Floor(BoxRoom().walk())
SCREEN = Box3D((0.5, 0.2, 0.925), (0.06, 0.6, 0.45), yaw=0.3)


def test_a_panel_on_a_desk_has_a_foot_in_its_middle():
    box = with_panel_foot(SCREEN, FLOOR)
    assert (box.center, box.yaw) == (SCREEN.center, SCREEN.yaw)
    assert box.size == pytest.approx((0.18, 0.6, 0.45))
    turned = with_panel_foot(Box3D(SCREEN.center, (0.6, 0.06, 0.45)), FLOOR)
    assert turned.size == pytest.approx((0.6, 0.18, 0.45))


@pytest.mark.parametrize(
    "box",
    [
        Box3D((0.5, 0.2, 0.3), (0.06, 0.6, 0.45)),
        Box3D((0.5, 0.2, 0.925), (0.06, 0.4, 0.45)),
        Box3D((0.5, 0.2, 0.925), (0.13, 0.6, 0.45)),
    ],
    ids=["near the floor", "higher than wide", "as deep as a foot"],
)
def test_others_stay_as_they_are(box):
    assert with_panel_foot(box, FLOOR) is box
