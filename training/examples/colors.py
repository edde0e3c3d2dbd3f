"""Colours that descriptions name, for the dense loss: "this is a red striped chair" says red.

Only a colour word that stands before the noun at the beginning counts: further on, other things
may be meant. A guess from words, which costs no label and works for ScanRefer's too.
"""

from __future__ import annotations

import functools
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from ..data.labels_schema import read_table
from ..data.prepare_labels import ANNOTATIONS_FILE, LABELS

BASIC_COLORS = (
    *("black", "white", "gray", "red", "orange", "yellow", "green", "blue", "purple", "pink"),
    *("brown", "beige"),
)
"""Basic colour terms (Berlin and Kay, 1969), and beige."""
_WORD = "|".join((*BASIC_COLORS, "grey"))
_OPENING = (
    "this is|there is|these are|it is|look for|of these, find|find|choose|all|every one of|"
    "show me|where is"
)
_FIRST = re.compile(rf"^(?:(?:{_OPENING}) )*(?:(?:a|an|the) )?(?:\w+est )?({_WORD})\b", re.I)


def color_named(text: str) -> str:
    """The colour that ``text`` gives to what it describes; empty if it names none."""
    found = _FIRST.match(text.strip())
    return found[1].lower().replace("grey", "gray") if found else ""


def colors_of(data: Path) -> Mapping[str, Mapping[int, str]]:
    """Of a prepared data set: by scene and object, the colour most descriptions give it."""
    path = data / LABELS / ANNOTATIONS_FILE
    return _colors(path, path.stat().st_mtime_ns) if path.is_file() else {}


@functools.lru_cache(maxsize=4)
def _colors(path: Path, _changed: int) -> Mapping[str, Mapping[int, str]]:
    said: dict[str, dict[int, Counter[str]]] = {}
    rows = read_table(path, "annotations").select(["scene_id", "object_ids", "text"])
    for row in rows.to_pylist():
        color = color_named(row["text"])
        if color:
            for i in row["object_ids"]:
                said.setdefault(row["scene_id"], {}).setdefault(i, Counter())[color] += 1
    return {
        scene: {i: counts.most_common(1)[0][0] for i, counts in by_object.items()}
        for scene, by_object in said.items()
    }
