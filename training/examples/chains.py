"""Files of checked chains of thought: JSON Lines, one example a line, made by ``synth`` or by
``train make-cot``.

A file of ``make-cot`` begins with a header line that says its format and version; one that
``synth`` wrote (``cold_start_SPLIT.jsonl``) has none. Boxes are in pixels of the original image.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from scene_r1_ros.reasoning.parsing import is_not_found, parse_box, parse_label, parse_span

from .errors import TrainingError
from .example import STAGES, Example, Stage
from .scenes import Scene, load_scene, spans_of

FORMAT = "scene_r1_chains"
VERSION = 1
_ANSWER = re.compile(r"<answer>(.*?)</answer>", re.DOTALL)


def header() -> dict[str, Any]:
    """The first line of a file of chains."""
    return {"format": FORMAT, "version": VERSION}


def read_chains(path: Path) -> Iterator[dict[str, Any]]:
    """The records of a file, without its header.

    Raises:
        TrainingError: if it cannot be read, is of another version, or a line is malformed.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise TrainingError(f"chains of thought {path} cannot be read: {error}.") from error
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except ValueError as error:
            raise TrainingError(f"{path}, line {number} is no JSON ({error}).") from error
        if isinstance(record, dict) and "format" in record:
            if record.get("format") != FORMAT or record.get("version") != VERSION:
                raise TrainingError(
                    f"{path} is {record.get('format')} version {record.get('version')}; this "
                    f"program reads {FORMAT} version {VERSION}; make it again with scene-r1 train "
                    "make-cot."
                )
            continue
        wanted = {"scene_id", "stage", "query", "frames", "completion"}
        absent = wanted - set(record) if isinstance(record, dict) else wanted
        if absent:
            raise TrainingError(
                f"{path}, line {number} lacks {', '.join(sorted(absent))}: it is no file of chains."
            )
        yield record


def examples_from_chains(
    data: Path,
    files: Sequence[Path],
    stages: Sequence[Stage] = STAGES,
    scenes: set[str] | None = None,
) -> list[Example]:
    """Examples with something to say, over the prepared data set ``data``.

    Raises:
        TrainingError: naming the file and what is wrong with it; also if none is left.
    """
    loaded: dict[str, Scene] = {}
    found = []
    for path in files:
        for number, record in enumerate(read_chains(path)):
            scene_id, stage = str(record["scene_id"]), stage_of(record, path)
            if stage not in stages or (scenes is not None and scene_id not in scenes):
                continue
            if scene_id not in loaded:
                loaded[scene_id] = load_scene(data, scene_id)
            key = str(record.get("key") or f"{path.stem}/{number}")
            found.append(example_of(record, key, stage, loaded[scene_id]))
    if not found:
        names = ", ".join(str(path) for path in files) or "no file"
        raise TrainingError(f"{names} holds no chain of thought for {', '.join(stages)}.")
    return found


def stage_of(record: dict[str, Any], path: Path | str) -> Stage:
    """The stage of a record: its name, or 1, 2, 3."""
    stage = record["stage"]
    if stage in STAGES:
        return stage  # type: ignore[no-any-return]
    if type(stage) is int and 1 <= stage <= len(STAGES):
        return STAGES[stage - 1]
    raise TrainingError(f"{path}: stage {stage!r} is none of {', '.join(STAGES)}, 1, 2, 3.")


def example_of(record: dict[str, Any], key: str, stage: Stage, scene: Scene) -> Example:
    """The example of one record; the truth is what its checked completion says."""
    completion = str(record["completion"])
    body = _ANSWER.search(completion)
    if body is None or not body[1].strip():
        raise TrainingError(f"chain {key}: its answer is empty: {completion[-80:]!r}.")
    frames = scene.shown([int(n) for n in record["frames"]])
    ids = tuple(int(i) for i in record.get("object_ids") or ())
    spans: tuple[tuple[float, float], ...] = ()
    boxes: tuple[Any, ...] = ()
    nothing = is_not_found(body[0])
    if stage == "temporal" and not nothing:
        said = parse_span(body[0])
        if said is None:
            raise TrainingError(f"chain {key}: its answer {body[1]!r} is no span.")
        labelled = spans_of(frames, set(scene.seen(ids)))
        spans = labelled if said in labelled else (said,)
    if stage == "image":
        view = json.loads(body[1]).get("view", 1) if body[1].lstrip().startswith("{") else 1
        box = None if nothing else parse_box(body[0], scene.image_size)
        if box is None and not nothing:
            raise TrainingError(
                f"chain {key}: its box {body[1]} does not lie in an image of "
                f"{scene.image_size[0]} x {scene.image_size[1]} pixels; were the scenes prepared "
                "with another --max-width?"
            )
        boxes = tuple(box if i == view - 1 else None for i in range(len(frames)))
    if stage == "temporal" and ids:
        boxes = tuple(scene.box(ids, frame.number) for frame in frames)
    return Example(
        key=key,
        stage=stage,
        scene_id=scene.scene_id,
        query=str(record["query"]),
        frames=frames,
        image_size=scene.image_size,
        spans=spans,
        boxes=boxes,
        around=tuple(scene.around(frame.number) for frame in frames),
        label=parse_label(body[0]) if stage == "image" else "",
        answers=(body[1].strip(),) if stage == "answer" else (),
        object_ids=ids,
        completion=completion,
    )
