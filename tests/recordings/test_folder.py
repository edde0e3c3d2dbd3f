"""The exported ScanNet folder: what is read, skipped and refused."""

import numpy as np
import pytest
from recordings.builders import (
    CAMERA,
    HEIGHT,
    WIDTH,
    camera_matrix,
    color,
    cut,
    depth_units,
    pose,
    save_color,
    save_depth,
    save_matrix,
    scannet_folder,
)

from scene_r1_ros.errors import NoSuchFrameError, RecordingError, RecordingFormatError
from scene_r1_ros.frames import CameraIntrinsics
from scene_r1_ros.geometry import transform_points
from scene_r1_ros.recordings import open_recording


@pytest.fixture
def folder(tmp_path):
    return scannet_folder(tmp_path / "scene0000_00")


def test_frames_have_colour_depth_pose_intrinsics_and_time(folder):
    recording = open_recording(folder)
    frames = list(recording)
    assert (recording.kind, recording.name, recording.frame_count) == (
        "scannet-folder",
        "scene0000_00",
        4,
    )
    assert [f.stamp_ns for f in frames] == [0, 33333333, 66666667, 100000000]
    for i, frame in enumerate(frames):
        assert np.abs(frame.color.astype(int) - color(i)).max() <= 6  # JPEG
        np.testing.assert_allclose(np.nanmax(frame.depth_m), (1500 + i) / 1000)
        np.testing.assert_allclose(frame.T_world_camera, pose(i), atol=1e-7)
        assert frame.intrinsics == CAMERA
    assert not recording.skipped


def test_depth_of_zero_is_no_reading(folder):
    depth = open_recording(folder).frame(0).depth_m
    np.testing.assert_array_equal(np.isnan(depth), depth_units(0) == 0)


def test_meta_gives_depth_scale_and_times(tmp_path):
    times = [{"timestamp": 100.5 + i} for i in range(4)]
    folder = scannet_folder(tmp_path / "a", meta={"depth_scale": 5000.0, "frames": times})
    recording = open_recording(folder)
    assert recording.depth_scale == 5000.0
    assert recording.stamps_ns.tolist() == [int((100.5 + i) * 1e9) for i in range(4)]
    assert np.nanmax(recording.frame(1).depth_m) == np.float32(1501 / 5000)


def test_poses_may_stand_in_meta(tmp_path):
    entries = [{"index": i, "pose": pose(i).tolist()} for i in range(4)]
    folder = scannet_folder(tmp_path / "a", meta={"frames": entries})
    for file in (folder / "pose").iterdir():
        file.unlink()
    np.testing.assert_allclose(open_recording(folder).frame(2).T_world_camera, pose(2))


def test_frames_are_in_numeric_order_and_numbers_may_have_gaps(tmp_path):
    folder = scannet_folder(tmp_path / "a", numbers=(5, 9, 32, 64))
    recording = open_recording(folder)
    assert recording.numbers == (5, 9, 32, 64)
    assert [f.stamp_ns for f in recording] == [round(n * 1e9 / 30) for n in (5, 9, 32, 64)]
    assert recording.index_of_number(32) == 2
    with pytest.raises(NoSuchFrameError, match="no frame 33; the nearest are 32, 64"):
        recording.index_of_number(33)


def test_times_without_index_are_taken_in_order_or_by_number(tmp_path):
    in_order = {"frames": [{"timestamp": t} for t in (1.0, 2.0)]}
    by_number = {"frames": [{"timestamp": float(t)} for t in range(6)]}
    a = open_recording(scannet_folder(tmp_path / "a", numbers=(3, 5), meta=in_order))
    b = open_recording(scannet_folder(tmp_path / "b", numbers=(3, 5), meta=by_number))
    assert a.stamps_ns.tolist() == [1_000_000_000, 2_000_000_000]
    assert b.stamps_ns.tolist() == [3_000_000_000, 5_000_000_000]


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
def test_invalid_poses_are_skipped_and_counted_once(folder, value):
    save_matrix(folder / "pose" / "1.txt", np.full((4, 4), value))
    save_matrix(folder / "pose" / "3.txt", np.full((4, 4), value))
    recording = open_recording(folder)
    for _ in range(2):
        assert [f.stamp_ns for f in recording] == [0, 66666667]
    assert recording.skipped.counts == {"the pose holds inf or NaN": 2}
    assert [item.what for item in recording.skipped] == ["pose/1.txt", "pose/3.txt"]


def test_a_pose_that_is_no_rigid_transform_is_skipped(folder):
    save_matrix(folder / "pose" / "1.txt", pose(1) * [[2], [1], [1], [1]])
    recording = open_recording(folder)
    assert len(list(recording)) == 3
    assert "1 x the pose is no rigid transform (first: pose/1.txt)" in recording.skipped.summary()


@pytest.mark.parametrize(
    ("file", "why"),
    [("depth/2.png", "the PNG is truncated"), ("color/2.jpg", "the JPEG is truncated")],
)
def test_a_truncated_image_is_skipped_and_named(folder, file, why):
    cut(folder / file)
    recording = open_recording(folder)
    assert len(list(recording)) == 3
    (skipped,) = recording.skipped
    assert (skipped.number, skipped.what, skipped.why) == (2, file, why)
    with pytest.raises(RecordingError, match=f"{file}: {why}"):
        recording.frame(2)


def test_a_missing_file_of_one_frame_is_skipped(folder):
    for file in ("depth/0.png", "pose/1.txt", "color/3.jpg"):
        (folder / file).unlink()
    recording = open_recording(folder)
    assert [f.stamp_ns for f in recording] == [66666667]
    assert [item.number for item in recording.skipped] == [0, 1, 3]


def test_an_image_of_another_size_is_skipped(folder):
    save_depth(folder / "depth" / "1.png", depth_units(1, 12, 16))
    save_color(folder / "color" / "2.jpg", color(2, 12, 16))
    recording = open_recording(folder)
    assert len(list(recording)) == 2
    assert recording.skipped.counts == {"its size is not that of the recording's first image": 2}


def test_a_time_that_does_not_rise_is_skipped(tmp_path):
    times = [{"timestamp": t} for t in (1.0, 1.0, 2.0, 3.0)]
    recording = open_recording(scannet_folder(tmp_path / "a", meta={"frames": times}))
    assert recording.numbers == (0, 2, 3)
    assert recording.skipped[0].what == "frame 1"


def test_if_every_frame_is_damaged_that_is_an_error(folder):
    for i in range(4):
        save_matrix(folder / "pose" / f"{i}.txt", np.full((4, 4), -np.inf))
    recording = open_recording(folder)
    with pytest.raises(RecordingFormatError, match=r"none of the 4 frames .* pose/0.txt"):
        list(recording)


def _no_intrinsics(folder):
    (folder / "intrinsic" / "intrinsic_color.txt").unlink()


def _intrinsics_of_another_size(folder):
    big = CameraIntrinsics(WIDTH * 4, HEIGHT * 4, 120, 120, 62, 46)
    save_matrix(folder / "intrinsic" / "intrinsic_color.txt", camera_matrix(big))


def _empty_intrinsics(folder):
    save_matrix(folder / "intrinsic" / "intrinsic_color.txt", np.zeros((4, 4)))


def _depth_of_8_bits(folder):
    save_depth(folder / "depth" / "0.png", depth_units(0).astype(np.uint8))


def _depth_in_colour(folder):
    save_color(folder / "depth" / "0.png", color(0))


def _pose_of_words(folder):
    (folder / "pose" / "0.txt").write_text("lost lost lost")


def _pose_of_12_numbers(folder):
    save_matrix(folder / "pose" / "0.txt", pose(0)[:3])


def _no_poses(folder):
    for file in (folder / "pose").iterdir():
        file.unlink()


def _no_depth(folder):
    for file in (folder / "depth").iterdir():
        file.unlink()


def _small_depth_without_intrinsics(folder):
    for i in range(4):
        save_depth(folder / "depth" / f"{i}.png", depth_units(i, 12, 16))
    (folder / "intrinsic" / "intrinsic_depth.txt").unlink()


def _one_frame_twice(folder):
    save_color(folder / "color" / "0.png", color(0))


def _meta_of_text(folder):
    (folder / "meta.json").write_text("{")


def _scale_of_zero(folder):
    (folder / "meta.json").write_text('{"depth_scale": 0}')


def _times_for_some(folder):
    (folder / "meta.json").write_text('{"frames": [{"index": 0, "timestamp": 1.0}]}')


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (_no_intrinsics, r"intrinsic_color.txt is missing; it needs a 3 x 3 or 4 x 4 camera"),
        (_intrinsics_of_another_size, r"intrinsic_color.txt .*outside the images of 32 x 24"),
        (_empty_intrinsics, r"intrinsic_color.txt.*focal lengths must be positive"),
        (_depth_of_8_bits, r"depth/0.png is a 8-bit grey image; depth must be a 16-bit grey PNG"),
        (_depth_in_colour, r"depth/0.png is a 8-bit colour image"),
        (_pose_of_words, r"0.txt is unreadable .*4 lines of 4 numbers"),
        (_pose_of_12_numbers, r"0.txt holds 12 numbers"),
        (_no_poses, r"pose holds no pose; it needs N.txt"),
        (_no_depth, r"depth holds no image"),
        (_small_depth_without_intrinsics, r"intrinsic_depth.txt is missing: depth is 16 x 12"),
        (_one_frame_twice, r"are both frame 0"),
        (_meta_of_text, r"meta.json is no readable JSON"),
        (_scale_of_zero, r"depth_scale = 0; it needs the depth units per metre"),
        (_times_for_some, r"none for frame 1 \(3 of 4"),
    ],
)
def test_a_malformed_folder_is_refused_with_the_file_and_what_it_needs(folder, damage, message):
    damage(folder)
    with pytest.raises(RecordingFormatError, match=message):
        list(open_recording(folder))


@pytest.mark.parametrize("size", [(HEIGHT, WIDTH), (48, 64), (12, 16)])
def test_depth_of_another_camera_is_registered_to_colour(tmp_path, size):
    # A wall at z = 2 in the colour camera; the depth camera stands 10 cm to the left, 20 cm back.
    height, width = size
    camera = CameraIntrinsics(width, height, 0.6 * width, 0.6 * width, width / 2.1, height / 2.1)
    folder = scannet_folder(tmp_path / "a", numbers=(0, 1))
    E_depth = np.eye(4)
    E_depth[:3, 3] = (-0.1, 0, -0.2)
    for i in (0, 1):
        save_depth(folder / "depth" / f"{i}.png", np.full(size, 2200, np.uint16))
    save_matrix(folder / "intrinsic" / "intrinsic_depth.txt", camera_matrix(camera))
    save_matrix(folder / "intrinsic" / "extrinsic_depth.txt", E_depth)
    frame = open_recording(folder).frame(1)
    assert frame.depth_m.shape == (HEIGHT, WIDTH)
    np.testing.assert_allclose(frame.depth_m[~np.isnan(frame.depth_m)], 2.0, atol=1e-5)
    points = transform_points(frame.T_world_camera, frame.intrinsics.backproject(frame.depth_m))
    offset = transform_points(np.linalg.inv(pose(1)), points)[:, 2] - 2.0
    assert np.abs(offset).max() < 1e-4
    middle = frame.depth_m[4:-4, 4:-4]
    assert np.isfinite(middle).mean() > 0.99


def test_a_colour_extrinsic_moves_the_pose_to_the_colour_camera(folder):
    E_color = np.eye(4)
    E_color[0, 3] = 0.025
    for part in ("color", "depth"):
        save_matrix(folder / "intrinsic" / f"extrinsic_{part}.txt", E_color)
    frame = open_recording(folder).frame(2)
    np.testing.assert_allclose(frame.T_world_camera, pose(2) @ E_color, atol=1e-7)
    assert np.nanmax(frame.depth_m) == np.float32(1.502)  # both moved alike: nothing to register


def test_parts_of_a_recording_are_chosen_in_seconds_and_by_stride(tmp_path):
    times = [{"timestamp": 50.0 + i} for i in range(10)]
    recording = open_recording(scannet_folder(tmp_path / "a", range(10), {"frames": times}))
    window = recording.window(start=2.0, end=8.0, stride=3)
    assert [f.stamp_ns // 10**9 for f in window.frames] == [52, 55, 58]
    assert recording.seconds == 9.0
    assert recording.frame(-1).stamp_ns == 59_000_000_000
    with pytest.raises(RecordingError, match=r"no frame between 20 and 30 s; it lasts 9.000 s"):
        recording.frames(20.0, 30.0)
    with pytest.raises(RecordingError, match="stride 0"):
        recording.frames(stride=0)
    with pytest.raises(NoSuchFrameError, match="it has 10 frames"):
        recording.frame(10)


def test_any_number_of_workers_reads_the_same_in_order(tmp_path):
    recording = open_recording(scannet_folder(tmp_path / "a", range(20)))
    alone = [f.depth_m.tobytes() for f in recording.frames(workers=0)]
    assert [f.depth_m.tobytes() for f in recording.frames(workers=3)] == alone


def test_reading_may_be_given_up_early(tmp_path):
    frames = open_recording(scannet_folder(tmp_path / "a", range(20))).frames()
    assert next(frames).stamp_ns == 0
    frames.close()


def test_what_is_no_recording_is_refused_with_the_known_layouts(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "todo.md").write_text("x")
    for name, found in (
        ("absent", "does not exist"),
        ("empty", "is an empty folder"),
        ("notes", "holds todo.md"),
        ("notes/todo.md", "is a file of 1 bytes"),
    ):
        with pytest.raises(RecordingFormatError, match=f"{found}.*TUM RGB-D folder"):
            open_recording(tmp_path / name)
