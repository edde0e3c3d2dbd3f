from __future__ import annotations

import numpy as np
import pytest

from scene_r1_ros.geometry import Box3D, box3d_iou
from scene_r1_ros.lifting.round_fit import RoundBody, round_body, with_round_body

CAMERAS = np.array([[-2.0, 0.0, 1.0], [-2.0, 0.3, 1.0]])


def near_half(radius, rng, count=1200, noise=0.002):
    """The half of an upright cylinder about the origin that the cameras at -x see."""
    angle = rng.uniform(np.pi / 2, 1.5 * np.pi, count)
    ring = radius * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    points = np.column_stack([ring, rng.uniform(0, 0.3, count)])
    return (points + rng.normal(0, noise, points.shape)).astype(np.float32)


@pytest.mark.parametrize("radius", [0.04, 0.15])
def test_half_a_cylinder_gives_its_axis_and_radius(radius):
    body = round_body(near_half(radius, np.random.default_rng(0)), CAMERAS)
    assert body is not None
    assert body.center == pytest.approx((0, 0), abs=0.1 * radius)
    assert body.radius == pytest.approx(radius, rel=0.1)


def test_a_ball_shows_its_radius_at_every_height():
    rng = np.random.default_rng(0)
    points = rng.normal(size=(3000, 3))
    points *= 0.12 / np.linalg.norm(points, axis=1, keepdims=True)
    seen = points[points @ np.array([-1.0, 0.0, 0.4]) > 0]
    body = round_body(seen.astype(np.float32), CAMERAS)
    assert body is not None
    assert body.radius == pytest.approx(0.12, rel=0.1)


@pytest.mark.parametrize(("length", "noise"), [(0.4, 0.0), (0.25, 0.01)])
def test_the_corner_of_a_box_is_not_round(length, noise):
    rng = np.random.default_rng(0)
    t, z = rng.uniform(0, length, 3000), rng.uniform(0, 0.3, 3000)
    side = rng.random(3000) < 0.5
    points = np.stack([np.where(side, t, 0), np.where(side, 0, t), z], axis=1)
    turned = points @ np.array([[1, 1, 0], [-1, 1, 0], [0, 0, np.sqrt(2)]]).T / np.sqrt(2)
    noisy = turned + rng.normal(0, noise, turned.shape)
    assert round_body(noisy.astype(np.float32), CAMERAS) is None


def test_noise_of_single_points_hides_no_roundness():
    """At 2 m a sensor's deviation is near a centimetre; means of many points are on the circle."""
    body = round_body(near_half(0.14, np.random.default_rng(0), 3000, noise=0.01), CAMERAS)
    assert body is not None
    assert body.radius == pytest.approx(0.14, rel=0.12)


def test_a_flat_front_is_not_round():
    rng = np.random.default_rng(0)
    points = rng.uniform((0, -0.3, 0), (0.005, 0.3, 0.5), (1200, 3))
    assert round_body(points.astype(np.float32), CAMERAS) is None


def test_the_box_of_a_round_thing_is_square_and_keeps_its_height():
    seen = Box3D((-0.02, 0.0, 0.15), (0.06, 0.1, 0.3), 0.4)
    whole = with_round_body(seen, RoundBody((0.0, 0.0), 0.05))
    assert box3d_iou(whole, Box3D((0, 0, 0.15), (0.1, 0.1, 0.3))) > 0.99


def test_a_round_part_of_a_longer_thing_does_not_cut_it():
    seen = Box3D((0.2, 0.0, 0.15), (0.8, 0.2, 0.3))
    assert with_round_body(seen, RoundBody((0.0, 0.0), 0.1)) is seen
