"""The 7-Scenes layout."""

import numpy as np
import pytest
from recordings.builders import color, cut, depth_units, pose, save_color, save_depth, save_matrix

from scene_r1_ros.errors import RecordingFormatError
from scene_r1_ros.recordings import open_recording


def lay_down(folder, size=(24, 32), count=3):
    folder.mkdir(parents=True)
    for i in range(count):
        depth = depth_units(i, *size)
        depth[5, 6] = 65535
        save_color(folder / f"frame-{i:06d}.color.png", color(i, *size))
        save_depth(folder / f"frame-{i:06d}.depth.png", depth)
        save_matrix(folder / f"frame-{i:06d}.pose.txt", pose(i))
    return folder


@pytest.fixture
def folder(tmp_path):
    root = lay_down(tmp_path / "lab" / "seq-01")
    (root.parent / "camera-intrinsics.txt").write_text("30 0 15.5\n0 31 11.5\n0 0 1\n")
    return root


def test_frames_are_read_and_65535_is_no_reading(folder):
    recording = open_recording(folder)
    frames = list(recording)
    assert (recording.kind, recording.name) == ("7-scenes", "lab_seq-01")
    assert [f.stamp_ns for f in frames] == [0, 33333333, 66666667]
    for i, frame in enumerate(frames):
        np.testing.assert_array_equal(frame.color, color(i))
        assert np.isnan(frame.depth_m[5, 6])
        assert np.isnan(frame.depth_m[0, 0])
        assert np.nanmax(frame.depth_m) == np.float32((1500 + i) / 1000)
        np.testing.assert_allclose(frame.T_world_camera, pose(i), atol=1e-7)
    assert frames[0].intrinsics.fy == 31.0


def test_bad_frames_are_skipped(folder):
    save_matrix(folder / "frame-000000.pose.txt", np.full((4, 4), np.nan))
    cut(folder / "frame-000001.depth.png")
    recording = open_recording(folder)
    assert len(list(recording)) == 1
    assert [item.what for item in recording.skipped] == [
        "frame-000000.pose.txt",
        "frame-000001.depth.png",
    ]


def test_published_intrinsics_are_used_for_the_data_set_and_no_other(tmp_path, folder):
    assert (
        open_recording(lay_down(tmp_path / "chess" / "seq-03", (480, 640), 1)).intrinsics.fx == 585
    )
    (folder.parent / "camera-intrinsics.txt").unlink()
    with pytest.raises(RecordingFormatError, match=r"camera-intrinsics.txt is missing"):
        open_recording(folder)


def test_without_poses_the_folder_is_refused(folder):
    for file in folder.glob("*.pose.txt"):
        file.unlink()
    with pytest.raises(RecordingFormatError, match=r"holds no frame-N.pose"):
        open_recording(folder)
