"""What is rendered is what is there."""

from __future__ import annotations

import json

import numpy as np
import pytest

from scene_r1_ros.errors import RequestError
from scene_r1_ros.frames import StampedPose
from scene_r1_ros.geometry import mask_box, transform_points
from scene_r1_ros.recordings import open_recording
from scene_r1_ros.synthetic import (
    SensorConfig,
    default_camera,
    demo_recording,
    make_room,
    make_trajectory,
    render,
)
from scene_r1_ros.synthetic.room import inside
from scene_r1_ros.synthetic.trajectory import look_along

CAMERA = default_camera(160, 120)
SEED = 5


@pytest.fixture(scope="module")
def room():
    return make_room(SEED)


@pytest.fixture(scope="module")
def poses(room):
    return make_trajectory(room, SEED, seconds=16, fps=1)


@pytest.fixture(scope="module")
def frames(room, poses):
    return list(render(room, poses, CAMERA, SensorConfig.perfect()))


def test_depth_of_an_instance_lies_in_its_box(room, frames) -> None:
    checked = 0
    for one in frames:
        points = CAMERA.backproject(one.frame.depth_m)
        owner = one.instances[one.frame.depth_m > 0]
        world = transform_points(one.frame.T_world_camera, points)
        for item in room.objects:
            mine = world[owner == item.instance]
            assert item.box.contains(mine, margin=0.005).all(), item.kind
            checked += len(mine)
    assert checked > 20_000


def test_depth_is_along_the_optical_axis(room) -> None:
    height = 1.4
    T = look_along(np.array([0.0, 0.0, height]), np.array([0.01, 0.0, -1.0]))
    (one,) = render(room, [StampedPose(0, T)], CAMERA, SensorConfig.perfect())
    floor = one.instances == 1
    assert floor.any()
    rays = np.linalg.inv(CAMERA.K) @ np.stack(
        [*np.nonzero(floor)[::-1], np.ones(floor.sum())], axis=0
    )
    drop = (T[:3, :3] @ rays)[2]
    np.testing.assert_allclose(one.frame.depth_m[floor], -height / drop, rtol=1e-4)


def test_boxes_are_those_of_the_instance_image(frames) -> None:
    for one in frames[:3]:
        for instance, (box, pixels) in one.boxes().items():
            mask = one.instances == instance
            assert box == mask_box(mask)
            assert pixels == mask.sum()


def test_most_objects_are_seen(room, frames) -> None:
    seen = set(np.unique(np.concatenate([np.unique(f.instances) for f in frames])))
    share = np.mean([o.instance in seen for o in room.objects])
    assert share > 0.75


def test_same_seed_gives_the_same_bytes(room, poses) -> None:
    again = make_room(SEED)
    pair = list(render(room, poses[:2], CAMERA)), list(render(again, poses[:2], CAMERA))
    for a, b in zip(*pair, strict=True):
        assert a.frame.color.tobytes() == b.frame.color.tobytes()
        assert a.frame.depth_m.tobytes() == b.frame.depth_m.tobytes()
        assert a.instances.tobytes() == b.instances.tobytes()


def test_number_of_threads_does_not_change_a_byte(room, poses) -> None:
    (one,) = render(room, poses[:1], CAMERA, nthreads=1)
    (two,) = render(room, poses[:1], CAMERA, nthreads=2)
    assert one.frame.color.tobytes() == two.frame.color.tobytes()


def test_colours_keep_their_names() -> None:
    room = make_room(2_000_003)
    poses = make_trajectory(room, 1, seconds=10, fps=1)
    red_over_blue = []
    for one in render(room, poses, CAMERA, SensorConfig.perfect()):
        for item in room.objects:
            mask = one.instances == item.instance
            if mask.sum() > 150 and item.color in ("red", "orange", "blue"):
                r, _, b = np.median(one.frame.color[mask], axis=0)
                red_over_blue.append((r > b) == (item.color != "blue"))
    assert len(red_over_blue) > 3
    assert np.mean(red_over_blue) > 0.9


def test_the_camera_walks_inside_and_comes_back(room) -> None:
    poses = make_trajectory(room, SEED, seconds=30, fps=10)
    eyes = np.array([p.T_world_camera[:3, 3] for p in poses])
    assert inside(room.outline, eyes[:, :2], 0.2).all()
    assert np.diff([p.stamp_ns for p in poses]).min() > 0
    speed = np.linalg.norm(np.diff(eyes, axis=0), axis=1) * 10
    assert 0.5 < speed.max() < 1.4
    assert np.percentile(speed, 10) < 0.1  # it stops now and then
    assert np.linalg.norm(eyes[-1] - eyes[0]) < 0.2
    first, last = poses[0].T_world_camera[:3, 2], poses[-1].T_world_camera[:3, 2]
    assert first @ last > 0.97
    forward = np.array([p.T_world_camera[:3, 2] for p in poses])
    assert (forward[:, :2] @ first[:2]).min() < -0.4  # it looked behind itself in between


def test_a_trajectory_without_frames_is_refused(room) -> None:
    with pytest.raises(RequestError, match="holds no frame"):
        make_trajectory(room, 0, seconds=0.01, fps=1)


def test_demo_recording_reads_back_with_its_truth(tmp_path) -> None:
    out = demo_recording(tmp_path / "demo", 2_000_000, seconds=2, fps=2, width=160, height=120)
    frames = list(open_recording(out))
    assert len(frames) == 4
    truth = json.loads((out / "objects.json").read_text())
    assert {"instance", "label", "color", "box", "frames", "support"} <= set(truth["objects"][0])
    seen = [o for o in truth["objects"] if o["frames"]]
    assert seen
    x0, y0, x1, y1 = seen[0]["frames"][0]["box"]
    assert 0 <= x0 < x1 <= 160
    assert 0 <= y0 < y1 <= 120
