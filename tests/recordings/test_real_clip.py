"""A real clip (TUM RGB-D, freiburg3_cabinet), where it is present beside the repository."""

import itertools
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial import cKDTree

from scene_r1_ros.geometry import transform_points
from scene_r1_ros.recordings import SensWriter, open_recording, write_folder, write_mcap

CLIP = Path(__file__).resolve().parents[3] / "shared" / "data" / "tum_fr3_cabinet"
pytestmark = pytest.mark.skipif(not CLIP.is_dir(), reason="the clip is not here")


def test_the_clip_is_read_whole():
    recording = open_recording(CLIP)
    assert (recording.frame_count, recording.depth_scale) == (57, 5000.0)
    frames = list(recording)
    assert len(frames) == 57
    assert not recording.skipped
    assert recording.seconds == pytest.approx(37.74, abs=0.01)
    medians = [np.nanmedian(f.depth_m) for f in frames]
    assert 0.8 < min(medians) <= max(medians) < 3.5


def test_consecutive_clouds_agree_in_the_world():
    clouds = []
    for frame in open_recording(CLIP).frames(stride=4):
        points = transform_points(frame.T_world_camera, frame.intrinsics.backproject(frame.depth_m))
        near = np.linalg.norm(points - frame.T_world_camera[:3, 3], axis=1) < 2.5
        clouds.append(points[near][::23])
    gaps = [
        np.median(cKDTree(a).query(b, distance_upper_bound=0.5)[0])
        for a, b in itertools.pairwise(clouds)
    ]
    assert np.median(gaps) < 0.03  # wrong conventions give 0.03 to 0.2 m even between neighbours
    floor = np.concatenate(clouds)[:, 2]
    assert abs(np.median(floor[np.abs(floor) < 0.1])) < 0.02


def test_the_clip_survives_every_writer(tmp_path):
    frames = list(open_recording(CLIP).frames(stride=19))
    write_folder(tmp_path / "folder", frames, depth_scale=5000.0)
    write_mcap(tmp_path / "clip.mcap", frames)
    with SensWriter(tmp_path / "clip.sens", frames[0].intrinsics) as writer:
        for frame in frames:
            writer.write(frame)
    for name in ("folder", "clip.mcap", "clip.sens"):
        with open_recording(tmp_path / name) as recording:
            for ours, theirs in zip(frames, recording, strict=True):
                assert abs(theirs.stamp_ns - ours.stamp_ns) < 1000  # .sens keeps microseconds
                np.testing.assert_allclose(theirs.depth_m, ours.depth_m, atol=5.1e-4)
                np.testing.assert_allclose(theirs.T_world_camera, ours.T_world_camera, atol=1e-6)
                assert np.abs(theirs.color.astype(int) - ours.color).mean() < 2
