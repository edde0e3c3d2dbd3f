"""``scene-r1 record`` beside a player, over real DDS."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from report_builders import room_recording

from scene_r1_ros.cli.record import targets
from scene_r1_ros.feed_config import FeedConfig
from scene_r1_ros.recordings import open_recording

ENVIRONMENT = {**os.environ, "ROS_DOMAIN_ID": str(215 + (os.getpid() + 5) % 17)}
RELIABLE = ["--color-qos", "reliable", "--depth-qos", "reliable", "--camera-info-qos", "reliable"]


def command(*args):
    return subprocess.Popen(
        [sys.executable, "-m", "scene_r1_ros.cli.main", *map(str, args)],
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_every_played_frame_is_in_folder_and_bag_after_ctrl_c(tmp_path):
    source, _, _ = room_recording(tmp_path / "room", frames=12, seconds=6.0)
    out = tmp_path / "new" / "kitchen"
    record = command("record", out, "--json", "--wait", 60, "--pose-timeout", 5, *RELIABLE)
    play = command("play", source, "--rate", 6, "--wait-for-subscribers", 60)
    assert play.wait(90) == 0
    record.send_signal(signal.SIGINT)
    said, errors = record.communicate(timeout=90)
    assert record.returncode == 0, errors
    written = json.loads(said.splitlines()[-1])["written"]
    played = list(open_recording(source))
    # The first may be over before discovery is, the last on its way when the player ends.
    assert all(count >= len(played) - 2 for count in written.values()), errors
    for path in (out, out.with_suffix(".mcap")):
        frames = {frame.stamp_ns: frame for frame in open_recording(path)}
        assert len(frames) == written[str(path)]
        original = played[6]
        again = frames[original.stamp_ns]
        np.testing.assert_allclose(again.T_world_camera, original.T_world_camera, atol=1e-6)
        near = original.depth_m < FeedConfig().max_depth - 0.1
        np.testing.assert_allclose(again.depth_m[near], original.depth_m[near], atol=1e-3)


def test_without_a_camera_it_names_the_silent_topics_and_leaves_nothing(tmp_path):
    record = command("record", tmp_path / "a", "--wait", 1, "--color-topic", "/no/rgb")
    _, said = record.communicate(timeout=90)
    assert record.returncode == 1
    assert "nothing has come on /no/rgb" in said
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("kind", ["folder", "mcap", "both"])
def test_targets_follow_the_format(kind):
    folder, bag = Path("r/a"), Path("r/a.mcap")
    expected = {"folder": (folder, None), "mcap": (None, bag), "both": (folder, bag)}
    assert targets(folder, kind) == expected[kind]
    assert targets(bag, kind) == expected[kind]
