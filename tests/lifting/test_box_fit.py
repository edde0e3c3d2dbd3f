from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scene_r1_ros.geometry import Box3D, box3d_iou, transform_points
from scene_r1_ros.lifting.box_fit import extent, fit_box


def surface_of(box: Box3D, count: int, rng: np.random.Generator, faces=range(6)) -> np.ndarray:
    """Points spread evenly over the faces (-x, +x, -y, +y, -z, +z) of a box."""
    size = np.array(box.size)
    faces = list(faces)
    areas = np.array([np.prod(np.delete(size, f // 2)) for f in faces])
    face = rng.choice(faces, count, p=areas / areas.sum())
    points = rng.uniform(-0.5, 0.5, (count, 3)) * size
    axis = face // 2
    points[np.arange(count), axis] = np.where(face % 2, 0.5, -0.5) * size[axis]
    return transform_points(box.T_world_box, points).astype(np.float32)


def fitted(points: np.ndarray, **kw) -> Box3D:
    options = {"trim_share": 0.01, "fit_yaw": True, **kw}
    return fit_box(points, np.ones(len(points)), **options)


@settings(max_examples=12, deadline=None)
@given(
    yaw=st.floats(-3.1, 3.1),
    size=st.tuples(st.floats(0.2, 1.5), st.floats(0.2, 1.5), st.floats(0.2, 1.5)),
    seed=st.integers(0, 1000),
)
def test_a_noisy_box_is_found_at_any_yaw(yaw, size, seed):
    rng = np.random.default_rng(seed)
    truth = Box3D((1.0, -2.0, 0.4), size, yaw)
    points = surface_of(truth, 3000, rng) + rng.normal(0, 0.004, (3000, 3)).astype(np.float32)
    assert box3d_iou(fitted(points), truth) > 0.85


def test_two_visible_sides_are_enough_for_the_yaw():
    rng = np.random.default_rng(0)
    truth = Box3D((0.0, 0.0, 0.5), (1.2, 0.6, 1.0), np.deg2rad(33))
    points = surface_of(truth, 2000, rng, faces=(0, 2, 5))
    assert box3d_iou(fitted(points), truth) > 0.85


def test_outliers_do_not_stretch_the_box():
    rng = np.random.default_rng(0)
    truth = Box3D((0.0, 0.0, 0.5), (0.8, 0.45, 0.55), 0.3)
    outliers = rng.uniform(-2, 2, (20, 3)).astype(np.float32)
    points = np.vstack([surface_of(truth, 3000, rng), outliers])
    assert box3d_iou(fitted(points), truth) > 0.85
    assert box3d_iou(fitted(points, trim_share=0.0), truth) < 0.5


def test_a_box_without_yaw_is_axis_aligned():
    rng = np.random.default_rng(0)
    points = surface_of(Box3D((0, 0, 0), (1, 0.4, 0.4), 0.5), 2000, rng)
    assert fitted(points, fit_yaw=False).yaw == 0.0


def test_the_end_of_a_noisy_face_is_its_middle_not_its_tail():
    rng = np.random.default_rng(0)
    body, face = rng.uniform(0, 1, 1000), rng.normal(1.0, 0.01, 1000)
    values = np.concatenate([body, face])
    _, end = extent(values, np.ones(values.size), 0.005)
    assert end == pytest.approx(1.0, abs=0.004)


def test_a_thing_whose_turn_drowns_in_noise_stands_along_the_walls():
    turned, alone = [], []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        local = Box3D((0.0, 0.0, 0.5), (0.6, 0.3, 0.8))
        front = surface_of(local, 300, rng, faces=(2,))
        front[:, 1] += 0.03 * rng.standard_normal(300)
        points = transform_points(Box3D((0.0, 0.0, 0.0), local.size, 0.5).T_world_box, front)
        alone.append(fitted(points).yaw)
        turned.append(fitted(points, walls=0.5).yaw)
    assert turned.count(0.5) >= 5
    assert np.abs(np.subtract(alone, 0.5)).max() > np.deg2rad(2.0)


def test_a_thing_that_is_seen_to_be_turned_stays_so():
    rng = np.random.default_rng(0)
    truth = Box3D((0.0, 0.0, 0.5), (1.2, 0.6, 1.0), np.deg2rad(33))
    points = surface_of(truth, 2000, rng, faces=(0, 2, 5))
    for walls in (0.0, np.deg2rad(20.0), np.deg2rad(41.0)):
        assert box3d_iou(fitted(points, walls=walls), truth) > 0.85


def test_how_a_round_thing_is_turned_the_walls_tell():
    rng = np.random.default_rng(0)
    angle, radius = rng.uniform(0, 2 * np.pi, 3000), np.sqrt(rng.uniform(0, 1, 3000))
    points = np.stack([radius * np.cos(angle), radius * np.sin(angle), 0 * angle], axis=1)
    assert fitted(points.astype(np.float32), walls=0.3).yaw == pytest.approx(0.3)
