"""Depth pixels of messages to metres: what counts as no reading."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

pytest.importorskip("rclpy", reason="needs ROS 2; run ./dev test")

from scene_r1_ros.ros.images import depth_from_metres, depth_from_millimetres


@given(arrays.arrays(np.uint16, (3, 5)))
def test_zero_millimetres_are_no_reading_and_the_rest_is_thousandths(raw):
    depth = depth_from_millimetres(raw)
    assert depth.dtype == np.float32
    expected = np.where(raw == 0, np.nan, raw.astype(np.float32) * np.float32(0.001))
    np.testing.assert_array_equal(depth, expected)


@given(arrays.arrays(np.float32, (3, 5), elements=st.floats(width=32)))
def test_metres_that_are_not_finite_and_positive_are_no_reading(raw):
    raw.flags.writeable = False
    depth = depth_from_metres(raw)
    valid = np.isfinite(raw) & (raw > 0)
    np.testing.assert_array_equal(depth, np.where(valid, raw, np.float32(np.nan)))


def test_the_message_keeps_its_pixels():
    raw = np.array([[-1.0, 2.0]], np.float32)
    depth_from_metres(raw)
    assert raw[0, 0] == -1.0
