"""A ball is known whole from a noisy cap of it; what is no ball is left alone."""

from __future__ import annotations

import numpy as np
import pytest

from scene_r1_ros.geometry import Box3D, box3d_iou
from scene_r1_ros.lifting.ball_fit import ball_box

CAMERAS = np.array([[-2.4, 0.0, 1.0], [-2.4, 0.5, 1.0]])
RADIUS = 0.12
TRUTH = Box3D((0.0, 0.0, RADIUS), (2 * RADIUS,) * 3)


def blurred(points, noise, rng):
    """Points (N, 3) with noise along the ray from the first camera."""
    ray = points - CAMERAS[0]
    ray /= np.linalg.norm(ray, axis=1, keepdims=True)
    return (points + rng.normal(0, noise, len(points))[:, None] * ray).astype(np.float32)


def cap(rng, noise, count=4000):
    normals = rng.normal(size=(count, 3))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    points = RADIUS * normals + (0, 0, RADIUS)
    seen = ((CAMERAS[0] - points) * normals).sum(axis=1) > 0.5
    return blurred(points[seen], noise, rng)


def seen_box(points):
    low, high = points.min(axis=0), points.max(axis=0)
    size = (float(high[0] - low[0]), float(high[1] - low[1]), 2 * RADIUS)
    return Box3D((float(low[0] + high[0]) / 2, float(low[1] + high[1]) / 2, RADIUS), size)


@pytest.mark.parametrize("noise", [0.002, 0.012])
def test_a_cap_gives_the_whole_ball(noise):
    points = cap(np.random.default_rng(0), noise)
    box = seen_box(points)
    ball = ball_box(box, points, CAMERAS)
    assert ball is not None
    assert box3d_iou(ball, TRUTH) > 0.85 > box3d_iou(box, TRUTH) + 0.1


def test_the_corner_of_a_cube_is_no_ball():
    rng = np.random.default_rng(0)
    face, (t, z) = rng.integers(0, 3, 4000), rng.uniform(0, 2 * RADIUS, (2, 4000))
    top = np.stack([t, z, np.full(4000, 2 * RADIUS)], axis=1)
    sides = np.where(
        (face == 0)[:, None],
        np.c_[t, 0 * t, z],
        np.where((face == 1)[:, None], np.c_[0 * t, t, z], top),
    )
    turned = sides @ np.array([[1, 1, 0], [-1, 1, 0], [0, 0, np.sqrt(2)]]).T / np.sqrt(2)
    points = blurred(turned - (RADIUS, 0, 0), 0.006, rng)
    assert ball_box(seen_box(points), points, CAMERAS) is None


def test_a_round_back_of_a_chair_makes_no_ball_as_high_as_the_chair():
    points = cap(np.random.default_rng(0), 0.012)
    chair = Box3D((0.0, 0.0, 0.5), (0.6, 0.5, 1.0))
    assert ball_box(chair, points, CAMERAS) is None


def test_few_points_make_no_ball():
    points = cap(np.random.default_rng(0), 0.002)[:50]
    assert ball_box(seen_box(points), points, CAMERAS) is None
