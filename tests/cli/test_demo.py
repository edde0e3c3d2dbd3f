"""What answers in the demonstration, and what is said where nothing can."""

import argparse

import pytest

from scene_r1_ros.cli import demo
from scene_r1_ros.errors import ModelAbsentError
from scene_r1_ros.reasoning import build

pytest.importorskip("rclpy", reason="needs ROS 2; run ./dev test")


@pytest.fixture
def chosen(monkeypatch):
    """The model for these arguments, if ``ships`` is the checkpoint that ships."""

    def choose(*arguments, ships=""):
        monkeypatch.setattr(build, "shipped_checkpoint", lambda: ships)
        parser = argparse.ArgumentParser()
        demo.add_arguments(parser)
        return demo._model(parser.parse_args(arguments))

    return choose


def test_what_ships_answers_unless_another_is_named(chosen):
    assert chosen(ships="rooms").model == "rooms"
    assert chosen("--model", "mine", ships="rooms").model == "mine"
    other = chosen("--server", "http://there/v1", ships="rooms")
    assert (other.model, other.server) == ("", "http://there/v1")


def test_without_a_model_a_box_is_the_prompt_and_that_is_said(chosen, capsys):
    assert chosen() is None
    said = capsys.readouterr().err
    assert "no checkpoint is there to answer words" in said
    assert "2D box is the prompt instead" in said


@pytest.mark.parametrize("arguments", [("--query", "a sofa"), ("--prompt", "words")])
def test_words_without_a_model_are_refused_before_anything_starts(chosen, arguments):
    with pytest.raises(ModelAbsentError, match=r"no checkpoint is there.*--prompt box needs none"):
        chosen(*arguments)


def test_box_takes_no_model(chosen):
    assert chosen("--prompt", "box", ships="rooms") is None
    assert chosen("--frame", "1", "--box", "0", "0", "5", "5", ships="rooms") is None
