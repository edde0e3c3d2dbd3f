"""Runs of the tiny model on painted rooms, seconds long, shared by the tests of training."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from scene_r1_training.stages.run import RunReport, run_stage
from scene_r1_training.stages.settings import TrainSettings, load_settings
from transformers import TrainerCallback


def settings(work: Path, out: str | Path, **sections: dict[str, Any]) -> TrainSettings:
    """Settings of a short run in ``work``, which holds ``data``, ``chains.jsonl`` and ``tiny``."""
    values: dict[str, dict[str, Any]] = {
        "model": {"checkpoint": str(work / "tiny")},
        "data": {
            "path": str(work / "data"),
            "chains": str(work / "chains.jsonl"),
            "max_image_tokens": 32,
            "min_frames": 3,
            "max_frames": 4,
            "views": 2,
            "repeats": 2,
        },
        "optim": {"steps": 6, "batch_size": 2, "rate": 1e-3, "schedule": "constant"},
        "grpo": {"generations": 2, "max_new_tokens": 6},
        "run": {
            "out": str(work / out), "save_steps": 2, "log_steps": 1, "samples": 0,
            "tensorboard": False,
        },
    }  # fmt: skip
    for name, changes in sections.items():
        values.setdefault(name, {}).update(changes)
    return load_settings(None, values)


def train(kind: str, given: TrainSettings, *callbacks: Any) -> RunReport:
    """Run a stage without saying anything."""
    return run_stage(kind, given, tuple(callbacks), say=lambda text: None)


def weights(folder: Path) -> dict[str, Any]:
    """Tensors of a saved model or adapter."""
    from safetensors.torch import load_file

    (path,) = folder.glob("*.safetensors")
    return load_file(path)


def same(a: Path, b: Path) -> bool:
    """Whether two saved models are equal to the last bit."""
    import torch

    one, two = weights(a), weights(b)
    return one.keys() == two.keys() and all(torch.equal(one[k], two[k]) for k in one)


class Stop(TrainerCallback):
    """Ends a run as a kill would, after a step."""

    def __init__(self, step: int) -> None:
        self.step = step

    def on_step_end(self, args, state, control, **kwargs):
        if state.global_step == self.step:
            raise KeyboardInterrupt


def letters(completions: Any, **columns: Any) -> list[float]:
    """A reward that differs between random texts."""
    from scene_r1_training.rewards.texts import texts

    return [float(sum(map(ord, text)) % 7) for text in texts(completions)]


def child_losses(given: TrainSettings, rank: int, world: int, port: int, path: Path) -> None:
    """One of ``world`` processes of an SFT run over gloo; rank 0 writes the losses."""
    os.environ |= {
        "RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(world),
        "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "ACCELERATE_USE_CPU": "true",
    }  # fmt: skip
    import torch

    torch.set_num_threads(1)
    train("sft", given)
    if rank == 0:
        path.write_text(json.dumps(losses(given.out)))
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


def child_run(given: TrainSettings) -> None:
    """A run in a process that will be killed."""
    import torch

    torch.set_num_threads(1)
    train("sft", given)


def losses(out: Path) -> list[float]:
    """The loss of every step, from the run's last checkpoint."""
    last = max(out.glob("checkpoint-*"), key=lambda p: int(p.name.split("-")[1]))
    history = json.loads((last / "trainer_state.json").read_text())["log_history"]
    return [entry["loss"] for entry in history if "loss" in entry]
