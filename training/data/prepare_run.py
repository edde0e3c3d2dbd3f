"""A whole data set made ready: disk use first, then scene after scene over an engine."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from scene_r1_ros.errors import ConfigError, RecordingError, RecordingFormatError, SceneR1Error
from scene_r1_ros.recordings.atomic import written_atomically

from ..parallel import Outcome, run_each
from .labels_scene import list_scenes
from .prepare_scene import (
    SCENE_FILE,
    PrepareConfig,
    SceneReport,
    SceneTask,
    estimate_bytes,
    prepare_scene,
    prepared_folder,
)

DATASET_FILE = "dataset.json"
_ESTIMATED_SCENES = 8


@dataclass
class PrepareReport:
    """What was prepared, and which scenes were left out and why."""

    scenes: list[SceneReport] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)

    @property
    def frames(self) -> int:
        """Frames of all prepared scenes."""
        return sum(report.frames for report in self.scenes)

    @property
    def bytes(self) -> int:
        """Disk space of all prepared scenes."""
        return sum(report.bytes for report in self.scenes)


def choose_scenes(root: Path, wanted: Iterable[str] | None = None, limit: int = 0) -> list[str]:
    """The scenes of ``root`` that are to be prepared.

    Raises:
        RecordingFormatError: if there is none, or listing those of ``wanted`` that are not there.
    """
    there = list_scenes(root) if root.is_dir() else []
    if not there:
        raise RecordingFormatError(
            f"{root} holds no scene; it needs scans/<scene>/<scene>.sens (or <scene>/<scene>.sens)."
        )
    if wanted is None:
        chosen = there
    else:
        asked = list(dict.fromkeys(wanted))
        absent = [scene for scene in asked if scene not in set(there)]
        if absent:
            raise RecordingFormatError(
                f"{root} lacks {len(absent)} of the {len(asked)} scenes asked for: "
                f"{', '.join(absent[:8])}{' ...' if len(absent) > 8 else ''}."
            )
        chosen = asked
    return chosen[:limit] if limit else chosen


def estimate_total(tasks: Sequence[SceneTask]) -> int:
    """Disk space that the tasks will take, from frames of a few scenes; corrupted ones count 0."""
    step = max(1, len(tasks) // _ESTIMATED_SCENES)
    sampled = tasks[::step]
    total = 0
    for task in sampled:
        try:
            total += estimate_bytes(task)
        except (SceneR1Error, OSError):
            continue
    return round(total * len(tasks) / len(sampled)) if sampled else 0


def is_done(task: SceneTask) -> bool:
    """Whether an earlier run prepared this scene."""
    return (prepared_folder(task.out, task.scene_id) / SCENE_FILE).is_file()


def prepared_scenes(out: Path) -> list[str]:
    """Ids of the scenes that are prepared in ``out``.

    Raises:
        RecordingFormatError: if there is none.
    """
    found = sorted(path.parent.name for path in (out / "scenes").glob(f"[!.]*/{SCENE_FILE}"))
    if not found:
        raise RecordingFormatError(
            f"{out} holds no prepared scene; make some with scene-r1 prepare scannet."
        )
    return found


def plan(
    root: Path, out: Path, scenes: Sequence[str], config: PrepareConfig, write: bool = True
) -> list[SceneTask]:
    """One task a scene, after checking that ``out`` was begun with the same settings.

    Notes the settings in ``out`` if it is new, unless ``write`` is off.

    Raises:
        ConfigError: if ``out`` was made with other settings.
    """
    settings = dataclasses.asdict(config)
    about = {"version": 1, "root": str(root), "config": settings}
    path = out / DATASET_FILE
    if path.is_file():
        before = json.loads(path.read_text(encoding="utf-8"))
        if before != about:
            changed = {
                name: (value, settings.get(name))
                for name, value in before.get("config", {}).items()
                if settings.get(name) != value
            }
            was = ", ".join(f"{name} was {a}, is {b}" for name, (a, b) in changed.items())
            raise ConfigError(
                f"{out} was prepared differently ({was or 'from ' + str(before.get('root'))}); "
                "choose another --out, or the same settings to go on."
            )
    elif write:
        with written_atomically(path) as partial:
            partial.write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
    return [SceneTask(root, scene, out, config) for scene in scenes]


def check_space(out: Path, needed: int) -> int:
    """Free bytes where ``out`` will lie.

    Raises:
        RecordingError: if they are fewer than ``needed``.
    """
    there = next(path for path in (out, *out.parents) if path.exists())
    free = shutil.disk_usage(there).free
    if needed > free:
        raise RecordingError(
            f"preparing needs about {needed / 1e9:.1f} GB but {there} has {free / 1e9:.1f} GB "
            "free; raise --stride, lower --max-width or choose another --out."
        )
    return free


def run_prepare(
    tasks: Sequence[SceneTask],
    *,
    engine: str,
    jobs: int,
    address: str | None = None,
    on_done: Callable[[Outcome[SceneTask, SceneReport]], None] | None = None,
) -> PrepareReport:
    """Prepare every scene; those that fail are reported and the others go on."""
    report = PrepareReport()
    for outcome in run_each(prepare_scene, tasks, engine=engine, jobs=jobs, address=address):
        if outcome.result is None:
            report.failed[outcome.item.scene_id] = outcome.error
        else:
            report.scenes.append(outcome.result)
        if on_done is not None:
            on_done(outcome)
    report.scenes.sort(key=lambda item: item.scene_id)
    return report
