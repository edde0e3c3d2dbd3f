"""What tells that two regions are of one thing, or a part outside the box is not."""

from __future__ import annotations

import numpy as np
import pytest

from scene_r1_ros.tracking.color_cut import alike_outside
from scene_r1_ros.tracking.region_choice import of_one_hue


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        pytest.param((118, 120, 176), (216, 115, 208), True, id="yellow in shade and in light"),
        pytest.param((140, 168, 188), (76, 151, 164), True, id="orange in light and in shade"),
        pytest.param((64, 161, 95), (140, 168, 188), False, id="purple and orange"),
        pytest.param((200, 130, 126), (60, 126, 130), False, id="white and black have no hue"),
        pytest.param((200, 130, 126), (180, 131, 124), True, id="two whites"),
    ],
)
def test_light_and_shade_leave_the_hue_as_it_is(one, other, alike):
    a, b = np.array(one, float), np.array(other, float)
    assert of_one_hue(a, b) is alike
    assert of_one_hue(b, a) is alike


def test_outside_the_box_only_what_looks_like_the_inside_stays():
    color = np.zeros((60, 90, 3), np.uint8)
    color[...] = (200, 190, 180)
    color[10:50, 20:60] = (30, 60, 200)
    in_box = np.zeros((60, 90), bool)
    in_box[10:50, 20:55] = True
    mask = in_box.copy()
    mask[10:50, 55:60] = True  # of the object, which the box cuts
    mask[20:40, 10:20] = True  # of the wall
    mask[2:6, 40:45] = True  # too small to tell
    kept = alike_outside(color, mask, in_box)
    assert kept[10:50, 20:60].all()
    assert kept.sum() == 40 * 40
