"""A red box in a room of boxes, of which no view shows where it ends below, or one does."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from box_room import BoxRoom
from red_box_views import RED, seen

from scene_r1_ros.frames import CameraIntrinsics, RgbdFrame, WindowSnapshot
from scene_r1_ros.geometry import Box3D
from scene_r1_ros.lifting import LiftConfig, lift
from scene_r1_ros.lifting.floor import Floor
from scene_r1_ros.lifting.hidden_foot import SHOWN
from scene_r1_ros.lifting.mask_end import end_is_hidden
from scene_r1_ros.lifting.views import ObjectView, object_view
from scene_r1_ros.tracking import MaskTrack

FLOATING = LiftConfig(reach_down=False)
"""Without the step that takes what floats in view for a thing on thin legs."""


def room_with(bottom: float, **more: tuple[Box3D, tuple[int, int, int]]) -> BoxRoom:
    """A red box half a metre high, ``bottom`` metres above the floor."""
    return BoxRoom({"red": (Box3D((0.0, 0.0, bottom + 0.25), (0.5, 0.4, 0.5)), RED), **more})


def behind_a_counter(frame: RgbdFrame, mask: np.ndarray, beside: int = 10):
    """The lower half of the thing is behind something a metre away, ``beside`` pixels wider than
    it; the floor is seen on both sides."""
    rows, cols = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    counter = np.s_[(rows[0] + rows[-1]) // 2 :, max(0, cols[0] - beside) : cols[-1] + beside]
    depth, mask = frame.depth_m.copy(), mask.copy()
    depth[counter], mask[counter] = 1.0, False
    return replace(frame, depth_m=depth), mask


def cut_by_the_border(frame: RgbdFrame, mask: np.ndarray):
    """The image ends at half of the thing's height, but in the last two views, in which it was not
    tracked."""
    if frame.stamp_ns >= 6:
        return frame, np.zeros_like(mask)
    rows = np.flatnonzero(mask.any(axis=1))
    end = int(rows[0] + rows[-1]) // 2
    camera = replace(frame.intrinsics, height=end)
    cropped = RgbdFrame(
        frame.stamp_ns, frame.color[:end], frame.depth_m[:end], camera, frame.T_world_camera
    )
    return cropped, mask[:end].copy()


def turned(quarters: int):
    """The camera rolled by quarter turns; what it sees stays."""

    def turn(frame: RgbdFrame, mask: np.ndarray):
        for _ in range(quarters):
            camera, T = frame.intrinsics, frame.T_world_camera.copy()
            T[:3, 0], T[:3, 1] = frame.T_world_camera[:3, 1], -frame.T_world_camera[:3, 0]
            rolled = CameraIntrinsics(
                camera.height, camera.width, camera.fy, camera.fx,
                camera.cy, camera.width - 1 - camera.cx,
            )  # fmt: skip
            frame = RgbdFrame(
                frame.stamp_ns, np.rot90(frame.color).copy(), np.rot90(frame.depth_m).copy(),
                rolled, T,
            )  # fmt: skip
            mask = np.rot90(mask).copy()
        return frame, mask

    return turn


def without_readings_at_the_edge(frame: RgbdFrame, mask: np.ndarray):
    inner = mask & np.roll(mask, 1, 0) & np.roll(mask, -1, 0)
    inner &= np.roll(mask, 1, 1) & np.roll(mask, -1, 1)
    return replace(frame, depth_m=np.where(mask & ~inner, np.nan, frame.depth_m)), mask


def bottom_of(window: WindowSnapshot, track: MaskTrack, config: LiftConfig | None = None) -> float:
    box = lift(window, track, config=config or LiftConfig()).box
    return box.bottom


@pytest.mark.parametrize("roll", [0, 1, 2, 3])
@pytest.mark.parametrize("hide", [behind_a_counter, cut_by_the_border])
def test_a_thing_whose_foot_no_view_shows_stands_on_the_floor(hide, roll):
    window, track = seen(room_with(0.0), hide, turned(roll))
    box = lift(window, track).box
    assert box.bottom == pytest.approx(0.0, abs=0.02)
    assert box.top == pytest.approx(0.5, abs=0.03)
    assert bottom_of(window, track, LiftConfig(reach_floor=False)) > 0.15


def test_a_camera_no_higher_than_what_hides_the_thing_sees_that_it_is_hidden():
    window, track = seen(room_with(0.0), behind_a_counter, eye=0.7)
    assert bottom_of(window, track) == pytest.approx(0.0, abs=0.02)


def test_one_view_of_many_that_seems_to_show_the_foot_is_not_believed_and_two_are():
    def but_in(stamps: tuple[int, ...]):
        def hide(frame: RgbdFrame, mask: np.ndarray):
            # there is no counter, and the mask's lower part is missing all the same
            covered, mask = behind_a_counter(frame, mask)
            return (frame if frame.stamp_ns in stamps else covered), mask

        return hide

    alone = LiftConfig(reach_support=False)
    assert bottom_of(*seen(room_with(0.0), but_in((3,))), alone) == pytest.approx(0.0, abs=0.02)
    assert bottom_of(*seen(room_with(0.0), but_in((3, 4))), alone) > 0.15


def test_a_fifth_of_many_views_may_seem_to_show_the_foot():
    def views(*hide) -> list[ObjectView]:
        window, track = seen(room_with(0.0), *hide)
        return [
            object_view(frame, item.mask, LiftConfig(), 6000)
            for frame, item in zip(window.frames, track.masks, strict=True)
        ]

    upper_half = Box3D((0.0, 0.0, 0.375), (0.5, 0.4, 0.25))
    hidden, shown = 2 * views(behind_a_counter), views()
    assert end_is_hidden(upper_half, hidden + shown[:3], SHOWN)
    assert not end_is_hidden(upper_half, hidden + shown[:5], SHOWN)


@pytest.mark.parametrize(
    "hide", [(), (turned(2),), (without_readings_at_the_edge,)], ids=["plain", "rolled", "ragged"]
)
def test_a_thing_that_hangs_in_view_stays_where_it_is(hide):
    window, track = seen(room_with(0.4), *hide)
    assert bottom_of(window, track, FLOATING) == pytest.approx(0.4, abs=0.05)


def test_what_stands_on_a_table_stays_there_though_its_foot_is_hidden():
    table = (Box3D((0.0, 0.0, 0.2), (1.4, 0.9, 0.4)), (90, 160, 90))
    window, track = seen(room_with(0.4, table=table), partial(behind_a_counter, beside=1))
    assert bottom_of(window, track, FLOATING) > 0.35
    assert bottom_of(window, track) > 0.35


def test_a_table_of_which_masks_miss_a_strip_does_not_stand_on_itself():
    def without_its_sides(frame: RgbdFrame, mask: np.ndarray):
        cols, mask = np.flatnonzero(mask.any(axis=0)), mask.copy()
        mask[:, : cols[0] + 8] = mask[:, cols[-1] - 8 :] = False
        return frame, mask

    top = BoxRoom({"red": (Box3D((0.0, 0.0, 0.4), (0.9, 0.6, 0.04)), RED)})
    window, track = seen(top, without_its_sides, cut_by_the_border, eye=1.2)
    assert bottom_of(window, track) == pytest.approx(0.0, abs=0.02)


def test_a_thin_thing_whose_foot_is_hidden_ends_at_the_wall_behind_it():
    wall = (Box3D((0.0, 0.2, 1.5), (8.0, 0.1, 3.0)), (180, 180, 170))
    radiator = (Box3D((0.0, 0.06, 0.25), (0.6, 0.1, 0.5)), RED)
    window, track = seen(BoxRoom({"wall": wall, "red": radiator}), behind_a_counter)
    box = lift(window, track).box
    assert box.bottom == pytest.approx(0.0, abs=0.02)
    assert box.corners()[:, 1].max() == pytest.approx(0.15, abs=0.015)


def test_a_flat_thing_on_a_wall_whose_foot_is_hidden_reaches_the_floor():
    wall = (Box3D((0.0, 0.2, 1.5), (8.0, 0.1, 3.0)), (180, 180, 170))
    sheet = (Box3D((0.0, 0.13, 0.4), (0.6, 0.04, 0.8)), RED)
    window, track = seen(BoxRoom({"wall": wall, "red": sheet}), behind_a_counter)
    box = lift(window, track).box
    assert min(box.size) == pytest.approx(0.04, abs=0.01)
    assert box.bottom == pytest.approx(0.0, abs=0.02)


def test_what_is_seen_to_have_nothing_under_it_stays_though_its_foot_is_cut_off():
    window, track = seen(room_with(0.5), cut_by_the_border)
    assert bottom_of(window, track, FLOATING) > 0.45


def test_a_floor_far_below_is_not_reached(monkeypatch):
    far = seen(room_with(0.6), behind_a_counter, eye=2.0)
    assert bottom_of(*far, FLOATING) > 0.55
    monkeypatch.setattr("scene_r1_ros.lifting.hidden_foot.DEEPEST", 5.0)
    assert bottom_of(*far, FLOATING) == pytest.approx(0.0, abs=0.02)
    farther = seen(room_with(1.0), behind_a_counter, eye=2.2)  # than twice its largest side
    assert bottom_of(*farther, FLOATING) > 0.9


def test_the_floor_is_the_lowest_level_surface_below_a_thing():
    table = (Box3D((0.0, 0.0, 0.2), (1.4, 0.9, 0.4)), (90, 160, 90))
    window, _ = seen(room_with(0.4, table=table))
    assert Floor(window).height() == pytest.approx(0.0, abs=0.01)
    on_the_floor = Box3D((0.0, 0.0, -0.2), (0.5, 0.4, 0.3))
    assert Floor(window).height(on_the_floor) is None  # nothing lies lower
    blind = [replace(f, depth_m=np.full_like(f.depth_m, np.nan)) for f in window.frames]
    assert Floor(WindowSnapshot.of(blind)).height() is None


def test_a_wall_is_no_floor():
    camera = CameraIntrinsics(160, 120, 140.0, 140.0, 79.5, 59.5)
    forward = np.array([[1, 0, 0, 0], [0, 0, 1, 0], [0, -1, 0, 0], [0, 0, 0, 1]], dtype=float)
    color, wall = np.zeros((120, 160, 3), np.uint8), np.full((120, 160), 2.5, np.float32)
    assert Floor(WindowSnapshot.of([RgbdFrame(0, color, wall, camera, forward)])).height() is None
