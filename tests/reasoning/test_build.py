"""Which backend the settings come to."""

from __future__ import annotations

import pytest

from scene_r1_ros.errors import ModelAbsentError
from scene_r1_ros.reasoning import build
from scene_r1_ros.reasoning.backends.checkpoint import TransformersConfig
from scene_r1_ros.reasoning.backends.openai_backend import OpenAIBackend, OpenAIConfig
from scene_r1_ros.reasoning.backends.transformers_backend import TransformersBackend

SERVER = OpenAIConfig(base_url="http://workstation:8000/v1")


def backend(kind: str = "auto", model: str = "", server: OpenAIConfig | None = None):
    checkpoint = TransformersConfig(model=model)
    return build.make_backend(build.BackendConfig(kind), checkpoint, server or OpenAIConfig())


def test_auto_takes_what_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(backend(model="some/model"), TransformersBackend)
    assert isinstance(backend(server=SERVER), OpenAIBackend)
    monkeypatch.setattr(build, "shipped_checkpoint", lambda: "/shipped")
    assert backend().config.model == "/shipped"


def test_a_named_backend_is_taken() -> None:
    assert isinstance(backend("openai", model="some/model"), OpenAIBackend)
    assert isinstance(backend("transformers", "some/model", SERVER), TransformersBackend)


def test_without_any_model_the_way_to_one_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "shipped_checkpoint", lambda: "")
    for kind in ("auto", "none", "transformers"):
        with pytest.raises(ModelAbsentError, match="no model is chosen: set"):
            backend(kind)
