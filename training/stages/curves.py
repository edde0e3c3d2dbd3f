"""Curves of several runs that followed each other, in one picture: ``python -m
scene_r1_training.stages.curves RUN ... --out curves.png``."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..examples.errors import TrainingError
from .checkpoints import whole_checkpoints
from .report import plot_curves

FIGURES = (
    *("loss", "mean_token_accuracy", "soft_boxes", "aux_dense", "aux_pointing", "aux_looking"),
    *("reward", "kl"),
    *("rewards/box_iou_reward/mean", "rewards/temporal_iou_reward/mean"),
    *("rewards/abstention_reward/mean", "rewards/format_reward/mean", "completions/mean_length"),
)


def history_of(run: Path) -> list[dict[str, Any]]:
    """The log of a run up to its last whole checkpoint.

    Raises:
        TrainingError: if it has none.
    """
    whole = whole_checkpoints(run)
    if not whole:
        raise TrainingError(f"{run} holds no whole checkpoint; is it the folder of a run?")
    state = json.loads((whole[-1] / "trainer_state.json").read_text(encoding="utf-8"))
    return list(state["log_history"])


def joined(runs: Sequence[Path]) -> list[dict[str, Any]]:
    """The logs one after the other, steps counted on; only :data:`FIGURES`."""
    found: list[dict[str, Any]] = []
    before = 0
    for run in runs:
        history = history_of(run)
        for entry in history:
            kept = {k: v for k, v in entry.items() if k in FIGURES}
            found.append(kept | {"step": before + int(entry.get("step", 0))})
        before += max((int(e.get("step", 0)) for e in history), default=0)
    return found


def main() -> None:
    """Write the picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="+", type=Path, help="folders of runs, in order")
    parser.add_argument("--out", type=Path, default=Path("curves.png"), help="the picture")
    args = parser.parse_args()
    plot_curves(joined(args.runs), args.out)
    print(args.out)


if __name__ == "__main__":
    main()
