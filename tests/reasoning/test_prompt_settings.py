"""A checkpoint is asked as it was taught, unless the user says otherwise."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from scene_r1_ros.reasoning import build
from scene_r1_ros.reasoning.backends.checkpoint import TransformersConfig
from scene_r1_ros.reasoning.backends.openai_backend import OpenAIConfig
from scene_r1_ros.reasoning.prompt_settings import as_trained
from scene_r1_ros.reasoning.reasoner_config import ReasonerConfig

SMALL = {"max_frames": 8, "views": 2, "max_image_tokens": 128, "repeat_query": False}


def trained(
    folder: Path, data: Any = SMALL, grpo: Any = None, version: Any = 1, **more: Any
) -> Path:
    """A checkpoint's folder with a training.json, as a run leaves it."""
    folder.mkdir(exist_ok=True)
    settings = {"data": data, "grpo": {} if grpo is None else grpo, **more}
    about = {"version": version, "kind": "sft", "settings": settings}
    (folder / "training.json").write_text(json.dumps(about))
    return folder


def asked(model: Path | str, adapter: Path | str = "", **settings: Any) -> ReasonerConfig:
    checkpoint = TransformersConfig(model=str(model), adapter=str(adapter))
    return as_trained(ReasonerConfig(**settings), checkpoint)


def test_what_is_not_set_is_as_in_training_and_the_log_says_so(tmp_path, caplog) -> None:
    caplog.set_level(logging.INFO, "scene_r1_ros")
    config = asked(trained(tmp_path / "m", grpo={"max_new_tokens": 96}))
    assert (config.max_frames, config.views, config.max_image_tokens) == (8, 2, 128)
    assert (config.repeat_query, config.system_prompt) == (False, True)
    assert config.max_new_tokens == 96
    (record,) = caplog.records
    assert record.levelno == logging.INFO
    assert record.getMessage() == (
        "prompts as in training: max_frames 8, views 2, max_image_tokens 128, repeat_query False, "
        f"max_new_tokens 96 ({tmp_path / 'm' / 'training.json'})"
    )


def test_what_the_user_set_goes_first_and_the_difference_is_told(tmp_path, caplog) -> None:
    caplog.set_level(logging.INFO, "scene_r1_ros")
    config = asked(trained(tmp_path / "m"), max_frames=12, views=2)
    assert (config.max_frames, config.views, config.max_image_tokens) == (12, 2, 128)
    assert caplog.text.count("; set otherwise: max_frames 12, trained with 8") == 1
    assert "views" not in caplog.text


def test_a_checkpoint_brings_its_vote_and_zero_switches_it_off(tmp_path) -> None:
    vote = {"vote_frames": 24, "vote_confidence": 0.4, "vote_closer": 2.0}
    model = trained(tmp_path / "m", asked=vote)
    config = asked(model)
    assert (config.vote_frames, config.vote_confidence, config.vote_closer) == (24, 0.4, 2.0)
    assert asked(model, vote_closer=1.0).vote_closer == 1.0
    assert asked(model, vote_frames=0).vote_frames == 0
    assert asked(model, vote_frames=8).vote_frames == 8
    assert asked(trained(tmp_path / "n")).vote_frames == ReasonerConfig().vote_frames < 1


def test_prompt_settings_own_leaves_even_the_defaults(tmp_path, caplog) -> None:
    own = ReasonerConfig(prompt_settings="own")
    assert asked(trained(tmp_path / "m"), prompt_settings="own") == own
    assert not caplog.records


def test_an_adapter_brings_its_own_and_the_model_those_of_an_adapter_without(tmp_path) -> None:
    model = trained(tmp_path / "m", {"max_frames": 8})
    adapter = trained(tmp_path / "a", {"max_frames": 4})
    assert asked(model, adapter).max_frames == 4
    (adapter / "training.json").unlink()
    assert asked(model, adapter).max_frames == 8
    assert asked("Qwen/Qwen2.5-VL-3B-Instruct", trained(tmp_path / "b")).max_frames == 8


def test_a_checkpoint_that_says_nothing_changes_nothing(tmp_path, caplog) -> None:
    assert asked(tmp_path) == ReasonerConfig()
    assert asked("Qwen/Qwen2.5-VL-3B-Instruct") == ReasonerConfig()
    assert not caplog.records


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("{", "cannot be read"),
        ("\xff\xfe", "cannot be read"),
        ("[" * 100_000, "cannot be read"),
        ("[]", "holds no settings"),
        ('{"version": 1}', "holds no settings"),
        ('{"version": 2, "settings": {}}', "is of version 2; this program reads 1"),
        ('{"version": 1, "settings": {"data": []}}', "data is no section"),
        (
            '{"version": 1, "settings": {"data": {"views": 2, "max_frames": 0}}}',
            "data.max_frames = 0: must lie in 1 to 256",
        ),
        (
            '{"version": 1, "settings": {"data": {"max_frames": "8"}}}',
            "data.max_frames = '8': needs a int",
        ),
    ],
)
def test_a_damaged_file_is_one_warning(tmp_path, caplog, text: str, complaint: str) -> None:
    (tmp_path / "training.json").write_bytes(text.encode("latin-1"))
    assert asked(tmp_path) == ReasonerConfig()
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert complaint in record.getMessage()
    assert "set reasoner.max_frames and the like yourself" in record.getMessage()


def test_the_reasoner_that_is_built_asks_so_but_not_one_on_a_server(
    tmp_path, monkeypatch, caplog
) -> None:
    model = trained(tmp_path / "m")
    given = {"transformers": TransformersConfig(model=str(model))}

    def settings(prefix, section):
        return given.get(prefix, section())

    assert build.make_reasoner(settings).config.max_frames == 8
    assert "no model is chosen" not in caplog.text
    given["model"] = build.BackendConfig("openai")
    given["openai"] = OpenAIConfig(base_url="http://workstation:8000/v1")
    assert build.make_reasoner(settings).config.max_frames == 16
    monkeypatch.setattr(build, "shipped_checkpoint", lambda: str(model))
    given.clear()
    assert build.make_reasoner(settings).config.max_frames == 8
    assert "the small one that ships answers, which knows synthetic rooms" in caplog.text
