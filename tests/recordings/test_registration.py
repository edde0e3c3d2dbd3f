"""Depth registered to another camera: right surface, no invented points, no filled holes."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from scene_r1_ros.frames import CameraIntrinsics
from scene_r1_ros.geometry import transform_points
from scene_r1_ros.recordings import DepthRegistration, register_depth

COARSE = CameraIntrinsics(64, 48, 58.0, 58.0, 31.0, 24.0)
FINE = CameraIntrinsics(130, 97, 117.0, 118.0, 64.0, 48.0)


def plane_depth(camera, normal, distance):
    """Depth of the plane ``normal . p = distance`` in each pixel; NaN behind the camera."""
    v, u = np.mgrid[: camera.height, : camera.width]
    rays = np.stack([(u - camera.cx) / camera.fx, (v - camera.cy) / camera.fy, np.ones(u.shape)], 2)
    z = distance / (rays @ normal)
    return np.where((z > 0.2) & (z < 20), z, np.nan).astype(np.float32)


def test_the_same_camera_changes_nothing():
    depth = plane_depth(COARSE, np.array([0, 0, 1.0]), 2.0)
    assert DepthRegistration(COARSE, COARSE).is_identity
    assert register_depth(depth, COARSE, COARSE) is depth


@settings(max_examples=30, deadline=None)
@given(
    st.tuples(st.floats(-0.6, 0.6), st.floats(-0.6, 0.6)),
    st.floats(1.0, 4.0),
    st.lists(st.floats(-0.08, 0.08), min_size=6, max_size=6),
)
def test_a_slanted_plane_stays_that_plane_without_holes(slope, distance, motion):
    normal = np.array([*slope, 1.0])
    normal /= np.linalg.norm(normal)
    T = np.eye(4)
    T[:3, :3] = Rotation.from_rotvec(motion[:3]).as_matrix()
    T[:3, 3] = motion[3:]
    depth = plane_depth(COARSE, normal, distance)
    fine = register_depth(depth, COARSE, FINE, T)
    moved = T[:3, :3] @ normal
    truth = plane_depth(FINE, moved, distance + moved @ T[:3, 3])
    seen = np.isfinite(fine) & np.isfinite(truth)
    # Within a colour pixel of the true place, on a plane that is up to 45 degrees slanted.
    assert np.median(np.abs(fine - truth)[seen] / truth[seen]) < 0.01
    points = FINE.backproject(fine)
    assert np.quantile(np.abs(points @ moved - distance - moved @ T[:3, 3]), 0.95) < 0.02 * distance
    # Every pixel that looks at something the depth camera saw, well inside its image, is filled.
    back = transform_points(np.linalg.inv(T), FINE.backproject(truth).astype(np.float64))
    pixels, _ = COARSE.project(back)
    inside = ((pixels > 2) & (pixels < np.array([61, 45]))).all(axis=1)
    expected = np.zeros(truth.shape, bool)
    expected[np.nonzero(truth > 0)] = inside
    if expected.sum() > 100:
        assert np.isfinite(fine[expected]).mean() > 0.99


def test_the_nearer_surface_wins_and_nothing_lies_between():
    depth = np.full((48, 64), 3.0, np.float32)
    depth[16:32, 20:40] = 1.0
    T = np.eye(4)
    T[0, 3] = 0.1
    fine = register_depth(depth, COARSE, FINE, T)
    values = np.unique(fine[np.isfinite(fine)])
    np.testing.assert_allclose(values, [1.0, 3.0], atol=1e-5)
    # The box has moved by fx * 0.1 / 1 pixels in the colour image, the wall by a third of it.
    cols = np.flatnonzero((fine == values[0]).any(axis=0))
    expected = FINE.fx * (np.array([19.5, 39.5]) - COARSE.cx) / COARSE.fx + FINE.cx + 11.7
    np.testing.assert_allclose([cols[0], cols[-1]], expected, atol=1.6)


def test_holes_stay_holes():
    depth = np.full((48, 64), 2.0, np.float32)
    depth[20:28, 30:40] = np.nan
    fine = register_depth(depth, COARSE, FINE)
    missing = np.isnan(fine[20:80, 20:110])
    area = 8 * 10 * (FINE.fx / COARSE.fx) * (FINE.fy / COARSE.fy)
    assert 0.8 * area < missing.sum() < 1.1 * area


def test_points_behind_the_colour_camera_are_dropped():
    T = np.eye(4)
    T[2, 3] = -5.0
    assert np.isnan(register_depth(np.full((48, 64), 2.0, np.float32), COARSE, FINE, T)).all()
    assert np.isnan(register_depth(np.full((48, 64), np.nan, np.float32), COARSE, FINE)).all()
