"""Make synthetic RGB-D rooms in ScanNet's formats, with annotations and reasoning to learn from.

OUT gets scans/<scene>/ with .sens, mesh, segments and objects of each room, and
annotations/<split>/ in the forms of ScanRefer, Multi3DRefer, Nr3D, ScanQA and SQA3D. The seed
decides the split: train 0 to 999999, val from 1000000, test from 2000000.

A run that was stopped goes on where it was. The same seed gives the same bytes.

examples:
  scene-r1 synth rooms --scenes 100
  scene-r1 synth rooms --scenes 20 --seed 2000000          # held-out test rooms
  scene-r1 synth small --scenes 2 --seconds 6 --no-sensor
  scene-r1 synth sharp --no-motion-blur --no-edge-holes
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path
from typing import Any

from scene_r1_training.data.synth_config import SynthConfig

from ..synthetic.sensor_config import SensorConfig
from .options import add_config_arguments, config_from

HELP = "make synthetic rooms in ScanNet's formats"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of ``scene-r1 synth``."""
    parser.add_argument("out", type=Path, metavar="OUT", help="folder of the data set")
    parser.add_argument("--scenes", type=int, default=10, help="how many rooms (default: 10)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the first (default: 0)")
    jobs = min(2, os.cpu_count() or 1)
    parser.add_argument("--jobs", type=int, default=jobs, help=f"rooms at a time (default: {jobs})")
    parser.add_argument("--engine", choices=("local", "ray"), default="local")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    add_config_arguments(parser, SynthConfig, title="Each room")
    add_config_arguments(parser, SensorConfig, title="The sensor model")


def run(args: argparse.Namespace) -> int:
    """Make the rooms; say how many, how fast."""
    from scene_r1_training.data.synth import synthesize
    from tqdm import tqdm

    from .main import print_json

    config, sensor = config_from(args, SynthConfig), config_from(args, SensorConfig)
    started = time.perf_counter()
    with tqdm(total=args.scenes, unit="room", disable=None) as bar:

        def on_done(outcome: Any) -> None:
            bar.update()
            if not outcome.ok:
                bar.write(f"failed {outcome.item.scene_id}: {outcome.error}")

        report = synthesize(
            args.out,
            args.scenes,
            args.seed,
            config,
            sensor=sensor,
            jobs=args.jobs,
            engine=args.engine,
            on_done=on_done,
        )
    seconds = time.perf_counter() - started
    counts = ", ".join(f"{count} {name}" for name, count in report.annotations.items())
    text = (
        f"{len(report.made)} rooms made in {seconds:.1f} s, {len(report.kept)} were there, "
        f"{len(report.failed)} failed; {args.out} holds {report.frames} frames and {counts}."
    )
    print(text, file=sys.stderr if args.json else sys.stdout, flush=True)
    if args.json:
        print_json(
            {
                "made": len(report.made),
                "kept": len(report.kept),
                "failed": report.failed,
                "frames": report.frames,
                "annotations": report.annotations,
                "seconds": round(seconds, 3),
                "out": str(args.out),
            }
        )
    return 1 if report.failed else 0
