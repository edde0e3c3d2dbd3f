from __future__ import annotations

import numpy as np
import pytest
from rgbd_scenes import Sensor, box_of, cut, desk_scene, loosened, seats_scene

from scene_r1_ros.control import Control
from scene_r1_ros.errors import (
    BoxError,
    CancelledError,
    EmptyMaskError,
    NoDepthError,
    NoSuchFrameError,
)
from scene_r1_ros.frames import RgbdFrame, WindowSnapshot
from scene_r1_ros.tracking import GeometricTracker, GeometricTrackerConfig

ANCHOR = 3
CHAIR, OTHER_CHAIR, SOFA, CASE = 0, 1, 2, 3
MUG, BOOK, BOTTLE, CARTON, MONITOR = 1, 2, 3, 4, 5


def every_second(scene):
    window, ids = scene.render()
    return WindowSnapshot.of(window.frames[::2]), ids[::2]


@pytest.fixture(scope="module")
def seats():
    return every_second(seats_scene(sensor=Sensor(seed=1)))


@pytest.fixture(scope="module")
def desk():
    return every_second(desk_scene(sensor=Sensor(seed=2)))


def mask_ious(scene, thing, box, anchor=ANCHOR, tracker=None) -> np.ndarray:
    """IoU of the tracked with the true mask in every frame that shows the thing."""
    window, ids = scene
    tracker = tracker or GeometricTracker()
    track = tracker.track(window, window.frames[anchor].stamp_ns, box, Control())
    out = []
    for frame, image in zip(window.frames, ids, strict=True):
        truth, found = image == thing, track.at(frame.stamp_ns)
        if truth.sum() > 100:
            mask = found.mask if found else np.zeros_like(truth)
            out.append((mask & truth).sum() / (mask | truth).sum())
    return np.array(out)


@pytest.mark.parametrize("thing", [CHAIR, OTHER_CHAIR, SOFA, CASE])
def test_furniture_is_found_in_every_frame(seats, thing):
    assert mask_ious(seats, thing, box_of(seats[1][ANCHOR], thing)).mean() > 0.7


@pytest.mark.parametrize("thing", [MUG, BOOK, BOTTLE, MONITOR])
def test_things_on_a_table_are_parted_from_it(desk, thing):
    """Also a book of three centimetres, with the noise and the pose errors of a real camera."""
    assert mask_ious(desk, thing, box_of(desk[1][ANCHOR], thing)).mean() > 0.55


@pytest.mark.parametrize("factor", [1.25, 1.5])
def test_a_loose_box_gives_the_same_object_by_geometry_alone(seats, factor):
    box = loosened(box_of(seats[1][ANCHOR], CHAIR), factor)
    alone = GeometricTracker(GeometricTrackerConfig(mask_network="none"))
    assert mask_ious(seats, CHAIR, box, tracker=alone).mean() > 0.7


@pytest.mark.parametrize("side", ["left", "right", "bottom"])
def test_an_object_grows_beyond_a_box_that_cuts_it(seats, side):
    box = cut(box_of(seats[1][ANCHOR], CHAIR), side, 0.2)
    assert mask_ious(seats, CHAIR, box).mean() > 0.65


def test_of_two_objects_in_the_box_the_dominant_one_is_taken(seats):
    x0, y0, x1, y1 = box_of(seats[1][ANCHOR], CHAIR)
    box = (x0 - 5, y0 - 5, x1 + 0.5 * (x1 - x0), y1 + 5)  # holds half of the other chair
    window, ids = seats
    track = GeometricTracker().track(window, window.frames[ANCHOR].stamp_ns, box, Control())
    mask = track.at(window.frames[ANCHOR].stamp_ns).mask
    assert (mask & (ids[ANCHOR] == CHAIR)).sum() > 0.7 * (ids[ANCHOR] == CHAIR).sum()
    assert (mask & (ids[ANCHOR] == OTHER_CHAIR)).sum() < 0.05 * mask.sum()


def test_what_stands_before_the_object_is_not_the_object(seats):
    """The sofa is seen between and beside two chairs."""
    window, ids = seats
    box = box_of(ids[ANCHOR], SOFA)
    track = GeometricTracker().track(window, window.frames[ANCHOR].stamp_ns, box, Control())
    mask = track.at(window.frames[ANCHOR].stamp_ns).mask
    assert (mask & (ids[ANCHOR] == SOFA)).sum() > 0.9 * mask.sum()


def test_where_nothing_but_a_plane_fills_the_box_its_patch_is_the_object(seats):
    window, ids = seats
    box = (440.0, 30.0, 500.0, 90.0)  # bare wall
    assert (ids[ANCHOR][30:90, 440:500] == -1).all()
    track = GeometricTracker().track(window, window.frames[ANCHOR].stamp_ns, box, Control())
    mask = track.at(window.frames[ANCHOR].stamp_ns).mask
    inside = np.zeros_like(mask)
    inside[30:90, 440:500] = True
    assert (mask & inside).sum() > 0.6 * inside.sum()
    assert (mask & ~inside).sum() < 0.4 * mask.sum()


def test_equal_input_gives_equal_masks(desk):
    window, ids = desk
    box = box_of(ids[ANCHOR], CARTON)
    a, b = (
        GeometricTracker().track(window, window.frames[ANCHOR].stamp_ns, box, Control())
        for _ in range(2)
    )
    assert [m.mask.tobytes() for m in a.masks] == [m.mask.tobytes() for m in b.masks]


def test_one_frame_is_enough(desk):
    window, ids = desk
    single = WindowSnapshot.of([window.frames[ANCHOR]])
    box = box_of(ids[ANCHOR], BOTTLE)
    track = GeometricTracker().track(single, single.end_ns, box, Control())
    truth = ids[ANCHOR] == BOTTLE
    mask = track.masks[0].mask
    assert (mask & truth).sum() / (mask | truth).sum() > 0.6


def test_an_object_that_leaves_the_view_has_no_mask_there(seats):
    window, ids = seats
    away = np.array(window.frames[0].T_world_camera)
    away[:3, :3] = away[:3, :3] @ np.diag([-1.0, 1.0, -1.0])  # turned round
    f = window.frames[0]
    turned = RgbdFrame(window.end_ns + 1, f.color, f.depth_m, f.intrinsics, away)
    longer = WindowSnapshot.of([*window.frames, turned])
    box = box_of(ids[ANCHOR], CHAIR)
    track = GeometricTracker().track(longer, window.frames[ANCHOR].stamp_ns, box, Control())
    assert track.at(turned.stamp_ns) is None


def test_progress_rises_and_cancelling_stops(desk):
    window, ids = desk
    box = box_of(ids[ANCHOR], MUG)
    said: list[tuple[str, float]] = []
    control = Control(on_progress=lambda stage, share, text: said.append((stage, share)))
    GeometricTracker().track(window, window.frames[ANCHOR].stamp_ns, box, control)
    assert {stage for stage, _ in said} == {"tracking"}
    assert [share for _, share in said] == sorted(share for _, share in said)
    assert said[-1][1] == 1.0
    control.cancel()
    with pytest.raises(CancelledError):
        GeometricTracker().track(window, window.frames[ANCHOR].stamp_ns, box, control)


def test_bad_prompts_are_refused_with_their_numbers(desk):
    window, _ = desk
    tracker, stamp = GeometricTracker(), window.frames[ANCHOR].stamp_ns
    with pytest.raises(BoxError, match=r"\[700, 10, 800, 90\] lies outside the image of 640 x 480"):
        tracker.track(window, stamp, (700, 10, 800, 90), Control())
    with pytest.raises(BoxError, match="is empty"):
        tracker.track(window, stamp, (50, 50, 50, 90), Control())
    with pytest.raises(NoSuchFrameError):
        tracker.track(window, stamp + 1, (10, 10, 50, 90), Control())


def test_a_box_without_depth_is_refused(desk):
    window, _ = desk
    f = window.frames[ANCHOR]
    depth = np.array(f.depth_m)
    depth[100:200, 100:200] = np.nan
    blind = WindowSnapshot.of(
        [RgbdFrame(f.stamp_ns, f.color, depth, f.intrinsics, f.T_world_camera)]
    )
    with pytest.raises(NoDepthError, match=r"box \[110, 110, 190, 190\] holds 0 depth readings"):
        GeometricTracker().track(blind, f.stamp_ns, (110, 110, 190, 190), Control())


def test_scattered_readings_are_no_object(desk):
    window, _ = desk
    f = window.frames[ANCHOR]
    rng = np.random.default_rng(0)
    depth = rng.uniform(0.5, 5.0, f.depth_m.shape).astype(np.float32)
    depth[rng.random(depth.shape) < 0.6] = np.nan
    noise = WindowSnapshot.of(
        [RgbdFrame(f.stamp_ns, f.color, depth, f.intrinsics, f.T_world_camera)]
    )
    with pytest.raises(EmptyMaskError, match=r"nothing stands out|agree on no object"):
        GeometricTracker().track(noise, f.stamp_ns, (110, 110, 190, 190), Control())
