"""What the command says to wrong arguments, and with which status it ends."""

import pytest

from scene_r1_ros.cli.main import main


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("eval rooms --scenes 0", "--scenes 0: must be 1 or more"),
        ("eval lifting --limit 5", "--scenes and --objects say how much"),
        ("eval lifting --tracker sam2", "measures the geometric tracker"),
        ("demo --timeout -1", "--timeout -1: must not be negative"),
        ("ground --source x --frame 0 --box 0 0 9 9 --set lifting.clustr=true", "lifting.cluster?"),
        ("ground --source x --frame 0 --box 0 0 9 9 --set lifting.cluster", "needs NAME=VALUE"),
    ],
)
def test_wrong_arguments_end_with_status_2_and_a_sentence(
    arguments, said, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    assert main(arguments.split()) == 2
    assert said in capsys.readouterr().err


def test_a_place_that_cannot_be_written_is_named(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert main(["synth", str(tmp_path / "file"), "--scenes", "1"]) == 1
    assert f"{tmp_path / 'file'}" in capsys.readouterr().err
