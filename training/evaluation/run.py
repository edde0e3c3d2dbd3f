"""Evaluation runs: which samples, in what order, resumed after a kill, over an engine."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from scene_r1_ros.errors import ConfigError

from ..data.prepare_annotations import Annotation
from ..parallel import run_each
from .errors import EvaluationError
from .run_scene import NEEDS_MODEL, SceneRun, run_scene

log = logging.getLogger(__name__)

Record = dict[str, Any]
CHUNK = 4
"""Annotations of one scene that are done together; a kill loses at most these."""
MODEL_FAILURES = 2
"""So many tasks without the model in a row at the start end the run."""


def choose(
    annotations: Sequence[Annotation], subset: Iterable[str] | None = None, limit: int = 0
) -> list[Annotation]:
    """The annotations to evaluate: those of ``subset`` (keys or scenes), then ``limit`` of them,
    spread evenly so that a few samples still come from many scenes.

    Raises:
        EvaluationError: listing the names of ``subset`` that fit nothing, or if nothing is left.
    """
    chosen = list(annotations)
    if subset is not None:
        names = set(subset)
        known = {item.key for item in chosen} | {item.scene_id for item in chosen}
        unknown = sorted(names - known)
        if unknown:
            raise EvaluationError(
                f"the subset names {len(unknown)} keys or scenes that are not there: "
                f"{', '.join(unknown[:8])}{' ...' if len(unknown) > 8 else ''}."
            )
        chosen = [item for item in chosen if item.key in names or item.scene_id in names]
    if 0 < limit < len(chosen):
        chosen = [chosen[i * len(chosen) // limit] for i in range(limit)]
    if not chosen:
        raise EvaluationError("no sample is left to evaluate.")
    return chosen


class ResultFile:
    """Results as JSON Lines, one record a sample and variant; its first line says what ran."""

    def __init__(self, path: Path, about: dict[str, Any]) -> None:
        self.path = path
        self.records: dict[tuple[str, str], Record] = {}
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_file() and path.stat().st_size:
            self._resume(about)
        else:
            path.write_text(json.dumps({"run": about}, sort_keys=True) + "\n", encoding="utf-8")

    def _resume(self, about: dict[str, Any]) -> None:
        lines = self.path.read_text(encoding="utf-8").split("\n")
        first = json.loads(lines[0]).get("run")
        if first != json.loads(json.dumps(about)):
            raise ConfigError(
                f"{self.path} holds results of another run ({json.dumps(first)}); choose another "
                "--out, or remove it."
            )
        whole = "\n".join(lines[:-1]) + "\n"
        if lines[-1]:  # a line that was cut off by a kill
            self.path.write_text(whole, encoding="utf-8")
        for line in lines[1:-1]:
            record = json.loads(line)
            self.records[record["variant"], record["key"]] = record

    def add(self, records: Iterable[Record]) -> None:
        """Append records, on disk before this returns."""
        with self.path.open("a", encoding="utf-8") as file:
            for record in records:
                self.records[record["variant"], record["key"]] = record
                file.write(json.dumps(record, default=float) + "\n")
            file.flush()

    def of(self, variant: str) -> dict[str, Record]:
        """The records of one variant by key."""
        return {key: record for (name, key), record in self.records.items() if name == variant}


def run_variants(
    results: ResultFile,
    annotations: Sequence[Annotation],
    variants: Sequence[str],
    *,
    data: Path,
    model: str,
    tracker: str,
    max_frames: int,
    settings: tuple[str, ...] = (),
    engine: str = "local",
    jobs: int = 1,
    address: str | None = None,
    on_done: Callable[[int], None] | None = None,
) -> dict[str, str]:
    """Run what is not done yet; returns the scenes that failed as a whole, with the reason.

    These are not recorded, so that the next run tries them again.

    Raises:
        EvaluationError: if every scene failed.
    """
    tasks = []
    for variant in variants:
        by_scene: dict[str, list[Annotation]] = {}
        for item in annotations:
            if (variant, item.key) not in results.records:
                by_scene.setdefault(item.scene_id, []).append(item)
        for scene_id, items in by_scene.items():
            for start in range(0, len(items), CHUNK):
                chunk = tuple(items[start : start + CHUNK])
                used = model if variant in NEEDS_MODEL else "none"
                tasks.append(
                    SceneRun(data, scene_id, chunk, variant, used, tracker, max_frames, settings)
                )
    failed: dict[str, str] = {}
    model_failures, model_worked = 0, False
    tasks.sort(key=lambda task: task.scene_id)  # a scene's window is read once
    for outcome in run_each(run_scene, tasks, engine=engine, jobs=jobs, address=address):
        task = outcome.item
        if outcome.result is not None:
            results.add(outcome.result)
            model_worked |= task.variant in NEEDS_MODEL
        else:
            model_failures += task.variant in NEEDS_MODEL
            failed[task.scene_id] = outcome.error
            log.warning(
                "%d samples of %s were not evaluated and count as wrong: %s",
                len(task.annotations),
                task.scene_id,
                outcome.error,
            )
        if model_failures >= MODEL_FAILURES and not model_worked:
            raise EvaluationError(f"the model never answered: {outcome.error}")
        if on_done is not None:
            on_done(len(task.annotations))
    if failed and not results.records:
        raise EvaluationError(f"no scene could be evaluated: {next(iter(failed.values()))}")
    return failed


def with_missing(
    records: dict[str, Record], annotations: Sequence[Annotation], failed: Mapping[str, str]
) -> list[Record]:
    """A record for every annotation: those without one count as not found, for the reason why
    their scene ``failed``."""
    found = []
    for item in annotations:
        why = failed.get(item.scene_id, "it was not run")
        gone = {"found": False, "error": f"a part of its scene failed: {why}"}
        found.append(records.get(item.key) or {"key": item.key, "scene_id": item.scene_id, **gone})
    return found
