"""Flat things: the outline from the masks, the thickness from many readings."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scannet_scenes import look_at

from scene_r1_ros.frames import CameraIntrinsics, RgbdFrame, WindowSnapshot
from scene_r1_ros.geometry import Box3D, box3d_iou
from scene_r1_ros.lifting import LiftConfig, lift
from scene_r1_ros.lifting.flat import flat_box
from scene_r1_ros.lifting.views import object_view
from scene_r1_ros.tracking import FrameMask, MaskTrack

CAMERA = CameraIntrinsics(320, 240, 280.0, 280.0, 159.5, 119.5)


def plate(low, high, normal, eyes, noise, leak=0, knob=None, folds=0.0):
    """A plate with corners ``low`` and ``high`` on a plane through 0, filmed from ``eyes``.

    The plane (a wall or a floor) has ``normal`` and the plate's back on it. Noise is along the
    rays, as a sensor's is. ``leak`` more pixels to the right belong to each second mask. ``knob``
    (low, high) is the face of a part that stands out. The face goes in and out along x, in folds
    of 9 cm, by ``folds``.
    """
    rng = np.random.default_rng(0)
    normal, low, high = np.array(normal, float), np.array(low, float), np.array(high, float)
    front = max(low @ normal, high @ normal)
    v, u = np.mgrid[:240, :320]
    rays = np.stack([(u - CAMERA.cx) / 280, (v - CAMERA.cy) / 280, np.ones(u.shape)], axis=-1)
    frames, masks = [], []
    for i, eye in enumerate(eyes):
        T = look_at(eye, (low + high) / 2)
        turned = rays @ T[:3, :3].T
        to_front = (front - T[:3, 3] @ normal) / (turned @ normal)
        at = T[:3, 3] + to_front[..., None] * turned
        inside = (np.abs(normal) > 0.5) | ((at >= low) & (at <= high))
        mask = inside.all(axis=-1)
        fold = folds * (4 * np.abs(at[..., 0] / 0.09 % 1 - 0.5) - 1)
        depth = np.where(
            mask,
            to_front - fold / np.abs(turned @ normal),
            -(T[:3, 3] @ normal) / (turned @ normal),
        )
        if knob is not None:
            to_knob = (np.dot(knob[0], normal) - T[:3, 3] @ normal) / (turned @ normal)
            at = T[:3, 3] + to_knob[..., None] * turned
            on_knob = (np.abs(normal) > 0.5) | ((at >= knob[0]) & (at <= knob[1]))
            on_knob = on_knob.all(axis=-1)
            depth, mask = np.where(on_knob, to_knob, depth), mask | on_knob
        depth = np.where((depth > 0) & (depth < 8), depth + rng.normal(0, noise, mask.shape), 0)
        color = np.full((240, 320, 3), 128, dtype=np.uint8)
        frames.append(RgbdFrame(i, color, depth.astype(np.float32), CAMERA, T))
        said = mask.copy()
        for step in range(1, (leak if i % 2 else 0) + 1):
            said[:, step:] |= mask[:, :-step]
        masks.append(FrameMask(i, said))
    return WindowSnapshot.of(frames), MaskTrack(0, tuple(masks))


RUG = ((-0.6, 2.0, 0.0), (0.6, 2.8, 0.012), (0, 0, 1))
RUG_EYES = [(x, 0.0, 1.4) for x in (-0.8, -0.4, 0.0, 0.4, 0.8, 1.2)]
PICTURE = ((-0.4, -0.04, 1.0), (0.4, 0.0, 1.5), (0, -1, 0))
PICTURE_EYES = [(x, -2.2, 1.4) for x in (-2.0, -1.2, -0.4, 0.4, 1.2)]


@pytest.mark.parametrize(
    ("thing", "eyes"), [(RUG, RUG_EYES), (PICTURE, PICTURE_EYES)], ids=["rug", "picture"]
)
def test_outline_and_thickness_are_finer_than_the_noise(thing, eyes):
    noise = 0.012
    window, track = plate(*thing, eyes, noise)
    box = lift(window, track).box
    size = np.abs(np.subtract(thing[1], thing[0]))
    center = np.add(thing[0], thing[1]) / 2
    corners = box.corners()
    found = corners.max(axis=0) - corners.min(axis=0)
    assert np.abs(found - size).max() < 0.03
    assert np.abs(np.array(box.center) - center).max() < 0.015
    thin = int(np.argmin(size))
    assert abs(found[thin] - size[thin]) < 0.006
    truth = Box3D(tuple(center), tuple(size), 0.0)
    plain = lift(window, track, config=LiftConfig(reach_wall=False, reach_support=False)).box
    assert box3d_iou(box, truth) > box3d_iou(plain, truth) + 0.1


@pytest.mark.parametrize("noise", [0.002, 0.006])
def test_a_small_part_that_stands_out_is_in_the_box(noise):
    knob = ((0.2, -0.12, 1.2), (0.3, -0.12, 1.26))  # 1.5 % of the face
    window, track = plate(*PICTURE, PICTURE_EYES, noise, knob=knob)
    box = lift(window, track).box
    assert min(box.size) == pytest.approx(0.12, abs=0.015)
    plain = lift(*plate(*PICTURE, PICTURE_EYES, noise)).box
    assert min(plain.size) == pytest.approx(0.04, abs=0.01)


@pytest.mark.parametrize("noise", [0.012, 0.018])
def test_folds_that_drown_in_the_noise_are_in_the_box(noise):
    curtain = ((-0.35, -0.05, 0.5), (0.35, 0.0, 1.9), (0, -1, 0))
    eyes = [(x, -2.6, 1.3) for x in (-1.8, -1.2, -0.6, 0.0, 0.6, 1.2)]
    folded = lift(*plate(*curtain, eyes, noise, folds=0.03)).box
    assert min(folded.size) == pytest.approx(0.08, abs=0.012)
    plain = lift(*plate(*curtain, eyes, noise)).box
    assert min(plain.size) == pytest.approx(0.05, abs=0.012)


def test_a_handle_of_a_few_pixels_is_in_the_box():
    handle = ((0.26, -0.1, 1.24), (0.36, -0.1, 1.27))  # less than 1 % of the face
    box = lift(*plate(*PICTURE, PICTURE_EYES, 0.012, knob=handle)).box
    assert min(box.size) == pytest.approx(0.1, abs=0.02)
    plain = lift(*plate(*PICTURE, PICTURE_EYES, 0.012)).box
    assert min(plain.size) == pytest.approx(0.04, abs=0.015)


def test_what_one_mask_took_from_beside_it_makes_a_picture_no_thicker():
    beside = ((0.4, -0.12, 1.15), (0.5, -0.12, 1.35))
    window, spilled = plate(*PICTURE, PICTURE_EYES, 0.004, knob=beside)
    alone, plain = plate(*PICTURE, PICTURE_EYES, 0.004)
    masks = [spilled.masks[0]]
    for i in range(1, len(plain.masks)):
        own = np.abs(window.frames[i].depth_m - alone.frames[i].depth_m) < 0.05
        masks.append(FrameMask(i, plain.masks[i].mask & own))
    small_parts_too = LiftConfig(component_share=0.001)
    box = lift(window, MaskTrack(0, tuple(masks)), config=small_parts_too).box
    assert min(box.size) == pytest.approx(0.04, abs=0.015)


def test_what_stands_on_a_rug_makes_it_no_thicker():
    foot = ((0.2, 2.4, 0.1), (0.32, 2.52, 0.1))
    box = lift(*plate(*RUG, RUG_EYES, 0.004, knob=foot)).box
    assert min(box.size) < 0.03


def test_a_round_rug_goes_on_where_a_bed_hides_it():
    window, track = plate((-0.8, 1.8, 0.0), (0.8, 3.4, 0.012), (0, 0, 1), RUG_EYES, 0.004)
    v, u = np.mgrid[:240, :320]
    rays = np.stack([(u - CAMERA.cx) / 280, (v - CAMERA.cy) / 280, np.ones(u.shape)], axis=-1)
    frames, masks = [], []
    for frame, item in zip(window.frames, track.masks, strict=True):
        eye = frame.T_world_camera[:3, 3]
        turned = rays @ frame.T_world_camera[:3, :3].T
        on_floor = eye + frame.depth_m[..., None] * turned
        round_ = np.hypot(on_floor[..., 0], on_floor[..., 1] - 2.6) < 0.8
        to_bed = (0.4 - eye[2]) / turned[..., 2]
        bed = (to_bed > 0) & ((eye + to_bed[..., None] * turned)[..., 0] > 0.3)
        depth = np.where(bed, to_bed, frame.depth_m).astype(np.float32)
        frames.append(replace(frame, depth_m=depth))
        masks.append(FrameMask(item.stamp_ns, item.mask & round_ & ~bed))
    box = lift(WindowSnapshot.of(frames), MaskTrack(0, tuple(masks))).box
    assert box.center[:2] == pytest.approx((0.0, 2.6), abs=0.04)
    assert sorted(box.size)[1:] == pytest.approx((1.6, 1.6), abs=0.06)


def test_a_picture_is_turned_like_the_room():
    window, track = plate(*PICTURE, PICTURE_EYES, 0.004)
    views = [
        object_view(frame, item.mask, LiftConfig(), 6000)
        for frame, item in zip(window.frames, track.masks, strict=True)
    ]
    points = np.concatenate([view.points for view in views])
    fitted = Box3D((0.0, -0.04, 1.25), (0.8, 0.02, 0.5))
    for walls, turned in ((2.0, 2.0), (30.0, 0.0), (None, 0.0)):
        box = flat_box(fitted, points, views, None if walls is None else np.deg2rad(walls))
        assert box is not None
        assert np.rad2deg(box.yaw) % 180 == pytest.approx(turned, abs=0.3)


def test_a_thick_thing_whose_front_is_seen_best_is_not_flat():
    window, track = plate(*PICTURE, PICTURE_EYES, 0.004)
    config = LiftConfig()
    views = [
        object_view(frame, item.mask, config, 6000)
        for frame, item in zip(window.frames, track.masks, strict=True)
    ]
    points = np.concatenate([view.points for view in views])
    thin = Box3D((0.0, -0.04, 1.25), (0.8, 0.02, 0.5))
    assert flat_box(thin, points, views) is not None
    deep = Box3D((0.0, 0.13, 1.25), (0.8, 0.36, 0.5))
    farther = points + np.array([0.0, 0.3, 0.0], np.float32)
    cabinet = np.concatenate([points, farther[::12]])  # its sides are seen past the front
    assert flat_box(deep, cabinet, views) is None
    spilt = np.concatenate([points, farther[::60]])  # a mask spilt over in one view
    assert flat_box(deep, spilt, views) is not None


def test_views_that_see_the_wall_beside_it_outvote_masks_that_spill_over():
    window, track = plate(*PICTURE, PICTURE_EYES, 0.004, leak=6)
    box = lift(window, track).box
    assert abs(max(box.size) - 0.8) < 0.03


def test_a_far_radiator_beside_which_little_of_the_wall_is_seen_is_flat():
    radiator = ((-0.4, -0.12, 0.05), (0.4, 0.0, 0.6), (0, -1, 0))
    window, track = plate(*radiator, [(x, -4.2, 1.6) for x in (-0.6, -0.2, 0.2, 0.6)], 0.03)
    frames = []
    for frame, item in zip(window.frames, track.masks, strict=True):
        columns = np.flatnonzero(item.mask.any(axis=0))
        shown = (np.arange(320) > columns[0] - 5) & (np.arange(320) <= columns[-1])
        depth = np.where(shown, frame.depth_m, 0.5).astype(np.float32)
        frames.append(replace(frame, depth_m=depth))
    box = lift(WindowSnapshot.of(frames), track).box
    assert min(box.size) == pytest.approx(0.12, abs=0.02)


def test_a_thing_as_deep_as_wide_is_not_flat():
    cube = ((-0.15, 2.0, 0.0), (0.15, 2.3, 0.25), (0, 0, 1))
    window, track = plate(*cube, RUG_EYES, 0.004)
    box = lift(window, track).box
    assert box.size[2] > 0.2


@pytest.mark.parametrize("eyes", [[(0.0, -3.6, 1.4)], [(0.0, -5.0, 1.4), (1.0, -5.0, 1.4)]])
def test_too_few_readings_for_a_mean_are_lifted_all_the_same(eyes):
    window, track = plate(*PICTURE, eyes, 0.004)
    lifted = lift(window, track, config=LiftConfig(max_view_points=100))
    assert 0.3 < max(lifted.box.size) < 1.0
