"""Annotation files of the benchmarks, each recognised by what it holds, as one kind of record.

ScanRefer and Multi3DRefer are JSON lists, Nr3D is a CSV, ScanQA a JSON list, SQA3D a pair of
JSON objects (questions, annotations), VSI-Bench a list or JSON Lines.
"""

from __future__ import annotations

import ast
import csv
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scene_r1_ros.errors import RecordingFormatError

from ..evaluation.errors import EvaluationError
from ..evaluation.predictions import make_key


@dataclass(frozen=True)
class Annotation:
    """One description or question.

    ``object_ids`` are the targets (ScanNet's objectId, from 0), none where nothing fits;
    ``label`` names the target; ``kind`` is the query's type where the file says one; ``answers``
    are for questions; ``record`` is the file's own entry.
    """

    benchmark: str
    key: str
    scene_id: str
    text: str
    object_ids: tuple[int, ...] = ()
    label: str = ""
    answers: tuple[str, ...] = ()
    kind: str = ""
    record: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)


def read_annotations(path: Path, nr3d_all: bool = False) -> list[Annotation]:
    """Every annotation of a file, or of the files in a folder that are recognised.

    Of Nr3D only utterances that a listener understood and that name the target's class are kept,
    as the benchmark does, unless ``nr3d_all``.

    Raises:
        RecordingFormatError: if nothing is recognised, a field is missing or a key is there twice.
    """
    if path.is_dir():
        found = [
            item
            for file in sorted(path.iterdir())
            if file.suffix in (".json", ".csv", ".jsonl") and file.is_file()
            for item in _read_file(file, nr3d_all, strict=False)
        ]
        if not found:
            raise RecordingFormatError(
                f"{path} holds no annotation file of ScanRefer, Nr3D, Multi3DRefer, ScanQA, SQA3D "
                "or VSI-Bench."
            )
    elif path.is_file():
        found = _read_file(path, nr3d_all, strict=True)
    else:
        raise RecordingFormatError(f"{path} does not exist; it should hold annotations.")
    count = Counter((item.benchmark, item.key) for item in found)
    twice = [f"{name} {key}" for (name, key), n in count.items() if n > 1]
    if twice:
        raise RecordingFormatError(
            f"{path}: {len(twice)} keys are there more than once ({', '.join(twice[:5])}); are "
            "two files of one benchmark in the folder?"
        )
    return found


def _read_file(path: Path, nr3d_all: bool, strict: bool) -> list[Annotation]:
    try:
        if path.suffix == ".csv":
            with path.open(newline="", encoding="utf-8") as file:
                data: Any = list(csv.DictReader(file))
        elif path.suffix == ".jsonl":
            lines = path.read_text(encoding="utf-8").splitlines()
            data = [json.loads(line) for line in lines if line.strip()]
        else:
            data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, csv.Error) as error:
        raise RecordingFormatError(f"{path} cannot be read: {error}.") from error
    kind = _recognise(data)
    if kind is None:
        if strict:
            raise RecordingFormatError(
                f"{path} is no annotation file of ScanRefer, Nr3D, Multi3DRefer, ScanQA, SQA3D or "
                "VSI-Bench."
            )
        return []
    try:
        if kind == "sqa3d":
            return _sqa3d(path, data["questions"])
        convert = {
            "scanrefer": _scanrefer,
            "multi3dref": _multi3dref,
            "scanqa": _scanqa,
            "nr3d": _nr3d,
            "vsi": _vsi,
        }[kind]
        kept = data
        if kind == "nr3d" and not nr3d_all:
            kept = [
                row
                for row in data
                if _true(row["correct_guess"]) and _true(row["mentions_target_class"])
            ]
        return [convert(record) for record in kept]
    except (KeyError, TypeError, ValueError, SyntaxError, EvaluationError) as error:
        raise RecordingFormatError(
            f"{path}: an entry of {kind} is malformed ({type(error).__name__}: {error})."
        ) from error


def _recognise(data: Any) -> str | None:
    if isinstance(data, dict):
        return "sqa3d" if "questions" in data else None
    if not isinstance(data, list) or not data or not isinstance(data[0], dict):
        return None
    fields = data[0].keys()
    for kind, needed in (
        ("nr3d", {"stimulus_id", "utterance"}),
        ("multi3dref", {"object_ids", "description"}),
        ("scanrefer", {"object_id", "description"}),
        ("scanqa", {"question_id", "question", "answers"}),
        ("vsi", {"question_type", "ground_truth"}),
    ):
        if needed <= fields:
            return kind
    return None


def _scanrefer(record: Mapping[str, Any]) -> Annotation:
    return Annotation(
        benchmark="scanrefer",
        key=make_key("scanrefer", record),
        scene_id=record["scene_id"],
        text=record["description"],
        object_ids=(int(record["object_id"]),),
        label=record["object_name"].replace("_", " "),
        kind=str(record.get("query_type", "")),
        record=record,
    )


def _multi3dref(record: Mapping[str, Any]) -> Annotation:
    return Annotation(
        benchmark="multi3dref",
        key=make_key("multi3dref", record),
        scene_id=record["scene_id"],
        text=record["description"],
        object_ids=tuple(int(number) for number in record["object_ids"]),
        label=str(record.get("object_name", "")).replace("_", " "),
        kind=str(record.get("eval_type", "")),
        record=record,
    )


def _nr3d(row: Mapping[str, str]) -> Annotation:
    return Annotation(
        benchmark="nr3d",
        key=make_key("nr3d", row),
        scene_id=row["scan_id"],
        text=row["utterance"],
        object_ids=(int(row["target_id"]),),
        label=row["instance_type"],
        record={**row, "tokens": ast.literal_eval(row["tokens"])},
    )


def _scanqa(record: Mapping[str, Any]) -> Annotation:
    names = record.get("object_names") or [""]
    targets = record.get("object_ids") or record.get("object_id") or ()
    return Annotation(
        benchmark="scanqa",
        key=make_key("scanqa", record),
        scene_id=record["scene_id"],
        text=record["question"],
        object_ids=tuple(int(number) for number in targets),
        label=str(names[0]).replace("_", " "),
        answers=tuple(record["answers"]),
        record=record,
    )


def _sqa3d(path: Path, questions: Iterable[Mapping[str, Any]]) -> list[Annotation]:
    partner = _sqa3d_partner(path)
    annotations = json.loads(partner.read_text(encoding="utf-8"))["annotations"]
    by_id = {str(item["question_id"]): item for item in annotations}
    found = []
    for question in questions:
        truth = by_id.get(str(question["question_id"]))
        if truth is None:
            raise ValueError(f"question {question['question_id']} has no answer in {partner.name}")
        found.append(
            Annotation(
                benchmark="sqa3d",
                key=make_key("sqa3d", question),
                scene_id=question["scene_id"],
                text=question["question"],
                answers=tuple(item["answer"] for item in truth["answers"]),
                record={**truth, **question},
            )
        )
    return found


def _sqa3d_partner(path: Path) -> Path:
    for old, new in (("questions", "sqa_annotations"), ("questions", "annotations")):
        candidate = path.with_name(path.name.replace(old, new))
        if candidate != path and candidate.is_file():
            return candidate
    raise ValueError(
        "the answers are missing; they belong beside it, in a file of the same name with "
        '"sqa_annotations" (or "annotations") in place of "questions"'
    )


def _vsi(record: Mapping[str, Any]) -> Annotation:
    return Annotation(
        benchmark="vsi",
        key=make_key("vsi", record),
        scene_id=record["scene_name"],
        text=record["question"],
        answers=(str(record["ground_truth"]),),
        kind=record["question_type"],
        record=record,
    )


def _true(value: Any) -> bool:
    return str(value).strip().lower() in ("true", "1")
