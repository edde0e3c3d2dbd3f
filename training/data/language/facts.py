"""What is true in a room and what its recording shows, as plain values for the grammar."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from scene_r1_ros.geometry import BoxXyxy, Float64
from scene_r1_ros.synthetic import RenderedFrame, Room

MIN_PIXELS = 260 / (640 * 480)
"""Share of the image that an object must cover to be spoken of: a little more than labels ask."""


@dataclass(frozen=True)
class Thing:
    """One object: ``low`` and ``high`` are corners of its aligned box, ``front`` (x, y) where it
    faces; ids are ScanNet's objectId."""

    object_id: int
    kind: str
    color: str
    texture: str
    center: tuple[float, float, float]
    low: tuple[float, float, float]
    high: tuple[float, float, float]
    front: tuple[float, float]
    support: int | None
    mounted: bool

    @property
    def size(self) -> tuple[float, float, float]:
        """Extents of the aligned box."""
        x, y, z = (b - a for a, b in zip(self.low, self.high, strict=True))
        return (x, y, z)


@dataclass(frozen=True)
class FrameView:
    """What one frame shows: box and pixels by object id; structure is left out."""

    number: int
    stamp_ns: int
    width: int
    height: int
    boxes: dict[int, tuple[BoxXyxy, int]]

    @classmethod
    def of(cls, number: int, rendered: RenderedFrame) -> FrameView:
        """From a rendered frame; floor, ceiling and walls are kept out by ``facts_of``."""
        height, width = rendered.instances.shape
        boxes = {instance - 1: entry for instance, entry in rendered.boxes().items()}
        return cls(number, rendered.frame.stamp_ns, width, height, boxes)

    @property
    def seconds(self) -> float:
        """Time of the frame."""
        return self.stamp_ns * 1e-9

    def shows(self, object_id: int) -> bool:
        """Whether the object is large enough here to be spoken of."""
        entry = self.boxes.get(object_id)
        return entry is not None and entry[1] >= MIN_PIXELS * self.width * self.height


@dataclass(frozen=True)
class RoomFacts:
    """All things of a room, and all frames of its recording in order."""

    scene_id: str
    seed: int
    room_type: str
    outline: Float64
    things: tuple[Thing, ...]
    views: tuple[FrameView, ...]

    def thing(self, object_id: int) -> Thing:
        """The thing with this id; ``KeyError`` if there is none."""
        return self._by_id[object_id]

    def frames_of(self, object_id: int) -> list[FrameView]:
        """The frames that show a thing."""
        return [view for view in self.views if view.shows(object_id)]

    @functools.cached_property
    def shown(self) -> frozenset[int]:
        """Things that at least two frames show, one of them well."""
        return frozenset(t.object_id for t in self.things if self._well_shown(t.object_id))

    def _well_shown(self, object_id: int) -> bool:
        frames = self.frames_of(object_id)
        sizes = [f.boxes[object_id][1] / (f.width * f.height) for f in frames]
        return len(frames) > 1 and max(sizes) > 2 * MIN_PIXELS

    @functools.cached_property
    def described(self) -> dict[Any, tuple[Thing, ...]]:
        """What each description fits, kept by ``forms.fitting``: it is asked thousands of times."""
        return {}

    @functools.cached_property
    def _by_id(self) -> dict[int, Thing]:
        return {thing.object_id: thing for thing in self.things}


def facts_of(scene_id: str, room: Room, views: Sequence[FrameView]) -> RoomFacts:
    """The facts of a room and its recording."""
    things = []
    for item in room.objects:
        low, high = item.mesh.low, item.mesh.high
        things.append(
            Thing(
                item.instance - 1,
                item.kind,
                item.color,
                item.texture,
                _triple((low + high) / 2),
                _triple(low),
                _triple(high),
                (-math.sin(item.box.yaw), math.cos(item.box.yaw)),
                None if item.support is None or item.mounted else item.support - 1,
                item.mounted,
            )
        )
    ids = {thing.object_id for thing in things}
    kept = tuple(
        FrameView(
            v.number,
            v.stamp_ns,
            v.width,
            v.height,
            {i: entry for i, entry in v.boxes.items() if i in ids},
        )
        for v in views
    )
    return RoomFacts(scene_id, room.seed, room.room_type, room.outline, tuple(things), kept)


def _triple(values: Float64) -> tuple[float, float, float]:
    x, y, z = np.asarray(values, np.float64).tolist()
    return (x, y, z)
