"""An independent reader and solver of the generated queries.

It shares nothing with the grammar but the lists of words: it *parses the English text* and
answers it from the axis-aligned boxes, colours and yaws that the written scene files hold, with
geometry of its own. A query passes if exactly the annotated objects come out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .words import ALL_COLORS, COLORLESS, PATTERNS, covers, nouns

_NOUNS = nouns()
MENTION = re.compile(
    rf"\b(?:(?P<color>{'|'.join(ALL_COLORS)}) )?(?:(?P<pattern>{'|'.join(PATTERNS)}) )?"
    rf"(?P<noun>{'|'.join(sorted(map(re.escape, _NOUNS), key=len, reverse=True))})\b"
)
_RELATIONS = (
    ("above", r"\babove the\b"),
    ("under", r"\bunder(?:neath)? the\b"),
    ("next", r"\bnext to the\b|\bbeside the\b"),
    ("closest", r"\b(?:closest|nearest) to the\b"),
    ("farthest", r"\b(?:farthest|furthest away) from the\b"),
    ("between", r"\bbetween the\b"),
    ("side", r"\b(?:left|right)(?: side)? of the\b"),
    ("on", r"\bon (?:top of )?the\b|\bin(?:side)? the (?!room)"),
)
_BEST = {
    "largest": "volume",
    "biggest": "volume",
    "smallest": "-volume",
    "tallest": "height",
    "highest": "height",
}


@dataclass(frozen=True)
class Mention:
    """A noun with what stands before it in the text."""

    noun: str
    color: str | None
    pattern: str | None


@dataclass(frozen=True)
class Parsed:
    """A text's target, relation, anchors, side and viewpoint."""

    mentions: tuple[Mention, ...]
    relation: str | None
    side: str | None
    best: str | None
    from_viewpoint: bool


@dataclass(frozen=True, eq=False)
class SolverScene:
    """Row by row: ids, kinds, colours, textures, ``low`` and ``high`` (N, 3), ``front`` (N, 2)."""

    ids: NDArray[np.int64]
    kinds: tuple[str, ...]
    colors: tuple[str, ...]
    textures: tuple[str, ...]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    front: NDArray[np.float64]

    @classmethod
    def of(cls, summary: Mapping[str, Any], boxes: Mapping[int, Sequence[float]]) -> SolverScene:
        """From ``<scene>.synthetic.json`` and aligned boxes (x0, y0, z0, x1, y1, z1) by id."""
        items = summary["objects"]
        corners = np.array([boxes[item["object_id"]] for item in items], np.float64)
        yaw = np.array([item["box"]["yaw"] for item in items])
        return cls(
            np.array([item["object_id"] for item in items]),
            tuple(item["label"] for item in items),
            tuple(item["color"] for item in items),
            tuple(item["texture"] for item in items),
            corners[:, :3],
            corners[:, 3:],
            np.stack([-np.sin(yaw), np.cos(yaw)], axis=1),
        )


def mention_of(found: re.Match[str]) -> Mention:
    """A match of ``MENTION`` as a value."""
    return Mention(_NOUNS[found["noun"]], found["color"], found["pattern"])


def parse(text: str) -> Parsed:
    """Read a query.

    Raises:
        ValueError: if it holds no noun.
    """
    mentions = tuple(mention_of(found) for found in MENTION.finditer(text))
    if not mentions:
        raise ValueError(f"no noun in {text!r}")
    relation = next((name for name, pattern in _RELATIONS if re.search(pattern, text)), None)
    side = re.search(r"\b(left|right)(?: side)? of the\b", text)
    best = next((word for word in _BEST if re.search(rf"\b{word}\b", text)), None)
    viewpoint = bool(re.search(r"\bseen from the\b|\bstand at the\b", text))
    return Parsed(mentions, relation, side[1] if side else None, best, viewpoint)


def solve(text: str, scene: SolverScene) -> set[int]:
    """The ids of the objects that a query means."""
    parsed = parse(text)
    target, *others = parsed.mentions
    rows = _matching(target, scene)
    anchors = []
    for mention in others:
        found = _matching(mention, scene)
        if len(found) != 1:
            raise ValueError(f"{mention} means {len(found)} things in {text!r}")
        anchors.append(int(found[0]))
    rows = np.array([r for r in rows if r not in anchors], int)
    if parsed.best is not None:
        rows = _extreme(rows, _measure(_BEST[parsed.best], scene))
    elif parsed.relation is not None:
        rows = _related(parsed, rows, anchors, scene)
    return {int(scene.ids[row]) for row in rows}


def _matching(mention: Mention, scene: SolverScene) -> NDArray[np.int64]:
    kinds = covers(mention.noun)
    keep = [
        kind in kinds
        and (mention.color is None or kind in COLORLESS or color == mention.color)
        and (mention.pattern is None or texture == mention.pattern)
        for kind, color, texture in zip(scene.kinds, scene.colors, scene.textures, strict=True)
    ]
    return np.flatnonzero(keep)


def _related(
    parsed: Parsed, rows: NDArray[np.int64], anchors: list[int], scene: SolverScene
) -> NDArray[np.int64]:
    if not len(rows):
        return rows
    center = (scene.low + scene.high) / 2
    a = anchors[0]
    if parsed.relation in ("closest", "farthest"):
        length = np.linalg.norm(center[:, :2] - center[a, :2], axis=1)
        return _extreme(rows, length if parsed.relation == "farthest" else -length)
    if parsed.relation == "between":
        ends = center[anchors[:2], :2]
        # foci of an ellipse: the way over the thing is hardly longer than the straight one
        detour = sum(np.linalg.norm(center[rows, :2] - end, axis=1) for end in ends)
        away = [np.linalg.norm(center[rows, :2] - end, axis=1) for end in ends]
        straight = np.linalg.norm(ends[0] - ends[1])
        middle = np.minimum(*away) > 0.18 * straight
        return rows[(detour < 1.12 * straight) & middle]
    if parsed.relation == "side":
        eye = center[a, :2] + 3.0 * scene.front[a]
        if parsed.from_viewpoint:
            eye = center[anchors[1], :2]
        return rows[_is_beside(parsed.side or "", center[rows, :2], center[a, :2], eye)]
    over = _shared_area(scene, rows, a) > 0
    apart = _flat_gap(scene, rows, a)
    rests = _rests_on(scene) if parsed.relation in ("on", "above") else {}
    if parsed.relation == "on":
        return np.array([r for r in rows if rests.get(int(r)) == a], int)
    if parsed.relation == "under":
        low = (scene.low[rows, 2] < 0.05) & (scene.high[rows, 2] < scene.high[a, 2] - 0.1)
        return rows[over & low & (scene.low[a, 2] < 0.05)]
    if parsed.relation == "above":
        higher = scene.low[rows, 2] > scene.high[a, 2] - 0.1
        near = np.abs(center[rows, :2] - center[a, :2]).max(axis=1) < 1.2
        hangs = np.array([r not in rests for r in rows]) & (scene.low[rows, 2] > 0.3)
        return rows[higher & near & hangs & (apart < 0.5)]
    level = (scene.low[rows, 2] < scene.high[a, 2]) & (scene.high[rows, 2] > scene.low[a, 2])
    return rows[(apart < 0.8) & level & ~over]


def _rests_on(scene: SolverScene) -> dict[int, int]:
    """Which row stands on which: the one below its middle whose box its underside is in."""
    found = {}
    center = (scene.low + scene.high) / 2
    for row in range(len(scene.ids)):
        foot = scene.low[row, 2]
        if foot < 0.015:
            continue
        inside = (
            (scene.low[:, 0] < center[row, 0])
            & (center[row, 0] < scene.high[:, 0])
            & (scene.low[:, 1] < center[row, 1])
            & (center[row, 1] < scene.high[:, 1])
            & (scene.low[:, 2] < foot - 0.005)
            & (foot < scene.high[:, 2] + 0.03)
        )
        inside[row] = False
        below = np.flatnonzero(inside)
        if len(below):
            found[row] = int(below[np.argmax(scene.low[below, 2])])
    return found


def _is_beside(
    side: str, points: NDArray[np.float64], anchor: NDArray[np.float64], eye: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """By bearing: the direction from the anchor is within 50 degrees of straight left or right."""
    ahead = anchor - eye
    heading = np.arctan2(ahead[1], ahead[0])
    d = points - anchor
    bearing = np.arctan2(d[:, 1], d[:, 0]) - heading
    bearing = (bearing + np.pi) % (2 * np.pi) - np.pi
    wanted = np.pi / 2 if side == "left" else -np.pi / 2
    return np.asarray(np.abs(bearing - wanted) < np.radians(50))


def _measure(name: str, scene: SolverScene) -> NDArray[np.float64]:
    size = scene.high - scene.low
    values = size[:, 2] if name == "height" else size.prod(axis=1)
    return np.asarray(-values if name.startswith("-") else values)


def _extreme(rows: NDArray[np.int64], values: NDArray[np.float64]) -> NDArray[np.int64]:
    return rows[[int(np.argmax(values[rows]))]] if len(rows) else rows


def _shared_area(scene: SolverScene, rows: NDArray[np.int64], a: int) -> NDArray[np.float64]:
    low = np.maximum(scene.low[rows, :2], scene.low[a, :2])
    high = np.minimum(scene.high[rows, :2], scene.high[a, :2])
    return np.clip(high - low, 0, None).prod(axis=1)


def _flat_gap(scene: SolverScene, rows: NDArray[np.int64], a: int) -> NDArray[np.float64]:
    outside = np.maximum(
        scene.low[rows, :2] - scene.high[a, :2], scene.low[a, :2] - scene.high[rows, :2]
    )
    return np.linalg.norm(np.clip(outside, 0, None), axis=1)
