"""The curves of runs in a row: the figures that are drawn are those that runs log."""

from __future__ import annotations

import json
from pathlib import Path

from scene_r1_training.rewards.choose import PLAIN
from scene_r1_training.stages.checkpoints import seal
from scene_r1_training.stages.curves import FIGURES, joined


def run_of(folder: Path, *log: dict[str, float]) -> Path:
    checkpoint = folder / f"checkpoint-{log[-1]['step']}"
    checkpoint.mkdir(parents=True)
    (checkpoint / "trainer_state.json").write_text(json.dumps({"log_history": log}))
    seal(checkpoint)
    return folder


def test_rewards_are_drawn_under_the_names_that_the_trainer_gives_them() -> None:
    logged = {f"rewards/{function.__name__}/mean" for function in PLAIN.values()}
    drawn = {name for name in FIGURES if name.startswith("rewards/")}
    assert len(drawn) == 4
    assert drawn <= logged


def test_steps_of_runs_are_counted_on(tmp_path: Path) -> None:
    first = run_of(tmp_path / "sft", {"step": 10, "loss": 2.0}, {"step": 20, "loss": 1.0})
    second = run_of(tmp_path / "grpo", {"step": 5, "reward": 0.5, "learning_rate": 1e-4})
    assert joined([first, second]) == [
        {"step": 10, "loss": 2.0}, {"step": 20, "loss": 1.0}, {"step": 25, "reward": 0.5},
    ]  # fmt: skip
