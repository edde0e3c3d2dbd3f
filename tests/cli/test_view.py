"""``scene-r1 view`` into a file, and what it says without a display."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from report_builders import room_recording, room_result

from scene_r1_ros.cli.main import main
from scene_r1_ros.report import Truth, write_report

pytest.importorskip("rerun")


def entities(rrd):
    """Entity paths in a file, as Rerun's own tool sees them."""
    tool = Path(sys.executable).with_name("rerun")
    out = subprocess.run([tool, "rrd", "print", rrd], capture_output=True, text=True, check=True)
    return {word.strip("`',\"()[]:") for word in out.stdout.split() if word.startswith("/world")}


def test_recording_is_saved_with_poses_images_depth_and_truth(tmp_path, capsys):
    folder, _, _ = room_recording(tmp_path / "room", frames=4)
    rrd = tmp_path / "new" / "room.rrd"
    assert main(["view", "--source", str(folder), "--save", str(rrd), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["frames"] == 4
    assert {
        "/world/camera",
        "/world/camera/image",
        "/world/camera/depth",
        "/world/trail",
        "/world/truth/red_1",
    } <= entities(rrd)


def test_result_is_saved_with_masks_cloud_and_boxes(tmp_path, capsys):
    window, result, box = room_result()
    write_report(tmp_path / "out", window, result, truth=Truth("red box", box))
    rrd = tmp_path / "out.rrd"
    assert main(["view", "--result", str(tmp_path / "out"), "--save", str(rrd), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["frames"] == len(window.frames)
    assert {
        "/world/camera/mask",
        "/world/objects/red_box",
        "/world/objects/red_box/box",
        "/world/truth/red_box",
    } <= entities(rrd)


def test_without_a_display_it_says_what_to_do(tmp_path, capsys, monkeypatch):
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    assert main(["view", "--result", str(tmp_path)]) == 1
    assert "--save FILE.rrd" in capsys.readouterr().err


def test_one_thing_to_view_is_needed(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["view", "--save", "a.rrd"])
    assert ended.value.code == 2
    assert "--source" in capsys.readouterr().err
