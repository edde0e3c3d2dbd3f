"""Make ScanNet, or rooms written in its formats, ready for training and evaluation.

  scannet   stream every .sens to a folder of frames; with --annotations also make 2D labels
  labels    make or remake the 2D labels of scenes that are prepared
  preview   contact sheets of labels as PNG
  stats     what the labels hold: numbers and a page of plots

Every step can be killed and started again: it goes on where it was. Scenes that are corrupted
are named and left out.

examples:
  scene-r1 prepare scannet --root /data/scannet --out /data/prepared --stride 20 --jobs 8
  scene-r1 prepare scannet --root rooms --annotations rooms/annotations --out prepared
  scene-r1 prepare scannet --root /data/scannet --out /data/prepared --dry-run
  scene-r1 prepare preview --out prepared --count 12
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

HELP = "make ScanNet data ready: frames, 2D labels, previews"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of ``scene-r1 prepare``."""
    parser.add_argument("step", choices=("scannet", "labels", "preview", "stats"))
    parser.add_argument("--root", type=Path, help="ScanNet's folder (scans/<scene>/...)")
    parser.add_argument("--annotations", type=Path, help="annotation file, or a folder of them")
    parser.add_argument("--out", type=Path, required=True, help="the prepared data set")
    parser.add_argument("--scenes", metavar="FILE|ID,ID", help="only these scenes")
    parser.add_argument("--limit", type=int, default=0, help="only the first N scenes")
    parser.add_argument("--only-annotated", action="store_true", help="only annotated scenes")
    parser.add_argument("--nr3d-all", action="store_true", help="keep misunderstood utterances")
    parser.add_argument(
        "--instances",
        choices=("auto", "project"),
        default="auto",
        help="2D instance images where a scene has them, or always projected (default: auto)",
    )
    parser.add_argument("--dry-run", action="store_true", help="show the disk use and stop")
    parser.add_argument("--count", type=int, default=24, help="annotations in a preview")
    parser.add_argument("--jobs", type=int, default=1, help="scenes at a time (default: 1)")
    parser.add_argument("--engine", choices=("local", "ray"), default="local")
    parser.add_argument("--ray-address", metavar="HOST:PORT", help="join this Ray cluster")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    keep = parser.add_argument_group("What is kept of each scene")
    keep.add_argument("--stride", type=int, default=20, help="every N-th frame (default: 20)")
    keep.add_argument(
        "--max-width",
        type=int,
        default=640,
        metavar="PIXELS",
        help="scale wider images down to this width; 0 keeps them (default: 640)",
    )
    keep.add_argument(
        "--allow-truncated", action="store_true", help="use the whole frames of cut-off files"
    )
    seen = parser.add_argument_group("When an object counts as visible")
    for flag, default, text in (
        ("--min-pixels", 200, "pixels it covers, scaled from 640 x 480"),
        ("--min-percent", 5.0, "share of its surface points, of 100"),
        ("--max-gap", 1.0, "seconds between visible frames of one span"),
        ("--min-span", 0.0, "seconds of the shortest span"),
    ):
        seen.add_argument(
            flag, type=type(default), default=default, help=f"{text} (default: {default})"
        )


def run(args: argparse.Namespace) -> int:
    """Do the step, print what came of it."""
    from .main import print_json

    step = {"scannet": _scannet, "labels": _labels, "preview": _preview, "stats": _stats}[args.step]
    result = step(args)
    if args.json:
        print_json(result)
    return 0


def _scannet(args: argparse.Namespace) -> dict[str, Any]:
    from scene_r1_training.data import prepare_run
    from scene_r1_training.data.prepare_annotations import read_annotations
    from scene_r1_training.data.prepare_scene import PrepareConfig
    from tqdm import tqdm

    from ..errors import ConfigError, RecordingError

    if args.root is None:
        raise ConfigError("prepare scannet needs --root, the folder that holds scans/.")
    config = PrepareConfig(
        stride=args.stride, max_width=args.max_width, allow_truncated=args.allow_truncated
    )
    wanted = _scene_list(args.scenes)
    annotations = None
    if args.annotations is not None:
        annotations = read_annotations(args.annotations, args.nr3d_all)
    if args.only_annotated:
        if annotations is None:
            raise ConfigError("--only-annotated needs --annotations.")
        annotated = {item.scene_id for item in annotations}
        wanted = sorted(annotated if wanted is None else annotated & set(wanted))
    scenes = prepare_run.choose_scenes(args.root, wanted, args.limit)
    tasks = prepare_run.plan(args.root, args.out, scenes, config, write=not args.dry_run)
    todo = [task for task in tasks if not prepare_run.is_done(task)]
    needed = prepare_run.estimate_total(todo)
    free = prepare_run.check_space(args.out, needed)
    _say(
        args,
        f"{len(todo)} of {len(scenes)} scenes to prepare; about {needed / 1e6:.0f} MB of "
        f"{free / 1e9:.1f} GB free.",
    )
    if args.dry_run:
        return {"scenes": len(scenes), "to_do": len(todo), "bytes_needed": needed, "free": free}
    started = time.perf_counter()
    with tqdm(total=len(tasks), unit="scene", disable=None) as bar:

        def on_done(outcome: Any) -> None:
            bar.update()
            if not outcome.ok:
                bar.write(f"left out {outcome.item.scene_id}: {outcome.error}")

        report = prepare_run.run_prepare(
            tasks,
            engine=args.engine,
            jobs=args.jobs,
            address=args.ray_address,
            on_done=on_done,
        )
    if not report.scenes:
        first = next(iter(report.failed.values()), "no scene was given")
        raise RecordingError(f"none of the {len(tasks)} scenes could be prepared: {first}")
    result: dict[str, Any] = {
        "scenes": len(report.scenes),
        "frames": report.frames,
        "bytes": report.bytes,
        "bytes_estimated": needed,
        "failed": report.failed,
        "skipped_frames": sum(sum(item.skipped.values()) for item in report.scenes),
        "seconds": round(time.perf_counter() - started, 3),
        "out": str(args.out),
    }
    _say(
        args,
        f"{result['scenes']} scenes, {result['frames']} frames, {result['bytes'] / 1e6:.0f} MB in "
        f"{args.out}; {len(report.failed)} scenes left out, {result['skipped_frames']} frames "
        f"skipped.",
    )
    if annotations is not None:
        ids = [item.scene_id for item in report.scenes]
        result["labels"] = _make_labels(args, ids, annotations)
    return result


def _labels(args: argparse.Namespace) -> dict[str, Any]:
    from scene_r1_training.data.prepare_annotations import read_annotations
    from scene_r1_training.data.prepare_run import prepared_scenes

    from ..errors import ConfigError

    if args.annotations is None:
        raise ConfigError("prepare labels needs --annotations, a file or a folder of them.")
    annotations = read_annotations(args.annotations, args.nr3d_all)
    wanted = _scene_list(args.scenes)
    scenes = [s for s in prepared_scenes(args.out) if wanted is None or s in set(wanted)]
    return _make_labels(args, scenes[: args.limit] if args.limit else scenes, annotations)


def _make_labels(args: argparse.Namespace, scenes: list[str], annotations: Any) -> dict[str, Any]:
    from scene_r1_training.data.labels_visibility import VisibilityConfig
    from scene_r1_training.data.prepare_labels import LabelTask, label_scene, write_annotations
    from scene_r1_training.parallel import run_each
    from tqdm import tqdm

    config = VisibilityConfig(
        min_pixels=args.min_pixels,
        min_percent=args.min_percent,
        max_gap=args.max_gap,
        min_span=args.min_span,
    )
    tasks = [LabelTask(args.out, scene, config, args.instances == "auto") for scene in scenes]
    failed: dict[str, str] = {}
    rows = visible = 0
    outcomes = run_each(
        label_scene, tasks, engine=args.engine, jobs=args.jobs, address=args.ray_address
    )
    with tqdm(total=len(tasks), unit="scene", desc="labels", disable=None) as bar:
        for outcome in outcomes:
            bar.update()
            if outcome.result is None:
                failed[outcome.item.scene_id] = outcome.error
                bar.write(f"no labels for {outcome.item.scene_id}: {outcome.error}")
            else:
                rows += outcome.result.rows
                visible += outcome.result.visible
    count, absent = write_annotations(args.out, annotations, config, args.annotations)
    _say(
        args,
        f"{count} annotations labelled from {rows} views ({visible} of them visible); "
        f"{len(absent)} annotated scenes are not prepared.",
    )
    return {
        "annotations": count,
        "views": rows,
        "visible_views": visible,
        "scenes_not_prepared": absent,
        "failed": failed,
    }


def _preview(args: argparse.Namespace) -> dict[str, Any]:
    import cv2
    from scene_r1_training.data.labels_preview import contact_sheet
    from scene_r1_training.data.prepare_labels import load_labels

    annotations, views = load_labels(args.out, _scene_list(args.scenes))
    step = max(1, len(annotations) // max(1, args.count))
    chosen = annotations[::step][: args.count]
    folder = args.out / "labels" / "preview"
    folder.mkdir(parents=True, exist_ok=True)
    sheets = []
    for start in range(0, len(chosen), 6):
        sheet = contact_sheet(args.out, chosen[start : start + 6], views)
        path = folder / f"sheet_{start // 6:03d}.png"
        cv2.imwrite(str(path), sheet[..., ::-1])
        sheets.append(str(path))
    _say(args, f"{len(chosen)} annotations on {len(sheets)} sheets in {folder}")
    return {"sheets": sheets, "annotations": len(chosen)}


def _stats(args: argparse.Namespace) -> dict[str, Any]:
    import json

    from scene_r1_training.data.labels_stats import label_statistics, plot_statistics
    from scene_r1_training.data.prepare_labels import load_labels

    annotations, by_scene = load_labels(args.out, _scene_list(args.scenes))
    views = [view for rows in by_scene.values() for view in rows]
    statistics = label_statistics(annotations, views)
    path = args.out / "labels" / "statistics.png"
    plot_statistics(path, annotations, views)
    (path.with_suffix(".json")).write_text(json.dumps(statistics, indent=1) + "\n")
    _say(args, json.dumps(statistics, indent=1) + f"\nplots: {path}")
    return statistics | {"plots": str(path)}


def _scene_list(text: str | None) -> list[str] | None:
    if text is None:
        return None
    path = Path(text)
    if path.is_file():
        return [line.strip() for line in path.read_text().splitlines() if line.strip()]
    return [part.strip() for part in text.split(",") if part.strip()]


def _say(args: argparse.Namespace, text: str) -> None:
    import sys

    print(text, file=sys.stderr if args.json else sys.stdout, flush=True)
