"""Single views shown from closer, as the reasoner shows what is small a second time."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from scene_r1_ros.geometry import BoxXyxy
from scene_r1_ros.reasoning.closer_look import into_part, part_around
from scene_r1_ros.reasoning.sampling import Size

from .around import GRID, Around, Thing
from .example import Example
from .said_boxes import with_boxes

CLOSER = 2.0
"""How much larger things are shown."""
_SHIFT = 0.25
"""The part lies off its middle by up to this share of its side: a first box is rough."""
_SEEN = 0.3
"""Share of a thing's box that a part must show for the thing to be in it."""
_SENTENCE = re.compile(r"(?<=[.?!])\s+")


def some_closer(examples: Iterable[Example], share: float, seed: int) -> list[Example]:
    """The examples, of which about ``share`` of those with one view show a part of it, enlarged:
    around the target where it is small, around some other thing where the view does not show it.
    """
    shown = []
    for example in examples:
        seen_closer = None
        if share and example.stage == "image" and len(example.frames) == 1:
            rng = np.random.default_rng([seed, zlib.crc32(example.key.encode())])
            seen_closer = closer(example, rng) if rng.random() < share else None
        shown.append(seen_closer or example)
    return shown


def closer(example: Example, rng: np.random.Generator) -> Example | None:
    """The example with a part of its only view, enlarged to the whole's size; boxes are in pixels
    of that. None where there is nothing small to look at.

    Sentences of the reasoning that name what the part does not show are left out.
    """
    around, target = example.around[0], example.boxes[0]
    looked_at = target
    if target is None:
        boxes = [thing.box for thing in around.things]
        looked_at = boxes[int(rng.integers(len(boxes)))] if boxes else None
    part = looked_at and part_around(looked_at, example.image_size, CLOSER)
    if not looked_at or not part:
        return None
    part = _moved(part, target, example.image_size, rng)
    size = example.image_size
    kept = [i for i, thing in enumerate(around.things) if _share(thing.box, part) >= _SEEN]
    lost = [thing for i, thing in enumerate(around.things) if i not in kept]
    return replace(
        example,
        key=f"{example.key}/closer",
        frames=(replace(example.frames[0], part=part),),
        boxes=(target and _inside(target, part, size),),
        around=(_around(around, kept, part, size),),
        completion=_said(example.completion, part, size, lost, [around.things[i] for i in kept]),
    )


def _moved(part: BoxXyxy, target: BoxXyxy | None, size: Size, rng: np.random.Generator) -> BoxXyxy:
    """``part`` shifted at random, so that it still shows the ``target`` whole."""
    sides = part[2] - part[0], part[3] - part[1]
    moved = []
    for axis, side in enumerate(sides):
        low, high = 0.0, size[axis] - side
        if target is not None:
            low = max(low, target[axis + 2] - side)
            high = max(low, min(high, target[axis]))
        start = part[axis] + rng.uniform(-_SHIFT, _SHIFT) * side
        moved.append(float(np.clip(round(start), np.ceil(low), max(np.ceil(low), np.floor(high)))))
    return (moved[0], moved[1], moved[0] + sides[0], moved[1] + sides[1])


def _share(box: BoxXyxy, part: BoxXyxy) -> float:
    shown = [min(box[i + 2], part[i + 2]) - max(box[i], part[i]) for i in (0, 1)]
    area = max(1e-6, (box[2] - box[0]) * (box[3] - box[1]))
    return max(0.0, shown[0]) * max(0.0, shown[1]) / area


def _inside(box: BoxXyxy, part: BoxXyxy, size: Size) -> BoxXyxy:
    x0, y0, x1, y1 = into_part(box, part, size)
    return max(0.0, x0), max(0.0, y0), min(float(size[0]), x1), min(float(size[1]), y1)


def _around(around: Around, kept: list[int], part: BoxXyxy, size: Size) -> Around:
    seen = (around.things[i] for i in kept)
    things = tuple(replace(thing, box=_inside(thing.box, part, size)) for thing in seen)
    if around.owners is None:
        return Around(things)
    rows, columns = (
        ((start + (np.arange(count) + 0.5) / count * (end - start)) * count / whole).astype(int)
        for count, start, end, whole in (
            (GRID[0], part[1], part[3], size[1]),
            (GRID[1], part[0], part[2], size[0]),
        )
    )
    places = np.full(len(around.things) + 1, -1, np.int16)  # the last is that of "none of them"
    places[kept] = np.arange(len(kept))
    return Around(things, places[around.owners[np.ix_(rows, columns)]])


def _said(completion: str, part: BoxXyxy, size: Size, lost: list[Thing], kept: list[Thing]) -> str:
    def convert(said: str) -> list[float]:
        x0, y0, x1, y1 = (float(v) for v in said.split(","))
        return [round(v, 2) for v in _inside((x0, y0, x1, y1), part, size)]

    # of two things that a name fits, one that is still seen may be meant
    unseen = {name for thing in lost for name in _names(thing)}
    unseen -= {name for thing in kept for name in _names(thing)}
    naming = [re.compile(name) for name in sorted(unseen)]
    # a table that is lost is not named by "coffee table"
    longer = {k.name for k in kept for other in lost if other.name in k.name.split()[1:]}
    other = re.compile("|".join(map(re.escape, sorted(longer))) or r"(?!)")
    thought, end, answer = completion.partition("</think>")
    asked, quote, told = thought.rpartition('"')  # the query may hold sentences of its own
    left = [
        sentence
        for sentence in _SENTENCE.split(told)
        if not any(name.search(other.sub("", sentence)) for name in naming)
    ]
    return with_boxes(asked + quote + " ".join(left) + end + answer, convert)


def _names(thing: Thing) -> tuple[str, ...]:
    """Patterns of what a sentence may call a thing: "door", "red door", "red striped door",
    "the red one"."""
    name = re.escape(thing.name.replace("_", " "))
    if not thing.color or thing.name.startswith(thing.color):
        return (rf"\b{name}\b",)
    color = re.escape(thing.color)
    return (rf"\b{name}\b", rf"\b{color}(?: \w+)? {name}\b", rf"\b{color} one\b")
