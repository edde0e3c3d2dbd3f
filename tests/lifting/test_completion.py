"""Cabinets of which the views show the front alone."""

from __future__ import annotations

import numpy as np
import pytest
from box_room import BoxRoom

from scene_r1_ros.frames import WindowSnapshot
from scene_r1_ros.geometry import Box3D, box3d_iou
from scene_r1_ros.lifting import LiftConfig, lift
from scene_r1_ros.lifting.completion import FarSide, on_wall
from scene_r1_ros.tracking import FrameMask, MaskTrack

RED, BROWN, GRAY = (200, 40, 40), (120, 90, 60), (180, 180, 170)
CABINET = Box3D((0.0, 0.0, 0.4), (0.9, 0.5, 0.8))


def lifted(
    wall_at: float, missed: int = 0, config: LiftConfig | None = None, **more: Box3D
) -> Box3D:
    """The cabinet between two that stand a little behind it, before a wall at a depth, and ``more``
    brown boxes; masks miss so many columns of its front on both sides."""
    wall = Box3D((0.0, wall_at + 0.05, 1.5), (8.0, 0.1, 3.0))
    left, right = (Box3D((x, 0.2, 0.4), (0.8, 0.5, 0.8)) for x in (-0.87, 0.87))
    room = BoxRoom(
        {"wall": (wall, GRAY), "red": (CABINET, RED)}
        | {name: (box, BROWN) for name, box in {"l": left, "r": right, **more}.items()}
    )
    frames = [room.frame(i, (0.1 * i - 0.3, -1.7, 0.78)) for i in range(7)]
    masks = []
    for frame in frames:
        mask = (frame.color == RED).all(axis=-1)
        columns = np.flatnonzero(mask.any(axis=0))
        mask[:, : columns[0] + missed] = mask[:, columns[-1] + 1 - missed :] = False
        masks.append(FrameMask(frame.stamp_ns, mask))
    track = MaskTrack(0, tuple(masks))
    return lift(WindowSnapshot.of(frames), track, config=config or LiftConfig()).box


def back(box: Box3D) -> float:
    return float(box.corners()[:, 1].max())


@pytest.mark.parametrize("missed", [0, 4])
def test_a_cabinet_reaches_back_to_the_wall_whatever_stands_beside_it(missed):
    box = lifted(0.27, missed)
    assert back(box) == pytest.approx(0.25, abs=0.04)
    assert box3d_iou(box, CABINET) > 0.8
    front_only = LiftConfig(complete_far_side=False)
    assert back(lifted(0.27, missed, front_only)) < 0.0


def test_what_stands_on_a_cabinet_is_no_wall_behind_it():
    screen = Box3D((0.0, 0.0, 0.9), (0.5, 0.06, 0.2))
    assert back(lifted(0.27, screen=screen)) == pytest.approx(0.25, abs=0.04)


def test_one_before_a_distant_wall_is_as_deep_as_is_usual():
    usual = 0.75 * 0.8
    assert back(lifted(0.8)) + 0.25 == pytest.approx(
        min(usual, 0.5), abs=0.03
    )  # half a metre, most


def seen_from_far_apart(boxes: dict, side: float) -> Box3D:
    """The red thing of a room, from places ``side`` metres to both sides of its middle."""
    room = BoxRoom(boxes)
    xs = np.linspace(-side, side, 9)
    frames = [
        room.frame(i, (float(x), -1.6, 0.79), look=float(-np.arctan2(x, 1.6)))
        for i, x in enumerate(xs)
    ]
    masks = [FrameMask(f.stamp_ns, (f.color == RED).all(axis=-1)) for f in frames]
    return lift(WindowSnapshot.of(frames), MaskTrack(0, tuple(masks))).box


def test_a_front_between_others_is_deep_from_wherever_it_was_seen():
    wall = Box3D((0.0, 0.32, 1.5), (8.0, 0.1, 3.0))
    sides = [Box3D((x, 0.2, 0.4), (0.6, 0.44, 0.8)) for x in (-0.76, 0.76)]
    boxes = {"wall": (wall, GRAY), "red": (CABINET, RED)}
    boxes |= {name: (side, BROWN) for name, side in zip("lr", sides, strict=True)}
    assert back(seen_from_far_apart(boxes, 1.6)) == pytest.approx(0.25, abs=0.05)


def test_a_screen_that_views_see_past_stays_thin():
    screen = Box3D((0.0, 0.0, 0.4), (0.9, 0.03, 0.8))
    wall = Box3D((0.0, 1.6, 1.5), (8.0, 0.1, 3.0))
    box = seen_from_far_apart({"wall": (wall, GRAY), "red": (screen, RED)}, 1.6)
    assert back(box) < 0.32
    alone = seen_from_far_apart({"wall": (wall, GRAY), "red": (screen, RED)}, 0.3)
    assert back(alone) > back(box) + 0.1  # from one side nothing tells it from a cabinet


def test_a_cabinet_close_to_the_wall_behind_it_is_no_picture():
    side = FarSide(axis=1, sign=1.0, gap=0.09)
    assert on_wall(Box3D((0.0, 0.0, 0.5), (1.0, 0.1, 0.9)), side)
    assert not on_wall(Box3D((0.0, 0.0, 0.5), (1.0, 0.3, 0.9)), side)
