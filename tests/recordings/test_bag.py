"""ROS 2 bags: topics chosen, images decoded, poses from tf or a pose topic, errors by topic."""

import numpy as np
import pytest
from recordings.bag_builder import (
    COLOR,
    DEPTH,
    OPTICAL,
    camera_messages,
    compressed_depth,
    header,
    image,
    info,
    moving_tf,
    odometry,
    pose_stamped,
    tf,
    write_bag,
)
from recordings.builders import CAMERA, color, depth_units, frame
from rosbags.rosbag2 import StoragePlugin

from scene_r1_ros.errors import RecordingFormatError
from scene_r1_ros.frames import CameraIntrinsics
from scene_r1_ros.recordings import BagOptions, open_recording


def replaced(logged, topic, change):
    return [(t, ns, change(m) if t == topic else m) for t, ns, m in logged]


@pytest.mark.parametrize("plugin", [StoragePlugin.MCAP, StoragePlugin.SQLITE3])
def test_a_bag_is_read_with_its_topics_chosen_and_tf_interpolated(tmp_path, plugin):
    bag = write_bag(tmp_path / "bag", camera_messages() + moving_tf(), plugin)
    for path in (bag, next(p for p in bag.iterdir() if p.suffix in (".mcap", ".db3"))):
        with open_recording(path) as recording:
            assert (recording.topics.color, recording.topics.depth) == (COLOR, DEPTH)
            frames = list(recording)
        assert [f.stamp_ns for f in frames] == [10**9 + i * 10**8 for i in range(4)]
        for i, got in enumerate(frames):
            np.testing.assert_array_equal(got.color, color(i))
            np.testing.assert_array_equal(got.depth_m, frame(i).depth_m)
            np.testing.assert_allclose(got.T_world_camera[:3, 3], (i / 10, 0, 0.5), atol=1e-6)
            assert (got.intrinsics, got.frame_id) == (CAMERA, OPTICAL)


def test_metadata_is_not_needed_beside_one_storage_file(tmp_path):
    bag = write_bag(tmp_path / "bag", camera_messages() + moving_tf())
    (bag / "metadata.yaml").unlink()
    assert open_recording(bag).frame_count == 4


def test_row_padding_byte_order_and_other_encodings_are_honoured(tmp_path):
    logged = [m for m in camera_messages(1) if m[0] not in (COLOR, DEPTH)] + moving_tf()
    head = header(10**9, OPTICAL)
    bgr = np.ascontiguousarray(color(0)[..., ::-1])
    metres = np.where(depth_units(0) > 0, depth_units(0) / 1000, np.inf).astype(np.float32)
    cases = [
        (image(head, bgr, "bgr8", padding=5), image(head, depth_units(0), "16UC1", 6, big=True)),
        (image(head, color(0), "rgb8"), image(head, metres, "32FC1", padding=8)),
        (image(head, color(0), "rgb8", padding=1), compressed_depth(head, depth_units(0))),
    ]
    for i, (color_message, depth_message) in enumerate(cases):
        images = [(COLOR, 10**9, color_message), (DEPTH, 10**9, depth_message)]
        (got,) = open_recording(write_bag(tmp_path / f"bag{i}", logged + images))
        np.testing.assert_array_equal(got.color, color(0))
        np.testing.assert_array_equal(got.depth_m, frame(0).depth_m)


def test_images_logged_out_of_order_are_sorted_by_their_stamps(tmp_path):
    logged = [(t, 3 * 10**9 - ns if t == COLOR else ns, m) for t, ns, m in camera_messages()]
    recording = open_recording(write_bag(tmp_path / "bag", logged + moving_tf()))
    for i, got in enumerate(recording):
        np.testing.assert_array_equal(got.color, color(i))


def test_frames_without_depth_or_pose_in_time_are_skipped_and_counted(tmp_path):
    logged = [m for m in camera_messages(9) if m[0] != DEPTH or m[1] < 1.35e9]
    recording = open_recording(write_bag(tmp_path / "bag", logged + moving_tf(step=0.02)))
    assert len(list(recording)) == 3  # tf ends at 1.195 s, 5 ms before the image at 1.2 s
    assert recording.skipped.counts == {
        f"{DEPTH} has no image within 0.02 s": 5,
        "the camera's pose is not known at that time": 1,
    }


def test_a_pose_topic_moves_the_camera_where_tf_does_not(tmp_path):
    mount = ("/tf_static", 10**9, tf(0, "base", OPTICAL, (0.2, 0, 0.5)))
    stamps = [10**9 + i * 5 * 10**7 for i in range(8)]
    odom = [("/odom", s, odometry(s, "odom", "base", (s * 1e-9, 0, 0))) for s in stamps]
    bag = write_bag(tmp_path / "a", [*camera_messages(), mount, *odom])
    got = open_recording(bag).frame(2)
    np.testing.assert_allclose(got.T_world_camera[:3, 3], (1.2 + 0.2, 0, 0.5), atol=1e-6)
    slam = [("/slam", s, pose_stamped(s, "map", (0, s * 1e-9, 0))) for s in stamps]
    got = open_recording(write_bag(tmp_path / "b", camera_messages() + slam)).frame(1)
    np.testing.assert_allclose(got.T_world_camera[:3, 3], (0, 1.1, 0), atol=1e-6)
    both = write_bag(tmp_path / "c", [*camera_messages(), mount, *odom, *slam])
    with pytest.raises(RecordingFormatError, match=r"several pose topics \(/odom, /slam\)"):
        open_recording(both)
    chosen = open_recording(both, BagOptions(pose_topic="/slam"))
    np.testing.assert_allclose(chosen.frame(1).T_world_camera[:3, 3], (0, 1.1, 0), atol=1e-6)


def test_depth_in_its_own_frame_is_registered_by_tf(tmp_path):
    depth_camera = CameraIntrinsics(16, 12, 14.0, 14.0, 7.5, 5.5)
    head = header(10**9, "cam_depth")
    wall = np.full((12, 16), 2200, np.uint16)
    logged = [m for m in camera_messages(1) if "depth" not in m[0]] + moving_tf()
    logged += [(DEPTH, 10**9, image(head, wall, "16UC1"))]
    without_info = write_bag(tmp_path / "a", logged)
    with pytest.raises(RecordingFormatError, match=r"no camera info for /cam/depth/image_raw"):
        open_recording(without_info)
    logged += [("/cam/depth/camera_info", 10**9, info(head, depth_camera))]
    with pytest.raises(RecordingFormatError, match=r"depth is in frame 'cam_depth' and colour in"):
        open_recording(write_bag(tmp_path / "b", logged))
    logged += [("/tf_static", 10**9, tf(0, OPTICAL, "cam_depth", (0.05, 0, -0.2)))]
    (got,) = open_recording(write_bag(tmp_path / "c", logged))
    np.testing.assert_allclose(got.depth_m[~np.isnan(got.depth_m)], 2.0, atol=1e-5)
    assert np.isfinite(got.depth_m[3:-3, 5:-3]).all()


def test_distorted_images_are_rectified(tmp_path):
    bent = [
        (t, ns, info(m.header, d=(-0.3, 0.1, 0, 0, 0)) if t.endswith("camera_info") else m)
        for t, ns, m in camera_messages(1)
    ]
    (got,) = open_recording(write_bag(tmp_path / "bag", bent + moving_tf()))
    # Barrel distortion pulls in what is at the edge: rectified, the hole in the corner shrinks
    # out of the picture, and the centre stays where it is.
    assert np.isnan(got.depth_m[:3, :4]).sum() < np.isnan(frame(0).depth_m[:3, :4]).sum()
    np.testing.assert_allclose(got.color[11:13, 15:17], color(0)[11:13, 15:17], atol=3)


def _without(topic):
    return [m for m in camera_messages() + moving_tf() if not m[0].startswith(topic)]


@pytest.mark.parametrize(
    ("logged", "message"),
    [
        (_without("/cam/color/image"), "no colour image topic. It holds /cam/color/camera_info"),
        (_without("/cam/depth/image"), "no depth image topic"),
        (_without("/cam/color/camera_info"), "no camera info for /cam/color/image_raw"),
        (_without("/tf"), "does not say where the camera was"),
        (
            replaced(_without("-"), "/cam/color/camera_info", lambda m: info(
                m.header, CameraIntrinsics(64, 48, 60, 60, 32, 24))),
            "camera info for /cam/color/image_raw is for 64 x 48 pixels but its images are 32 x 24",
        ),
        (
            replaced(_without("-"), DEPTH, lambda m: image(m.header, depth_units(0), "mono16")),
            None,
        ),
    ],
)  # fmt: skip
def test_what_is_missing_in_a_bag_is_named(tmp_path, logged, message):
    bag = write_bag(tmp_path / "bag", logged)
    if message is None:
        assert len(list(open_recording(bag))) == 4
        return
    with pytest.raises(RecordingFormatError, match=message):
        open_recording(bag)


def test_wrong_arguments_are_named(tmp_path):
    bag = write_bag(tmp_path / "bag", camera_messages() + moving_tf())
    with pytest.raises(RecordingFormatError, match="no topic /rgb"):
        open_recording(bag, BagOptions(color_topic="/rgb"))
    with pytest.raises(RecordingFormatError, match=r"no way from fixed frame 'earth'.*base, map"):
        open_recording(bag, BagOptions(fixed_frame="earth"))
    by_base = open_recording(bag, BagOptions(fixed_frame="base"))
    np.testing.assert_allclose(by_base.frame(3).T_world_camera[:3, 3], (0, 0, 0.5), atol=1e-9)


def test_a_bag_that_was_cut_off_says_how_to_mend_it(tmp_path):
    bag = write_bag(tmp_path / "bag", camera_messages() + moving_tf())
    file = bag / "bag.mcap"
    file.write_bytes(file.read_bytes()[:-200])
    with pytest.raises(RecordingFormatError, match=r"bag.mcap cannot be read .*mcap recover"):
        open_recording(file)


def test_an_image_shorter_than_its_header_says_is_skipped(tmp_path):
    def shorten(m):
        short = m.header.stamp.nanosec == 100_000_000
        return image(m.header, color(0)[:-1], "rgb8") if short else m

    def lie(m):
        m.height = 24
        return m

    logged = replaced(replaced(camera_messages(), COLOR, shorten), COLOR, lie)
    recording = open_recording(write_bag(tmp_path / "bag", logged + moving_tf()))
    assert len(list(recording)) == 3
    assert recording.skipped[0].why == "the image data does not have the length its header says"
