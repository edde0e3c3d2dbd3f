"""ScanNet .sens files, against bytes laid down by hand from the format's description."""

import struct
import zlib

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from recordings.builders import (
    CAMERA,
    HEIGHT,
    WIDTH,
    camera_matrix,
    color,
    depth_units,
    frame,
    pose,
)

from scene_r1_ros.errors import RecordingError, RecordingFormatError
from scene_r1_ros.frames import CameraIntrinsics
from scene_r1_ros.recordings import (
    ColorCompression,
    DepthCompression,
    SensOptions,
    SensReader,
    SensWriter,
    open_recording,
)
from scene_r1_ros.recordings.images import encode_color

LOST = np.full((4, 4), -np.inf)


def header(
    frames, version=4, color_kind=0, depth_kind=0, name=b"hand", depth_camera=CAMERA, E_depth=None
):
    matrices = [
        camera_matrix(CAMERA),
        np.eye(4),
        camera_matrix(depth_camera),
        np.eye(4) if E_depth is None else E_depth,
    ]
    data = struct.pack("<I", version) + struct.pack("<Q", len(name)) + name
    for matrix in matrices:
        data += matrix.astype("<f4").tobytes()
    data += struct.pack("<ii", color_kind, depth_kind)
    data += struct.pack("<IIII", WIDTH, HEIGHT, depth_camera.width, depth_camera.height)
    return data + struct.pack("<f", 1000.0) + struct.pack("<Q", frames)


def one_frame(matrix, time_us, color_data, depth_data):
    data = matrix.astype("<f4").tobytes() + struct.pack("<QQ", time_us, time_us + 3)
    data += struct.pack("<QQ", len(color_data), len(depth_data))
    return data + color_data + depth_data


def raw_file(count, poses=pose, times=lambda i: 1000 + 100_000 * i):
    data = header(count)
    for i in range(count):
        pixels = depth_units(i).astype("<u2").tobytes()
        data += one_frame(poses(i), times(i), color(i).tobytes(), pixels)
    return data + struct.pack("<Q", 0)


def test_a_raw_file_by_hand_is_read(tmp_path):
    path = tmp_path / "scene0001_00.sens"
    path.write_bytes(raw_file(3))
    with open_recording(path) as recording:
        assert (recording.kind, recording.name, recording.depth_scale) == (
            "sens",
            "scene0001_00",
            1000.0,
        )
        assert recording.header.sensor_name == "hand"
        for i, got in enumerate(recording):
            assert got.stamp_ns == 1_000_000 + 100_000_000 * i
            np.testing.assert_array_equal(got.color, color(i))
            np.testing.assert_array_equal(got.depth_m, frame(i).depth_m)
            np.testing.assert_allclose(got.T_world_camera, pose(i), atol=1e-6)
            assert got.intrinsics == CAMERA


@pytest.mark.parametrize(("kind", "suffix"), [(1, ".png"), (2, ".jpg")])
def test_compressed_colour_and_depth_by_hand_are_read(tmp_path, kind, suffix):
    data = header(1, color_kind=kind, depth_kind=1)
    packed = zlib.compress(depth_units(0).astype("<u2").tobytes())
    data += one_frame(pose(0), 5, encode_color(color(0), suffix), packed)
    path = tmp_path / "a.sens"
    path.write_bytes(data)  # no IMU count: some files lack it
    (got,) = open_recording(path)
    assert np.abs(got.color.astype(int) - color(0)).max() <= (0 if kind == 1 else 6)
    np.testing.assert_array_equal(got.depth_m, frame(0).depth_m)


def test_depth_of_its_own_camera_is_registered_to_colour(tmp_path):
    depth_camera = CameraIntrinsics(16, 12, 14.0, 14.0, 7.5, 5.5)
    E_depth = np.eye(4)
    E_depth[0, 3] = 0.05
    wall = np.full((12, 16), 2000, "<u2").tobytes()
    data = header(1, depth_camera=depth_camera, E_depth=E_depth)
    path = tmp_path / "a.sens"
    path.write_bytes(data + one_frame(pose(0), 5, color(0).tobytes(), wall))
    (got,) = open_recording(path)
    assert got.depth_m.shape == (HEIGHT, WIDTH)
    np.testing.assert_allclose(got.depth_m[~np.isnan(got.depth_m)], 2.0, atol=1e-5)
    assert np.isfinite(got.depth_m[3:-3, 4:-3]).all()


def test_lost_tracking_is_skipped_and_counted(tmp_path):
    path = tmp_path / "a.sens"
    path.write_bytes(raw_file(4, poses=lambda i: LOST if i in (1, 2) else pose(i)))
    recording = open_recording(path)
    assert len(list(recording)) == 2
    assert recording.skipped.counts == {"the pose holds inf or NaN": 2}
    assert recording.skipped[0].what == "a.sens frame 1"


def test_without_times_frames_come_at_30_hz(tmp_path):
    path = tmp_path / "a.sens"
    path.write_bytes(raw_file(3, times=lambda i: 0))
    assert [f.stamp_ns for f in open_recording(path)] == [0, 33333333, 66666667]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(share=st.floats(0, 1, exclude_max=True))
def test_a_file_cut_off_anywhere_gives_its_whole_frames_and_counts_the_rest(tmp_path, share):
    whole = raw_file(3)
    data = whole[: int(len(whole) * share)]
    start = len(header(3))
    each = (len(whole) - start - 8) // 3
    expected = max(0, (len(data) - start) // each)
    path = tmp_path / "cut.sens"
    path.write_bytes(data)
    if expected == 0:
        with pytest.raises(RecordingFormatError, match=r"cut.sens"):
            open_recording(path)
        return
    with SensReader(path) as recording:
        assert len(list(recording)) == expected
        assert recording.truncated == (expected < 3)
        assert len(recording.skipped) == 3 - expected


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (header(1, version=3), "no .sens file of version 4: its version reads 3"),
        (header(1, depth_kind=2), "compressed as occi_ushort"),
        (header(1, depth_kind=7), "depth compression 7 is not known"),
        (header(1, color_kind=-1), "colour compression -1 is not known"),
        (header(0), "holds no whole frame; it announces 0"),
        (header(1)[:50], "ends inside its header"),
        (b"", "cannot be read as .sens"),
        (struct.pack("<IQ", 4, 2**60), "no .sens file: a name of"),
    ],
)
def test_what_cannot_be_read_is_refused_by_name(tmp_path, data, message):
    path = tmp_path / "bad.sens"
    path.write_bytes(data)
    with pytest.raises(RecordingFormatError, match=message) as error:
        open_recording(path)
    assert "bad.sens" in str(error.value)


def test_damaged_images_are_skipped(tmp_path):
    good = depth_units(0).astype("<u2").tobytes()
    data = header(3, depth_kind=1)
    data += one_frame(pose(0), 1, color(0).tobytes(), zlib.compress(good)[:-9])
    data += one_frame(pose(1), 2, color(1).tobytes()[:-1], zlib.compress(good))
    data += one_frame(pose(2), 3, color(2).tobytes(), zlib.compress(good))
    path = tmp_path / "a.sens"
    path.write_bytes(data)
    recording = open_recording(path)
    assert len(list(recording)) == 1
    assert sorted(recording.skipped.counts.values()) == [1, 1]


@pytest.mark.parametrize("color_kind", list(ColorCompression))
@pytest.mark.parametrize("depth_kind", [DepthCompression.RAW_USHORT, DepthCompression.ZLIB_USHORT])
def test_what_is_written_is_read_back(tmp_path, color_kind, depth_kind):
    path = tmp_path / "a.sens"
    options = SensOptions(color_compression=color_kind, depth_compression=depth_kind)
    with SensWriter(path, CAMERA, options=options) as writer:
        for i in range(3):
            writer.write(frame(i))
        writer.write_images(color(3), depth_units(3), None, 300_000, 300_000)
    recording = open_recording(path)
    for i, got in enumerate(recording):
        assert got.stamp_ns == frame(i).stamp_ns
        np.testing.assert_array_equal(got.depth_m, frame(i).depth_m)
        tolerance = 6 if color_kind == ColorCompression.JPEG else 0
        assert np.abs(got.color.astype(int) - color(i)).max() <= tolerance
        np.testing.assert_allclose(got.T_world_camera, pose(i), atol=1e-6)
    assert recording.frame_count == 4
    assert recording.skipped.counts == {"the pose holds inf or NaN": 1}


def test_the_writer_lays_down_the_bytes_of_the_format(tmp_path):
    path = tmp_path / "a.sens"
    options = SensOptions(
        sensor_name="hand",
        color_compression=ColorCompression.RAW,
        depth_compression=DepthCompression.RAW_USHORT,
    )
    with SensWriter(path, CAMERA, options=options) as writer:
        for i in range(2):
            time = 1000 + 100_000 * i
            writer.write_images(color(i), depth_units(i), pose(i), time, time + 3)
    assert path.read_bytes() == raw_file(2)


def test_an_interrupted_writer_leaves_nothing(tmp_path):
    path = tmp_path / "a.sens"

    def write_and_stop():
        with SensWriter(path, CAMERA) as writer:
            writer.write(frame(0))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_and_stop()
    assert list(tmp_path.iterdir()) == []


def test_the_writer_refuses_what_does_not_fit(tmp_path):
    path = tmp_path / "a.sens"
    with SensWriter(path, CAMERA) as writer:
        with pytest.raises(RecordingError, match=r"colour image is uint8 \(3, 3, 3\)"):
            writer.write_images(color(0, 3, 3), depth_units(0), pose(0), 0, 0)
        with pytest.raises(RecordingError, match=r"depth image is int64 .* needs uint16"):
            writer.write_images(color(0), depth_units(0).astype(int), pose(0), 0, 0)
        writer.write(frame(0))
    with pytest.raises(RecordingError, match="exists already"), SensWriter(path, CAMERA):
        pass
    with pytest.raises(RecordingError, match="occi_ushort"):
        SensWriter(
            path, CAMERA, options=SensOptions(depth_compression=DepthCompression.OCCI_USHORT)
        )
