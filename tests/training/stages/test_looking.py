"""Attention that is told where to look while a box is said."""

from __future__ import annotations

import json
import math

import pytest
import torch
from scene_r1_training.stages.looking import looking_loss
from scene_r1_training.stages.new_model import NewModelConfig, new_model
from scene_r1_training.stages.token_targets import TokenTargets
from training_runs import settings, train

from scene_r1_ros.errors import ConfigError

LOOKING = {"looking": 1.0, "soft_boxes": 1.0}


@pytest.fixture(scope="module")
def numerate(work):
    """A new model whose tokenizer has the numbers."""
    chains = [json.loads(line)["completion"] for line in (work / "chains.jsonl").open()]
    folder = work / "numerate"
    new_model(folder, chains, NewModelConfig(width=32, layers=2, heads=2, vision_layers=1))
    return folder


def targets(asked):
    asked = torch.tensor(asked)
    none = torch.zeros(len(asked), 4)
    return TokenTargets(asked, none, asked.long(), asked.long(), none, asked)


def test_the_loss_is_minus_the_log_of_the_share_on_what_is_asked_for():
    images = torch.tensor([[True, True, False, False], [True, True, False, False]])
    at = torch.tensor([[False, False, False, True], [False, False, False, True]])
    attention = torch.full((2, 2, 4, 4), 0.9)  # of the second head, and of tokens that say nothing
    attention[:, 0, 2] = torch.tensor([0.5, 0.2, 0.3, 0.0])
    second = targets([0.0, 1.0, 0.0, 0.0])  # the second row shows nothing of it
    assert float(looking_loss(attention, images, second, at)) == pytest.approx(-math.log(0.2), 1e-3)
    both = targets([1.0, 1.0, 0.0, 1.0])
    mean = -(math.log(0.7) + math.log(0.2)) / 2
    assert float(looking_loss(attention, images, both, at)) == pytest.approx(mean, 1e-3)
    assert float(looking_loss(attention, images, targets([0.0] * 4), at)) == 0.0


def test_a_layer_learns_to_look_at_what_is_asked_for(work, numerate):
    # one row again and again, so that what falls has been learnt
    options = {
        "model": {"checkpoint": str(numerate), "attention": "eager"},
        "data": {"stages": "image", "limit": 1},
        "optim": {"steps": 12, "rate": 5e-3},
    }
    out = train("sft", settings(work, "looking", aux=LOOKING, **options)).out
    history = json.loads((out / "checkpoint-12" / "trainer_state.json").read_text())["log_history"]
    told = [entry["aux_looking"] for entry in history if "aux_looking" in entry]
    assert told[-1] < 0.8 * told[0]


@pytest.mark.parametrize(
    ("aux", "model", "said"),
    [
        ({"looking": 1.0}, {"attention": "eager"}, r"needs aux\.soft_boxes above 0"),
        (LOOKING, {"attention": "sdpa"}, r"needs model\.attention=eager; with sdpa"),
        (
            {**LOOKING, "pointing_layer": 2},
            {"attention": "eager"},
            "needs a layer after the one that points, which is the last of 2",
        ),
    ],
)
def test_what_it_needs_is_said(work, numerate, tmp_path, aux, model, said):
    given = settings(work, tmp_path, aux=aux, model={"checkpoint": str(numerate), **model})
    with pytest.raises(ConfigError, match=rf"aux\.looking = 1 {said}"):
        train("sft", given)
