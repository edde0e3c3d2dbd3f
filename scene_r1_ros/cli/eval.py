"""Measure the pipeline, or a file of predictions, on a benchmark.

  scanrefer nr3d multi3dref     objects named by a description, in 3D
  scanqa sqa3d vsi              questions
  caption                       descriptions gated by IoU (prediction files only)
  rooms                         the whole chain on held-out synthetic rooms, made when missing
  lifting                       tracking and lifting of true boxes, with every ablation

Results go to --out: summary.json, index.html with plots and the worst cases, results.jsonl. A run
that was stopped goes on where it was. Oracle ceilings say how far each stage could go:
true_span, true_view, true_box, true_mask (the first two ask the model again). All of them run
besides the pipeline unless --oracles names fewer; --oracles none is the quickest.

--model is auto (the checkpoint that ships, if one does), none (ceilings only), a checkpoint's name
or folder, http://SERVER/v1#NAME, or MODULE:FUNCTION that returns a reasoner.

examples:
  scene-r1 eval scanrefer --annotations ann/ --data prepared --predictions pred.json
  scene-r1 eval scanrefer --annotations ann/ --data prepared --model models/mine --limit 200
  scene-r1 eval scanqa --annotations ScanQA_v1.0_val.json --predictions pred.json --json
  scene-r1 eval rooms --scenes 10 --model models/mine
  scene-r1 eval lifting --scenes 4 --objects 8
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any

HELP = "measure the pipeline or predictions on a benchmark"
BENCHMARKS = (
    *("scanrefer", "nr3d", "multi3dref", "scanqa", "sqa3d", "vsi", "caption"),
    *("rooms", "lifting"),
)
ORACLES = ("true_span", "true_view", "true_box", "true_mask")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of ``scene-r1 eval``."""
    parser.add_argument("benchmark", choices=BENCHMARKS)
    parser.add_argument("--annotations", type=Path, help="annotation file, or a folder of them")
    parser.add_argument("--data", type=Path, help="the prepared data set (scene-r1 prepare)")
    parser.add_argument("--predictions", type=Path, help="score this file instead of running")
    parser.add_argument("--out", type=Path, help="results (default: eval_results/BENCHMARK)")
    parser.add_argument("--split", default="", help="name of the split, for the report")
    parser.add_argument("--subset", type=Path, metavar="FILE", help="keys or scenes, one a line")
    parser.add_argument("--limit", type=int, default=0, help="only N samples, evenly spread")
    parser.add_argument("--worst", type=int, default=8, help="worst cases to show (default: 8)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")

    running = parser.add_argument_group("Running the pipeline")
    running.add_argument("--model", default="auto", help="what reasons, see above (default: auto)")
    running.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="SECTION.NAME=VALUE",
        help="a setting of the reasoner, such as reasoner.views=1; may be repeated",
    )
    running.add_argument("--tracker", choices=("auto", "sam2", "geometric"), default="auto")
    running.add_argument(
        "--oracles",
        metavar="LIST",
        help=f"all, none, or some of {','.join(ORACLES)} (default: all; with --predictions none)",
    )
    running.add_argument(
        "--max-frames", type=int, default=240, help="thin longer scenes (default: 240)"
    )
    running.add_argument("--engine", choices=("local", "ray"), default="local")
    running.add_argument("--jobs", type=int, default=1, help="at a time (default: 1)")
    running.add_argument("--ray-address", metavar="HOST:PORT", help="join this Ray cluster")

    metrics = parser.add_argument_group("Metrics")
    metrics.add_argument(
        "--label-map", type=Path, metavar="TSV", help="scannetv2-labels.combined.tsv (ScanRefer)"
    )
    metrics.add_argument("--nr3d-all", action="store_true", help="keep misunderstood utterances")
    metrics.add_argument(
        "--scan2cap-tokens", action="store_true", help="caption as Scan2Cap's released code does"
    )

    synthetic = parser.add_argument_group("Synthetic rooms (rooms, lifting)")
    synthetic.add_argument("--scenes", type=int, default=4, help="how many rooms (default: 4)")
    synthetic.add_argument("--seed", type=int, default=2_000_000, help="seed of the first room")
    synthetic.add_argument(
        "--seconds",
        type=float,
        help="length, at 5 frames a second (rooms: 24, lifting: 12)",
    )
    synthetic.add_argument("--objects", type=int, default=6, help="of each room in lifting; 0: all")
    synthetic.add_argument("--noise", default="1,0,2", help="levels in lifting; the first ablates")
    synthetic.add_argument(
        "--ablations", action=argparse.BooleanOptionalAction, default=True, help="lifting: all"
    )


def run(args: argparse.Namespace) -> int:
    """Evaluate and print."""
    from .core_log import show_core_log
    from .main import print_json

    show_core_log()
    args.out = args.out or Path("eval_results") / args.benchmark
    if args.benchmark == "lifting":
        summary = _lifting(args)
    elif args.benchmark == "rooms":
        summary = _rooms(args)
    else:
        summary = _benchmark(args, args.annotations, args.data)
    if args.json:
        print_json(summary)
    else:
        print(as_text(summary))
        print(f"report: {args.out / 'index.html'}")
    return 0


def _benchmark(
    args: argparse.Namespace, annotations: Path | None, data: Path | None, subset: Any = None
) -> dict[str, Any]:
    from scene_r1_training.evaluation.benchmark import EvalOptions, evaluate

    from ..errors import ConfigError

    if annotations is None:
        raise ConfigError(f"eval {args.benchmark} needs --annotations, a file or a folder of them.")
    if args.subset is not None:
        subset = _lines(args.subset)
    options = EvalOptions(
        benchmark=args.benchmark,
        annotations=annotations,
        out=args.out,
        data=data,
        predictions=args.predictions,
        label_map=args.label_map,
        model=args.model,
        settings=tuple(args.set),
        tracker=args.tracker,
        oracles=_oracles(args),
        split=args.split,
        subset=tuple(subset) if subset is not None else None,
        limit=args.limit,
        nr3d_all=args.nr3d_all,
        scan2cap_tokens=args.scan2cap_tokens,
        max_frames=args.max_frames,
        engine=args.engine,
        jobs=args.jobs,
        address=args.ray_address,
        worst=args.worst,
    )
    with _Bar("sample") as bar:
        return evaluate(options, bar.show)


def _rooms(args: argparse.Namespace) -> dict[str, Any]:
    from scene_r1_training.data.synth_config import FORMAT, SynthConfig
    from scene_r1_training.evaluation.rooms import ensure_rooms

    _positive_scenes(args)
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    folder = args.data or cache / "scene_r1_ros" / f"rooms-v{FORMAT}"
    config = SynthConfig() if args.seconds is None else SynthConfig(seconds=args.seconds)
    rooms = ensure_rooms(
        folder,
        args.scenes,
        args.seed,
        config,
        engine=args.engine,
        jobs=args.jobs,
        say=lambda text: print(text, file=sys.stderr, flush=True),
    )
    args.split = args.split or f"rooms {args.seed} to {args.seed + args.scenes - 1}"
    return _benchmark(args, rooms.annotations, rooms.data, rooms.scenes)


def _lifting(args: argparse.Namespace) -> dict[str, Any]:
    from scene_r1_training.evaluation.lifting_run import LiftingOptions, evaluate_lifting

    from ..errors import ConfigError

    if args.limit:
        raise ConfigError("eval lifting has no --limit; --scenes and --objects say how much.")
    if args.tracker == "sam2":
        raise ConfigError(
            "eval lifting measures the geometric tracker; eval rooms takes --tracker sam2."
        )
    _positive_scenes(args)
    try:
        noise = tuple(dict.fromkeys(float(part) for part in args.noise.split(",")))
    except ValueError as error:
        raise ConfigError(f"--noise {args.noise!r}: give numbers such as 1,0,2.") from error
    options = LiftingOptions(
        out=args.out,
        seed=args.seed,
        scenes=args.scenes,
        objects=args.objects,
        noise=noise,
        ablate=args.ablations,
        seconds=args.seconds or 12.0,
        engine=args.engine,
        jobs=args.jobs,
        address=args.ray_address,
        worst=args.worst,
    )
    with _Bar("room") as bar:
        return evaluate_lifting(options, bar.show)


def _positive_scenes(args: argparse.Namespace) -> None:
    from ..errors import ConfigError

    if args.scenes < 1:
        raise ConfigError(f"--scenes {args.scenes}: must be 1 or more.")


def _oracles(args: argparse.Namespace) -> tuple[str, ...] | None:
    from ..errors import ConfigError

    if args.oracles is None:
        return None
    if args.oracles == "none":
        return ()
    if args.oracles == "all":
        return ORACLES
    names = tuple(part.strip() for part in args.oracles.split(",") if part.strip())
    unknown = [name for name in names if name not in ORACLES]
    if unknown:
        raise ConfigError(f"--oracles {', '.join(unknown)}: choose from {', '.join(ORACLES)}.")
    return tuple(name for name in ORACLES if name in names)


def _lines(path: Path) -> list[str]:
    from ..errors import ConfigError

    try:
        return [line.strip() for line in path.read_text().splitlines() if line.strip()]
    except OSError as error:
        raise ConfigError(f"--subset {path} cannot be read: {error}.") from error


def as_text(summary: dict[str, Any]) -> str:
    """The figures that matter, for a person."""
    lines = [f"{summary['benchmark']}: {summary['n']} samples, {summary['split'] or 'no split'}"]
    intervals = summary.get("intervals", {})
    for name, value in summary["metrics"].items():
        if value is not None and not name.endswith("_n"):
            ends = intervals.get("pipeline", {}).get(name)
            sure = f"  ({ends[0]:.3f} to {ends[1]:.3f})" if ends else ""
            lines.append(f"  {name:24} {value:.4g}{sure}")
    for name, metrics in summary["ceilings"].items():
        shown = [n for n in ("acc_25", "acc_50", "f1_25", "f1_50") if metrics.get(n) is not None]
        lines.append(f"  {name:24} " + "  ".join(f"{n} {metrics[n]:.3f}" for n in shown))
    lines += _by_query(summary)
    if summary.get("well_seen", {}).get("n"):
        well = summary["well_seen"]
        names = ("acc_25", "acc_50", "mask_iou")
        lines.append(
            f"  {'well seen (' + str(well['n']) + ')':24} "
            + "  ".join(f"{n} {well[n]:.3f}" for n in names)
        )
    if summary.get("ablations"):
        lines.append(f"  {'ablation':30} acc_25  acc_50  iou    mask_iou")
        for name, row in summary["ablations"].items():
            cells = [row[n] or 0.0 for n in ("acc_25", "acc_50", "iou", "mask_iou")]
            lines.append(f"  {name:30} " + "  ".join(f"{cell:.3f}" for cell in cells))
    if summary.get("stages"):
        parts = ", ".join(f"{count} {stage}" for stage, count in summary["stages"].items())
        lines.append(f"  first failing stage ({summary['stages_of']}): {parts}")
    lines += [f"  note: {note}" for note in summary["notes"]]
    return "\n".join(lines)


def _by_query(summary: dict[str, Any]) -> list[str]:
    """The table by kind of query: how many with and without a target, and the figures."""
    if not summary.get("by_query"):
        return []
    names = ("tiou", "box_acc_50", "acc_25", "acc_50", "found_kept", "not_found_recall")
    title = f"by query ({summary['stages_of']})"
    lines = [f"  {title:43} " + "  ".join(names)]
    for row in summary["by_query"]:
        cells = (("-" if row.get(n) is None else f"{row[n]:.2f}").rjust(len(n)) for n in names)
        lines.append(f"    {row['group']:32}{row['n']:5}{row['n_absent']:4} " + "  ".join(cells))
    return lines


class _Bar:
    """A progress bar whose total shows up with the first step."""

    def __init__(self, unit: str) -> None:
        self.unit = unit
        self._bar: Any = None

    def __enter__(self) -> _Bar:
        return self

    def __exit__(self, *exc_info: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def show(self, done: int, total: int) -> None:
        from tqdm import tqdm

        if self._bar is None:
            self._bar = tqdm(total=total, initial=done, unit=self.unit, disable=None)
        self._bar.update(done - self._bar.n)
