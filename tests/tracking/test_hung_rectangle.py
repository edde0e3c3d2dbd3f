"""What hangs on a wall: found as the rectangle that the box is drawn around."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from rgbd_scenes import FLOOR, Scene, Sensor, Thing, View, block, box_of
from scene_r1_training.evaluation.lifting_bench import mean_mask_iou

from scene_r1_ros.control import Control
from scene_r1_ros.frames import WindowSnapshot
from scene_r1_ros.tracking import GeometricTracker
from scene_r1_ros.tracking.anchor_view import view_anchor
from scene_r1_ros.tracking.hung_patch import hung_patch

SMALL = Sensor(width=320, height=240, seed=3, holes=False)
WHITE = (215, 215, 205)  # as the walls
ASLANT = View((0.0, 1.9, 1.05), radius=3.1, height=0.1, start=-132, end=-100, frames=8)


def door(color=WHITE) -> Thing:
    """A frame in the wall's own colour around a leaf that is 3 cm farther back."""
    frame = [
        ("box", (-0.46, -0.025, 1.0), (0.08, 0.05, 2.0)),
        ("box", (0.46, -0.025, 1.0), (0.08, 0.05, 2.0)),
        ("box", (0.0, -0.025, 1.96), (0.84, 0.05, 0.08)),
        ("box", (0.0, -0.01, 0.96), (0.84, 0.02, 1.92)),
    ]
    return Thing("door", frame, color).placed(0.0, 2.0, 0.0)


def tracked_iou(window: WindowSnapshot, ids, anchor: int, thing: int = 0) -> float:
    """Mean over the frames of the IoU of found and true mask."""
    stamp = window.frames[anchor].stamp_ns
    track = GeometricTracker().track(window, stamp, box_of(ids[anchor], thing), Control())
    truth = {f.stamp_ns: image == thing for f, image in zip(window.frames, ids, strict=True)}
    return mean_mask_iou(track, truth)


def glazed(window: WindowSnapshot, ids, thing: int = 0) -> WindowSnapshot:
    """Half of the readings on a thing are missing, in blots, as on a pane of glass."""
    rng = np.random.default_rng(0)
    frames = []
    for frame, image in zip(window.frames, ids, strict=True):
        blot = np.kron(rng.random((60, 80)) < 0.5, np.ones((4, 4))).astype(bool)
        frames.append(replace(frame, depth_m=np.where((image == thing) & blot, 0, frame.depth_m)))
    return WindowSnapshot.of(frames)


def test_a_door_in_the_colour_of_its_wall_ends_at_its_frame_in_every_view():
    window, ids = Scene("door", [door()], ASLANT, sensor=SMALL).render()
    assert tracked_iou(window, ids, anchor=3) > 0.9


def test_a_white_window_in_a_white_wall_is_known_by_its_panes():
    pane = block("window", (1.2, 0.04, 0.9), WHITE).placed(0.0, 1.98, 0.9)
    window, ids = Scene("window", [pane], ASLANT, sensor=SMALL).render()
    assert tracked_iou(glazed(window, ids), ids, anchor=3) > 0.85


def test_the_rectangle_has_the_size_of_what_hangs_there():
    window, ids = Scene("door", [door((90, 60, 40))], ASLANT, sensor=SMALL).render()
    frame = window.frames[3]
    view = view_anchor(frame, box_of(ids[3], 0), 40_000, np.random.default_rng(0))
    rectangle = hung_patch(view, frame).rectangle
    assert rectangle.high - rectangle.low == pytest.approx((1.0, 2.0), abs=0.06)
    assert rectangle.low[1] == pytest.approx(FLOOR, abs=0.04)
    assert not rectangle.cut.any()
    on_it = np.array([[0.0, 1.96, FLOOR + 1.0], [0.6, 1.96, FLOOR + 1.0]], np.float32)
    assert rectangle.contains(on_it).tolist() == [True, False]


def test_a_side_that_the_border_cuts_off_is_open():
    near = replace(ASLANT, radius=1.4, start=-95, end=-85, frames=3)
    window, ids = Scene("door", [door((90, 60, 40))], near, sensor=SMALL).render()
    frame, box = window.frames[1], box_of(ids[1], 0)
    assert box[1] == 0
    assert box[3] == 240
    rectangle = hung_patch(
        view_anchor(frame, box, 40_000, np.random.default_rng(0)), frame
    ).rectangle
    assert rectangle.cut.tolist() == [[False, True], [False, True]]
    above = np.array([[0.0, 1.96, FLOOR + 1.95], [0.7, 1.96, FLOOR + 1.95]], np.float32)
    assert rectangle.may_contain(above, 0.02).tolist() == [True, False]


@pytest.mark.parametrize("depth", [0.15, 0.35])
def test_what_stands_before_a_wall_is_not_the_wall_behind_it(depth):
    foot = ("cylinder", (0.0, 0.0, 0.02), (0.3, 0.3, 0.04))
    pole = ("cylinder", (0.0, 0.0, 0.6), (0.05, 0.05, 1.2))
    shade = ("cylinder", (0.0, 0.0, 1.3), (0.36, 0.36, 0.3))
    lamp = Thing("lamp", [foot, pole, shade], (180, 40, 40)).placed(0.0, 1.9 - depth, 0.0)
    view = replace(ASLANT, target=(0.0, 1.6, 0.8), start=-110, end=-80)
    window, ids = Scene("lamp", [lamp], view, sensor=SMALL).render()
    assert tracked_iou(window, ids, anchor=3) > 0.5
