"""Where what ships beside the code is looked for."""

import sys
from pathlib import Path

from scene_r1_ros import resources
from scene_r1_ros.reasoning import build


def test_it_is_looked_for_in_the_source_tree_the_workspace_and_the_environment(monkeypatch):
    monkeypatch.setenv("AMENT_PREFIX_PATH", "/ws/install:/opt/ros/jazzy")
    places = resources.share_directories()
    assert places == [
        Path(resources.__file__).parents[1],
        Path("/ws/install/share/scene_r1_ros"),
        Path("/opt/ros/jazzy/share/scene_r1_ros"),
        Path(sys.prefix) / "share/scene_r1_ros",
    ]


def test_the_checkpoint_that_ships_is_the_first_there_is(monkeypatch, tmp_path):
    monkeypatch.setattr(build, "share_directories", lambda: [tmp_path / "a", tmp_path / "b"])
    assert build.shipped_checkpoint() == ""
    folder = tmp_path / "b" / "checkpoints" / "rooms"
    folder.mkdir(parents=True)
    assert build.shipped_checkpoint() == ""  # a folder without a model
    (folder / "config.json").write_text("{}")
    assert build.shipped_checkpoint() == str(folder)
