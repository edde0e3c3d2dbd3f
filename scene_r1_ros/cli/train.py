"""Train a reasoner on TRL: cold start, then rewards.

  sft            supervised cold start on checked chains of thought
  grpo-temporal  GRPO, stage 1: when is it seen (temporal IoU, abstention, format)
  grpo-image     GRPO, stage 2: where in the image (box IoU, abstention, format)
  grpo-qa        GRPO, question answering
  make-cot       write chains of thought from a data set or with a model, and filter them
  merge          put an adapter into its checkpoint
  average        the mean of several checkpoints of one model, often better than each
  pack           store a checkpoint in half the space
  new-model      make a small untrained model with the vocabulary of a data set
  masks          the network with which the geometric tracker draws masks, from synthetic rooms

A run that was stopped goes on where it was: give the same command again. OUT/final is the trained
model (or its adapter), OUT/report/index.html shows what happened. Every setting is listed by
--list-settings; --config takes a YAML file of them, --set changes one.

examples:
  scene-r1 train new-model --data prepared --chains rooms/annotations/train --out new
  scene-r1 train sft --model MODEL --data prepared --chains rooms/annotations/train --out run/sft
  scene-r1 train grpo-image --model run/sft/final --data prepared --out run/image --dry-run
  scene-r1 train grpo-temporal --config my_run.yaml --data prepared --out run/temporal
  scene-r1 train merge --model MODEL --adapter run/sft/final --out merged
  scene-r1 train average run/views/final run/thawed/final --out run/mean
  scene-r1 train pack --model run/final/final --out small
  scene-r1 train masks --out run/masks --jobs 2        # then geometric.mask_network=run/masks/final
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any

from .settings import add_settings_arguments

HELP = "train the reasoner: cold start, GRPO stages, chains of thought"
STAGES = ("sft", "grpo-temporal", "grpo-image", "grpo-qa")
_SHORT = {
    "model": ("model", "checkpoint", "checkpoint to start from: a folder or a name"),
    "adapter": ("model", "adapter", "adapter to go on from"),
    "data": ("data", "path", "the prepared data set (scene-r1 prepare)"),
    "chains": ("data", "chains", "files of chains of thought, or a folder (sft)"),
    "out": ("run", "out", "folder of the run"),
}
_NUMBERS = {
    "steps": ("optim", "steps", "optimiser steps; 0: as many as --epochs say"),
    "seed": ("run", "seed", "seed of the run"),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of ``scene-r1 train``."""
    stages = parser.add_subparsers(dest="stage", metavar="STAGE", required=True)
    for name in STAGES:
        _training_arguments(_sub(stages, name))
    _cot_arguments(_sub(stages, "make-cot"))
    new = _sub(stages, "new-model")
    new.add_argument("--data", type=Path, required=True, help="the prepared data set: its words")
    new.add_argument("--chains", required=True, help="files of chains, or a folder: their words")
    new.add_argument("--out", type=Path, required=True, help="folder of the checkpoint")
    new.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="its size")
    new.add_argument("--json", action="store_true", help="print one JSON object")
    merge = _sub(stages, "merge")
    merge.add_argument("--model", required=True, help="the checkpoint that was adapted")
    merge.add_argument("--adapter", required=True, help="folder of the adapter")
    merge.add_argument("--out", type=Path, required=True, help="folder of the full checkpoint")
    merge.add_argument("--json", action="store_true", help="print one JSON object")
    average = _sub(stages, "average")
    average.add_argument(
        "models", nargs="+", type=Path, metavar="MODEL", help="folders of checkpoints"
    )
    average.add_argument("--out", type=Path, required=True, help="folder of their mean")
    average.add_argument("--json", action="store_true", help="print one JSON object")
    masks = _sub(stages, "masks")
    masks.add_argument("--out", type=Path, required=True, help="folder of the run")
    jobs = min(2, os.cpu_count() or 1)
    masks.add_argument("--jobs", type=int, default=jobs, help=f"rooms at a time (default: {jobs})")
    masks.add_argument("--json", action="store_true", help="print one JSON object")
    add_settings_arguments(masks)
    pack = _sub(stages, "pack")
    pack.add_argument("--model", type=Path, required=True, help="folder of the checkpoint")
    pack.add_argument("--out", type=Path, required=True, help="folder of the smaller checkpoint")
    pack.add_argument("--json", action="store_true", help="print one JSON object")


def run(args: argparse.Namespace) -> int:
    """Do the stage, print what came of it."""
    from .main import print_json

    steps = {
        "make-cot": _make_cot,
        "merge": _merge,
        "average": _average,
        "pack": _pack,
        "new-model": _new_model,
        "masks": _masks,
    }
    step = steps.get(args.stage, _train)
    result = step(args)
    if result is not None and args.json and os.environ.get("RANK", "0") == "0":
        print_json(result)
    return 0


def _sub(stages: Any, name: str) -> argparse.ArgumentParser:
    line = next(line for line in (__doc__ or "").splitlines() if line.strip().startswith(name))
    text = line.strip().removeprefix(name).strip()
    sub: argparse.ArgumentParser = stages.add_parser(name, help=text, description=text)
    return sub


def _training_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", type=Path, metavar="YAML", help="settings, by section")
    for name, (_, _, text) in _SHORT.items():
        parser.add_argument(f"--{name}", default=None, help=text)
    for name, (_, _, text) in _NUMBERS.items():
        parser.add_argument(f"--{name}", type=int, default=None, help=text)
    parser.add_argument("--lora", action="store_true", help="train an adapter, not all weights")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="SECTION.NAME=VALUE",
        help="a setting, for example optim.rate=1e-5; may be repeated",
    )
    parser.add_argument("--list-settings", action="store_true", help="print every setting, and end")
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="print memory, time and the first prompts, and train nothing",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def _cot_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", type=Path, required=True, help="the prepared data set")
    parser.add_argument("--out", type=Path, required=True, metavar="JSONL", help="kept chains")
    parser.add_argument(
        "--chains", help="files of candidates (synth's cold_start_*.jsonl), or a folder of them"
    )
    parser.add_argument("--server", metavar="URL", help="OpenAI-compatible server that writes them")
    parser.add_argument("--model", default="", help="its model (default: the only one it has)")
    parser.add_argument("--set", action="append", default=[], metavar="SECTION.NAME=VALUE")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def _train(args: argparse.Namespace) -> dict[str, Any] | None:
    from scene_r1_training.stages.settings import SECTIONS, load_settings, parse_assignments

    if args.list_settings:
        _list_settings(SECTIONS)
        return None
    changes = parse_assignments(args.set)
    for name, (section, option, _) in {**_SHORT, **_NUMBERS}.items():
        value = getattr(args, name)
        if value is not None:
            changes.setdefault(section, {})[option] = value
    if args.lora:
        changes.setdefault("lora", {})["enabled"] = True
    settings = load_settings(args.config, changes)
    if args.dry_run:
        from scene_r1_training.stages.dry_run import as_text, dry_run

        result = dry_run(args.stage, settings)
        _say(args, as_text(result))
        return result
    from scene_r1_training.stages.run import run_stage

    report = run_stage(args.stage, settings, say=lambda text: _say(args, text))
    figures = ", ".join(
        f"{name} {report.figures[name]:.4g}"
        for name in ("train_loss", "loss", "reward", "mean_token_accuracy")
        if name in report.figures
    )
    _say(
        args,
        f"{report.steps} steps on {report.examples} examples: {figures}\n"
        f"model: {report.final}\nreport: {report.out / 'report' / 'index.html'}",
    )
    return {
        "stage": report.kind,
        "out": str(report.out),
        "final": str(report.final),
        "examples": report.examples,
        "steps": report.steps,
        "resumed_from": report.resumed_from,
        "figures": report.figures,
    }


def _make_cot(args: argparse.Namespace) -> dict[str, Any]:
    from scene_r1_training.cot.make import make_chains

    result = make_chains(
        data=args.data,
        out=args.out,
        chains=args.chains,
        server=args.server,
        model=args.model,
        assignments=args.set,
        say=lambda text: _say(args, text),
    )
    return result.as_dict()


def _merge(args: argparse.Namespace) -> dict[str, Any]:
    from scene_r1_training.stages.merge import merge_adapter

    out = merge_adapter(args.model, args.adapter, args.out)
    _say(args, f"merged model: {out}")
    return {"out": str(out), "model": args.model, "adapter": args.adapter}


def _average(args: argparse.Namespace) -> dict[str, Any]:
    from scene_r1_training.stages.average import average

    out = average(args.models, args.out)
    _say(args, f"mean of {len(args.models)} models: {out}")
    return {"out": str(out), "models": [str(model) for model in args.models]}


def _pack(args: argparse.Namespace) -> dict[str, Any]:
    from scene_r1_training.stages.pack import pack

    size = pack(args.model, args.out)
    _say(args, f"packed model: {args.out}, {size / 1e6:.1f} MB of weights")
    return {"out": str(args.out), "bytes": size}


def _new_model(args: argparse.Namespace) -> dict[str, Any]:
    from scene_r1_training.data.labels_schema import read_table
    from scene_r1_training.data.prepare_labels import ANNOTATIONS_FILE, LABELS
    from scene_r1_training.examples.chains import read_chains
    from scene_r1_training.examples.settings import DataConfig
    from scene_r1_training.stages.new_model import NewModelConfig, new_model
    from scene_r1_training.stages.vocabulary import texts_of

    from .settings import GivenSettings

    config = GivenSettings([("", NewModelConfig)], args.set)("", NewModelConfig)
    files = DataConfig(chains=args.chains).chain_files()
    chains = [record for path in files for record in read_chains(path)]
    rows = read_table(args.data / LABELS / ANNOTATIONS_FILE, "annotations").to_pylist()
    parameters = new_model(args.out, texts_of(chains, rows), config)
    size = sum(path.stat().st_size for path in args.out.rglob("*") if path.is_file())
    _say(args, f"{args.out}: {parameters / 1e6:.2f} M parameters, {size / 1e6:.1f} MB, untrained")
    return {"out": str(args.out), "parameters": parameters, "bytes": size}


def _masks(args: argparse.Namespace) -> dict[str, Any] | None:
    from scene_r1_training.masks.run import train_masks
    from scene_r1_training.masks.settings import MaskTrainingConfig
    from tqdm import tqdm

    from .settings import GivenSettings

    sections = [("masks", MaskTrainingConfig)]
    if args.list_settings:
        _list_settings(sections)
        return None
    bars: dict[str, Any] = {}

    def tell(stage: str, done: int, total: int, text: str) -> None:
        if stage not in bars:
            bars[stage] = tqdm(total=total, desc=stage, disable=None)
        bars[stage].set_postfix_str(text, refresh=False)
        bars[stage].update(done - bars[stage].n)

    config = GivenSettings(sections, args.set)("masks", MaskTrainingConfig)
    try:
        report = train_masks(args.out, config, jobs=args.jobs, on_progress=tell)
    finally:
        for bar in bars.values():
            bar.close()
    figures = ", ".join(f"{name} {value:.3f}" for name, value in report.figures.items())
    _say(args, f"{report.steps} steps on {report.crops} crops: {figures}\nnetwork: {report.final}")
    return {
        "out": str(args.out),
        "final": str(report.final),
        "crops": report.crops,
        "steps": report.steps,
        "resumed_from": report.resumed_from,
        "figures": report.figures,
    }


def _list_settings(sections: Any) -> None:
    for prefix, section in sections:
        print((section.__doc__ or "").split("\n")[0])
        for spec in section.options():
            print(f"  {prefix}.{spec.name}={spec.default!r}  {spec.describe()}")
        print()


def _say(args: argparse.Namespace, text: str) -> None:
    if os.environ.get("RANK", "0") != "0":  # one of several processes speaks
        return
    print(text, file=sys.stderr if args.json else sys.stdout, flush=True)
