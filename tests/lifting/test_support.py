"""What a thing stands on, where more than a table top is seen about its foot."""

from __future__ import annotations

import numpy as np
import pytest
from box_room import BoxRoom

from scene_r1_ros.frames import WindowSnapshot
from scene_r1_ros.geometry import Box3D
from scene_r1_ros.lifting import lift
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
