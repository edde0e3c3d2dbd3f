"""A frozen tower sees each image once, and what comes of it is the same."""

from __future__ import annotations

import pytest
import torch
from scene_r1_training.stages import guarded
from scene_r1_training.stages.loading import vision_tower
from scene_r1_training.stages.seen_once import SeenOnce
from tiny_models import build_qwen3_vl
from training_runs import Stop, letters, losses, settings, train, weights
from transformers import AutoModelForImageTextToText

GRID = torch.tensor([[1, 4, 4], [1, 4, 6], [1, 4, 4]])
FROZEN = {"freeze_vision": True, "freeze_projector": True}
PLENTY = 2**30


def tower_of(folder):
    return vision_tower(AutoModelForImageTextToText.from_pretrained(folder)).requires_grad_(False)


def images(tower, seed: int) -> list[torch.Tensor]:
    config = tower.config
    width = config.in_channels * config.temporal_patch_size * config.patch_size**2
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(int(n), width, generator=generator) for n in GRID.prod(-1)]


def features_bytes(tower, image, grid) -> int:
    seen = tower(image, grid_thw=grid)
    columns = [seen.pooler_output, *(getattr(seen, "deepstack_features", None) or [])]
    return sum(column.nbytes for column in columns)


@pytest.fixture(scope="module", params=["qwen2.5", "qwen3"])
def folder(request, work, tmp_path_factory):
    if request.param == "qwen2.5":
        return work / "tiny"
    return build_qwen3_vl(tmp_path_factory.mktemp("seen") / "qwen3")


def test_repeated_images_get_the_features_of_the_first(folder):
    plain, tower = tower_of(folder), tower_of(folder)
    once = SeenOnce(tower, PLENTY)
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


def test_what_was_not_asked_for_the_longest_goes_first(folder):
    plain, tower = tower_of(folder), tower_of(folder)
    a, b, c = images(tower, 3)
    once = SeenOnce(tower, features_bytes(plain, a, GRID[:1]) + features_bytes(plain, b, GRID[1:2]))
    for image, grid in ((a, GRID[:1]), (b, GRID[1:2]), (a, GRID[:1]), (c, GRID[2:])):
        tower(image, grid_thw=grid)
    assert once.looked == 3
    tower(a, grid_thw=GRID[:1])
    assert once.looked == 3
    said = tower(torch.cat([b, a]), grid_thw=GRID[[1, 0]]).pooler_output
    assert once.looked == 4
    torch.testing.assert_close(said, plain(torch.cat([b, a]), grid_thw=GRID[[1, 0]]).pooler_output)


def test_without_memory_for_one_image_all_is_seen_again(folder):
    plain, tower = tower_of(folder), tower_of(folder)
    once = SeenOnce(tower, 8)
    a, b, _ = images(tower, 4)
    packed, grid = torch.cat([a, b, a]), GRID[[0, 1, 0]]
    for _ in range(2):
        said = tower(packed, grid_thw=grid).pooler_output
        torch.testing.assert_close(said, plain(packed, grid_thw=grid).pooler_output)
    assert once.looked == 4


def test_an_image_that_differs_in_one_number_is_another(folder):
    plain, tower = tower_of(folder), tower_of(folder)
    once = SeenOnce(tower, PLENTY)
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
    once = SeenOnce(tower, PLENTY)
    image = images(tower, 2)[0]
    tower(image, grid_thw=GRID[:1])
    with torch.autocast("cpu", torch.bfloat16):
        assert tower(image, grid_thw=GRID[:1]).pooler_output.dtype == torch.bfloat16
    assert once.looked == 2


@pytest.mark.parametrize("kind", ["grpo-temporal", "sft"])
def test_a_run_is_the_same_with_fewer_looks(work, monkeypatch, kind):
    made = []

    class Watched(SeenOnce):
        def __init__(self, tower, memory):
            super().__init__(tower, memory)
            made.append(self)

    options = {
        "optim": {"steps": 2, "batch_size": 4}, "run": {"save_steps": 2, "samples": 0},
        "grpo": {"generations": 4, "max_new_tokens": 6},
    }  # fmt: skip
    monkeypatch.setattr(
        "scene_r1_training.rewards.choose.rewards_of", lambda *a: ([letters], [1.0])
    )
    monkeypatch.setattr(guarded, "SeenOnce", Watched)
    once = train(kind, settings(work, f"once_{kind}", model=FROZEN, **options))
    assert len(made) == 1
    never = {**FROZEN, "kept_features": 0.0}
    every = train(kind, settings(work, f"every_{kind}", model=never, **options))
    assert len(made) == 1
    assert losses(once.out) == pytest.approx(losses(every.out), abs=1e-6)
    one, other = weights(once.final), weights(every.final)
    for name, value in one.items():
        torch.testing.assert_close(value, other[name], atol=1e-6, rtol=1e-4)
    if kind != "sft":
        assert 0 < made[0].looked <= 2 * 4  # one prompt a step, of four frames at most


def test_a_run_that_was_stopped_sees_its_frames_anew_and_ends_the_same(work):
    whole = train("sft", settings(work, "seen_whole", model=FROZEN))
    given = settings(work, "seen_stopped", model=FROZEN)
    with pytest.raises(KeyboardInterrupt):
        train("sft", given, Stop(3))
    resumed = train("sft", given)
    assert resumed.resumed_from.endswith("checkpoint-2")
    one, other = weights(resumed.final), weights(whole.final)
    for name, value in one.items():
        torch.testing.assert_close(value, other[name], atol=1e-6, rtol=1e-4)


def test_a_tower_that_learns_is_always_asked(work, monkeypatch):
    monkeypatch.setattr(guarded, "SeenOnce", None)
    options = {"optim": {"steps": 1, "batch_size": 2}, "run": {"save_steps": 1}}
    train("grpo-temporal", settings(work, "learning_tower", **options))
    half = {"freeze_vision": True}
    train("grpo-temporal", settings(work, "learning_projector", model=half, **options))
    with pytest.raises(TypeError):
        train("grpo-temporal", settings(work, "frozen_tower", model=FROZEN, **options))
