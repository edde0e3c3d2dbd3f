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


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            "demo --queri x",
            "scene-r1 demo: error: unrecognized arguments: --queri x; did you mean --query?",
        ),
        (
            "train sft --outt x",
            "scene-r1 train sft: error: unrecognized arguments: --outt x; did you mean --out?",
        ),
        ("doctor 7", "scene-r1 doctor: error: unrecognized arguments: 7"),
    ],
)
def test_an_unknown_argument_is_the_command_s_own_to_name(arguments, said, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(arguments.split())
    assert capsys.readouterr().err.strip().endswith(said)


def test_a_model_folder_that_is_absent_is_said_before_anything_is_rendered(tmp_path, capsys):
    model, out = tmp_path / "none", tmp_path / "out"
    assert main(["demo", "--model", str(model), "--out", str(out)]) == 1
    assert f"the model folder {model} does not exist" in capsys.readouterr().err
    assert not list(out.iterdir())
