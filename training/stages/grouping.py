"""Batches of rows that are about equally long, so that little of them is padding."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import torch
from torch.utils.data import Sampler

from ..examples.example import Example
from ..examples.settings import DataConfig

POOL = 50
"""Batches that are put together from one random pool."""


class GroupedSampler(Sampler[int]):
    """Indices in random order, batch by batch of similar length.

    ``batch`` is the global batch. Each epoch's order follows from ``seed`` and ``epoch()`` alone,
    so that a run that goes on meets the same. The last, incomplete batch comes last.
    """

    def __init__(
        self, lengths: Sequence[int], batch: int, seed: int, epoch: Callable[[], float]
    ) -> None:
        self.lengths = torch.tensor(list(lengths))
        self.batch, self.seed, self._epoch = batch, seed, epoch

    def __len__(self) -> int:
        return len(self.lengths)

    def __iter__(self) -> Iterator[int]:
        generator = torch.Generator()
        generator.manual_seed(self.seed + 1_000_003 * int(self._epoch() + 1e-6))
        order = torch.randperm(len(self.lengths), generator=generator)
        batches: list[torch.Tensor] = []
        for pool in order.split(POOL * self.batch):
            ranked = pool[self.lengths[pool].argsort(stable=True)]
            batches += ranked.split(self.batch)
        whole = [b for b in batches if len(b) == self.batch]
        rest = [b for b in batches if len(b) < self.batch]
        turns = torch.randperm(len(whole), generator=generator).tolist()
        for part in [*(whole[i] for i in turns), *rest]:
            yield from part.tolist()


def length_of(example: Example, config: DataConfig) -> int:
    """About how many tokens a row has: its images, and its words once or twice."""
    budget, shown = config.budget, len(example.frames)
    width, height = example.image_size
    images = shown * budget.tokens(budget.image_size(width, height, shown))
    asked = len(example.query.split()) * (2 if config.repeat_query else 1)
    return images + asked + len(example.completion.split())
