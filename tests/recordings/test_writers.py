"""What the writers write, the readers read back; half-written recordings never appear."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recordings.builders import CAMERA, color, frame
from scipy.spatial.transform import Rotation

from scene_r1_ros.errors import RecordingError
from scene_r1_ros.frames import CameraIntrinsics, RgbdFrame
from scene_r1_ros.recordings import McapOptions, open_recording, write_folder, write_mcap
from scene_r1_ros.recordings.atomic import written_atomically

SMALL = CameraIntrinsics(4, 3, 5.0, 5.0, 1.5, 1.0)


@st.composite
def posed_frames(draw):
    """One to four tiny frames with any stamps, poses and depths."""
    stamps = draw(st.lists(st.integers(0, 2**61), min_size=1, max_size=4, unique=True).map(sorted))
    frames = []
    for stamp in stamps:
        numbers = draw(st.lists(st.floats(-3, 3), min_size=6, max_size=6))
        T = np.eye(4)
        T[:3, :3] = Rotation.from_rotvec(numbers[:3]).as_matrix()
        T[:3, 3] = np.array(numbers[3:]) * 100
        units = draw(st.lists(st.integers(0, 65535), min_size=12, max_size=12))
        depth = np.array(units, np.float32).reshape(3, 4) / np.float32(1000)
        depth[depth == 0] = np.nan
        frames.append(RgbdFrame(stamp, color(0, 3, 4), depth, SMALL, T))
    return frames


@settings(max_examples=25, deadline=None)
@given(posed_frames())
def test_a_folder_keeps_stamps_poses_and_depth_exactly(tmp_path_factory, frames):
    out = tmp_path_factory.mktemp("folder") / "out"
    assert write_folder(out, frames, color_suffix=".png") == len(frames)
    back = list(open_recording(out))
    for ours, theirs in zip(frames, back, strict=True):
        assert theirs.stamp_ns == ours.stamp_ns
        np.testing.assert_array_equal(theirs.T_world_camera, ours.T_world_camera)
        np.testing.assert_array_equal(theirs.depth_m, ours.depth_m)
        np.testing.assert_array_equal(theirs.color, ours.color)
        assert theirs.intrinsics == ours.intrinsics


@settings(max_examples=15, deadline=None)
@given(posed_frames())
def test_a_bag_keeps_stamps_depth_and_poses(tmp_path_factory, frames):
    out = tmp_path_factory.mktemp("bag") / "out.mcap"
    frames = [f for f in frames if f.stamp_ns < 2**31 * 10**9]  # what a ROS stamp can hold
    if not frames:
        return
    assert write_mcap(out, frames, McapOptions(depth="32FC1")) == len(frames)
    with open_recording(out) as recording:
        back = list(recording)
    for ours, theirs in zip(frames, back, strict=True):
        assert theirs.stamp_ns == ours.stamp_ns
        np.testing.assert_allclose(theirs.T_world_camera, ours.T_world_camera, atol=1e-6)
        np.testing.assert_array_equal(theirs.depth_m, ours.depth_m)
        np.testing.assert_array_equal(theirs.color, ours.color)


def test_the_folder_has_the_exported_layout(tmp_path):
    write_folder(tmp_path / "out", (frame(i) for i in range(3)), depth_scale=5000.0)
    names = {str(p.relative_to(tmp_path / "out")) for p in (tmp_path / "out").rglob("*.*")}
    assert names == {
        "meta.json",
        *(f"intrinsic/{a}trinsic_{b}.txt" for a in ("in", "ex") for b in ("color", "depth")),
        *(f"{part}/{i}.{end}" for i in range(3) for part, end in
          (("color", "jpg"), ("depth", "png"), ("pose", "txt"))),
    }  # fmt: skip
    meta = json.loads((tmp_path / "out" / "meta.json").read_text())
    assert meta["depth_scale"] == 5000.0
    assert [entry["timestamp"] for entry in meta["frames"]] == [0.0, 0.1, 0.2]


def breaks_off():
    yield frame(0)
    raise RuntimeError("camera unplugged")


@pytest.mark.parametrize(("write", "name"), [(write_folder, "out"), (write_mcap, "out.mcap")])
def test_an_interrupted_or_empty_recording_does_not_appear(tmp_path, write, name):
    with pytest.raises(RuntimeError, match="unplugged"):
        write(tmp_path / name, breaks_off())
    with pytest.raises(RecordingError, match="there is no frame to write"):
        write(tmp_path / name, [])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("write", "name"), [(write_folder, "out"), (write_mcap, "out.mcap")])
def test_a_recording_that_is_there_is_only_replaced_on_request(tmp_path, write, name):
    write(tmp_path / name, [frame(0), frame(1)])
    with pytest.raises(RecordingError, match="exists already"):
        write(tmp_path / name, [frame(0)])
    with pytest.raises(RuntimeError):
        write(tmp_path / name, breaks_off(), overwrite=True)
    assert open_recording(tmp_path / name).frame_count == 2
    write(tmp_path / name, [frame(0)], overwrite=True)
    assert open_recording(tmp_path / name).frame_count == 1


def test_frames_of_two_cameras_or_out_of_order_are_refused(tmp_path):
    other = CameraIntrinsics(CAMERA.width, CAMERA.height, 99.0, 31.0, 15.5, 11.5)
    odd = RgbdFrame(10**9, frame(1).color, frame(1).depth_m, other, np.eye(4))
    with pytest.raises(RecordingError, match="other intrinsics than the first"):
        write_folder(tmp_path / "a", [frame(0), odd])
    with pytest.raises(RecordingError, match="not later than the one before"):
        write_folder(tmp_path / "a", [frame(1), frame(0)])


def test_whoever_may_list_a_folder_may_read_its_files(tmp_path):
    for name, mode in (("shared", 0o755), ("private", 0o700)):
        with written_atomically(tmp_path / name) as partial:
            partial.mkdir()
            partial.chmod(mode)
            for file in ("weights.bin", "run.sh"):
                (partial / file).write_bytes(b"x")
            (partial / "weights.bin").chmod(0o600)  # as some libraries write
            (partial / "run.sh").chmod(0o744)
    shared, private = tmp_path / "shared", tmp_path / "private"
    assert shared.joinpath("weights.bin").stat().st_mode & 0o777 == 0o644
    assert shared.joinpath("run.sh").stat().st_mode & 0o777 == 0o744
    assert private.joinpath("weights.bin").stat().st_mode & 0o777 == 0o600
