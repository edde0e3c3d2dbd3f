"""The quick ways of back-projection and transforms give what the plain formulas give."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from scene_r1_ros.bench import pixels
from scene_r1_ros.errors import FrameError
from scene_r1_ros.geometry import transform_points

COORDINATES = st.floats(-100, 100, width=32)


def test_each_reading_lies_on_its_pixels_ray():
    frame, camera = pixels.camera_frame(32, 24), pixels.camera(32, 24)
    mask = pixels.object_mask(32, 24, 0.7)
    rows, cols = np.nonzero(mask & (frame.depth_m > 0))
    z = frame.depth_m[rows, cols]
    plain = np.stack([(cols - camera.cx) / camera.fx * z, (rows - camera.cy) / camera.fy * z, z], 1)
    np.testing.assert_allclose(camera.backproject(frame.depth_m, mask), plain, atol=1e-6)


def test_depth_of_another_size_than_the_camera_is_refused():
    with pytest.raises(FrameError, match=r"this camera's is \(24, 32\)"):
        pixels.camera(32, 24).backproject(np.ones((12, 16), np.float32))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(3,), (7, 3), (2, 4, 3), (0, 3)])
@given(data=st.data())
def test_a_transform_keeps_shape_and_precision(dtype, shape, data):
    points = data.draw(arrays.arrays(dtype, shape, elements=COORDINATES))
    T = pixels.pose_at(1.7)
    moved = transform_points(T, points)
    assert (moved.dtype, moved.shape) == (points.dtype, points.shape)
    np.testing.assert_allclose(moved, points @ T[:3, :3].T + T[:3, 3], atol=1e-4)


def test_points_may_be_a_read_only_part_of_something_larger():
    points = np.arange(30.0).reshape(5, 6)[::2, 1:4]
    points.flags.writeable = False
    T = pixels.pose_at(0.3)
    np.testing.assert_allclose(transform_points(T, points), points @ T[:3, :3].T + T[:3, 3])
