"""What is labelled in a frame, and which of it owns which part of the image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scene_r1_ros.geometry import BoxXyxy

from ..data.labels_views import decode_mask

GRID = (48, 64)
"""Rows and columns of the map of owners: finer than the tokens of small images."""


@dataclass(frozen=True)
class Thing:
    """One object in a frame: its ``box`` in pixels, its ``color`` where descriptions name it."""

    object_id: int
    name: str
    box: BoxXyxy
    color: str = ""


@dataclass(frozen=True, eq=False)
class Around:
    """The ``things`` of a frame, larger ones first, and ``owners`` (48, 64) int16: at the middle
    of each cell the place in ``things`` of what is seen there, -1 for none of them."""

    things: tuple[Thing, ...] = ()
    owners: NDArray[np.int16] | None = None

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Around):
            return NotImplemented
        if self.owners is None or other.owners is None:
            same = self.owners is other.owners
        else:
            same = np.array_equal(self.owners, other.owners)
        return same and self.things == other.things


def around_of(views: Sequence[Mapping[str, Any]], colors: Mapping[int, str]) -> Around:
    """From the rows of the table of views of one frame."""
    ordered = sorted(views, key=lambda v: -v["pixels"])
    things = tuple(
        Thing(
            v["object_id"], str(v["label"]), _box(v["box"]), colors.get(v["object_id"], "")
        )
        for v in ordered
    )  # fmt: skip
    if not things:
        return Around()
    owners = np.full(GRID, -1, np.int16)
    for i, view in enumerate(ordered):
        height, width = view["height"], view["width"]
        rows = ((np.arange(GRID[0]) + 0.5) * height / GRID[0]).astype(int)
        columns = ((np.arange(GRID[1]) + 0.5) * width / GRID[1]).astype(int)
        owners[decode_mask(view["mask"], height, width)[np.ix_(rows, columns)]] = i
    return Around(things, owners)


def _box(corners: Sequence[float]) -> BoxXyxy:
    x0, y0, x1, y1 = (float(c) for c in corners)
    return x0, y0, x1, y1
