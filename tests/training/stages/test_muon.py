"""Muon for the hidden matrices beside AdamW for the rest."""

from __future__ import annotations

import copy

import pytest
import torch
from scene_r1_training.stages import checkpoints
from scene_r1_training.stages.guarded import Guarded
from scene_r1_training.stages.muon import MuonWithAdamW, muon_group, suits_muon
from training_runs import Stop, losses, same, settings, train, weights

from scene_r1_ros.errors import ConfigError


def layers() -> torch.nn.Module:
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(6, 10), torch.nn.Linear(10, 4))


def learn(model: torch.nn.Module, optimizers: list[torch.optim.Optimizer], steps: range) -> None:
    for step in steps:
        rows = torch.randn(8, 6, generator=torch.Generator().manual_seed(step))
        model(rows).square().mean().backward()
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad()


def both(model: torch.nn.Module) -> MuonWithAdamW:
    matrices = [p for p in model.parameters() if p.ndim == 2]
    vectors = [p for p in model.parameters() if p.ndim == 1]
    others = {"params": vectors, "lr": 0.002, "weight_decay": 0.0}
    return MuonWithAdamW([muon_group(matrices, 0.01, 0.0), others], 0.1, (0.9, 0.98), 1e-8)


def test_each_group_moves_as_by_its_own_optimiser():
    one, two = layers(), layers()
    learn(one, [both(one)], range(5))
    matrices = [p for p in two.parameters() if p.ndim == 2]
    others = [p for p in two.parameters() if p.ndim == 1]
    options = {"weight_decay": 0.0}
    muon = torch.optim.Muon(matrices, lr=0.01, adjust_lr_fn="match_rms_adamw", **options)
    learn(two, [muon, torch.optim.AdamW(others, lr=0.002, betas=(0.9, 0.98), **options)], range(5))
    for mine, theirs in zip(one.parameters(), two.parameters(), strict=True):
        assert torch.equal(mine, theirs)


def test_it_goes_on_from_its_state_and_follows_a_schedule():
    whole, halves = layers(), layers()
    learn(whole, [both(whole)], range(6))
    first, second = both(halves), both(halves)
    learn(halves, [first], range(3))
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    learn(halves, [second], range(3, 6))
    for mine, theirs in zip(whole.parameters(), halves.parameters(), strict=True):
        assert torch.equal(mine, theirs)
    before = [p.clone() for p in halves.parameters()]
    for group in second.param_groups:
        group["lr"] = 0.0
    learn(halves, [second], range(1))
    assert all(torch.equal(a, b) for a, b in zip(before, halves.parameters(), strict=True))


def test_a_later_group_is_of_adamw():
    model, head = layers(), torch.nn.Linear(4, 4)
    optimizer = both(model)
    optimizer.add_param_group({"params": list(head.parameters()), "weight_decay": 0.0})
    before = head.weight.detach().clone()
    head(model(torch.ones(2, 6))).sum().backward()
    optimizer.step()
    # AdamW's first step is as long as its rate in each weight
    assert torch.allclose((head.weight - before).abs(), torch.tensor(0.1), atol=1e-4)


def test_embeddings_and_convolutions_are_not_for_it():
    matrix, filters = torch.zeros(3, 3), torch.zeros(3, 3, 2, 2)
    assert suits_muon("model.visual.blocks.0.mlp.up_proj.weight", matrix)
    assert not suits_muon("model.language_model.embed_tokens.weight", matrix)
    assert not suits_muon("lm_head.weight", matrix)
    assert not suits_muon("model.visual.patch_embed.proj.weight", filters)


def test_a_run_learns_matrices_at_its_rate_and_goes_on_after_a_stop(work):
    slow = settings(work, "muon_slow", optim={"steps": 2, "muon_rate": 1e-9})
    after, before = weights(train("sft", slow).final), weights(work / "tiny")
    change = {name: (after[name] - before[name]).abs().max().item() for name in after}
    assert max(v for n, v in change.items() if n.endswith("q_proj.weight")) < 1e-6
    assert max(v for n, v in change.items() if n.endswith("norm.weight")) > 1e-4

    whole = train("sft", settings(work, "muon_whole", optim={"muon_rate": 0.01}))
    given = settings(work, "muon_stopped", optim={"muon_rate": 0.01})
    with pytest.raises(KeyboardInterrupt):
        train("sft", given, Stop(3))
    assert [p.name for p in checkpoints.whole_checkpoints(given.out)] == ["checkpoint-2"]
    resumed = train("sft", given)
    assert losses(given.out)[-1] == losses(whole.out)[-1]
    assert same(resumed.final, whole.final)


def test_it_refuses_weights_in_parts():
    class Cut(Guarded):
        muon_rate = 0.01
        is_fsdp_enabled, is_deepspeed_enabled = True, False

    with pytest.raises(ConfigError, match=r"muon_rate = 0\.01 needs whole matrices"):
        Cut().create_optimizer()
