"""Frames and the rolling window: bounds, keyframes, stamps out of order, snapshots."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from scene_r1_ros.errors import FrameError, NoSuchFrameError, WindowEmptyError
from scene_r1_ros.frames import (
    AddResult,
    CameraIntrinsics,
    RgbdFrame,
    VideoWindow,
    WindowConfig,
    WindowSnapshot,
)

CAMERA = CameraIntrinsics(8, 6, 10.0, 10.0, 3.5, 2.5)
EVERY_FRAME = WindowConfig(keyframe_interval=0.0, keyframe_max_interval=0.0)
NS = 1_000_000_000


def frame(seconds, x=0.0, camera=CAMERA):
    T = np.eye(4)
    T[0, 3] = x
    shape = (camera.height, camera.width)
    return RgbdFrame(
        round(seconds * NS), np.zeros((*shape, 3), np.uint8), np.ones(shape, np.float32), camera, T
    )


def filled(*seconds, config=EVERY_FRAME):
    window = VideoWindow(config)
    for moment in seconds:
        window.add(frame(moment))
    return window


# -- values


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"color": np.zeros((6, 8), np.uint8)}, "colour image is uint8"),
        ({"color": np.zeros((6, 8, 3), np.float32)}, "needs uint8"),
        ({"depth_m": np.ones((6, 8), np.float64)}, "needs float32"),
        ({"depth_m": np.ones((3, 4), np.float32)}, "depth is 4 x 3 pixels; register depth"),
        ({"intrinsics": CameraIntrinsics(640, 480, 1, 1, 0, 0)}, "intrinsics are for 640 x 480"),
        ({"T_world_camera": np.full((4, 4), np.nan)}, "inf or NaN"),
    ],
)
def test_a_malformed_frame_cannot_be_made(changes, message):
    good = frame(1.0)
    values = {name: getattr(good, name) for name in ("color", "depth_m", "intrinsics")}
    values |= {"T_world_camera": good.T_world_camera, **changes}
    with pytest.raises(FrameError, match=message):
        RgbdFrame(0, **values)


def test_a_frame_cannot_be_changed():
    with pytest.raises(ValueError, match="read-only"):
        frame(1.0).color[0, 0] = 1


@pytest.mark.parametrize("fx", [0.0, -1.0, float("nan")])
def test_an_uncalibrated_camera_is_refused(fx):
    with pytest.raises(FrameError, match="is the camera calibrated"):
        CameraIntrinsics(8, 6, fx, 10, 3.5, 2.5)


@given(st.floats(0.5, 5.0))
def test_projection_undoes_backprojection(depth):
    image = np.full((6, 8), depth, np.float32)
    pixels, z = CAMERA.project(CAMERA.backproject(image))
    rows, cols = np.indices((6, 8))
    assert np.allclose(pixels, np.c_[cols.ravel(), rows.ravel()], atol=1e-3)
    assert np.allclose(z, depth)


def test_rays_are_what_pixels_look_at():
    u, v = np.meshgrid(np.arange(8), np.arange(6))
    rays = CAMERA.rays(u, v)
    pixels, z = CAMERA.project(3.0 * rays.reshape(-1, 3))
    np.testing.assert_allclose(pixels, np.stack([u.ravel(), v.ravel()], axis=1), atol=1e-12)
    np.testing.assert_allclose(z, 3.0)
    np.testing.assert_array_equal(CAMERA.rays(2.0, v[:, 0]), rays[:, 2])


def test_points_behind_the_camera_have_no_pixel():
    pixels, _ = CAMERA.project(np.array([[0, 0, -1.0], [0, 0, 0]]))
    assert np.isnan(pixels).all()


def test_missing_depth_gives_no_point():
    image = np.full((6, 8), np.nan, np.float32)
    image[2, 3] = 1.0
    assert len(CAMERA.backproject(image)) == 1


# -- the window


def test_the_window_forgets_what_is_older_than_its_length():
    window = filled(*range(20), config=EVERY_FRAME.replace(max_seconds=5.0))
    snapshot = window.snapshot()
    assert [f.stamp for f in snapshot.frames] == [14, 15, 16, 17, 18, 19]
    assert len(snapshot.trajectory) == 6


def test_the_window_drops_the_oldest_pixels_beyond_its_bytes():
    camera = CameraIntrinsics(640, 480, 500, 500, 320, 240)
    window = VideoWindow(EVERY_FRAME.replace(max_megabytes=10.0))
    for second in range(10):
        window.add(frame(second, camera=camera))
    snapshot = window.snapshot()
    assert window.nbytes <= 10e6
    assert [f.stamp for f in snapshot.frames] == [6, 7, 8, 9]
    assert len(snapshot.trajectory) == 10


def test_frames_at_rest_keep_their_pose_but_one_image_a_second():
    window = VideoWindow(WindowConfig())
    for i in range(90):
        window.add(frame(i / 30))
    snapshot = window.snapshot()
    assert len(snapshot.trajectory) == 90
    assert [round(f.stamp, 2) for f in snapshot.frames] == [0.0, 1.0, 2.0, 2.97]


def test_what_was_just_seen_keeps_its_pixels_a_while():
    window = VideoWindow(WindowConfig(recent_seconds=0.2))
    for i in range(90):
        window.add(frame(i / 30))
    stamps = [round(f.stamp, 2) for f in window.snapshot(passing="recent").frames]
    assert stamps == [0.0, 1.0, 2.0, 2.77, 2.8, 2.83, 2.87, 2.9, 2.93, 2.97]
    keyframes = window.snapshot(passing="none").frames
    assert [f.stamp for f in keyframes] == [0.0, 1.0, 2.0]
    assert window.nbytes == sum(f.nbytes for f in window.snapshot(passing="recent").frames)


def test_a_frame_that_is_worked_on_stays():
    window = VideoWindow(WindowConfig(recent_seconds=0.2))
    for i in range(90):
        window.add(frame(i / 30))
        if i == 50:
            stamp = window.snapshot().end_ns
            assert window.keep(stamp)
    assert stamp in [f.stamp_ns for f in window.snapshot(passing="none").frames]
    assert window.keep(stamp)
    assert not window.keep(stamp + 1)


def test_recent_frames_make_way_before_keyframes():
    camera = CameraIntrinsics(640, 480, 500, 500, 320, 240)
    window = VideoWindow(WindowConfig(max_megabytes=10.0, recent_seconds=5.0))
    for i in range(90):
        window.add(frame(i / 30, camera=camera))
    assert window.nbytes <= 10e6
    assert [f.stamp for f in window.snapshot(passing="none").frames] == [0.0, 1.0, 2.0]


def test_a_moving_camera_keeps_more_images():
    window = VideoWindow(WindowConfig())
    for i in range(90):
        window.add(frame(i / 30, x=0.02 * i))
    assert len(window.snapshot().frames) == 13


def test_windows_that_start_at_different_times_agree_on_their_keyframes():
    early, late = VideoWindow(WindowConfig()), VideoWindow(WindowConfig())
    for i in range(300):
        moving = frame(i / 30, x=0.011 * i)
        early.add(moving)
        if i > 40:
            late.add(moving)
    a = {f.stamp_ns for f in early.snapshot().frames if f.stamp > 3}
    b = {f.stamp_ns for f in late.snapshot().frames if f.stamp > 3}
    assert a == b


def test_the_newest_frame_always_has_its_pixels():
    window = VideoWindow(WindowConfig())
    for i in range(4):
        window.add(frame(i / 30))
        assert window.snapshot().frames[-1].stamp_ns == frame(i / 30).stamp_ns


def test_a_late_frame_takes_its_place():
    window = filled(1.0, 1.2)
    assert window.add(frame(1.1)) is AddResult.REORDERED
    assert [f.stamp for f in window.snapshot().frames] == [1.0, 1.1, 1.2]


def test_a_stamp_that_is_there_is_ignored():
    window = filled(1.0, 1.2)
    assert window.add(frame(1.0)) is AddResult.DUPLICATE
    assert len(window) == 2


def test_a_clock_that_jumps_back_starts_the_window_again():
    window = filled(100.0, 101.0)
    assert window.add(frame(3.0)) is AddResult.RESET
    assert [f.stamp for f in window.snapshot().frames] == [3.0]


def test_clearing_tells_how_many_frames_there_were():
    window = filled(1, 2, 3)
    assert window.clear() == 3
    assert window.nbytes == 0
    with pytest.raises(WindowEmptyError, match="is the camera running"):
        window.snapshot()


def test_a_snapshot_is_not_touched_by_later_frames_and_shares_pixels():
    window = filled(1.0, 2.0)
    snapshot = window.snapshot()
    window.add(frame(3.0))
    window.clear()
    assert len(snapshot.frames) == 2
    kept = frame(5.0)
    window.add(kept)
    assert np.shares_memory(window.snapshot().frames[0].color, kept.color)


def test_snapshots_are_consistent_while_frames_arrive():
    window = VideoWindow(EVERY_FRAME.replace(max_seconds=1.0))
    window.add(frame(0.0))
    stop = threading.Event()

    def feed():
        for i in range(1, 3000):
            window.add(frame(i * 0.01))
        stop.set()

    thread = threading.Thread(target=feed)
    thread.start()
    while not stop.is_set():
        snapshot = window.snapshot()
        poses = {pose.stamp_ns for pose in snapshot.trajectory}
        assert {f.stamp_ns for f in snapshot.frames} <= poses
        assert snapshot.seconds <= 1.0 + 1e-9
    thread.join()


@settings(max_examples=50)
@given(st.lists(st.integers(0, 400), min_size=1, max_size=60))
@example([20, 21, 22])
def test_whatever_the_order_of_arrival_the_window_is_in_order_of_time(ticks):
    window = VideoWindow(WindowConfig(max_seconds=10.0))
    for tick in ticks:
        window.add(frame(tick * 0.05))
    snapshot = window.snapshot(passing="recent")  # with all frames that hold pixels
    stamps = [pose.stamp_ns for pose in snapshot.trajectory]
    assert stamps == sorted(set(stamps))
    assert window.nbytes == sum(f.nbytes for f in snapshot.frames)


# -- snapshots


def test_a_part_of_the_window_includes_its_ends():
    part = filled(1, 2, 3, 4).snapshot(2 * NS, 3 * NS)
    assert [f.stamp for f in part.frames] == [2, 3]
    assert len(part.trajectory) == 2


def test_a_part_without_frames_names_what_there_is():
    with pytest.raises(WindowEmptyError, match=r"spans 1\.000 to 2\.000 s"):
        filled(1, 2).snapshot(5 * NS, 6 * NS)


def test_a_stamp_without_frame_names_the_nearest():
    with pytest.raises(NoSuchFrameError, match=r"nearest is at 2.000000 s"):
        filled(1, 2).snapshot().at(int(2.4 * NS))


def test_the_nearest_frame_is_found_on_both_sides():
    snapshot = filled(1, 2, 3).snapshot()
    assert snapshot.nearest(0).stamp == 1
    assert snapshot.nearest(int(2.4 * NS)).stamp == 2
    assert snapshot.nearest(int(2.6 * NS)).stamp == 3
    assert snapshot.nearest(99 * NS).stamp == 3


def test_frames_of_a_recording_become_a_window_in_any_order():
    snapshot = WindowSnapshot.of([frame(3), frame(1), frame(2)])
    assert [snapshot.time_of(f) for f in snapshot.frames] == [0, 1, 2]
