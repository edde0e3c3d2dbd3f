from __future__ import annotations

import numpy as np
import pytest
from rgbd_scenes import Sensor, desk_scene, seats_scene

from scene_r1_ros.control import Control
from scene_r1_ros.errors import CancelledError, TooFewPointsError
from scene_r1_ros.geometry import box3d_iou
from scene_r1_ros.lifting import LiftConfig, lift
from scene_r1_ros.tracking import FrameMask, MaskTrack

QUIET = Sensor(320, 240, noise=0.3, pose_jitter=0.002, pose_jitter_deg=0.1)
CHAIR = 0


@pytest.fixture(scope="module")
def chair():
    """A window, the true masks of a chair in it, and its true box."""
    scene = seats_scene(sensor=QUIET)
    window, ids = scene.render()
    masks = tuple(
        FrameMask(frame.stamp_ns, image == CHAIR)
        for frame, image in zip(window.frames, ids, strict=True)
    )
    return window, MaskTrack(masks[0].stamp_ns, masks), scene.things[CHAIR].box


def test_true_masks_give_the_true_box(chair):
    window, track, truth = chair
    lifted = lift(window, track)
    assert box3d_iou(lifted.box, truth) > 0.75
    assert lifted.views == len(window.frames)
    assert lifted.confidence > 0.8
    assert truth.contains(lifted.points, margin=0.05).mean() > 0.98


@pytest.mark.parametrize(
    "step",
    [option.name for option in LiftConfig.options() if option.type is bool],
)
def test_every_step_can_be_left_out(chair, step):
    window, track, truth = chair
    lifted = lift(window, track, config=LiftConfig().replace(**{step: False}))
    assert box3d_iou(lifted.box, truth) > 0.4


def test_masks_that_bleed_onto_what_is_behind_do_no_harm(chair):
    import cv2

    window, track, truth = chair
    kernel = np.ones((7, 7), np.uint8)
    bleeding = tuple(
        FrameMask(m.stamp_ns, cv2.dilate(m.mask.astype(np.uint8), kernel) > 0) for m in track.masks
    )
    lifted = lift(window, MaskTrack(track.anchor_stamp_ns, bleeding))
    assert box3d_iou(lifted.box, truth) > 0.6


def test_the_box_stands_on_the_table_where_the_masks_end_above_it():
    scene = desk_scene(sensor=QUIET)
    window, ids = scene.render()
    carton = 4
    truth = scene.things[carton].box
    masks = []
    for frame, image in zip(window.frames, ids, strict=True):
        mask = image == carton
        rows = np.flatnonzero(mask.any(axis=1))
        mask[rows[-1] - 7 :] = False
        masks.append(FrameMask(frame.stamp_ns, mask))
    track = MaskTrack(masks[0].stamp_ns, tuple(masks))
    bottom = truth.center[2] - truth.size[2] / 2
    box = lift(window, track).box
    floating = lift(window, track, config=LiftConfig(reach_support=False)).box
    assert abs(box.center[2] - box.size[2] / 2 - bottom) < 0.012
    assert floating.center[2] - floating.size[2] / 2 > bottom + 0.015


def test_one_view_is_less_sure_than_many(chair):
    window, track, _ = chair
    one = MaskTrack(track.anchor_stamp_ns, track.masks[5:6])
    assert lift(window, one).confidence < lift(window, track).confidence - 0.1


def test_frames_that_the_window_has_dropped_are_passed_over(chair):
    window, track, _ = chair
    part = window.between(window.frames[3].stamp_ns, window.end_ns)
    assert lift(part, track).views == len(part.frames)


def test_too_few_points_are_refused_with_their_number(chair):
    window, track, _ = chair
    mask = np.zeros_like(track.masks[0].mask)
    mask[100:102, 100:103] = True
    tiny = MaskTrack(track.anchor_stamp_ns, (FrameMask(track.anchor_stamp_ns, mask),))
    with pytest.raises(TooFewPointsError, match=r"1 masks hold \d+ trusted depth readings; .* 20"):
        lift(window, tiny)


def test_lifting_can_be_cancelled_and_reports_progress(chair):
    window, track, _ = chair
    said: list[float] = []
    control = Control(on_progress=lambda stage, share, text: said.append(share))
    lift(window, track, control)
    assert said == sorted(said)
    assert said[-1] == 1.0
    control.cancel()
    with pytest.raises(CancelledError):
        lift(window, track, control)
