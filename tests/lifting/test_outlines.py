"""What the outlines of masks say of a thing's width and height beyond its readings."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scannet_scenes import look_at

from scene_r1_ros.frames import CameraIntrinsics, RgbdFrame
from scene_r1_ros.geometry import Box3D
from scene_r1_ros.lifting.outline_height import with_outline_height
from scene_r1_ros.lifting.outline_radius import outline_radius
from scene_r1_ros.lifting.round_fit import RoundBody
from scene_r1_ros.lifting.views import ObjectView

CAMERA = CameraIntrinsics(320, 240, 280.0, 280.0, 159.5, 119.5)
EYES = [(-2.0, 0.0, 1.0), (-1.9, 0.6, 1.1), (-1.8, -0.7, 0.9), (-2.2, 0.3, 1.2)]
RADIUS, LOW, HIGH = 0.08, 0.5, 0.9


def bottle(eye, target=(0.0, 0.0, 0.7)) -> ObjectView:
    """An upright cylinder about the origin before nothing, without readings near its outline."""
    T = look_at(eye, target)
    v, u = np.mgrid[:240, :320]
    rays = np.stack([(u - CAMERA.cx) / 280, (v - CAMERA.cy) / 280, np.ones(u.shape)], axis=-1)
    rays = rays @ T[:3, :3].T
    a = (rays[..., :2] ** 2).sum(-1)
    b = (rays[..., :2] * T[:2, 3]).sum(-1)
    root = b**2 - a * ((T[:2, 3] ** 2).sum() - RADIUS**2)
    depth = (-b - np.sqrt(np.maximum(root, 0))) / a
    z = T[2, 3] + depth * rays[..., 2]
    mask = (root > 0) & (z > LOW) & (z < HIGH)
    seen = mask & (root > 0.3 * root.max())
    depth = np.where(seen, depth, 0).astype(np.float32)
    frame = RgbdFrame(0, np.zeros((240, 320, 3), np.uint8), depth, CAMERA, T)
    points = (T[:3, 3] + depth[..., None] * rays)[seen].astype(np.float32)
    return ObjectView(frame, mask, points, np.zeros((len(points), 3), np.uint8))


def test_a_round_thing_is_as_wide_as_its_outline():
    views = [bottle(eye) for eye in EYES]
    assert outline_radius((0.0, 0.0), LOW, HIGH, views) == pytest.approx(RADIUS, abs=0.004)
    # an axis that is a little off changes next to nothing
    assert outline_radius((-0.02, 0.01), LOW, HIGH, views) == pytest.approx(RADIUS, abs=0.005)


def test_a_view_that_was_shifted_shows_the_same_outline():
    views = [replace(bottle(eye), shift=np.array([0.02, 0.0, 0.0])) for eye in EYES]
    assert outline_radius((0.02, 0.0), LOW, HIGH, views) == pytest.approx(RADIUS, abs=0.004)


def test_what_is_cut_off_or_hidden_tells_no_width():
    views = [bottle(eye) for eye in EYES]
    hidden = []
    for view in views:
        depth = view.frame.depth_m.copy()
        depth[:, 160:] = 0.5  # something before the right half
        mask = view.mask & view.mask[:, 164:165] & (np.arange(320) < 160)
        hidden.append(replace(view, mask=mask, frame=replace(view.frame, depth_m=depth)))
    assert outline_radius((0.0, 0.0), LOW, HIGH, hidden) is None
    assert outline_radius((0.0, 0.0), LOW, HIGH, views[:2]) is None


def test_a_wider_outline_leaves_the_side_that_was_seen_where_it_is():
    eyes = np.array(EYES)
    body = RoundBody((0.02, 0.0), 0.06)
    wider = body.widened(0.08, eyes)
    assert wider.radius == 0.08
    assert wider.center[0] - wider.radius == pytest.approx(0.02 - 0.06, abs=0.003)
    assert body.widened(0.05, eyes) is body
    assert body.widened(0.2, eyes) is body  # masks that spill over
    assert body.widened(None, eyes) is body


def test_masks_above_the_box_raise_it():
    views = [bottle(eye) for eye in EYES]
    low_part = Box3D((0.0, 0.0, 0.6), (0.16, 0.16, 0.2))
    box = with_outline_height(low_part, views, stands=True)
    assert box.center[2] + box.size[2] / 2 == pytest.approx(HIGH, abs=0.02)
    assert box.center[2] - box.size[2] / 2 == pytest.approx(LOW, abs=1e-6)


def test_the_mask_of_the_prompt_raises_the_box_though_others_lost_what_is_above():
    low_part = Box3D((0.0, 0.0, 0.6), (0.16, 0.16, 0.2))
    lost = []
    for view in (bottle(eye) for eye in EYES):
        top = np.flatnonzero(view.mask.any(axis=1))[0]
        lost.append(replace(view, mask=view.mask & (np.arange(240)[:, None] > top + 40)))
    assert with_outline_height(low_part, lost, stands=True) == low_part
    prompted = [replace(bottle(EYES[0]), prompted=True), *lost[1:]]
    assert with_outline_height(low_part, prompted, stands=True).top == pytest.approx(HIGH, abs=0.02)


def test_masks_below_the_box_lower_it_only_where_nothing_was_seen_below():
    views = [bottle(eye) for eye in EYES]
    high_part = Box3D((0.0, 0.0, 0.8), (0.16, 0.16, 0.2))
    assert with_outline_height(high_part, views, stands=True).size[2] == pytest.approx(0.2)
    box = with_outline_height(high_part, views, stands=False)
    assert box.center[2] - box.size[2] / 2 == pytest.approx(LOW, abs=0.02)


def test_a_right_box_stays_as_it_is():
    views = [bottle(eye) for eye in EYES]
    right = Box3D((0.0, 0.0, 0.7), (0.16, 0.16, 0.4))
    assert with_outline_height(right, views, stands=False) == right


def test_outlines_at_the_border_of_the_image_say_nothing():
    views = [bottle(eye, target=(0.0, 0.0, -0.25)) for eye in EYES]
    assert all(view.mask[0].any() for view in views)
    low_part = Box3D((0.0, 0.0, 0.6), (0.16, 0.16, 0.2))
    assert with_outline_height(low_part, views, stands=True) == low_part
