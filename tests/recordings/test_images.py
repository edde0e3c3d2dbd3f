"""Damage to encoded images is found; what the libraries would fill with grey is not passed on."""

import contextlib

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from recordings.builders import color, depth_units

from scene_r1_ros.errors import RecordingFormatError
from scene_r1_ros.recordings import FrameSkippedError
from scene_r1_ros.recordings.images import (
    check_image,
    decode_color,
    decode_depth,
    depth_to_metres,
    encode_color,
    encode_depth,
    metres_to_depth,
)

PNG = encode_depth(depth_units(3))
JPEG = encode_color(color(3), ".jpg")


@given(st.integers(0, len(PNG) - 1))
def test_a_png_cut_off_anywhere_is_skipped(length):
    with pytest.raises(FrameSkippedError):
        decode_depth(PNG[:length], "it")


@given(st.integers(0, len(JPEG) - 1))
def test_a_jpeg_cut_off_anywhere_is_skipped(length):
    with pytest.raises(FrameSkippedError):
        decode_color(JPEG[:length], "it")


@given(st.integers(0, len(PNG) - 1), st.integers(1, 255))
def test_a_changed_byte_in_a_png_is_noticed_or_harmless(position, change):
    data = bytearray(PNG)
    data[position] ^= change
    with contextlib.suppress(FrameSkippedError, RecordingFormatError):
        np.testing.assert_array_equal(decode_depth(bytes(data), "it"), depth_units(3))


def test_damage_is_found_without_decoding():
    broken = bytearray(PNG)
    broken[PNG.index(b"IDAT") + 9] ^= 1
    with pytest.raises(FrameSkippedError, match="it: the PNG is damaged"):
        check_image(bytes(broken), "it")
    with pytest.raises(FrameSkippedError, match="it: the PNG is truncated"):
        check_image(PNG[:-12], "it")
    with pytest.raises(FrameSkippedError, match="it: the JPEG is truncated"):
        check_image(JPEG[:-2], "it")


@given(st.binary(max_size=60))
def test_bytes_that_are_no_image_are_skipped(data):
    with pytest.raises(FrameSkippedError):
        check_image(data, "it")


def test_the_headers_tell_size_and_type():
    assert (check_image(PNG, "").width, check_image(PNG, "").height) == (32, 24)
    assert check_image(PNG, "").bits == 16
    assert (check_image(JPEG, "").width, check_image(JPEG, "").height) == (32, 24)
    progressive = cv2.imencode(".jpg", color(0), [cv2.IMWRITE_JPEG_PROGRESSIVE, 1])[1].tobytes()
    assert check_image(progressive, "").width == 32


def test_colour_is_rgb():
    red = np.zeros((8, 8, 3), np.uint8)
    red[..., 0] = 255
    assert decode_color(encode_color(red, ".png"), "")[0, 0].tolist() == [255, 0, 0]
    grey = cv2.imencode(".png", np.full((8, 8), 7, np.uint8))[1].tobytes()
    assert decode_color(grey, "")[0, 0].tolist() == [7, 7, 7]


@given(st.lists(st.integers(0, 65535), min_size=4, max_size=4), st.sampled_from([1000.0, 5000.0]))
def test_depth_units_survive_metres(units, scale):
    depth = np.array(units, np.uint16).reshape(2, 2)
    np.testing.assert_array_equal(metres_to_depth(depth_to_metres(depth, scale), scale), depth)


def test_depth_that_does_not_fit_is_written_as_none_not_wrapped():
    depth = np.array([[np.nan, 65.5, 65.6, 70.0, -1.0, np.inf]], np.float32)
    assert metres_to_depth(depth, 1000.0).tolist() == [[0, 65500, 0, 0, 0, 0]]


def test_the_marked_value_is_no_reading():
    depth = depth_to_metres(np.array([[0, 65535, 1000]], np.uint16), 1000.0, invalid=65535)
    np.testing.assert_array_equal(depth, np.array([[np.nan, np.nan, 1.0]], np.float32))
