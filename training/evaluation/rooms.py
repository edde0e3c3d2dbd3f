"""Held-out synthetic rooms, made and prepared on the spot where they are missing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from scene_r1_ros.errors import SceneR1Error
from scene_r1_ros.synthetic.splits import TEST_SEEDS, split_of

from ..data.labels_visibility import VisibilityConfig
from ..data.prepare_annotations import read_annotations
from ..data.prepare_labels import LabelTask, label_scene, write_annotations
from ..data.prepare_run import plan, run_prepare
from ..data.prepare_scene import PrepareConfig
from ..data.synth import SynthConfig, scene_name, synthesize
from ..parallel import run_each
from .errors import EvaluationError

Say = Callable[[str], None]


@dataclass(frozen=True)
class Rooms:
    """A prepared set of rooms: ``data`` for the pipeline, ``annotations``, and which scenes."""

    data: Path
    annotations: Path
    scenes: tuple[str, ...]


def ensure_rooms(
    folder: Path,
    scenes: int,
    seed: int = TEST_SEEDS.start,
    config: SynthConfig | None = None,
    *,
    engine: str = "local",
    jobs: int = 1,
    say: Say = print,
) -> Rooms:
    """Make what is missing of the rooms with seeds ``seed`` to ``seed + scenes - 1``.

    Raises:
        EvaluationError: if a seed was not reserved for evaluation.
        SceneR1Error: if a room cannot be made or prepared.
    """
    split = split_of(seed)
    if split == "train":
        raise EvaluationError(
            f"seed {seed} is a training room; held-out rooms begin at {TEST_SEEDS.start}."
        )
    root, data = folder / "scannet", folder / "prepared"
    names = [scene_name(seed + i) for i in range(scenes)]
    say(f"rooms {names[0]} to {names[-1]} in {folder}")
    report = synthesize(root, scenes, seed, config, jobs=jobs, engine=engine)
    if report.made:
        say(f"made {len(report.made)} rooms")
    _stop(report.failed, "made")
    prepared = run_prepare(
        plan(root, data, names, PrepareConfig(stride=1)), engine=engine, jobs=jobs
    )
    _stop(prepared.failed, "prepared")
    visibility = VisibilityConfig()
    tasks = [LabelTask(data, name, visibility) for name in names]
    outcomes = list(run_each(label_scene, tasks, engine=engine, jobs=jobs))
    _stop({o.item.scene_id: o.error for o in outcomes if not o.ok}, "labelled")
    annotations = root / "annotations" / split
    wanted = set(names)
    chosen = [item for item in read_annotations(annotations) if item.scene_id in wanted]
    write_annotations(data, chosen, visibility, annotations)
    return Rooms(data, annotations, tuple(names))


def _stop(failed: dict[str, str], verb: str) -> None:
    if failed:
        scene, why = next(iter(failed.items()))
        raise SceneR1Error(f"{len(failed)} rooms could not be {verb}; {scene}: {why}")
