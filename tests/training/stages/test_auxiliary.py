"""The auxiliary losses: right targets, a loss that falls, nothing of them in the model."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from scene_r1_training.examples.around import GRID, Around, Thing
from scene_r1_training.examples.render import ModelView, Renderer
from scene_r1_training.examples.settings import DataConfig
from scene_r1_training.stages.auxiliary import pointing_layer
from scene_r1_training.stages.token_targets import token_targets
from training_runs import Stop, same, settings, train, weights
from transformers import AutoModelForImageTextToText, TrainerCallback

from scene_r1_ros.errors import ConfigError

AUX = {"pointing": 1.0, "dense": 1.0}


def test_tokens_on_the_object_are_those_that_its_mask_has_enough_of(work):
    from scene_r1_training.examples.chains import examples_from_chains

    example = examples_from_chains(work / "data", [work / "chains.jsonl"])[0]  # the red box
    row = Renderer(DataConfig(), ModelView("resized_pixels", 28, 3136, 1_000_000)).row(example)
    targets = token_targets([row], 28, {"green box": 0, "red box": 1})
    # 112 x 84 is 4 x 3 tokens of 28, eight frames
    asked = targets.asked.reshape(8, 3, 4)
    assert asked[[0, 1, 6, 7]].sum() == 0
    # frame 2: x 52 to 82, y 30 to 66 holds the centre (70, 42)
    assert asked[2].nonzero().tolist() == [[1, 2]]
    on = targets.asked > 0
    assert torch.allclose(
        targets.asked_box.reshape(8, 12, 4)[2, 6],
        torch.tensor([52, 30, 82, 66]) / 28,
    )
    # the dense loss has it from the token's own centre: the tower knows no more
    assert torch.allclose(
        targets.box.reshape(8, 12, 4)[2, 6],
        torch.tensor([52 - 70, 30 - 42, 82 - 70, 66 - 42]) / 28,
    )
    assert set(targets.kind[on].tolist()) == {1}
    assert (targets.kind.reshape(8, 3, 4)[:, 0, 0] == 0).all()


def test_a_thing_smaller_than_a_token_still_has_one():
    row = {
        "boxes": [(60.0, 40.0, 62.0, 42.0)], "around": [Around()], "object_ids": [1], "views": 1,
        "image_sizes": [(112, 84)], "model_sizes": [(112, 84)],
    }  # fmt: skip
    targets = token_targets([row], 28, {})
    assert targets.asked.sum() == 1
    assert targets.asked.reshape(3, 4)[1, 2] == 1


def test_parts_of_the_building_are_named_but_are_no_things():
    owners = np.zeros(GRID, np.int16)
    owners[:, GRID[1] // 2 :] = 1
    around = Around((Thing(0, "wall", (0, 0, 112, 84)), Thing(1, "door", (56, 0, 112, 84))), owners)
    row = {
        "boxes": [], "around": [around], "object_ids": [], "views": 1,
        "image_sizes": [(112, 84)], "model_sizes": [(112, 84)],
    }  # fmt: skip
    targets = token_targets([row], 28, {"door": 0, "wall": 1})
    assert targets.kind.reshape(3, 4).tolist() == [[1, 1, 0, 0]] * 3
    assert targets.thing.reshape(3, 4).tolist() == [[0, 0, 1, 1]] * 3
    assert targets.asked.sum() == 0


def test_both_losses_fall_resume_and_leave_nothing_in_the_model(work):
    # the same two rows in each step, so that what falls has been learnt
    options = {"aux": AUX, "data": {"limit": 2}, "optim": {"steps": 6, "group_by_length": True}}
    whole = train("sft", settings(work, "aux", **options))
    state = json.loads((whole.out / "checkpoint-6" / "trainer_state.json").read_text())
    history = [e for e in state["log_history"] if "aux_pointing" in e]
    for name in ("aux_pointing", "aux_dense"):
        assert history[-1][name] < history[0][name]
    with pytest.raises(KeyboardInterrupt):
        train("sft", settings(work, "aux_stopped", **options), Stop(5))
    again = train("sft", settings(work, "aux_stopped", **options))
    assert again.resumed_from.endswith("checkpoint-4")
    assert same(whole.final, again.final)
    assert weights(whole.final).keys() == weights(work / "tiny").keys()
    AutoModelForImageTextToText.from_pretrained(whole.final)


def test_a_run_goes_on_with_the_heads_of_the_one_before(work):
    first = train("sft", settings(work, "heads", aux=AUX, optim={"steps": 2}))
    file = first.out / "auxiliary_heads.pt"
    kept = {**AUX, "heads": str(file)}
    still = {"steps": 1, "rate": 0.0}
    again = train("sft", settings(work, "heads_on", aux=kept, optim=still))
    before, after = (torch.load(p) for p in (file, again.out / "auxiliary_heads.pt"))
    assert all(torch.equal(before[name], after[name]) for name in before)
    torch.save({name: value[:3] for name, value in before.items()}, work / "other.pt")
    for path, why in ((work / "other.pt", "size mismatch"), (work / "none.pt", "No such file")):
        wrong = {**AUX, "heads": str(path)}
        with pytest.raises(ConfigError, match=rf"aux\.heads = .*{why}"):
            train("sft", settings(work, path.stem, aux=wrong))


def test_a_box_that_is_off_by_its_own_size_costs_as_much_small_as_large():
    from scene_r1_training.stages.auxiliary import _box_loss

    def giou_part(scale: float) -> float:
        box = scale * torch.tensor([[0.0, 0.0, 1.0, 1.0]])
        said = box + scale
        return float(_box_loss(said, box) - 5.0 * (said - box).abs().mean())

    assert giou_part(0.05) == pytest.approx(giou_part(1.0), rel=1e-3)
    # two corners said in the wrong order are the same box
    crossed = torch.tensor([[1.0, 1.0, 0.0, 0.0]])
    straight = torch.tensor([[0.0, 0.0, 1.0, 1.0]])
    assert float(_box_loss(crossed, straight)) == pytest.approx(5.0)


def test_a_vision_phase_moves_the_tower_alone(work):
    given = settings(
        work, "vision", aux={"dense": 1.0, "vision_only": True}, optim={"steps": 2},
        run={"save_steps": 2},
    )  # fmt: skip
    after, before = weights(train("sft", given).final), weights(work / "tiny")
    moved = {n for n in after if not torch.equal(after[n], before[n])}
    assert moved
    assert all("visual" in name for name in moved)


def test_a_vision_phase_computes_in_the_precision_that_is_asked_for(work):
    seen = set()

    class Watch(TrainerCallback):
        def on_train_begin(self, args, state, control, model=None, **kwargs):
            for block in model.model.visual.blocks:
                block.attn.proj.register_forward_hook(lambda m, given, out: seen.add(out.dtype))

    given = settings(
        work, "vision_bf16", aux={"dense": 1.0, "vision_only": True},
        optim={"steps": 1, "precision": "bf16"},
    )  # fmt: skip
    train("sft", given, Watch())
    assert seen == {torch.bfloat16}


def test_the_middle_layer_points_unless_another_is_asked_for():
    assert [pointing_layer(0, n) for n in (1, 4, 5)] == [1, 2, 2]
    assert pointing_layer(4, 4) == 4
    with pytest.raises(ConfigError, match="the language model has 4 layers"):
        pointing_layer(5, 4)


def test_settings_that_make_no_sense_are_said(work):
    with pytest.raises(ConfigError, match=r"aux\.vision_only needs aux\.dense"):
        train("sft", settings(work, "x", aux={"vision_only": True}))
