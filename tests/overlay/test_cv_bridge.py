"""cv_bridge: pixels survive every encoding, byte order and padding; colours convert as expected."""

from __future__ import annotations

import array
import itertools

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("cv_bridge.encodings", reason="needs this project's overlay")

from cv_bridge import CvBridge, CvBridgeError, cvtColorForDisplay, getCvType
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header

BRIDGE = CvBridge()
GENERIC = [
    f"{depth}C{channels}"
    for depth in ("8U", "8S", "16U", "16S", "32S", "32F", "64F")
    for channels in (1, 2, 3, 4)
]
BAYER = [f"bayer_{p}{d}" for p, d in itertools.product(("rggb", "bggr", "gbrg", "grbg"), (8, 16))]
COLORS = [f"{c}{d}" for c, d in itertools.product(("mono", "rgb", "bgr", "rgba", "bgra"), (8, 16))]
YUV = ["yuv422", "yuv422_yuy2", "uyvy", "yuyv"]


def image_message(pixels, encoding, big_endian=False, padding=0):
    """Write the message byte by byte, independently of the bridge."""
    height, width = pixels.shape[:2]
    ordered = pixels.astype(pixels.dtype.newbyteorder(">" if big_endian else "<"))
    rows = [row.tobytes() + b"\xee" * padding for row in ordered]
    msg = Image(height=height, width=width, encoding=encoding, is_bigendian=big_endian)
    msg.data = array.array("B", b"".join(rows))
    msg.step = len(rows[0]) if rows else 0
    return msg


@given(
    st.sampled_from(GENERIC + BAYER + COLORS + YUV),
    st.integers(1, 6),
    st.integers(1, 7),
    st.booleans(),
    st.integers(0, 5),
    st.randoms(use_true_random=False),
)
@settings(max_examples=150, deadline=None)
def test_every_encoding_byte_order_and_padding_is_read_exactly(
    encoding, height, width, big_endian, padding, random
):
    dtype, channels = BRIDGE.encoding_to_dtype_with_channels(encoding)
    dtype = np.dtype(dtype)
    shape = (height, width) if channels == 1 else (height, width, channels)
    count = int(np.prod(shape))
    pixels = np.frombuffer(random.randbytes(count * dtype.itemsize), dtype).reshape(shape)
    if dtype.kind == "f":
        pixels = np.nan_to_num(pixels)
    got = BRIDGE.imgmsg_to_cv2(image_message(pixels, encoding, big_endian, padding))
    assert got.dtype == dtype
    assert got.dtype.isnative
    np.testing.assert_array_equal(got, pixels)

    sent = BRIDGE.cv2_to_imgmsg(got, encoding)
    assert (sent.encoding, sent.height, sent.width) == (encoding, height, width)
    assert bytes(sent.data) == pixels.tobytes()
    assert sent.step == width * channels * dtype.itemsize


def test_passthrough_shares_the_memory_of_the_message():
    msg = BRIDGE.cv2_to_imgmsg(np.zeros((4, 5), np.uint16), "16UC1")
    image = BRIDGE.imgmsg_to_cv2(msg)
    image[0, 0] = 0x0102
    assert list(msg.data[:2]) == [2, 1]
    converted = BRIDGE.imgmsg_to_cv2(msg, "16UC1")
    assert not np.shares_memory(image, converted)


def test_arrays_that_are_not_contiguous_or_not_native_are_written_as_they_look():
    pixels = np.arange(60, dtype=np.int32).reshape(6, 10)
    view = pixels[::2, ::-3]
    np.testing.assert_array_equal(BRIDGE.imgmsg_to_cv2(BRIDGE.cv2_to_imgmsg(view)), view)
    swapped = BRIDGE.cv2_to_imgmsg(pixels.astype(">i4"))
    assert swapped.is_bigendian
    np.testing.assert_array_equal(BRIDGE.imgmsg_to_cv2(swapped), pixels)


def test_the_header_goes_along_and_passthrough_names_the_type():
    header = Header(frame_id="camera")
    msg = BRIDGE.cv2_to_imgmsg(np.zeros((2, 3, 5), np.float32), header=header)
    assert (msg.header, msg.encoding, msg.step) == (header, "32FC5", 60)


@pytest.mark.parametrize(
    ("source", "pixel", "target", "expected"),
    [
        ("rgb8", (10, 20, 30), "bgr8", (30, 20, 10)),
        ("rgba8", (10, 20, 30, 40), "rgb8", (10, 20, 30)),
        ("rgb8", (10, 20, 30), "bgra8", (30, 20, 10, 255)),
        ("mono8", 7, "rgb8", (7, 7, 7)),
        ("rgb8", (255, 0, 0), "mono8", 76),
        ("mono8", 255, "mono16", 65535),
        ("mono16", 257 * 9 + 128, "mono8", 9),
        ("mono16", 257 * 9 + 129, "mono8", 10),
        ("rgb16", (65535, 0, 257), "bgr8", (1, 0, 255)),
        ("bgr8", (1, 2, 3), "8UC3", (1, 2, 3)),
        ("mono16", 1500, "16UC1", 1500),
        ("16UC1", 1500, "32FC1", 1500.0),
        ("32FC1", 1.5, "16UC1", 2),
        ("32FC1", -3.0, "16UC1", 0),
        ("32FC1", 1e9, "16UC1", 65535),
        ("uyvy", (128, 81), "mono8", 81),
    ],
)
def test_conversions_of_a_flat_image(source, pixel, target, expected):
    dtype, channels = BRIDGE.encoding_to_dtype_with_channels(source)
    shape = (4, 6) if channels == 1 else (4, 6, channels)
    pixels = np.empty(shape, dtype)
    pixels[...] = pixel
    got = BRIDGE.imgmsg_to_cv2(BRIDGE.cv2_to_imgmsg(pixels, source), target)
    assert got.dtype == np.dtype(BRIDGE.encoding_to_dtype_with_channels(target)[0])
    np.testing.assert_array_equal(got, np.broadcast_to(expected, got.shape))


@pytest.mark.parametrize("encoding", BAYER)
def test_bayer_patterns_name_the_first_two_rows(encoding):
    """Red 200, green 100, blue 50 seen through each colour filter."""
    pattern = encoding[len("bayer_") : len("bayer_") + 4]
    scale = 257 if encoding.endswith("16") else 1
    value = {"r": 200 * scale, "g": 100 * scale, "b": 50 * scale}
    tile = np.array([value[c] for c in pattern]).reshape(2, 2)
    dtype = BRIDGE.encoding_to_dtype_with_channels(encoding)[0]
    msg = BRIDGE.cv2_to_imgmsg(np.tile(tile, (4, 4)).astype(dtype), encoding)
    got = BRIDGE.imgmsg_to_cv2(msg, "rgb8")
    np.testing.assert_array_equal(got[2:-2, 2:-2], np.broadcast_to((200, 100, 50), (4, 4, 3)))


@pytest.mark.parametrize(
    ("source", "target", "words"),
    [
        ("8UC3", "mono16", "not a color format"),
        ("8UC3", "bgr8", "not a color format"),
        ("rgb8", "8UC1", "same number of channels"),
        ("rgb8", "bayer_rggb8", "Unsupported conversion"),
        ("rgb8", "grb8", "Unrecognized image encoding"),
    ],
)
def test_conversions_without_meaning_are_refused(source, target, words):
    msg = BRIDGE.cv2_to_imgmsg(np.zeros((2, 2, 3), np.uint8), source)
    with pytest.raises(CvBridgeError, match=words):
        BRIDGE.imgmsg_to_cv2(msg, target)


def test_malformed_messages_are_refused():
    msg = BRIDGE.cv2_to_imgmsg(np.zeros((4, 6, 3), np.uint8), "rgb8")
    msg.step = 17
    with pytest.raises(CvBridgeError, match="step < width"):
        BRIDGE.imgmsg_to_cv2(msg)
    msg.step = 18
    msg.height = 5
    with pytest.raises(CvBridgeError, match="height \\* step != size"):
        BRIDGE.imgmsg_to_cv2(msg)
    msg.encoding = "nv21"
    with pytest.raises(CvBridgeError, match="Unrecognized image encoding \\[nv21\\]"):
        BRIDGE.imgmsg_to_cv2(msg)


def test_arrays_that_do_not_fit_the_encoding_are_refused():
    with pytest.raises(CvBridgeError, match="encoding specified as rgba8"):
        BRIDGE.cv2_to_imgmsg(np.zeros((2, 2, 3), np.uint8), "rgba8")
    with pytest.raises(CvBridgeError, match="int64"):
        BRIDGE.cv2_to_imgmsg(np.zeros((2, 2), np.int64))
    with pytest.raises(TypeError, match="not a numpy array"):
        BRIDGE.cv2_to_imgmsg([[1]])


def test_types_have_opencvs_numbers():
    assert getCvType("bgr8") == cv2.CV_8UC3
    assert getCvType("16U") == cv2.CV_16UC1
    assert BRIDGE.encoding_to_cvtype2("32FC1") == cv2.CV_32FC1
    assert BRIDGE.cvtype2_to_dtype_with_channels(cv2.CV_64FC4) == ("float64", 4)
    assert BRIDGE.dtype_with_channels_to_cvtype2(np.dtype(">u2"), 3) == "16UC3"


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_lossless_compression_is_lossless(dtype, channels):
    shape = (8, 9) if channels == 1 else (8, 9, channels)
    pixels = np.random.default_rng(0).integers(0, np.iinfo(dtype).max, shape).astype(dtype)
    msg = BRIDGE.cv2_to_compressed_imgmsg(pixels, "png")
    assert msg.format == "png"
    np.testing.assert_array_equal(BRIDGE.compressed_imgmsg_to_cv2(msg), pixels)


def test_compressed_images_convert_by_what_the_file_holds():
    grey = BRIDGE.cv2_to_compressed_imgmsg(np.full((8, 8), 90, np.uint8))
    assert grey.format == "jpg"
    assert BRIDGE.compressed_imgmsg_to_cv2(grey, "bgr8").shape == (8, 8, 3)
    color = BRIDGE.cv2_to_compressed_imgmsg(np.full((8, 8, 3), (1, 2, 3), np.uint8), "png")
    assert BRIDGE.compressed_imgmsg_to_cv2(color, "rgb8")[0, 0].tolist() == [3, 2, 1]
    depth = BRIDGE.cv2_to_compressed_imgmsg(np.full((8, 8), 1500, np.uint16), "png")
    assert BRIDGE.compressed_imgmsg_to_cv2(depth, "16UC1")[0, 0] == 1500


@pytest.mark.parametrize("data", [b"", b"no image at all"])
def test_data_that_is_no_image_is_an_error(data):
    msg = CompressedImage(format="jpeg", data=array.array("B", data))
    with pytest.raises(CvBridgeError, match="cannot decode"):
        BRIDGE.compressed_imgmsg_to_cv2(msg)


def test_display_scales_values_and_paints_labels():
    depth = np.array([[1.0, 2.0], [3.0, np.inf]], np.float32)
    scaled = cvtColorForDisplay(depth, "32FC1", "mono8", do_dynamic_scaling=True)
    assert scaled.tolist() == [[0, 128], [255, 255]]
    labels = cvtColorForDisplay(np.array([[-1, 0], [1, 1]], np.int32), "32SC1", "bgr8")
    assert labels[0, 0].tolist() == [0, 0, 0]
    assert labels[0, 1].tolist() != labels[1, 0].tolist() == labels[1, 1].tolist()
