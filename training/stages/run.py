"""One stage from settings to a finished checkpoint; started again, it goes on where it was."""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scene_r1_ros.errors import ConfigError
from scene_r1_ros.recordings.atomic import written_atomically

from ..examples.chains import examples_from_chains
from ..examples.closer import some_closer
from ..examples.errors import TrainingError
from ..examples.example import Example, Stage, evenly
from ..examples.labelled import examples_from_labels
from ..examples.render import Renderer, rows_dataset
from .checkpoints import remove_partial, whole_checkpoints
from .grouping import length_of
from .loading import Learner, load_learner
from .settings import TrainSettings

KINDS: dict[str, Stage | None] = {
    "sft": None,
    "grpo-temporal": "temporal",
    "grpo-image": "image",
    "grpo-qa": "answer",
}
FINAL = "final"
SETTINGS_FILE = "settings.json"
VERSION = 1


@dataclass(frozen=True)
class RunReport:
    """What a run came to: steps done, the folder of the model, and its last figures."""

    kind: str
    out: Path
    final: Path
    examples: int
    steps: int
    resumed_from: str
    figures: dict[str, float]


def run_stage(
    kind: str,
    settings: TrainSettings,
    callbacks: tuple[Any, ...] = (),
    say: Callable[[str], None] = print,
) -> RunReport:
    """Train; a folder that holds a run of the same settings is gone on with.

    Raises:
        ConfigError: if a setting is wrong, or the folder holds a run with other settings.
        TrainingError: if the data, the model or the run itself is at fault.
        ModelAbsentError: if the model cannot be loaded.
    """
    out = settings.out
    examples = load_examples(kind, settings)
    main = int(os.environ.get("RANK", "0")) == 0
    trainer_arguments = _arguments(kind, settings)  # before the model: DeepSpeed must know first
    learner = load_learner(settings.model, settings.lora)
    begin(kind, settings, learner, write=main)
    if main:
        for path in remove_partial(out):
            say(f"removed {path.name}: a run was stopped while it wrote it.")
    renderer = Renderer(settings.data, learner.view)
    trainer = _trainer(kind, settings, trainer_arguments, learner, examples, renderer)
    for callback in callbacks:
        trainer.add_callback(callback)
    trainer.accelerator.wait_for_everyone()
    whole = whole_checkpoints(out)
    if whole:
        say(f"going on from {whole[-1]}")
    _train(trainer, whole[-1] if whole else None)
    final = out / FINAL
    save_final(trainer, learner, settings, kind, final)
    history = trainer.state.log_history
    figures = {k: v for k, v in _last(history).items() if isinstance(v, int | float)}
    if main:
        _write_report(trainer, learner, renderer, settings, kind, examples)
    trainer.accelerator.wait_for_everyone()
    return RunReport(
        kind, out, final, len(examples), trainer.state.global_step,
        str(whole[-1]) if whole else "", figures,
    )  # fmt: skip


def load_examples(kind: str, settings: TrainSettings) -> list[Example]:
    """The examples of a stage, at most ``data.limit`` of them, evenly spread.

    Raises:
        ConfigError, TrainingError: if there are none or they are malformed.
    """
    config, stage = settings.data, KINDS[kind]
    folder, scenes = config.folder, config.scene_set()
    if stage is None:
        shares = config.stage_shares()
        every = examples_from_chains(folder, config.chain_files(), tuple(shares), scenes)
        of_stage = {stage: [e for e in every if e.stage == stage] for stage in shares}
        found = [
            example
            for stage, mine in of_stage.items()
            for example in evenly(mine, math.ceil(shares[stage] * len(mine)))
        ]
        found = some_closer(found, config.closer, config.seed)
    else:
        found = examples_from_labels(folder, stage, config, scenes)
    return evenly(found, config.limit or len(found))


def label_names(examples: list[Example]) -> list[str]:
    """Names of everything that is labelled in any frame, in order."""
    return sorted({thing.name for e in examples for frame in e.around for thing in frame.things})


def begin(kind: str, settings: TrainSettings, learner: Learner, write: bool = True) -> None:
    """Note what the run is, or check that the folder holds a run of the same.

    Raises:
        ConfigError: if it was begun with other settings.
        TrainingError: if its checkpoints are of another model.
    """
    out, path = settings.out, settings.out / SETTINGS_FILE
    about = {
        "version": VERSION,
        "kind": kind,
        "settings": settings.as_dict(),
        "model": fingerprint(learner.model),
    }
    if not path.is_file():
        if write:
            out.mkdir(parents=True, exist_ok=True)
            with written_atomically(path) as partial:
                partial.write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
        return
    before = json.loads(path.read_text(encoding="utf-8"))
    changed = _changes(before, about)
    if changed:
        raise ConfigError(
            f"{out} holds a run with other settings ({'; '.join(changed[:4])}); give the same, or "
            "another --out."
        )
    if before["model"] != about["model"]:
        raise TrainingError(
            f"{out} holds checkpoints of another model than {settings.model.checkpoint}: its "
            "layers have other names or shapes. Give another --out."
        )


def fingerprint(model: Any) -> str:
    """A short mark of a model's architecture: names and shapes of its base weights."""
    mark = hashlib.sha256()
    for name, parameter in sorted(model.named_parameters(), key=lambda item: item[0]):
        if "lora_" not in name:
            mark.update(f"{name}{tuple(parameter.shape)}".encode())
    return mark.hexdigest()[:16]


def save_final(
    trainer: Any, learner: Learner, settings: TrainSettings, kind: str, final: Path
) -> None:
    """The trained model, or its adapter, where the reasoner loads it from.

    Raises:
        TrainingError: if it cannot be written.
    """
    model = trainer.accelerator.unwrap_model(trainer.model)
    state = trainer.accelerator.get_state_dict(trainer.model_wrapped)
    if not trainer.args.should_save:
        return
    about = {"version": VERSION, "kind": kind, "settings": settings.as_dict()}
    try:
        with written_atomically(final, overwrite=True) as partial:
            partial.mkdir()
            if hasattr(model, "peft_config"):
                model.save_pretrained(partial, selected_adapters=["default"])
            else:
                model.save_pretrained(partial, state_dict=state)
                learner.processor.save_pretrained(partial)
            (partial / "training.json").write_text(json.dumps(about, indent=1) + "\n")
        trainer.save_more(final.parent)
    except Exception as error:
        raise TrainingError(
            f"the trained model cannot be written to {final}: {error}. Its last checkpoint is "
            "intact: free some space and run again."
        ) from error


def _arguments(kind: str, settings: TrainSettings) -> Any:
    from .arguments import grpo_arguments, sft_arguments

    stage = KINDS[kind]
    if stage is None:
        return sft_arguments(settings)
    return grpo_arguments(settings, _rewards(stage, settings)[1])


def _rewards(stage: Stage, settings: TrainSettings) -> tuple[list[Any], list[float]]:
    from ..rewards.choose import RewardSetting, rewards_of

    grpo = settings.grpo
    needs = RewardSetting(settings.data.folder, grpo.encoder, grpo.low_words, grpo.high_words)
    return rewards_of(grpo.rewards, stage, needs)


def _trainer(
    kind: str,
    settings: TrainSettings,
    arguments: Any,
    learner: Learner,
    examples: list[Example],
    renderer: Renderer,
) -> Any:
    stage, rows = KINDS[kind], rows_dataset(examples, renderer)
    common = {
        "model": learner.model,
        "args": arguments,
        "train_dataset": rows,
        "processing_class": learner.processor,
        "peft_config": learner.lora,
    }
    if stage is None:
        from .sft import ColdStartTrainer

        trainer: Any = ColdStartTrainer(aux=settings.aux, labels=label_names(examples), **common)
        if settings.optim.group_by_length:
            trainer.lengths = [length_of(example, settings.data) for example in examples]
    else:
        from .grpo import GroundingGrpoTrainer

        functions, _ = _rewards(stage, settings)
        prompts = (
            settings.optim.batch_size * settings.optim.accumulation // settings.grpo.generations
        )
        if len(examples) < max(1, prompts):
            raise TrainingError(
                f"{len(examples)} examples are fewer than the {prompts} prompts of one step."
            )
        trainer = GroundingGrpoTrainer(reward_funcs=functions, **common)
        trainer.filter_groups = settings.grpo.filter_groups
        trainer.shuffle_frames = "shuffled" in settings.grpo.rewards
        trainer.keep_every = settings.run.log_steps
    trainer.see_once(settings.model.kept_features)
    trainer.vision_rate = settings.optim.vision_rate
    trainer.muon_rate = settings.optim.muon_rate
    trainer.keep = settings.run.keep
    return trainer


def _train(trainer: Any, checkpoint: Path | None) -> None:
    try:
        trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    except RuntimeError as error:
        if "out of memory" in str(error).lower():
            raise TrainingError(
                "the device ran out of memory: lower optim.batch_size, data.max_image_tokens or "
                "data.max_frames, set optim.checkpointing=on, or train an adapter with "
                "lora.enabled=true."
            ) from error
        raise


def _write_report(
    trainer: Any,
    learner: Learner,
    renderer: Renderer,
    settings: TrainSettings,
    kind: str,
    examples: list[Example],
) -> None:
    from .report import write_report
    from .samples import sample_answers

    samples = sample_answers(
        trainer.accelerator.unwrap_model(trainer.model), learner.processor, renderer, examples,
        settings.run.samples, settings.grpo.max_new_tokens,
    )  # fmt: skip
    write_report(settings.out, kind, settings.as_dict(), trainer.state.log_history, samples)


def _last(history: list[dict[str, Any]]) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for entry in history:
        merged |= entry
    return merged


def _changes(before: dict[str, Any], about: dict[str, Any]) -> list[str]:
    """Settings that differ and matter; how a run is shown and kept may change."""
    if before.get("version") != about["version"]:
        return [f"version {before.get('version')}, this program writes {about['version']}"]
    found = [] if before["kind"] == about["kind"] else [f"{before['kind']}, now {about['kind']}"]
    for section, values in about["settings"].items():
        for name, value in values.items():
            then = before["settings"].get(section, {}).get(name)
            if section == "run" and name not in ("seed", "save_steps"):
                continue
            if then != value:
                found.append(f"{section}.{name} {then!r}, now {value!r}")
    return found
