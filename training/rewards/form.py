"""Strict format: one think block, then one answer block in exactly the form that was asked for.

1 or 0. The parsers of the robot are tolerant; this one is not, so that training teaches the form
that needs no tolerance (DeepSeek-R1, arXiv 2501.12948, section 2.2.2, "format rewards").
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from .texts import Completion, Rewards, strict_parts, texts

MAX_ANSWER_CHARS = 200
"""A longer "answer in few words" is none."""

_SPAN = re.compile(r"(\d{1,6}\.\d) to (\d{1,6}\.\d)")
_WORD = re.compile(r"\w")


def format_reward(
    completions: Sequence[Completion],
    stage: Sequence[str],
    views: Sequence[int] | None = None,
    **columns: Any,
) -> Rewards:
    """1.0 for a completion in the strict form of its row's stage, else 0.0.

    ``stage`` is "temporal", "image" or "answer"; ``views`` is how many views a stage 2 prompt
    showed: with several the answer must name one of them.

    >>> good = "<think>I see it early.</think><answer>1.0 to 2.5</answer>"
    >>> format_reward([good, "1.0 to 2.5"], stage=["temporal", "temporal"])
    [1.0, 0.0]
    """
    counts = views if views is not None else [1] * len(completions)
    rows = zip(texts(completions), stage, counts, strict=True)
    return [float(_is_strict(text, kind, count)) for text, kind, count in rows]


def _is_strict(text: str, stage: str, views: int) -> bool:
    parts = strict_parts(text)
    if parts is None or not _WORD.search(parts[0]):
        return False
    answer = parts[1]
    if answer == "not found" and stage != "answer":
        return True
    if stage == "temporal":
        found = _SPAN.fullmatch(answer)
        return found is not None and float(found[1]) <= float(found[2])
    if stage == "image":
        return _is_box_answer(answer, views)
    return bool(_WORD.search(answer)) and len(answer) <= MAX_ANSWER_CHARS


def _is_box_answer(answer: str, views: int) -> bool:
    try:
        value = json.loads(answer)
    except (ValueError, RecursionError):
        return False
    items = value if isinstance(value, list) else [value]
    return bool(items) and all(_is_box(item, views) for item in items)


def _is_box(item: Any, views: int) -> bool:
    if not isinstance(item, dict):
        return False
    wanted = {"bbox_2d", "label"} | ({"view"} if views > 1 else set())
    if set(item) != wanted or not isinstance(item["label"], str) or not item["label"].strip():
        return False
    view = item.get("view", 1)
    if type(view) is not int or not 1 <= view <= views:
        return False
    box = item["bbox_2d"]
    if not isinstance(box, list) or len(box) != 4 or any(type(v) not in (int, float) for v in box):
        return False
    return bool(box[0] < box[2] and box[1] < box[3])
