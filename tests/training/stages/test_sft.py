"""The cold start: what is learnt, going on after a kill, several processes, and what goes wrong."""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import signal
import socket
import time
from pathlib import Path

import pytest
import torch
from scene_r1_training.examples.errors import TrainingError
from scene_r1_training.stages import checkpoints
from scene_r1_training.stages.merge import merge_adapter
from training_runs import Stop, child_losses, child_run, losses, same, settings, train, weights
from transformers import TrainerCallback

from scene_r1_ros.errors import ConfigError, ModelAbsentError, RecordingError
from scene_r1_ros.reasoning.backends.checkpoint import TransformersConfig, load_checkpoint


@pytest.fixture(scope="module")
def processes():
    """Processes that start with the libraries imported and no thread of the model running."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["trl.trainer.sft_trainer", "peft", "training_runs"])
    return context


@pytest.fixture(scope="module")
def finished(work):
    """An uninterrupted run."""
    train("sft", settings(work, "whole", run={"tensorboard": True, "samples": 2}))
    return work / "whole"


def test_the_loss_falls_and_everything_is_written(finished):
    found = losses(finished)
    assert len(found) == 6
    assert found[-1] < found[0]
    page = (finished / "report" / "index.html").read_text()
    assert "data:image/png" in page
    assert "the red box" in page
    assert (finished / "report" / "curves.png").stat().st_size > 1000
    assert any((finished / "tensorboard").rglob("events.*"))
    assert [p.name for p in checkpoints.whole_checkpoints(finished)] == [
        "checkpoint-4", "checkpoint-6",
    ]  # fmt: skip


def test_only_the_answer_is_learnt(work):
    from scene_r1_training.examples.render import Renderer, rows_dataset
    from scene_r1_training.stages.arguments import sft_arguments
    from scene_r1_training.stages.loading import load_learner
    from scene_r1_training.stages.run import load_examples
    from scene_r1_training.stages.sft import ColdStartTrainer

    given = settings(work, "labels")
    learner = load_learner(given.model, given.lora)
    rows = rows_dataset(load_examples("sft", given), Renderer(given.data, learner.view))
    trainer = ColdStartTrainer(
        model=learner.model, args=sft_arguments(given), train_dataset=rows,
        processing_class=learner.processor,
    )  # fmt: skip
    batch = trainer.data_collator([rows[0]])
    tokenizer = learner.processor.tokenizer
    learnt = tokenizer.decode(batch["labels"][batch["labels"] != -100])
    ids = tokenizer(rows[0]["completion"][0]["content"][0]["text"])["input_ids"]
    assert learnt.startswith(tokenizer.decode(ids))
    assert learnt.removeprefix(tokenizer.decode(ids)).strip() == "<|im_end|>"


def test_a_run_stopped_in_its_second_epoch_ends_as_if_it_had_never_stopped(work, finished):
    given = settings(work, "stopped")
    with pytest.raises(KeyboardInterrupt):
        train("sft", given, Stop(5))
    report = train("sft", given)
    assert report.resumed_from.endswith("checkpoint-4")
    assert same(report.final, finished / "final")


def test_a_run_killed_in_the_act_leaves_only_whole_checkpoints_and_ends_the_same(
    work, finished, processes
):
    given = settings(work, "killed")
    child = processes.Process(target=child_run, args=(given,))
    child.start()
    deadline = time.monotonic() + 60
    while not list((work / "killed").glob("checkpoint-2/*")):  # it has begun to write the first
        assert child.is_alive()
        assert time.monotonic() < deadline
        time.sleep(0.001)
    os.kill(child.pid, signal.SIGKILL)
    child.join()
    # and one that was killed earlier still in the act
    cut = work / "killed" / "checkpoint-5"
    cut.mkdir(exist_ok=True)
    (cut / "model.safetensors").write_bytes(b"half")
    report = train("sft", given)
    assert not cut.exists()
    assert same(report.final, finished / "final")


def test_two_processes_have_the_losses_of_one_with_the_same_global_batch(
    work, finished, processes, tmp_path
):
    given = settings(work, "two", optim={"batch_size": 1})
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    children = [
        processes.Process(target=child_losses, args=(given, r, 2, port, tmp_path / "losses.json"))
        for r in range(2)
    ]
    for child in children:
        child.start()
    for child in children:
        child.join(timeout=90)
        assert child.exitcode == 0
    two = json.loads((tmp_path / "losses.json").read_text())
    assert two == pytest.approx(losses(finished), rel=1e-4)


def test_an_accumulated_batch_has_the_losses_of_a_whole_one(work, finished):
    train("sft", settings(work, "accumulated", optim={"batch_size": 1, "accumulation": 2}))
    assert losses(work / "accumulated") == pytest.approx(losses(finished), rel=1e-4)


def test_an_adapter_loads_straight_into_the_reasoner_and_merges_into_the_same_model(work, tmp_path):
    given = settings(work, "lora", lora={"enabled": True, "rank": 4}, optim={"rate": 1e-2})
    report = train("sft", given)
    assert all("lora_" in name for name in weights(report.final))
    assert not any("visual" in name for name in weights(report.final))
    with pytest.raises(KeyboardInterrupt):
        train("sft", settings(work, "lora2", lora={"enabled": True, "rank": 4},
                              optim={"rate": 1e-2}), Stop(3))  # fmt: skip
    again = train("sft", settings(work, "lora2", lora={"enabled": True, "rank": 4},
                                  optim={"rate": 1e-2}))  # fmt: skip
    assert same(report.final, again.final)

    def tell(fraction, text):
        pass

    base = str(work / "tiny")
    adapted = load_checkpoint(TransformersConfig(model=base, adapter=str(report.final)), tell)
    merged_at = merge_adapter(base, str(report.final), tmp_path / "merged")
    merged = load_checkpoint(TransformersConfig(model=str(merged_at)), tell)
    plain = load_checkpoint(TransformersConfig(model=base), tell)
    assert (merged_at / "training.json").read_text() == (report.final / "training.json").read_text()
    ids = torch.tensor([[5, 6, 7, 8]])
    with torch.inference_mode():
        logits = [m.model(input_ids=ids).logits for m in (adapted, merged, plain)]
    assert torch.allclose(logits[0], logits[1], atol=1e-4)
    assert not torch.allclose(logits[0], logits[2], atol=1e-2)
    with pytest.raises(RecordingError, match="exists already"):
        merge_adapter(base, str(report.final), merged_at)


def test_a_frozen_tower_stays_as_it_was_and_has_a_rate_of_its_own_otherwise(work):
    given = settings(work, "frozen", model={"freeze_vision": True}, optim={"steps": 2})
    after, before = weights(train("sft", given).final), weights(work / "tiny")
    moved = {name for name in after if not torch.equal(after[name], before[name])}
    assert moved
    assert not any("visual.blocks" in name or "patch_embed" in name for name in moved)
    given = settings(work, "slow", optim={"steps": 2, "vision_rate": 1e-9})
    after = weights(train("sft", given).final)
    change = {n: (after[n] - before[n]).abs().max().item() for n in after}
    assert max(v for n, v in change.items() if "visual." in n) < 1e-6
    assert max(v for n, v in change.items() if "visual." not in n) > 1e-4


class TestWhatGoesWrong:
    def test_a_loss_that_is_no_number_stops_the_run_and_keeps_the_last_checkpoint(self, work):
        class Poison(TrainerCallback):
            def on_step_end(self, args, state, control, model=None, **kwargs):
                if state.global_step == 3:
                    next(model.parameters()).data.fill_(float("nan"))

        with pytest.raises(TrainingError, match="the loss became nan at step 4") as raised:
            train("sft", settings(work, "nan"), Poison())
        (last,) = checkpoints.whole_checkpoints(work / "nan")
        assert str(last) in str(raised.value)
        assert last.name == "checkpoint-2"

    def test_ruined_weights_are_never_saved(self, work):
        class Poison(TrainerCallback):
            def on_step_end(self, args, state, control, model=None, **kwargs):
                if state.global_step == 4:
                    list(model.parameters())[5].data[0] = float("inf")

        with pytest.raises(TrainingError, match="weights became inf"):
            train("sft", settings(work, "ruined"), Poison())
        assert [p.name for p in checkpoints.whole_checkpoints(work / "ruined")] == ["checkpoint-2"]

    def test_a_full_disk_is_seen_before_writing(self, work, monkeypatch):
        usage = shutil.disk_usage(work)

        def full(path):
            seen = len(checkpoints.whole_checkpoints(work / "full"))
            return usage._replace(free=1000 if seen else usage.free)

        monkeypatch.setattr(checkpoints.shutil, "disk_usage", full)
        with pytest.raises(TrainingError, match=r"is full.*goes on from .*checkpoint-2"):
            train("sft", settings(work, "full"))

    def test_a_disk_that_fills_while_writing_leaves_no_half_checkpoint(self, work, monkeypatch):
        import transformers

        real = transformers.Trainer._save_optimizer_and_scheduler

        def fail(trainer, folder):
            if trainer.state.global_step >= 4:
                raise OSError(28, "No space left on device")
            return real(trainer, folder)

        monkeypatch.setattr(transformers.Trainer, "_save_optimizer_and_scheduler", fail)
        with pytest.raises(TrainingError, match="No space left on device"):
            train("sft", settings(work, "filled"))
        assert [p.name for p in (work / "filled").glob("checkpoint-*")] == ["checkpoint-2"]

    def test_a_folder_with_another_run_is_refused(self, work, finished):
        with pytest.raises(ConfigError, match=r"optim\.rate 0\.001, now 0\.002"):
            train("sft", settings(work, "whole", optim={"rate": 2e-3}))

    def test_a_checkpoint_of_another_model_is_refused(self, work, finished, tmp_path):
        copy = tmp_path / "run"
        shutil.copytree(finished, copy)
        about = json.loads((copy / "settings.json").read_text())
        about["settings"]["run"]["out"] = str(copy)
        about["model"] = "0123456789abcdef"
        (copy / "settings.json").write_text(json.dumps(about))
        with pytest.raises(TrainingError, match="checkpoints of another model"):
            train("sft", settings(work, copy))

    def test_a_model_that_cannot_be_had_is_named(self, work):
        with pytest.raises(ModelAbsentError, match="does not exist"):
            train("sft", settings(work, "x", model={"checkpoint": str(work / "nothing")}))
        with pytest.raises(ConfigError, match="is no folder"):
            train("sft", settings(work, "x", data={"path": str(Path("nothing"))}))
