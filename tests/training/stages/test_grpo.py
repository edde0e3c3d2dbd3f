"""GRPO: rewards reach the model, flat groups are left out, a resume changes nothing."""

from __future__ import annotations

import json

import pytest
import torch
from scene_r1_training.examples.errors import TrainingError
from scene_r1_training.rewards import choose
from scene_r1_training.stages.grpo import GroundingGrpoTrainer
from training_runs import Stop, letters, same, settings, train, weights

from scene_r1_ros.errors import ConfigError


@pytest.fixture(autouse=True)
def reward_that_varies(monkeypatch):
    """A tiny random model never earns a real reward; this one tells its texts apart."""
    monkeypatch.setitem(choose.PLAIN, "letters", letters)


def history(out):
    return json.loads((out / "checkpoint-6" / "trainer_state.json").read_text())["log_history"]


def moved(work, final) -> float:
    before, after = weights(work / "tiny"), weights(final)
    return max((after[n] - before[n]).abs().max().item() for n in after)


@pytest.mark.parametrize("kind", ["grpo-temporal", "grpo-image", "grpo-qa"])
def test_each_stage_learns_from_its_rewards(work, kind):
    given = settings(
        work, kind, grpo={"rewards": "letters=1,format=0.5"}, optim={"steps": 2},
        run={"samples": 1, "save_steps": 1},
    )  # fmt: skip
    report = train(kind, given)
    assert moved(work, report.final) > 0
    assert {"rewards/letters/mean", "rewards/format_reward/mean", "kl"} <= report.figures.keys()
    records = [json.loads(line) for line in (report.out / "completions.jsonl").open()]
    assert {"step", "key", "query", "completion", "rewards"} == records[0].keys()
    assert records[0]["rewards"].keys() == {"letters", "format_reward"}
    assert "Completions and what they earned" in (report.out / "report/index.html").read_text()


def test_the_image_tokens_of_prompts_of_any_length_are_where_they_are(work, monkeypatch):
    batches = []
    inner = GroundingGrpoTrainer._leave_out_flat_groups

    def kept(self, batch):
        batches.append((batch, self.model.config.image_token_id))
        inner(self, batch)

    monkeypatch.setattr(GroundingGrpoTrainer, "_leave_out_flat_groups", kept)
    optim = {"steps": 2, "batch_size": 8}
    train("grpo-temporal", settings(work, "any_length", optim=optim, grpo={"rewards": "letters=1"}))
    for batch, image_token in batches:
        ids = torch.cat([batch["prompt_ids"], batch["completion_ids"]], dim=1)
        shown = ids == image_token
        shown[:, batch["prompt_ids"].shape[1] :] = False
        assert torch.equal(batch["mm_token_type_ids"] == 1, shown)
    assert any((batch["prompt_mask"] == 0).any() for batch, _ in batches)


def test_a_stopped_run_ends_as_if_it_had_never_stopped_over_epochs(work):
    # four rows and one prompt a step: the kill falls into the second epoch
    options = {"grpo": {"rewards": "letters=1", "kl": 0.1}}
    whole = train("grpo-qa", settings(work, "qa_whole", **options))
    with pytest.raises(KeyboardInterrupt):
        train("grpo-qa", settings(work, "qa_stopped", **options), Stop(5))
    report = train("grpo-qa", settings(work, "qa_stopped", **options))
    assert report.resumed_from.endswith("checkpoint-4")
    assert same(report.final, whole.final)
    assert history(whole.out)[-1]["loss"] == history(report.out)[-1]["loss"]


def test_a_reward_that_can_be_had_is_learnt(work, monkeypatch):
    def digits(completions, **columns):
        from scene_r1_training.rewards.texts import texts

        return [sum(c.isdigit() for c in t) / 6 for t in texts(completions)]

    monkeypatch.setitem(choose.PLAIN, "digits", digits)
    given = settings(
        work, "learns", grpo={"rewards": "digits=1", "generations": 8, "kl": 0.0},
        optim={"steps": 10, "batch_size": 16, "rate": 1e-2}, run={"save_steps": 10},
    )  # fmt: skip
    report = train("grpo-qa", given)
    state = json.loads((report.out / "checkpoint-10" / "trainer_state.json").read_text())
    rewards = [e["reward"] for e in state["log_history"] if "reward" in e]
    assert sum(rewards[-3:]) / 3 > sum(rewards[:3]) / 3 + 0.2


def test_groups_that_all_earn_the_same_change_nothing(work):
    options = {"optim": {"steps": 2}, "run": {"save_steps": 2}}
    flat = {"rewards": "format=1", "kl": 0.5}  # nonsense earns 0 throughout
    report = train("grpo-image", settings(work, "flat", grpo=flat, **options))
    assert report.figures["groups_left_out"] == 1.0
    assert moved(work, report.final) == 0.0


def test_a_mixed_batch_learns_from_the_group_that_varies_alone(work):
    from scene_r1_training.stages.grpo import GroundingGrpoTrainer

    class Fake:
        num_generations = 2
        _metrics = {"train": {"groups_left_out": []}}  # noqa: RUF012

        class accelerator:  # noqa: N801
            process_index = 0
            gather = staticmethod(lambda x: x)

    batch = {
        "advantages": torch.tensor([0.0, 0.0, 1.0, -1.0]),
        "completion_mask": torch.tensor([[1, 1], [1, 0], [1, 1], [1, 0]]),
        "num_items_in_batch": torch.tensor(6),
    }
    GroundingGrpoTrainer._leave_out_flat_groups(Fake(), batch)
    assert batch["tool_mask"].tolist() == [[0, 0], [0, 0], [1, 1], [1, 1]]
    assert int(batch["num_items_in_batch"]) == 3


def test_an_adapter_goes_on_with_the_adapter_as_its_reference(work):
    options = {"optim": {"steps": 2}, "run": {"save_steps": 2}}
    first = train(
        "grpo-qa",
        settings(work, "lora_a", grpo={"rewards": "letters=1"}, lora={"enabled": True, "rank": 2},
                 **options),
    )  # fmt: skip
    on = train(
        "grpo-qa",
        settings(work, "lora_b", grpo={"rewards": "letters=1"}, model={"adapter": str(first.final)},
                 **options),
    )  # fmt: skip
    before, after = weights(first.final), weights(on.final)
    assert before.keys() == after.keys()
    assert any(not torch.equal(before[n], after[n]) for n in before)


def test_the_shuffled_group_is_answered_too(work):
    rewards = {"rewards": "letters=1,shuffled=0.3"}
    given = settings(work, "shuffled", grpo=rewards, optim={"steps": 1}, run={"save_steps": 1})
    report = train("grpo-temporal", given)
    assert report.figures["rewards/shuffled_reward/mean"] == 0.0


def test_what_does_not_fit_is_said(work):
    with pytest.raises(ConfigError, match=r"no multiple of grpo\.generations = 3"):
        train("grpo-qa", settings(work, "x", grpo={"generations": 3}))
    with pytest.raises(ConfigError, match="could not be gone on from"):
        train("grpo-qa", settings(work, "x", grpo={"iterations": 4}))
    with pytest.raises(ConfigError, match="no reward 'nice'"):
        train("grpo-qa", settings(work, "x", grpo={"rewards": "nice=1"}))
    with pytest.raises(TrainingError, match="no annotation that suits"):
        train("grpo-qa", settings(work, "x", data={"scenes": "room77"}))
