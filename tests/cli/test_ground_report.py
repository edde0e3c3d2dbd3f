"""``scene-r1 ground --report`` writes the report beside the printed result."""

import json

from report_builders import room_recording

from scene_r1_ros.cli.main import main
from scene_r1_ros.report import load_result


def test_report_holds_the_printed_result_and_the_truth(tmp_path, capsys):
    folder, number, box = room_recording(tmp_path / "room")
    prompt = ["--frame", str(number), "--box", *(str(value) for value in box)]
    out = tmp_path / "out"
    command = ["ground", "--source", str(folder), *prompt, "--label", "red box"]
    assert main([*command, "--report", str(out), "--json"]) == 0
    record = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert record["truth"]["label"] == "red"
    assert record["iou"] > 0.5
    assert record["report"] == str(out / "report.html")
    assert load_result(out).record["object"] == record["object"]
