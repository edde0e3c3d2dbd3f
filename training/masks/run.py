"""A training of the mask network, from rooms to a folder that the tracker reads."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from scene_r1_ros.errors import ConfigError
from scene_r1_ros.recordings.atomic import written_atomically
from scene_r1_ros.tracking.mask_network import MaskNetwork, mask_network_folder
from scene_r1_ros.tracking.mask_network.crops import CHANNELS

from ..evaluation.lifting_cases import LiftingScene
from ..examples.errors import TrainingError
from ..parallel import run_each
from ..stages.report import plot_curves
from .fit import crop_iou, curves, fit
from .samples import ALONE, FOLLOWED, PROMPTED, MaskSamples, RoomTask, write_room
from .settings import MaskTrainingConfig

VALIDATION_SEED = 1_000_000
_NAMES = {ALONE: "box_alone", FOLLOWED: "followed", PROMPTED: "prompted"}
OnProgress = Callable[[str, int, int, str], None]


@dataclass(frozen=True)
class MaskTrainingReport:
    """What came of a run: ``final`` is the network's folder; mask IoU in ``figures``, on rooms
    that it did not learn from."""

    final: Path
    crops: int
    steps: int
    resumed_from: int
    figures: dict[str, float]


def train_masks(
    out: Path,
    config: MaskTrainingConfig | None = None,
    jobs: int = 1,
    on_progress: OnProgress | None = None,
) -> MaskTrainingReport:
    """Make what is missing of the crops, train, measure, write ``out/final`` and curves.

    A run that was stopped goes on from its last checkpoint and ends as if it had not been.

    Raises:
        CheckpointError: if there is no network to start from where the settings say so.
        ConfigError: if ``out`` is of a run with other settings.
        TrainingError: if a room cannot be made or the loss is no number any more.
    """
    config = config or MaskTrainingConfig()
    network = _first(config)
    tell = on_progress or (lambda stage, done, total, text: None)
    _same_settings(out, config)
    training = _samples(out, range(config.seed, config.seed + config.rooms), config, jobs, tell)
    held = range(VALIDATION_SEED, VALIDATION_SEED + config.held_out)
    begun, steps = fit(
        network,
        training,
        out / "checkpoint.pt",
        config,
        lambda done, text: tell("training", done, config.steps, text),
    )
    figures = {}
    if config.held_out:
        figures = mask_figures(network, _samples(out, held, config, jobs, tell))
    final = out / "final"
    with written_atomically(final, overwrite=True) as partial:
        network.save(partial)
    plot_curves(curves(steps), out / "curves.png")
    (out / "figures.json").write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    return MaskTrainingReport(final, len(training.kinds), config.steps, begun, figures)


def mask_figures(network: MaskNetwork, samples: MaskSamples) -> dict[str, float]:
    """Mean IoU of drawn and right masks in the crops, by how they were asked, and of the masks
    that they went out from (``prior``)."""
    network.net.eval()
    prior = samples.planes[:, CHANNELS.index("prior")] > 0.5
    drawn = np.zeros(samples.labels.shape, bool)
    for start in range(0, len(drawn), 64):
        part = slice(start, start + 64)
        with torch.inference_mode():
            logits = network.net(torch.from_numpy(samples.planes[part].astype(np.float32)))
        drawn[part] = (logits > 0).numpy()
    figures = {}
    for kind, name in _NAMES.items():
        asked = samples.kinds == kind
        if asked.any():
            right = samples.labels[asked] > 0.5
            figures[f"{name}_iou"] = float(crop_iou(drawn[asked], right).mean())
            if kind != ALONE:
                figures[f"{name}_prior_iou"] = float(crop_iou(prior[asked], right).mean())
    return figures


def _first(config: MaskTrainingConfig) -> MaskNetwork:
    """The network that the training begins with."""
    if not config.start:
        return MaskNetwork.new(seed=config.seed)
    return MaskNetwork.load(mask_network_folder(config.start))


def _samples(
    out: Path, seeds: range, config: MaskTrainingConfig, jobs: int, tell: OnProgress
) -> MaskSamples:
    tasks = [
        RoomTask(
            LiftingScene(seed, seconds=config.seconds),
            config.alone,
            config.jitter,
            config.loose,
            config.cut,
            out / "crops" / f"room_{seed}.npz",
        )
        for seed in seeds
    ]
    missing = [task for task in tasks if not task.path.exists()]
    for done, outcome in enumerate(run_each(write_room, missing, jobs=jobs), start=1):
        if not outcome.ok:
            raise TrainingError(f"room {outcome.item.scene.seed} gave no crops: {outcome.error}")
        tell("rooms", len(tasks) - len(missing) + done, len(tasks), f"{outcome.result} crops")
    samples = MaskSamples.joined([MaskSamples.load(task.path) for task in tasks])
    if not len(samples.kinds):
        raise TrainingError(f"the {len(tasks)} rooms from {seeds.start} show no object.")
    return samples


def _same_settings(out: Path, config: MaskTrainingConfig) -> None:
    """Note the settings of a new run, or compare them with those of the one that is there."""
    path, now = out / "settings.json", dataclasses.asdict(config)
    if path.exists():
        # a setting that was not there yet counts as its default
        before = dataclasses.asdict(MaskTrainingConfig())
        before |= json.loads(path.read_text(encoding="utf-8"))
        other = [f"{k} {before[k]} (now {v})" for k, v in now.items() if before[k] != v]
        if other:
            raise ConfigError(
                f"{out} is a run with other settings: {', '.join(other)}. Give them again, or "
                "another --out."
            )
        return
    out.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(now, indent=1) + "\n", encoding="utf-8")
