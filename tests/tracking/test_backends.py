"""The choice of a tracker, and that it says why."""

from __future__ import annotations

import pytest

from scene_r1_ros.errors import CheckpointError, ConfigError
from scene_r1_ros.tracking.backends import TrackerConfig, choose_tracker, make_tracker
from scene_r1_ros.tracking.sam2 import Sam2Config


@pytest.fixture(autouse=True)
def checkpoints(monkeypatch, tmp_path):
    monkeypatch.setenv("SCENE_R1_CHECKPOINTS", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path


def test_auto_takes_geometry_without_a_checkpoint_and_says_so(caplog):
    caplog.set_level("INFO")
    assert make_tracker().name == "geometric"
    assert "geometric, because no SAM 2 checkpoint is on this machine" in caplog.text


def test_auto_takes_sam2_when_a_checkpoint_lies_there_and_says_so(checkpoints, caplog):
    (checkpoints / "sam2.1_hiera_small.pt").touch()
    caplog.set_level("INFO")
    tracker = make_tracker()
    assert tracker.name == "sam2"
    assert "sam2, because" in caplog.text
    assert "sam2.1_hiera_small.pt is there" in caplog.text


def test_auto_prefers_the_named_checkpoint_and_explains_its_absence(checkpoints):
    path = checkpoints / "mine.pt"
    missing = choose_tracker(TrackerConfig(), Sam2Config(checkpoint=str(path)))
    assert missing.name == "geometric"
    assert "mine.pt" in missing.reason
    path.touch()
    assert choose_tracker(TrackerConfig(), Sam2Config(checkpoint=str(path))).name == "sam2"


def test_sam2_without_a_checkpoint_is_an_error():
    with pytest.raises(CheckpointError, match="no SAM 2 checkpoint is set"):
        make_tracker(TrackerConfig(tracker="sam2"))


def test_geometric_is_taken_as_set(checkpoints):
    (checkpoints / "sam2.1_hiera_small.pt").touch()
    assert make_tracker(TrackerConfig(tracker="geometric")).name == "geometric"


def test_other_names_are_refused():
    with pytest.raises(ConfigError, match="choose one of auto, sam2, geometric"):
        TrackerConfig(tracker="magic")
