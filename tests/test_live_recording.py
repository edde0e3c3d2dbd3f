"""Frames written while they come; what goes wrong keeps what was written."""

import shutil
from collections import namedtuple

import pytest
from box_room import BoxRoom

from scene_r1_ros import live_recording
from scene_r1_ros.errors import RecordingError
from scene_r1_ros.live_recording import LiveRecording
from scene_r1_ros.recordings import open_recording

FRAMES = BoxRoom().walk(6).frames
Usage = namedtuple("Usage", "total used free")


def test_folder_and_bag_hold_every_frame(tmp_path):
    folder, bag = tmp_path / "a", tmp_path / "a.mcap"
    recording = LiveRecording(folder, bag)
    for frame in FRAMES:
        recording.add(frame)
    recording.add(FRAMES[2])  # late: passed over
    assert recording.finish() == {folder: 6, bag: 6}
    for path in (folder, bag):
        assert [f.stamp_ns for f in open_recording(path)] == [f.stamp_ns for f in FRAMES]


def test_nearly_full_disk_ends_it_and_keeps_what_is_written(tmp_path, monkeypatch):
    monkeypatch.setattr(live_recording, "_FRAMES_BETWEEN_LOOKS", 2)
    free = iter([10**12, 10**12, 150_000_000])
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(10**12, 0, next(free)))
    recording = LiveRecording(tmp_path / "a", None)
    for frame in FRAMES:
        recording.add(frame)
    assert "only 150 MB are free" in recording.problem
    assert recording.finish() == {tmp_path / "a": 5}
    assert len(list(open_recording(tmp_path / "a"))) == 5


def test_writer_that_fails_ends_it_and_the_other_is_kept(tmp_path, monkeypatch):
    def broken(path, frames, options, overwrite):
        next(frames)
        raise RecordingError(f"{path} cannot be written: No space left on device.")

    monkeypatch.setattr(live_recording, "write_mcap", broken)
    recording = LiveRecording(tmp_path / "a", tmp_path / "a.mcap")
    recording.add(FRAMES[0])
    with pytest.raises(RecordingError, match=r"No space left.*Kept: .*a"):
        recording.finish()
    assert "No space left" in recording.problem
    assert len(list(open_recording(tmp_path / "a"))) == 1


def test_existing_place_is_refused_before_anything_is_recorded(tmp_path):
    (tmp_path / "a.mcap").write_text("mine")
    with pytest.raises(RecordingError, match=r"a\.mcap exists already"):
        LiveRecording(tmp_path / "a", tmp_path / "a.mcap")


def test_frames_that_the_disk_cannot_follow_are_counted(tmp_path, monkeypatch):
    monkeypatch.setattr(live_recording, "QUEUED_FRAMES", 0)
    recording = LiveRecording(tmp_path / "a", None)
    recording.add(FRAMES[0])
    assert (recording.frames, recording.lost) == (0, 1)
    recording.discard()
    assert not (tmp_path / "a").exists()
