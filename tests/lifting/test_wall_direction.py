"""Which way walls run, in rooms of boxes that are turned as a whole."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from box_room import BoxRoom

from scene_r1_ros.frames import RgbdFrame, WindowSnapshot
from scene_r1_ros.geometry import Box3D, yaw_matrix
from scene_r1_ros.lifting.wall_direction import turned_from, wall_direction
from scene_r1_ros.tracking.depth_surface import depth_noise

GRAY = (180, 180, 170)
WALLS = {
    "ahead": (Box3D((0.0, 2.0, 1.5), (8.0, 0.1, 3.0)), GRAY),
    "right": (Box3D((2.5, 0.0, 1.5), (0.1, 8.0, 3.0)), GRAY),
}


def frames_of(boxes: dict, degrees: float, noise: float = 1.0) -> list[RgbdFrame]:
    """Eight views of a room that is turned about z, with the noise of a sensor."""
    rng, turn = np.random.default_rng(0), np.eye(4)
    turn[:3, :3] = yaw_matrix(np.deg2rad(degrees))
    out = []
    for i in range(8):
        frame = BoxRoom(boxes).frame(i, (0.1 * i - 0.8, -1.8, 1.2), look=0.15 * i)
        depth = frame.depth_m + noise * depth_noise(frame.depth_m) * rng.standard_normal((120, 160))
        out.append(
            replace(
                frame, depth_m=depth.astype(np.float32), T_world_camera=turn @ frame.T_world_camera
            )
        )
    return out


@pytest.mark.parametrize("degrees", [0.0, 17.0, 44.0, 89.6])
def test_the_walls_tell_how_a_room_is_turned(degrees):
    found = wall_direction(WindowSnapshot.of(frames_of(WALLS, degrees)))
    assert found is not None
    assert 0 <= found < np.pi / 2
    assert abs(turned_from(found, np.deg2rad(degrees))) < np.deg2rad(0.5)


def test_a_floor_alone_tells_nothing():
    assert wall_direction(WindowSnapshot.of(frames_of({}, 10.0))) is None


def test_walls_in_many_directions_tell_nothing():
    mixed = [frames_of(WALLS, 18.0 * i)[i] for i in range(5)]
    assert wall_direction(WindowSnapshot.of(mixed)) is None
    alike = [frames_of(WALLS, 18.0)[i] for i in range(5)]
    assert wall_direction(WindowSnapshot.of(alike)) is not None


def test_two_directions_with_nothing_between_tell_nothing(monkeypatch):
    yaw = np.deg2rad(np.repeat([10.1, 14.9], 40))
    monkeypatch.setattr(
        "scene_r1_ros.lifting.wall_direction._upright_patches",
        lambda frame: (yaw, np.ones_like(yaw)),
    )
    assert wall_direction(WindowSnapshot.of(frames_of({}, 0.0))) is None


def test_turns_are_told_from_a_direction_or_square_to_it():
    away = turned_from(np.deg2rad([0.0, 95.0, 170.0, -95.0]), 0.0)
    assert np.rad2deg(away) == pytest.approx([0.0, 5.0, -10.0, -5.0])
