"""TUM RGB-D sequences: association in time, interpolated poses, published intrinsics."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from recordings.builders import color, cut, depth_units, save_color, save_depth

from scene_r1_ros.errors import RecordingFormatError
from scene_r1_ros.recordings import open_recording
from scene_r1_ros.recordings.association import associate

QUARTER = np.sqrt(0.5)


@pytest.fixture
def sequence(tmp_path):
    """Colour at 10 Hz from 1000.000, depth 4 ms later, poses at 100 Hz: x = t, turning about z."""
    root = tmp_path / "rgbd_mine"
    for part in ("rgb", "depth"):
        (root / part).mkdir(parents=True)
    rgb, depth, truth = ["# color images"], ["# depth maps"], ["# timestamp tx ty tz qx qy qz qw"]
    for i in range(5):
        save_color(root / "rgb" / f"{i}.png", color(i))
        save_depth(root / "depth" / f"{i}.png", depth_units(i) * 5)
        rgb.append(f"{1000 + i / 10:.6f} rgb/{i}.png")
        depth.append(f"{1000 + i / 10 + 0.004:.6f} depth/{i}.png")
    for k in range(60):
        t = k / 100 + 0.005
        truth.append(f"{1000 + t:.4f} {t:.4f} 0 1 0 0 {np.sin(t / 2):.9f} {np.cos(t / 2):.9f}")
    for name, lines in (("rgb", rgb), ("depth", depth), ("groundtruth", truth)):
        (root / f"{name}.txt").write_text("\n".join(lines) + "\n")
    (root / "calibration.txt").write_text("30 31 15.5 11.5\n")
    return root


def edit(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_frames_have_the_nearest_depth_and_the_interpolated_pose(sequence):
    recording = open_recording(sequence)
    frames = list(recording)
    assert (recording.kind, recording.depth_scale) == ("tum", 5000.0)
    assert [f.stamp_ns for f in frames] == [1_000_000_000_000 + i * 100_000_000 for i in range(5)]
    for i, frame in enumerate(frames):
        np.testing.assert_array_equal(frame.color, color(i))
        np.testing.assert_allclose(np.nanmax(frame.depth_m), (1500 + i) / 1000)
        # Poses stand at 5 ms and 15 ms; the image is half-way between them.
        t = max(i / 10, 0.005)
        expected = [[np.cos(t), -np.sin(t)], [np.sin(t), np.cos(t)]]
        np.testing.assert_allclose(frame.T_world_camera[:2, :2], expected, atol=1e-6)
        np.testing.assert_allclose(frame.T_world_camera[:3, 3], (t, 0, 1), atol=1e-6)
    assert frames[0].intrinsics.fy == 31.0


def test_images_without_partner_or_pose_in_time_are_skipped(sequence):
    edit(sequence / "depth.txt", "1000.104000", "1000.150000")
    truth = (sequence / "groundtruth.txt").read_text().splitlines()
    kept = [
        line
        for line in truth
        if line.startswith("#") or not 1000.25 < float(line.split()[0]) < 1000.35
    ]
    (sequence / "groundtruth.txt").write_text("\n".join(kept))
    recording = open_recording(sequence)
    assert len(list(recording)) == 3
    assert recording.skipped.counts == {
        "depth.txt has no image within 0.02 s": 1,
        "groundtruth.txt has no pose within 0.02 s": 1,
    }
    assert [item.what for item in recording.skipped] == ["rgb/1.png", "rgb/3.png"]


def test_lines_of_nan_poses_do_not_count(sequence):
    truth = (sequence / "groundtruth.txt").read_text().splitlines()
    lost = [line if line.startswith("#") else line.split()[0] + " nan" * 7 for line in truth[:40]]
    (sequence / "groundtruth.txt").write_text("\n".join(lost + truth[40:]))
    recording = open_recording(sequence)
    assert [f.stamp for f in recording] == pytest.approx([1000.4])


def test_a_truncated_image_is_skipped(sequence):
    cut(sequence / "depth" / "2.png")
    recording = open_recording(sequence)
    assert len(list(recording)) == 4
    assert recording.skipped[0].what == "depth/2.png"


def test_published_intrinsics_are_for_sequences_named_so(sequence):
    (sequence / "calibration.txt").unlink()
    with pytest.raises(
        RecordingFormatError, match=r"camera-intrinsics.txt is missing.*fx fy cx cy"
    ):
        open_recording(sequence)
    for i in range(5):
        save_color(sequence / "rgb" / f"{i}.png", color(i, 480, 640))
        save_depth(sequence / "depth" / f"{i}.png", depth_units(i, 480, 640))
    with pytest.raises(RecordingFormatError, match=r"is missing"):
        open_recording(sequence)
    named = sequence.rename(sequence.with_name("rgbd_dataset_freiburg3_cabinet"))
    assert open_recording(named).intrinsics.fx == 535.4


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("groundtruth.txt", None, r"groundtruth.txt is missing; it needs lines of time tx ty tz"),
        ("groundtruth.txt", "1.0 0 0 0\n", r"groundtruth.txt line 1: 4 numbers"),
        ("groundtruth.txt", "# none\n", r"groundtruth.txt holds no valid pose"),
        ("depth.txt", None, r"depth.txt is missing"),
        ("depth.txt", "1.0\n", r"depth.txt line 1 has no file name"),
        ("rgb.txt", "#\nabc rgb/0.png\n", r"rgb.txt line 2: 'abc' is no time"),
        ("rgb.txt", "", r"rgb.txt lists no image"),
    ],
)
def test_malformed_lists_are_refused(sequence, name, text, message):
    if text is None:
        (sequence / name).unlink()
    else:
        (sequence / name).write_text(text)
    with pytest.raises(RecordingFormatError, match=message):
        open_recording(sequence)


STAMPS = st.lists(st.integers(0, 300), max_size=12, unique=True).map(sorted)


@given(STAMPS, STAMPS, st.integers(0, 40))
def test_association_makes_near_pairs_once_and_leaves_none_that_could_be_made(a, b, limit):
    pairs = associate(a, b, limit)
    assert len(set(pairs.values())) == len(pairs)
    assert all(abs(a[i] - b[j]) <= limit for i, j in pairs.items())
    for i in set(range(len(a))) - pairs.keys():
        for j in set(range(len(b))) - set(pairs.values()):
            assert abs(a[i] - b[j]) > limit
