"""Stray points and small clusters: what stays because it is of the object."""

from __future__ import annotations

import numpy as np

from scene_r1_ros.lifting import LiftConfig
from scene_r1_ros.lifting.denoise import main_clusters, statistical_inliers


def plate(width: float, height: float, spacing: float, at: tuple[float, float, float]):
    """Points (N, 3) of an upright rectangle in the x-z plane."""
    x, z = np.meshgrid(np.arange(0, width, spacing), np.arange(0, height, spacing))
    return np.stack([x.ravel(), np.zeros(x.size), z.ravel()], axis=1).astype(np.float32) + at


def test_a_small_cluster_stays_where_nearly_all_views_agree_on_it():
    """The flowers of a vase, whose stems have no depth; what a mask bled onto has not."""
    body, flower = plate(0.2, 0.2, 0.01, (0, 0, 0)), plate(0.04, 0.04, 0.01, (0.3, 0, 0.3))
    points = np.concatenate([body, flower]).astype(np.float32)
    agreement = np.r_[np.full(len(body), 0.95), np.full(len(flower), 0.93)]
    small = slice(len(body), None)
    assert main_clusters(points, 0.02, 0.15, agreement).all()
    agreement[small] = 0.7
    assert not main_clusters(points, 0.02, 0.15, agreement)[small].any()
    assert not main_clusters(points, 0.02, 0.15)[small].any()


def test_a_side_with_few_readings_is_no_outlier_and_a_stray_point_is():
    """The side of a cabinet, seen at a flat angle."""
    front = plate(1.0, 1.0, 0.015, (0, 0, 0))
    side = plate(0.4, 1.0, 0.04, (0, 0, 0))[:, [1, 0, 2]]
    stray = np.array([[0.5, -0.6, 0.5]])
    points = np.concatenate([front, side, stray]).astype(np.float32)
    config = LiftConfig()
    kept = statistical_inliers(points, config.outlier_neighbours, config.outlier_deviations)
    assert kept[len(front) : -1].mean() > 0.95
    assert not kept[-1]
