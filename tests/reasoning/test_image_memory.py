"""Images that were seen before are not seen anew, and are seen as ever."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tiny_models import build_qwen2_5_vl

from scene_r1_ros.control import Control
from scene_r1_ros.reasoning.backends import Limits
from scene_r1_ros.reasoning.backends.background import wait_until_ready
from scene_r1_ros.reasoning.backends.checkpoint import TransformersConfig
from scene_r1_ros.reasoning.backends.image_memory import ImageMemory, RememberingModel
from scene_r1_ros.reasoning.backends.transformers_backend import TransformersBackend
from scene_r1_ros.reasoning.messages import Message, Picture, Text

GRID = torch.tensor([[1, 4, 6], [1, 4, 4], [1, 4, 6]])


@pytest.fixture
def backend(tmp_path: Path) -> TransformersBackend:
    folder = build_qwen2_5_vl(tmp_path / "tiny")
    backend = TransformersBackend(TransformersConfig(model=str(folder), device_map="none"))
    wait_until_ready(backend)
    return backend


@pytest.fixture
def model(backend: TransformersBackend) -> Any:
    return backend._load.get().model.model


def seen(model: Any, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many images each call of the tower sees, from here on."""
    counts: list[int] = []
    plain = model.visual.forward

    def counted(pixels: torch.Tensor, grid_thw: torch.Tensor, **kwargs: Any) -> Any:
        counts.append(len(grid_thw))
        return plain(pixels, grid_thw=grid_thw, **kwargs)

    monkeypatch.setattr(model.visual, "forward", counted)
    return counts


def patches(model: Any, seed: int) -> torch.Tensor:
    torch.manual_seed(seed)
    return torch.randn(int(GRID.prod(1).sum()), model.visual.patch_embed.proj.weight[0].numel())


def test_tokens_are_those_of_the_plain_model_also_where_some_are_new(model, monkeypatch):
    old, new = patches(model, 0), patches(model, 1)
    mixed = torch.cat([old[:24], new[24:40], old[40:]])  # its second image was never seen
    with torch.no_grad():
        expected = model.get_image_features(mixed, GRID).pooler_output
    counts = seen(model, monkeypatch)
    with torch.inference_mode():
        model.get_image_features(old, GRID)
        got = model.get_image_features(mixed, GRID).pooler_output
        again = model.get_image_features(mixed, GRID).pooler_output
    assert counts == [3, 1]
    for a, b, c in zip(expected, got, again, strict=True):
        torch.testing.assert_close(b, a, rtol=1e-4, atol=1e-5)
        assert torch.equal(b, c)


def test_one_image_twice_in_a_prompt_is_seen_once_and_shape_counts(model, monkeypatch):
    grid, pixels = torch.tensor([[1, 4, 6], [1, 4, 6]]), patches(model, 0)[:24]
    counts = seen(model, monkeypatch)
    with torch.inference_mode():
        tokens = model.get_image_features(torch.cat([pixels, pixels]), grid).pooler_output
        model.get_image_features(pixels, torch.tensor([[1, 6, 4]]))
    assert torch.equal(tokens[0], tokens[1])
    assert counts == [1, 1]


def test_outside_inference_weights_may_change_and_nothing_is_kept(model, monkeypatch):
    counts = seen(model, monkeypatch)
    for _ in range(2):
        model.get_image_features(patches(model, 0), GRID)
    with torch.no_grad():
        model.get_image_features(patches(model, 0), GRID)
    assert counts == [3, 3, 3]
    assert model.image_memory.used_bytes == 0


def test_what_was_not_used_for_longest_goes_first():
    memory = ImageMemory(kept_bytes=3 * 40)
    tokens = {name: torch.full((10,), float(number)) for number, name in enumerate("abcd")}
    for name in "abc":
        memory.put(name.encode(), tokens[name])
    assert torch.equal(memory.get(b"a"), tokens["a"])
    memory.put(b"d", tokens["d"])
    assert [memory.get(name.encode()) is not None for name in "abcd"] == [True, False, True, True]
    assert memory.used_bytes == 120
    memory.put(b"large", torch.zeros(100))
    assert memory.used_bytes == 0


def test_the_backend_s_second_question_about_a_frame_looks_no_more(backend, model, monkeypatch):
    assert isinstance(model, RememberingModel)
    image = np.random.default_rng(0).integers(0, 255, (56, 56, 3), dtype=np.uint8)
    counts = seen(model, monkeypatch)
    said = []
    for words in ("the door", "the lamp", "the door"):
        question = [Message("user", (Text(words), Picture(image, "")))]
        said.append(backend.generate(question, Control(), Limits(4, 0.0)).text)
    assert counts == [1]
    assert said[0] == said[2]
