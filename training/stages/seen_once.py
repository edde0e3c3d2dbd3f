"""A frozen vision tower looks at each image once.

In GRPO every completion of a group brings the images of its prompt again, to generation and to the
loss; in every stage a frame comes again with the next query about it. A tower that does not learn
says the same each time, and has most of the work of a step: what it said is kept.
"""

from __future__ import annotations

import functools
from collections import OrderedDict
from typing import Any

import torch
from torch import Tensor

Key = tuple[Any, ...]
Features = tuple[Tensor, ...]

_ROW, _ROWS = 4096, 65_536
"""Numbers of a row that is summed at once, and rows of the largest image."""
_INTEGERS = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}


class SeenOnce:
    """Takes the place of the ``forward`` of ``tower``, a frozen one.

    ``tower`` is that of Qwen2.5-VL or Qwen3-VL: it takes the patches (N, ...) of all images, one
    after the other, with ``grid_thw`` (images, 3), and gives merged tokens. What it gave is kept
    in the memory of the host, at most ``memory`` bytes; what was not asked for the longest goes
    first. ``looked`` counts the images that it really saw.
    """

    def __init__(self, tower: Any, memory: int) -> None:
        self._plain = tower.forward
        self._merge = int(tower.spatial_merge_size) ** 2
        self._kept: OrderedDict[Key, Features] = OrderedDict()
        self._memory, self._used = memory, 0
        self._answer: Any = None
        self.looked = 0
        tower.forward = self

    def __call__(self, hidden_states: Tensor, grid_thw: Tensor, **options: Any) -> Any:
        """As the tower's own ``forward``, without ``last_hidden_state``."""
        images = hidden_states.split(grid_thw.prod(-1).tolist())
        keys = [_key(image, grid) for image, grid in zip(images, grid_thw, strict=True)]
        here = {key: self._kept[key] for key in keys if key in self._kept}
        for key in here:
            self._kept.move_to_end(key)
        new: dict[Key, int] = {}
        for i, key in enumerate(keys):
            if key not in here:
                new.setdefault(key, i)
        if new:
            at = list(new.values())
            seen = self._plain(torch.cat([images[i] for i in at]), grid_thw[at], **options)
            self.looked += len(at)
            self._answer = type(seen)
            sizes = (grid_thw[at].prod(-1) // self._merge).tolist()
            each = zip(*(column.detach().split(sizes) for column in _columns(seen)), strict=True)
            for key, features in zip(new, each, strict=True):
                here[key] = features
                self._keep(key, features)
        device = hidden_states.device
        columns = zip(*(here[key] for key in keys), strict=True)
        tokens, *deep = (torch.cat([f.to(device) for f in column]) for column in columns)
        return self._answer(pooler_output=tokens, **({"deepstack_features": deep} if deep else {}))

    def _keep(self, key: Key, features: Features) -> None:
        # of its own: a part of a batch would hold all of it
        self._kept[key] = tuple(column.cpu().clone() for column in features)
        self._used += _bytes(features)
        while self._used > self._memory:
            self._used -= _bytes(self._kept.popitem(last=False)[1])


def _columns(seen: Any) -> list[Tensor]:
    return [seen.pooler_output, *(getattr(seen, "deepstack_features", None) or [])]


def _bytes(features: Features) -> int:
    return sum(column.numel() * column.element_size() for column in features)


def _key(image: Tensor, grid: Tensor) -> Key:
    """The same for equal images in the same precision, and for no others.

    Two sums of the image's bits with random weights modulo 2^64, of rows and then of their sums
    (multilinear hashing, Lemire and Kaser, arXiv 1202.4961): others have both alike with a chance
    far below any that matters.
    """
    device = image.device.type
    precision = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else None
    bits = image.contiguous().view(_INTEGERS[image.element_size()]).reshape(-1)
    bits = torch.nn.functional.pad(bits, (0, -bits.numel() % _ROW)).view(-1, _ROW).long()
    mark = [
        ((bits * of_row).sum(dim=1) * of_sum[: len(bits)]).sum()
        for of_row, of_sum in zip(*_weights(str(image.device)), strict=True)
    ]
    return tuple(grid.tolist()), image.dtype, precision, *torch.stack(mark).tolist()


@functools.lru_cache(maxsize=8)
def _weights(device: str) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    limits = torch.iinfo(torch.int64)
    of_row, of_sum = (
        torch.randint(limits.min, limits.max, (2, count), generator=generator)
        for count in (_ROW, _ROWS)
    )
    return of_row.to(device), of_sum.to(device)
