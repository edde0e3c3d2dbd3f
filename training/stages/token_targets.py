"""What each image token should know: targets of the auxiliary losses, from the 2D labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from scene_r1_ros.geometry import BoxXyxy
from scene_r1_ros.reasoning.sampling import Size
from scene_r1_ros.synthetic.kinds import STRUCTURE

from ..examples.around import Around
from ..examples.colors import BASIC_COLORS

_FINE = 4
"""A token is looked at on 4 x 4 places."""
_SHARE = 5 / _FINE**2
"""Share of these that an object must have to own the token."""


@dataclass(frozen=True, eq=False)
class TokenTargets:
    """Of all image tokens of a batch, in order: ``asked`` (N,) and ``asked_box`` (N, 4) of the
    target, ``kind`` (N,) of what is at the token (-1: nothing labelled), whether that is a
    ``thing`` (N,), no part of the building, its ``color`` (N,) (-1: unknown) and its ``box``
    (N, 4); boxes are x0, y0, x1, y1 in sides of a token, so that they mean the same in images of
    any size, ``asked_box`` from the image's corner, ``box`` from the token's own centre."""

    asked: Tensor
    asked_box: Tensor
    kind: Tensor
    thing: Tensor
    color: Tensor
    box: Tensor


def token_targets(
    rows: Sequence[Mapping[str, Any]], factor: int, labels: Mapping[str, int]
) -> TokenTargets:
    """Targets of rendered rows: a token is on the object whose mask has most of it, if that is
    enough; an object that has no token so gets the one that it has most of."""
    parts: list[tuple[Tensor, ...]] = []
    for row in rows:
        boxes = list(row["boxes"]) or [None] * row["views"]
        wanted = set(row["object_ids"])
        frames = zip(boxes, row["around"], row["image_sizes"], row["model_sizes"], strict=True)
        for asked, around, size, seen in frames:
            parts.append(_frame(asked, wanted, around, size, seen, factor, labels))
    return TokenTargets(*(torch.cat(column) for column in zip(*parts, strict=True)))


def _frame(
    asked: BoxXyxy | None,
    wanted: set[int],
    around: Around,
    size: Size,
    seen: Size,
    factor: int,
    labels: Mapping[str, int],
) -> tuple[Tensor, ...]:
    centers = _centers(seen, factor)
    count = len(centers)
    kind = torch.full((count,), -1, dtype=torch.long)
    color = torch.full((count,), -1, dtype=torch.long)
    is_thing, box = torch.zeros(count), torch.zeros(count, 4)
    asked_on, asked_box = torch.zeros(count), torch.zeros(count, 4)
    held = _shares_held(around, seen[1] // factor, seen[0] // factor)
    owned = _owned(held)
    for i, thing in enumerate(around.things):
        on = owned == i
        kind[on] = labels[thing.name]
        is_thing[on] = float(thing.name not in STRUCTURE)
        color[on] = BASIC_COLORS.index(thing.color) if thing.color else -1
        box[on] = _in_tokens(thing.box, size, seen, factor) - centers[on].repeat(1, 2)
    if asked is not None:
        mine = [i for i, thing in enumerate(around.things) if thing.object_id in wanted]
        seen_there = held[:, mine].any()
        there = _in_tokens(asked, size, seen, factor)
        on = _asked(held, mine) if seen_there else _nearest(centers, there)
        asked_on[on], asked_box[on] = 1.0, there
    return asked_on, asked_box, kind, is_thing, color, box


def _shares_held(around: Around, rows: int, columns: int) -> NDArray[np.float32]:
    """(tokens, things): which share of a token each thing has."""
    if around.owners is None:
        return np.zeros((rows * columns, 0), np.float32)
    height, width = around.owners.shape
    y = ((np.arange(rows * _FINE) + 0.5) * height / (rows * _FINE)).astype(int)
    x = ((np.arange(columns * _FINE) + 0.5) * width / (columns * _FINE)).astype(int)
    fine = around.owners[np.ix_(y, x)].reshape(rows, _FINE, columns, _FINE)
    places = fine.swapaxes(1, 2).reshape(rows * columns, _FINE**2)
    owned = places[:, :, None] == np.arange(len(around.things))
    return np.asarray(owned.mean(axis=1), np.float32)


def _owned(held: NDArray[np.float32]) -> NDArray[np.int64]:
    """(tokens,): the thing that owns each token, -1 for none."""
    if held.shape[1] == 0:
        return np.full(len(held), -1)
    best = held.argmax(axis=1)
    owned = np.where(held.max(axis=1) >= _SHARE, best, -1)
    for i in range(held.shape[1]):
        if held[:, i].any() and not (owned == i).any():
            owned[held[:, i].argmax()] = i
    return owned


def _asked(held: NDArray[np.float32], mine: Sequence[int]) -> Tensor:
    share = held[:, list(mine)].sum(axis=1)
    on = share >= _SHARE
    if not on.any():
        on[share.argmax()] = True
    return torch.from_numpy(on)


def _nearest(centers: Tensor, box: Tensor) -> Tensor:
    on = torch.zeros(len(centers), dtype=torch.bool)
    on[(centers - (box[:2] + box[2:]) / 2).norm(dim=1).argmin()] = True
    return on


def _centers(seen: Size, factor: int) -> Tensor:
    """Centres (N, 2) of an image's merged tokens, row by row, in sides of a token."""
    columns, rows = seen[0] // factor, seen[1] // factor
    y, x = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
    return torch.stack([x + 0.5, y + 0.5], dim=-1).reshape(-1, 2)


def _in_tokens(box: BoxXyxy, size: Size, seen: Size, factor: int) -> Tensor:
    """A box of the original image (``size``) in sides of a token of what the model has ``seen``."""
    scale = torch.tensor([seen[0] / size[0], seen[1] / size[1]]) / factor
    return torch.tensor(box, dtype=torch.float32) * scale.repeat(2)
