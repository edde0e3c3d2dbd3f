"""Reading image boxes, their labels and the chosen view out of a reply."""

from __future__ import annotations

import ast
import json
import math
import re
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from .tags import answer_body, is_not_found

Box = tuple[float, float, float, float]

MAX_BOXES = 50
"""Objects beyond these are not read."""

# A model that runs wild must not cost more than milliseconds to read.
_MAX_PIECES, _MAX_PIECE = 30, 4000

_BOX_KEYS = ("bbox_2d", "bbox2d", "bbox", "box_2d", "box2d", "box", "boxes", "bounding_box")
_LABEL_KEYS = ("label", "name", "object", "class", "category")
_VIEW_KEYS = ("view", "view_id", "image", "frame", "image_id")
_CORNER_KEYS = (
    ("x1", "y1", "x2", "y2"),
    ("x0", "y0", "x1", "y1"),
    ("x_min", "y_min", "x_max", "y_max"),
    ("xmin", "ymin", "xmax", "ymax"),
    ("left", "top", "right", "bottom"),
)
_NUMBER = r"[-+]?(?:\d{1,15}(?:\.\d{0,12})?|\.\d{1,12})(?:[eE][-+]?\d{1,3})?"
_FREE_NUMBER = re.compile(rf"(?<![A-Za-z0-9_.])(?<![\d])({_NUMBER})(?:\s*px)?(?![A-Za-z0-9_])")
_SIDE_KEYS = ("x", "y", "width", "height")
_NAMED_NUMBER = re.compile(rf"\b([A-Za-z]\w{{0,7}})[\"']?\s*[:=]\s*[\"']?({_NUMBER})(?![\w.])")
_OPENING = re.compile(r"[\[{]")
_GROUP = re.compile(r"[\[(]([^\[\](){}]{1,200})[\])]")
_TRAILING_COMMA = re.compile(r",(\s*[\]}])")
_QUOTED = re.compile(r"\"(?:[^\"\\\n]|\\.)*\"|(?<![A-Za-z])'(?:[^'\\\n]|\\.)*'")


@dataclass(frozen=True)
class BoxAnswer:
    """One object that a reply names: ``box`` in the model's frame, view counted from 1."""

    box: Box
    label: str = ""
    view: int | None = None


def parse_box(text: str, bounds: tuple[float, float] | None = None) -> Box | None:
    """The first box (x0, y0, x1, y1) in the reply, corners in order; or None.

    Coordinates are in the model's own frame. With ``bounds`` (width, height) the box is clipped
    to them. A box without area, or outside the bounds, is None.
    """
    boxes = parse_boxes(text, bounds)
    return boxes[0].box if boxes else None


def parse_boxes(text: str, bounds: tuple[float, float] | None = None) -> list[BoxAnswer]:
    """Every object that the reply lists, in its order; empty when it lists none."""
    if is_not_found(text):
        return []
    body = answer_body(text)
    found = [item for value in _values(body) for item in _objects_in(value)]
    if not found:
        label, view = _loose_label(body), _loose_view(body)
        found = [BoxAnswer(box, label, view) for box in _loose(body)]
    clipped = (_usable(item, bounds) for item in found[:MAX_BOXES])
    return [item for item in clipped if item is not None]


def parse_label(text: str) -> str:
    """The label of the first object, or an empty string."""
    boxes = parse_boxes(text)
    return boxes[0].label if boxes else _loose_label(answer_body(text))


def parse_view(text: str) -> int | None:
    """The number of the view (from 1) that the reply chose, or None."""
    boxes = parse_boxes(text)
    if boxes and boxes[0].view is not None:
        return boxes[0].view
    return _loose_view(answer_body(text))


# -- well-formed or nearly well-formed values


def _values(body: str) -> Iterable[Any]:
    """Python values of the JSON-like pieces of ``body``."""
    at = 0
    for _ in range(_MAX_PIECES):
        opening = _OPENING.search(body, at)
        if not opening:
            return
        end = _closing(body, opening.start())
        value = _load(body[opening.start() : end])
        if value is not None:
            yield value
            at = end
        else:
            at = opening.start() + 1


def _closing(body: str, start: int) -> int:
    """Index after the bracket that closes the one at ``start``, strings skipped."""
    depth, at = 0, start
    while at < min(len(body), start + _MAX_PIECE):
        if body[at] in "\"'":
            quoted = _QUOTED.match(body, at)
            if quoted:
                at = quoted.end()
                continue
        if body[at] in "[{":
            depth += 1
        elif body[at] in "]}":
            depth -= 1
            if depth == 0:
                return at + 1
        at += 1
    return len(body)


def _load(piece: str) -> Any:
    if len(piece) > _MAX_PIECE or piece.count("[") + piece.count("{") > 200:
        return None
    piece = _TRAILING_COMMA.sub(r"\1", piece)
    try:
        return json.loads(piece)
    except (ValueError, RecursionError):
        pass
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the compiler's advice on the model's text
            return ast.literal_eval(piece)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None


def _objects_in(value: Any, depth: int = 0) -> list[BoxAnswer]:
    if depth > 6:
        return []
    if isinstance(value, dict):
        keys = {str(key).lower(): item for key, item in value.items()}
        box = next((b for k in _BOX_KEYS if (b := _as_box(keys.get(k))) is not None), None)
        box = box or _from_corners(keys)
        if box is not None:
            return [BoxAnswer(box, _label_of(keys), _view_of(keys))]
        nested = (item for item in keys.values() if isinstance(item, dict | list | tuple))
        return [found for item in nested for found in _objects_in(item, depth + 1)]
    if isinstance(value, list | tuple):
        box = _as_box(value)
        if box is not None:
            return [BoxAnswer(box)]
        return [found for item in value for found in _objects_in(item, depth + 1)]
    return []


def _as_box(value: Any) -> Box | None:
    """Four numbers; a fifth is a score; two pairs of two; numbers may be strings."""
    if isinstance(value, dict):
        return _from_corners({str(key).lower(): item for key, item in value.items()})
    if isinstance(value, str):
        inside = _loose(value[:200])
        return inside[0] if inside else None
    if not isinstance(value, list | tuple):
        return None
    if len(value) == 1:
        return _as_box(value[0])
    if len(value) == 2 and all(isinstance(v, list | tuple) and len(v) == 2 for v in value):
        value = [*value[0], *value[1]]
    numbers = [_as_number(v) for v in value]
    if len(numbers) == 5 and numbers[4] is not None and 0 <= numbers[4] <= 1:
        numbers = numbers[:4]
    if len(numbers) != 4 or any(n is None for n in numbers):
        return None
    return tuple(n for n in numbers if n is not None)  # type: ignore[return-value]


def _from_corners(keys: dict[str, Any]) -> Box | None:
    for names in _CORNER_KEYS:
        if all(name in keys for name in names):
            return _as_box([keys[name] for name in names])
    sides = _as_box([keys.get(name) for name in _SIDE_KEYS])
    return (sides[0], sides[1], sides[0] + sides[2], sides[1] + sides[3]) if sides else None


def _as_number(value: Any) -> float | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        match = re.fullmatch(rf"\s*({_NUMBER})\s*(?:px)?\s*", value)
        value = float(match.group(1)) if match else None
    if not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _label_of(keys: dict[str, Any]) -> str:
    value = next((keys[k] for k in _LABEL_KEYS if isinstance(keys.get(k), str)), "")
    return " ".join(str(value).split())[:200]


def _view_of(keys: dict[str, Any]) -> int | None:
    for key in _VIEW_KEYS:
        value = keys.get(key)
        if isinstance(value, str):
            digits = re.fullmatch(r"\D{0,20}(\d{1,4})\D{0,5}", value)
            value = int(digits.group(1)) if digits else None
        if isinstance(value, int | float) and not isinstance(value, bool):
            return int(value) if math.isfinite(value) and value == int(value) else None
    return None


# -- anything else


def _loose(body: str) -> list[Box]:
    """Boxes in text that is no value: unclosed brackets, parentheses, prose."""
    bare = _QUOTED.sub(lambda m: m.group() if _as_number(m.group()[1:-1]) else " ", body)
    named = {k.lower(): n for k, n in _NAMED_NUMBER.findall(bare)}
    if (box := _from_corners(named)) is not None:
        return [box]
    groups = [_split(group) for group in _GROUP.findall(bare)]
    boxes = [box for group in groups if (box := _as_box(group)) is not None]
    if boxes:
        return boxes
    pairs = [group for group in groups if len(group) == 2]
    boxes = [
        box
        for a, b in zip(pairs[::2], pairs[1::2], strict=False)
        if (box := _as_box([*a, *b])) is not None
    ]
    if boxes:
        return boxes
    opened = re.search(r"[\[(]([^\[\](){}]*)$", bare)
    for part in (opened.group(1) if opened else "", _without_view(bare)):
        if re.search(r"\b(?:nan|inf|infinity)\b", part, re.IGNORECASE):
            return []
        numbers = [float(n) for n in _FREE_NUMBER.findall(part)]
        box = _as_box(numbers)
        if box is not None and len(numbers) == 4:
            return [box]
    return []


def _split(group: str) -> list[str]:
    return [item.strip(" \"'`") for item in re.split(r"[,;]|\s+(?=[-+.\d])", group) if item.strip()]


def _without_view(body: str) -> str:
    return re.sub(r"\b(?:view|image|frame)s?[\"']?\s*(?:no\.?|number|#)?[\s:=]*\d+", " ", body)


def _loose_label(body: str) -> str:
    for key in _LABEL_KEYS:
        match = re.search(
            rf"[\"']?\b{key}\b[\"']?\s*[:=]\s*(?:\"([^\"\n]*)\"?|'([^\n]*?)'(?=\s*[,}}\]]|\s*$)"
            rf"|([^,\n}}\]\"']+))",
            body,
            re.IGNORECASE,
        )
        if match:
            return " ".join((match[1] or match[2] or match[3] or "").split())[:200]
    return ""


def _loose_view(body: str) -> int | None:
    match = re.search(
        r"\b(?:view|image|frame)[\"']?\s*(?:no\.?|number|#)?\s*[:=]?\s*[\"']?(\d{1,4})\b",
        body,
        re.IGNORECASE,
    )
    return int(match.group(1)) if match else None


def _usable(item: BoxAnswer, bounds: tuple[float, float] | None) -> BoxAnswer | None:
    xa, ya, xb, yb = item.box
    x0, x1, y0, y1 = min(xa, xb), max(xa, xb), min(ya, yb), max(ya, yb)
    if bounds is not None:
        width, height = bounds
        x0, x1 = (min(max(v, 0.0), width) for v in (x0, x1))
        y0, y1 = (min(max(v, 0.0), height) for v in (y0, y1))
    if x1 <= x0 or y1 <= y0:
        return None
    return BoxAnswer((x0, y0, x1, y1), item.label, item.view)
