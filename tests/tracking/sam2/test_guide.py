"""Geometry's proposals and verdicts on a scene whose truth is known."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from sam2_builders import BLUE, RED, Card, card_frame, color_mask

from scene_r1_ros.geometry import box_iou, mask_box
from scene_r1_ros.tracking.sam2.guide import ObjectModel, mask_overlap, mask_to_box

TARGET = Card(-0.2, 0, 1.5, 0.4, 0.5, RED)


def model_of(card=TARGET, camera_x=0.0):
    frame = card_frame([card], camera_x, 0)
    model = ObjectModel()
    model.add(frame, color_mask(frame, card.color))
    return model


@settings(max_examples=30, deadline=None)
@given(st.floats(-0.5, 0.3))
def test_the_proposed_box_follows_the_object(camera_x):
    frame = card_frame([TARGET], camera_x, 1)
    proposal = model_of().propose(frame)
    prompt = proposal.prompt(160, 120)
    truth = mask_box(color_mask(frame, RED))
    assert box_iou(prompt.box_xyxy, truth) > 0.75
    for x, y in prompt.points:
        assert tuple(frame.color[round(y), round(x)]) == RED


def test_nothing_is_proposed_behind_a_screen_or_where_the_object_is_gone():
    model = model_of()
    screen = Card(-0.1, 0, 0.75, 0.4, 0.5, BLUE)
    hidden = model.propose(card_frame([TARGET, screen], 0.0, 1))
    gone = model.propose(card_frame([], 0.0, 1))
    assert hidden.prompt(160, 120) is None
    assert hidden.hidden > 10 * hidden.visible
    assert gone.prompt(160, 120) is None
    assert gone.gone == gone.in_view > 0


def test_nothing_is_proposed_outside_the_view():
    proposal = model_of().propose(card_frame([TARGET], 3.0, 1))
    assert proposal.in_view == 0
    assert proposal.prompt(160, 120) is None


def test_a_mask_on_the_object_is_confirmed_and_one_beside_it_vetoed():
    model = model_of()
    other = Card(0.7, 0, 1.5, 0.4, 0.5, BLUE)
    frame = card_frame([TARGET, other], 0.1, 1)
    proposal = model.propose(frame)
    on = model.judge(frame, color_mask(frame, RED), proposal)
    beside = model.judge(frame, color_mask(frame, BLUE), proposal)
    flooded = model.judge(frame, np.ones((120, 160), bool), proposal)
    assert on.confirmed(0.5, 0.2)
    assert beside.vetoed(0.5, 0.2)
    assert beside.inside == beside.cover == 0
    assert flooded.vetoed(0.5, 0.2)


def test_too_little_depth_decides_nothing():
    model = model_of()
    frame = card_frame([TARGET], 0.0, 1)
    tiny = np.zeros((120, 160), bool)
    tiny[60, 60:63] = True
    verdict = model.judge(frame, tiny, ObjectModel().propose(frame))
    assert verdict.inside is verdict.cover is None
    assert not verdict.vetoed(1.0, 1.0)
    assert not verdict.confirmed(0.0, 0.0)


def test_the_cloud_is_bounded():
    model = ObjectModel()
    for i in range(20):
        frame = card_frame([TARGET], 0.01 * i, i)
        model.add(frame, color_mask(frame, RED))
    assert len(model) == 4000


def test_overlap_and_box_of_masks():
    a, b = np.zeros((2, 20, 20), bool)
    a[2:10, 2:10], b[2:6, 2:6] = True, True
    assert mask_overlap(a, b) == 1.0
    assert mask_overlap(a, np.zeros_like(a)) == 0.0
    a[15, 15] = True
    assert mask_to_box(a) == (2, 2, 10, 10)
    assert mask_to_box(np.zeros_like(a)) is None
