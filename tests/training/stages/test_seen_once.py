"""A frozen tower sees each image of a step once, and what comes of it is the same."""

from __future__ import annotations

import pytest
import torch
from scene_r1_training.stages import grpo
from scene_r1_training.stages.loading import vision_tower
from scene_r1_training.stages.seen_once import SeenOnce
from tiny_models import build_qwen3_vl
from training_runs import letters, losses, settings, train, weights
from transformers import AutoModelForImageTextToText

GRID = torch.tensor([[1, 4, 4], [1, 4, 6], [1, 4, 4]])
FROZEN = {"freeze_vision": True, "freeze_projector": True}


def tower_of(folder):
    return vision_tower(AutoModelForImageTextToText.from_pretrained(folder)).requires_grad_(False)


def images(tower, seed: int) -> list[torch.Tensor]:
    config = tower.config
    width = config.in_channels * config.temporal_patch_size * config.patch_size**2
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(int(n), width, generator=generator) for n in GRID.prod(-1)]


@pytest.fixture(scope="module", params=["qwen2.5", "qwen3"])
def folder(request, work, tmp_path_factory):
    if request.param == "qwen2.5":
        return work / "tiny"
    return build_qwen3_vl(tmp_path_factory.mktemp("seen") / "qwen3")


def test_repeated_images_get_the_features_of_the_first(folder):
    plain, tower = tower_of(folder), tower_of(folder)
    once = SeenOnce(tower)
    a, b, c = images(tower, 0)
    order = [0, 1, 0, 2, 1, 0]
    packed, grid = torch.cat([(a, b, c)[i] for i in order]), GRID[order]
    for _ in range(2):
        mine, theirs = tower(packed, grid_thw=grid), plain(packed, grid_thw=grid)
        torch.testing.assert_close(mine.pooler_output, theirs.pooler_output)
        deep = [getattr(seen, "deepstack_features", None) or [] for seen in (mine, theirs)]
        assert len(deep[0]) == len(deep[1])
        for one, other in zip(*deep, strict=True):
            torch.testing.assert_close(one, other)
        assert once.looked == 3
    once.forget()
    tower(packed, grid_thw=grid)
    assert once.looked == 6


def test_an_image_that_differs_in_one_number_is_another(folder):
    plain, tower = tower_of(folder), tower_of(folder)
    once = SeenOnce(tower)
    first = images(tower, 1)[0]
    other = first.clone()
    other.view(-1)[1] += 1.0  # between the numbers that a quick look takes
    packed, grid = torch.cat([first, other]), GRID[[0, 2]]
    torch.testing.assert_close(
        tower(packed, grid_thw=grid).pooler_output, plain(packed, grid_thw=grid).pooler_output
    )
    assert once.looked == 2


def test_a_precision_has_features_of_its_own(folder):
    tower = tower_of(folder)
    once = SeenOnce(tower)
    image = images(tower, 2)[0]
    tower(image, grid_thw=GRID[:1])
    with torch.autocast("cpu", torch.bfloat16):
        assert tower(image, grid_thw=GRID[:1]).pooler_output.dtype == torch.bfloat16
    assert once.looked == 2


def test_a_run_is_the_same_with_fewer_looks(work, monkeypatch):
    made = []

    class Watched(SeenOnce):
        def __init__(self, tower):
            super().__init__(tower)
            made.append(self)

    options = {
        "model": FROZEN, "optim": {"steps": 2, "batch_size": 4},
        "grpo": {"generations": 4, "max_new_tokens": 6}, "run": {"save_steps": 2},
    }  # fmt: skip
    monkeypatch.setattr(
        "scene_r1_training.rewards.choose.rewards_of", lambda *a: ([letters], [1.0])
    )
    monkeypatch.setattr(grpo, "SeenOnce", Watched)
    once = train("grpo-temporal", settings(work, "once", **options))
    looked = made[0].looked
    monkeypatch.setattr(grpo.GroundingGrpoTrainer, "_seen_once", lambda self: None)
    every = train("grpo-temporal", settings(work, "every", **options))
    assert losses(once.out) == pytest.approx(losses(every.out), abs=1e-6)
    one, other = weights(once.final), weights(every.final)
    for name, value in one.items():
        torch.testing.assert_close(value, other[name], atol=1e-6, rtol=1e-4)
    assert 0 < looked <= 2 * 4  # one prompt a step, of four frames at most


def test_a_tower_that_learns_is_always_asked(work, monkeypatch):
    monkeypatch.setattr(grpo, "SeenOnce", None)
    options = {"optim": {"steps": 1, "batch_size": 2}, "run": {"save_steps": 1}}
    train("grpo-temporal", settings(work, "learning_tower", **options))
    half = {"freeze_vision": True}
    train("grpo-temporal", settings(work, "learning_projector", model=half, **options))
    with pytest.raises(TypeError):
        train("grpo-temporal", settings(work, "frozen_tower", model=FROZEN, **options))
