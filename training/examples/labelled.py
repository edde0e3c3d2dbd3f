"""Examples from 2D labels alone: queries with spans and boxes, nothing to say.

They teach by reward, and are what chains of thought are asked for. Clips and views are drawn at
random, the same for the same seed.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..data.labels_schema import read_table
from ..data.prepare_labels import ANNOTATIONS_FILE, LABELS
from .errors import TrainingError
from .example import Example, Stage
from .scenes import Scene, load_scene, spans_of
from .settings import DataConfig

QUESTIONS = ("scanqa", "sqa3d", "vsi")
_TRIES = 8


def examples_from_labels(
    data: Path, stage: Stage, config: DataConfig, scenes: set[str] | None = None
) -> list[Example]:
    """One example an annotation and repeat, where the scene has frames that suit.

    Raises:
        TrainingError: if none is left.
        RecordingFormatError: if labels are missing or of another version.
    """
    rows = read_table(data / LABELS / ANNOTATIONS_FILE, "annotations").to_pylist()
    wanted = [r for r in rows if (r["benchmark"] in QUESTIONS) == (stage == "answer")]
    if scenes is not None:
        wanted = [r for r in wanted if r["scene_id"] in scenes]
    found, loaded = [], dict[str, Scene]()
    for row in wanted:
        scene_id = row["scene_id"]
        if scene_id not in loaded:
            loaded[scene_id] = load_scene(data, scene_id)
        for repeat in range(config.repeats):
            key = f"{row['benchmark']}/{row['key']}/{repeat}"
            rng = np.random.default_rng([config.seed, zlib.crc32(key.encode())])
            example = _MAKERS[stage](row, key, loaded[scene_id], config, rng)
            if example is not None:
                found.append(example)
    if not found:
        raise TrainingError(
            f"{data} holds no annotation that suits the stage {stage}"
            + (f" in the {len(scenes)} scenes asked for." if scenes is not None else ".")
        )
    return found


def _temporal(
    row: dict[str, Any], key: str, scene: Scene, config: DataConfig, rng: np.random.Generator
) -> Example | None:
    ids = tuple(row["object_ids"])
    visible = set(scene.seen(ids))
    if ids and not visible:
        return None
    absent = bool(ids) and rng.random() < config.empty_share
    for _ in range(_TRIES):
        numbers = _clip(scene.numbers, visible, absent, config, rng)
        frames = scene.shown(numbers)
        spans = spans_of(frames, visible)
        # An object that only a single frame shows has no extent in time to be asked for.
        lengths = [end - start for start, end in spans]
        suits = not spans if (absent or not ids) else max(lengths, default=0.0) > 0.0
        if suits and len(frames) > 1:
            kept = tuple(s for s in spans if s[1] > s[0])
            boxes = tuple(scene.box(ids, frame.number) for frame in frames)
            return _example(
                row, key, "temporal", scene, frames, spans=kept, boxes=boxes, object_ids=ids
            )
    return None


def _clip(
    numbers: Sequence[int],
    visible: set[int],
    absent: bool,
    config: DataConfig,
    rng: np.random.Generator,
) -> list[int]:
    """Evenly spaced frames over a random part of the scene, around one that shows the target."""
    total = len(numbers)
    count = min(int(rng.integers(min(config.min_frames, total), config.max_frames + 1)), total)
    step = int(rng.integers(1, max(1, (total - 1) // max(1, count - 1)) + 1))
    last = total - 1 - (count - 1) * step
    start = int(rng.integers(0, last + 1))
    inside = [i for i, n in enumerate(numbers) if n in visible]
    if inside and not absent:
        middle = inside[int(rng.integers(len(inside)))]
        behind = int(rng.integers(0, count))
        start = min(max(middle - behind * step, 0), last)
    return [numbers[start + i * step] for i in range(count)]


def _image(
    row: dict[str, Any], key: str, scene: Scene, config: DataConfig, rng: np.random.Generator
) -> Example | None:
    ids = tuple(row["object_ids"])
    if len(ids) > 1:
        return None
    visible = scene.seen(ids)
    hidden = [n for n in scene.numbers if n not in set(visible)]
    views = int(rng.integers(1, config.views + 1))
    absent = not visible or rng.random() < config.empty_share
    if ids and not visible:
        return None
    if absent:
        if not hidden:
            return None
        numbers = rng.permutation(np.array(hidden))[:views].tolist()
    else:
        # Mostly views that show the target, as the span of stage 1 gives them.
        shown = min(len(visible), max(1, views - int(rng.integers(0, 2))))
        numbers = rng.permutation(np.array(visible))[:shown].tolist()
        if hidden and len(numbers) < views:
            numbers += rng.permutation(np.array(hidden))[: views - len(numbers)].tolist()
        rng.shuffle(numbers)
    frames = scene.shown(sorted(numbers))
    boxes = tuple(scene.box(ids, frame.number) for frame in frames)
    return _example(row, key, "image", scene, frames, boxes=boxes, object_ids=ids)


def _answer(
    row: dict[str, Any], key: str, scene: Scene, config: DataConfig, rng: np.random.Generator
) -> Example | None:
    answers = tuple(a for a in row["answers"] if a.strip())
    if not answers:
        return None
    count = min(config.max_frames, len(scene.numbers))
    picks = np.unique(np.linspace(0, len(scene.numbers) - 1, count).round().astype(int))
    frames = scene.shown([scene.numbers[i] for i in picks])
    ids = tuple(row["object_ids"])
    return _example(row, key, "answer", scene, frames, answers=answers, object_ids=ids)


def _example(
    row: dict[str, Any], key: str, stage: Stage, scene: Scene, frames: Any, **truth: Any
) -> Example:
    return Example(
        key=key,
        stage=stage,
        scene_id=scene.scene_id,
        query=row["text"],
        frames=frames,
        image_size=scene.image_size,
        label=row["label"],
        around=tuple(scene.around(frame.number) for frame in frames),
        **truth,
    )


_MAKERS = {"temporal": _temporal, "image": _image, "answer": _answer}
