"""``synthesize``: many rooms in ScanNet's layout, annotated in the benchmarks' forms.

::

    OUT/scans/<scene>/<scene>.sens, .txt, .aggregation.json, _vh_clean_2.ply, ...
    OUT/annotations/<split>/ScanRefer_filtered_<split>.json, nr3d_<split>.csv, ...
    OUT/scannetv2_<split>.txt

A scene appears when it is whole, so a run that was killed goes on where it was; the annotation
files are put together from the scenes at the end.
"""

from __future__ import annotations

import csv
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from scene_r1_ros.errors import ConfigError, RecordingError, RecordingFormatError
from scene_r1_ros.synthetic import SensorConfig
from scene_r1_ros.synthetic.recipes import RECIPES
from scene_r1_ros.synthetic.splits import SPLITS, split_of

from ..parallel import Outcome, run_each
from .language.verify import CHAINS
from .scannet_files import write_lines
from .synth_config import FORMAT, SynthConfig
from .synth_scene import SceneTask, scene_name, settings_of, write_scene


@dataclass(frozen=True)
class SynthReport:
    """What a run left behind: ``made`` and ``kept`` scenes, ``failed`` with their errors, all
    ``frames``, and ``annotations`` by file kind."""

    made: tuple[str, ...]
    kept: tuple[str, ...]
    failed: dict[str, str]
    frames: int
    annotations: dict[str, int]


def synthesize(
    out: str | os.PathLike[str],
    scenes: int,
    seed: int = 0,
    config: SynthConfig | None = None,
    *,
    sensor: SensorConfig | None = None,
    jobs: int = 2,
    engine: str = "local",
    on_done: Callable[[Outcome[SceneTask, dict[str, Any]]], None] | None = None,
) -> SynthReport:
    """Make rooms of the seeds ``seed`` to ``seed + scenes - 1`` that are not in ``out`` yet.

    Raises:
        ConfigError: if a seed belongs to no split or the range crosses two, or ``out`` holds one
            of these scenes made with other settings.
        RecordingError: if no scene could be made.
    """
    out, config = Path(out), config or SynthConfig()
    tasks = plan(out, scenes, seed, config, sensor)
    todo = [task for task in tasks if not is_done(task)]
    (out / "scans").mkdir(parents=True, exist_ok=True)
    made, failed = [], {}
    for outcome in run_each(make_scene, todo, engine=engine, jobs=jobs):
        if outcome.ok:
            made.append(outcome.item.scene_id)
        else:
            failed[outcome.item.scene_id] = outcome.error
        if on_done is not None:
            on_done(outcome)
    if failed and len(failed) == len(tasks):
        raise RecordingError(f"no scene could be made: {next(iter(failed.values()))}")
    frames, annotations = write_annotations(out)
    kept = tuple(task.scene_id for task in tasks if task not in todo)
    return SynthReport(tuple(sorted(made)), kept, failed, frames, annotations)


def plan(
    out: Path,
    scenes: int,
    seed: int,
    config: SynthConfig,
    sensor: SensorConfig | None = None,
) -> list[SceneTask]:
    """The scenes to make.

    Raises:
        ConfigError: for no scenes, an unknown type of room, or a range of seeds that is not
            inside one split.
    """
    if scenes < 1:
        raise ConfigError(f"--scenes {scenes}: make at least one.")
    if config.room_type not in ("any", *RECIPES):
        raise ConfigError(
            f"room type {config.room_type!r}: choose any or one of {', '.join(RECIPES)}."
        )
    first, last = split_of(seed), split_of(seed + scenes - 1)
    if first != last:
        raise ConfigError(
            f"seeds {seed} to {seed + scenes - 1} cross from {first} to {last}; stay in one "
            f"split ({', '.join(f'{n} from {s.start}' for n, s in SPLITS.items())})."
        )
    sensor = sensor or SensorConfig()
    return [SceneTask(out, seed + i, config, sensor) for i in range(scenes)]


def is_done(task: SceneTask) -> bool:
    """Whether the scene is there, made with the same settings.

    Raises:
        ConfigError: if it is there but made with others, or by another version of the rooms.
    """
    path = task.folder / f"{task.scene_id}.synthetic.json"
    if not path.is_file():
        return False
    there = _read(path)
    if there["format"] != FORMAT:
        raise ConfigError(
            f"{task.folder} was made by another version of the rooms ({there['format']}, this is "
            f"{FORMAT}), in which the same seed gives other images; give another folder, or "
            "delete this one and what was prepared from it to make both anew."
        )
    # settings that came later have the value at which nothing changed
    made = asdict(SynthConfig()) | there["config"]
    if made != settings_of(task):
        raise ConfigError(
            f"{task.folder} was made with other settings; give the same, or another OUT folder."
        )
    return True


def make_scene(task: SceneTask) -> dict[str, Any]:
    """Write one scene beside its place and move it there when it is whole."""
    partial = task.folder.with_name(f".{task.scene_id}.{os.getpid()}.partial")
    for stale in task.folder.parent.glob(f".{task.scene_id}.*.partial"):
        shutil.rmtree(stale, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        summary = write_scene(partial, task)
        partial.rename(task.folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return summary


def write_annotations(out: Path) -> tuple[int, dict[str, int]]:
    """Put the annotation files together from every scene there is; frames and counts by kind."""
    frames, counts = 0, dict[str, int]()
    for split, seeds in SPLITS.items():
        gathered: dict[str, list[dict[str, Any]]] = {}
        scenes = []
        for path in sorted((out / "scans").glob("*/*.synthetic.json")):
            summary = _read(path)
            if summary["seed"] not in seeds:
                continue
            scenes.append(summary["scene_id"])
            frames += summary["frames"]
            language = _read(path.with_name(f"{summary['scene_id']}.language.json"))
            for kind, records in language.items():
                gathered.setdefault(kind, []).extend(records)
        if scenes:
            (out / f"scannetv2_{split}.txt").write_text("".join(f"{s}\n" for s in scenes))
            _write_split(out / "annotations" / split, split, gathered)
        for kind, records in gathered.items():
            counts[kind] = counts.get(kind, 0) + len(records)
    return frames, counts


def _write_split(folder: Path, split: str, records: dict[str, list[dict[str, Any]]]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    _json(folder / f"ScanRefer_filtered_{split}.json", records["scanrefer"])
    _json(folder / f"multi3drefer_{split}.json", records["multi3drefer"])
    _json(folder / f"ScanQA_v1.0_{split}.json", records["scanqa"])
    sqa3d = {"questions": records["sqa3d_questions"]}
    _json(folder / f"v1_balanced_questions_{split}_scannetv2.json", sqa3d)
    sqa3d = {"annotations": records["sqa3d_annotations"]}
    _json(folder / f"v1_balanced_sqa_annotations_{split}_scannetv2.json", sqa3d)
    if records["nr3d"]:
        with (folder / f"nr3d_{split}.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, fieldnames=list(records["nr3d"][0]))
            writer.writeheader()
            writer.writerows(records["nr3d"])
    for kind in CHAINS:
        if kind in records:
            write_lines(folder / f"{kind}_{split}.jsonl", records[kind])


def _json(path: Path, data: Any) -> None:
    path.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RecordingFormatError(
            f"{path} cannot be read ({error}); delete its folder and run again."
        ) from error


__all__ = ["SynthConfig", "SynthReport", "scene_name", "synthesize"]
