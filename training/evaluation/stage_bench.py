"""How well a checkpoint does the work of one stage, and whether another does it better:
``python -m scene_r1_training.evaluation.stage_bench temporal --data PREPARED MODEL [OTHER]``.

Each model answers the same prompts, greedily and once; clips and views are drawn from the 2D
labels of the prepared data set as for training with rewards, and prompted as the first model was
trained; ``--closer`` shows parts of views instead, as ``data.closer`` does. The ``score`` is what
GRPO pays for: the IoU where there is a target, 1 for a right "not found" where there is none.
``by_size`` has the figures of targets that cover about as much of the image. The difference of the
two models' scores comes with its interval, from a bootstrap over rooms with the pairs kept.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from scene_r1_ros.errors import ConfigError
from scene_r1_ros.reasoning.backends.checkpoint import TransformersConfig
from scene_r1_ros.reasoning.prompt_settings import (
    TAKEN,
    TRAINING_FILE,
    read_training,
    training_file,
)

from ..examples.closer import some_closer
from ..examples.example import Example, Stage, evenly
from ..examples.labelled import examples_from_labels
from ..examples.render import Renderer
from ..examples.settings import DataConfig
from ..rewards.abstention import abstention_reward, says_not_found
from ..rewards.box import box_iou_reward
from ..rewards.temporal import temporal_iou_reward
from .figures import Figures, intervals, mean_figures
from .rates import IOU_THRESHOLDS, acc_name

BATCH = 16
SIZES = (0.02, 0.06, 0.15, 1.0)
"""Upper limits of the groups by size, as shares of the image."""


def stage_figures(
    checkpoint: str, examples: Sequence[Example], config: DataConfig, max_new_tokens: int
) -> dict[str, Figures]:
    """Figures of each example by its key: ``score`` and, with a target, ``iou``, ``acc_25``,
    ``acc_50`` and ``found_kept``; without one ``not_found_recall``."""
    figures: dict[str, Figures] = {}
    for example, row, text in _answers(checkpoint, examples, config, max_new_tokens):
        columns = {name: [value] for name, value in row.items()}
        reward = box_iou_reward if example.stage == "image" else temporal_iou_reward
        if not example.found:
            right = abstention_reward([text], **columns)[0] or 0.0
            figures[example.key] = {"score": right, "not_found_recall": right}
            continue
        iou = reward([text], **columns)[0] or 0.0
        figures[example.key] = {
            "score": iou,
            "iou": iou,
            **{acc_name(t): float(iou >= t) for t in IOU_THRESHOLDS},
            "found_kept": float(not says_not_found(text)),
        }
    return figures


def with_intervals(figures: dict[str, Figures], rooms: dict[str, str]) -> dict[str, Any]:
    """Mean of each figure with the ends of its 95 % interval and the number of samples."""
    ends = intervals(figures, rooms)
    counts = {n: sum(n in values for values in figures.values()) for n in ends}
    return {
        name: {"mean": mean, "interval": ends.get(name), "n": counts.get(name)}
        for name, mean in mean_figures(list(figures.values())).items()
    }


def by_size(
    figures: dict[str, Figures], examples: Sequence[Example], rooms: dict[str, str]
) -> dict[str, Any]:
    """Figures with intervals by how much of the image the target's box covers where it is largest;
    a group is named by its upper limit."""
    groups: dict[float, dict[str, Figures]] = {}
    for example in examples:
        areas = [(b[2] - b[0]) * (b[3] - b[1]) for b in example.boxes if b is not None]
        if example.found and areas:
            share = max(areas) / (example.image_size[0] * example.image_size[1])
            limit = next(size for size in SIZES if share <= size or size == SIZES[-1])
            groups.setdefault(limit, {})[example.key] = figures[example.key]
    return {f"up to {size:.0%}": with_intervals(groups[size], rooms) for size in sorted(groups)}


def differences(one: dict[str, Figures], other: dict[str, Figures]) -> dict[str, Figures]:
    """What the second gains on each sample, named ``NAME_gain`` (no share: it may be negative)."""
    return {
        key: {f"{name}_gain": other[key][name] - value for name, value in values.items()}
        for key, values in one.items()
    }


def _answers(
    checkpoint: str, examples: Sequence[Example], config: DataConfig, max_new_tokens: int
) -> Iterator[tuple[Example, dict[str, Any], str]]:
    import torch
    from tqdm import tqdm
    from trl.data_utils import prepare_multimodal_messages

    from ..stages.loading import load_learner
    from ..stages.settings import LoraSettings, ModelConfig

    learner = load_learner(ModelConfig(checkpoint=checkpoint), LoraSettings())
    renderer = Renderer(config, learner.view)
    processor, model = learner.processor, learner.model.eval()
    model.generation_config.update(temperature=None, top_p=None, top_k=None)
    batches = [examples[i : i + BATCH] for i in range(0, len(examples), BATCH)]
    for batch in tqdm(batches, desc=Path(checkpoint).name, disable=None):
        rows = [renderer.row(example) for example in batch]
        inputs = processor.apply_chat_template(
            [prepare_multimodal_messages(r["prompt"], images=r["images"]) for r in rows],
            tokenize=True, return_dict=True, return_tensors="pt", add_generation_prompt=True,
            processor_kwargs={"padding": True, "padding_side": "left"},
        ).to(model.device)  # fmt: skip
        with torch.inference_mode():
            said = model.generate(**inputs, max_new_tokens=max_new_tokens, do_sample=False)
        said = said[:, inputs["input_ids"].shape[1] :]
        texts = processor.tokenizer.batch_decode(said, skip_special_tokens=True)
        yield from zip(batch, rows, texts, strict=True)


def data_as_trained(checkpoint: str, data: str, seed: int) -> tuple[DataConfig, int]:
    """Settings of prompts over the prepared ``data`` as ``checkpoint`` knows them, and its limit of
    new tokens.

    Raises:
        ConfigError: if the checkpoint does not say how it was trained.
    """
    path = training_file(TransformersConfig(model=checkpoint))
    if path is None:
        raise ConfigError(f"{checkpoint} has no {TRAINING_FILE}: how it is prompted is unknown.")
    trained = read_training(path)
    prompts: dict[str, Any] = {n: v for n, v in trained.items() if TAKEN[n] == "data"}
    config = DataConfig(path=data, seed=seed, min_frames=int(prompts["max_frames"]), **prompts)
    return config, int(trained.get("max_new_tokens", 512))


def main(argv: Iterable[str] | None = None) -> None:
    """Measure, and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("stage", choices=("temporal", "image"))
    parser.add_argument("models", nargs="+", metavar="MODEL", help="one checkpoint, or two")
    parser.add_argument("--data", required=True, help="a prepared data set (scene-r1 prepare)")
    parser.add_argument("--limit", type=int, default=0, help="so many samples; 0: all")
    parser.add_argument("--seed", type=int, default=0, help="draws clips and views")
    parser.add_argument(
        "--closer", action="store_true",
        help="image: parts of the views, enlarged, where what they are around is small",
    )  # fmt: skip
    args = parser.parse_args(None if argv is None else list(argv))
    if len(args.models) > 2:
        parser.error("one checkpoint, or two to compare")
    if args.closer and args.stage != "image":
        parser.error("--closer is about views: choose the stage image")
    stage: Stage = args.stage
    config, max_new_tokens = data_as_trained(args.models[0], args.data, args.seed)
    examples = examples_from_labels(Path(args.data), stage, config)
    if args.closer:
        shown = some_closer(examples, 1.0, args.seed)
        examples = [e for e in shown if e.frames[0].part is not None]
        if not examples:
            raise ConfigError(f"--closer: no single view of {args.data} holds anything small.")
    examples = evenly(examples, args.limit or len(examples))
    rooms = {example.key: example.scene_id for example in examples}
    each = [stage_figures(model, examples, config, max_new_tokens) for model in args.models]
    report: dict[str, Any] = {
        "stage": stage,
        "samples": len(examples),
        "rooms": len(set(rooms.values())),
        "models": {
            model: {**with_intervals(found, rooms), "by_size": by_size(found, examples, rooms)}
            for model, found in zip(args.models, each, strict=True)
        },
    }
    if len(each) == 2:
        report["gain"] = with_intervals(differences(*each), rooms)
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
