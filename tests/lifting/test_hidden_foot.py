from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from box_room import BoxRoom

from scene_r1_ros.frames import RgbdFrame, WindowSnapshot
from scene_r1_ros.geometry import Box3D
from scene_r1_ros.lifting import LiftConfig, lift
from scene_r1_ros.lifting.hidden_foot import floor_height
from scene_r1_ros.tracking import FrameMask, MaskTrack

RED = (200, 40, 40)
WITHOUT = LiftConfig(reach_floor=False)


def room_with(bottom: float) -> tuple[BoxRoom, Box3D]:
    """A red box half a metre high, ``bottom`` metres above the floor."""
    box = Box3D((0.0, 0.0, bottom + 0.25), (0.5, 0.4, 0.5))
    return BoxRoom({"red": (box, RED)}), box


def seen(room: BoxRoom, hide) -> tuple[WindowSnapshot, MaskTrack]:
    """Eight views with what ``hide`` makes of each frame and its true mask."""
    frames, masks = [], []
    for i, x in enumerate(np.linspace(-0.9, 0.9, 8)):
        frame = room.frame(i, (float(x), -2.2, 1.1), look=float(-x / 2.2))
        frame, mask = hide(frame, (frame.color == RED).all(axis=-1))
        frames.append(frame)
        masks.append(FrameMask(i, mask))
    return WindowSnapshot.of(frames), MaskTrack(0, tuple(masks))


def shown(frame: RgbdFrame, mask: np.ndarray):
    return frame, mask


def behind_a_counter(frame: RgbdFrame, mask: np.ndarray):
    """The lower half of the thing is behind something a metre away; the floor is seen beside it."""
    rows, cols = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    counter = np.s_[(rows[0] + rows[-1]) // 2 :, max(0, cols[0] - 10) : cols[-1] + 10]
    depth, mask = frame.depth_m.copy(), mask.copy()
    depth[counter], mask[counter] = 1.0, False
    return replace(frame, depth_m=depth), mask


def cut_by_the_border(frame: RgbdFrame, mask: np.ndarray):
    """The image ends at half of the thing's height, but for the last, which does not show it."""
    if frame.stamp_ns == 7:
        return frame, np.zeros_like(mask)
    rows = np.flatnonzero(mask.any(axis=1))
    end = int(rows[0] + rows[-1]) // 2
    camera = replace(frame.intrinsics, height=end)
    cropped = RgbdFrame(
        frame.stamp_ns, frame.color[:end], frame.depth_m[:end], camera, frame.T_world_camera
    )
    return cropped, mask[:end].copy()


def bottom_of(box: Box3D) -> float:
    return box.center[2] - box.size[2] / 2


@pytest.mark.parametrize("hide", [behind_a_counter, cut_by_the_border])
def test_a_thing_whose_foot_no_view_shows_stands_on_the_floor(hide):
    room, truth = room_with(0.0)
    window, track = seen(room, hide)
    box = lift(window, track).box
    assert bottom_of(box) == pytest.approx(0.0, abs=0.02)
    assert box.center[2] + box.size[2] / 2 == pytest.approx(0.5, abs=0.03)
    assert bottom_of(lift(window, track, config=WITHOUT).box) > 0.15
    assert truth.contains(np.array([box.center]), margin=0.05).all()


def test_one_view_of_many_that_seems_to_show_the_foot_is_not_believed():
    room, _ = room_with(0.0)

    def but_once(frame: RgbdFrame, mask: np.ndarray):
        covered, mask = behind_a_counter(frame, mask)
        # one frame has no counter, and the mask's lower part is missing all the same
        return (frame if frame.stamp_ns == 3 else covered), mask

    window, track = seen(room, but_once)
    assert bottom_of(lift(window, track).box) == pytest.approx(0.0, abs=0.02)


def test_a_thing_that_hangs_in_view_stays_where_it_is():
    room, truth = room_with(0.4)
    window, track = seen(room, shown)
    hanging = LiftConfig(reach_down=False)  # which takes it for a thing on thin legs
    assert bottom_of(lift(window, track, config=hanging).box) == pytest.approx(0.4, abs=0.03)
    assert (
        lift(window, track, config=hanging).box
        == lift(window, track, config=hanging.replace(reach_floor=False)).box
    )
    assert truth.size[2] == 0.5


def test_a_floor_far_below_is_not_reached():
    room, _ = room_with(1.0)
    window, track = seen(room, behind_a_counter)
    apart = LiftConfig(reach_down=False)
    assert bottom_of(lift(window, track, config=apart).box) > 0.9


def test_the_floor_is_the_lowest_surface_of_the_window_and_none_without_readings():
    room, _ = room_with(0.0)
    window, _ = seen(room, shown)
    assert floor_height(window) == pytest.approx(0.0, abs=0.01)
    blind = [replace(f, depth_m=np.full_like(f.depth_m, np.nan)) for f in window.frames]
    assert floor_height(WindowSnapshot.of(blind)) is None
