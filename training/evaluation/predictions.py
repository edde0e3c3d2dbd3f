"""Prediction files: read, and checked against the benchmark's keys before anything is scored.

A file is JSON (a list of records, or an object with the list under ``predictions``) or JSON
Lines. What identifies a record hangs on the benchmark, see :data:`KEY_FIELDS`.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from .errors import EvaluationError

Record = dict[str, Any]

KEY_FIELDS: dict[str, tuple[str, ...]] = {
    "scanrefer": ("scene_id", "object_id", "ann_id"),
    "nr3d": ("assignmentid",),
    "multi3dref": ("scene_id", "ann_id"),
    "scanqa": ("question_id",),
    "sqa3d": ("question_id",),
    "vsi": ("id",),
    "caption": ("scene_id", "object_id"),
    "rooms": ("key",),
}
_LISTED = 8


def make_key(benchmark: str, record: Mapping[str, Any]) -> str:
    """The key of a record or annotation: its identifying fields joined by "|".

    Raises:
        EvaluationError: if a field is missing.
    """
    fields = KEY_FIELDS[benchmark]
    missing = [field for field in fields if record.get(field) is None]
    if missing:
        raise EvaluationError(
            f"a record of {benchmark} lacks {', '.join(missing)}; it is identified by "
            f"{', '.join(fields)}. It reads {_short(record)}."
        )
    return "|".join(str(record[field]) for field in fields)


def read_records(path: Path) -> list[Record]:
    """The records of a prediction file.

    Raises:
        EvaluationError: if it cannot be read or is not a list of objects.
    """
    try:
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".jsonl":
            data = [json.loads(line) for line in text.splitlines() if line.strip()]
        else:
            data = json.loads(text)
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise EvaluationError(f"predictions {path} cannot be read: {error}") from error
    if isinstance(data, dict):
        data = data.get("predictions")
    if not isinstance(data, list) or not all(isinstance(item, dict) for item in data):
        raise EvaluationError(
            f"predictions {path}: needs a JSON list of objects, or an object that has such a list "
            "under the name predictions."
        )
    return data


def match_predictions(
    benchmark: str,
    records: Iterable[Mapping[str, Any]],
    keys: Sequence[str],
    ignore_unknown: frozenset[str] = frozenset(),
) -> dict[str, Record]:
    """The record of each key, in the order of ``keys``.

    ``ignore_unknown`` are keys that may be there although they were not asked for: the rest of
    the split when a subset is evaluated.

    Raises:
        EvaluationError: listing the keys that are unknown, there twice or missing.
    """
    keyed = [(make_key(benchmark, record), dict(record)) for record in records]
    count = Counter(key for key, _ in keyed)
    wanted = set(keys)
    wrong = {
        "unknown": sorted(count.keys() - wanted - ignore_unknown),
        "duplicate": sorted(key for key, n in count.items() if n > 1),
        "missing": [key for key in keys if key not in count],
    }
    if any(wrong.values()):
        parts = [f"{len(items)} {kind} ({_some(items)})" for kind, items in wrong.items() if items]
        raise EvaluationError(
            f"the predictions do not fit the {len(wanted)} samples of {benchmark}: "
            f"{'; '.join(parts)}. Keys are {'|'.join(KEY_FIELDS[benchmark])}."
        )
    found = dict(keyed)
    return {key: found[key] for key in keys}


def _some(items: Sequence[str]) -> str:
    more = f", and {len(items) - _LISTED} more" if len(items) > _LISTED else ""
    return ", ".join(items[:_LISTED]) + more


def _short(record: Mapping[str, Any]) -> str:
    text = json.dumps(dict(record), ensure_ascii=False, default=str)
    return text if len(text) <= 160 else text[:157] + "..."
