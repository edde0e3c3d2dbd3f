"""Batches of similar length: every row once, little padding, the same order after a resume."""

from __future__ import annotations

import numpy as np
from scene_r1_training.stages.grouping import GroupedSampler

LENGTHS = np.random.default_rng(0).integers(50, 500, 1003).tolist()


def order(epoch: float = 0.0, seed: int = 3) -> list[int]:
    return list(GroupedSampler(LENGTHS, 16, seed, lambda: epoch))


def test_every_row_comes_once_and_the_incomplete_batch_last():
    assert sorted(order()) == list(range(1003))


def test_batches_hold_rows_of_similar_length():
    lengths = np.array(LENGTHS)[order()][: 62 * 16].reshape(62, 16)
    grouped = (lengths.max(1, keepdims=True) - lengths).mean()
    shuffled = np.random.default_rng(1).permutation(LENGTHS)[: 62 * 16].reshape(62, 16)
    assert grouped < 0.2 * (shuffled.max(1, keepdims=True) - shuffled).mean()


def test_lengths_of_batches_do_not_come_in_order():
    means = np.array(LENGTHS)[order()][: 62 * 16].reshape(62, 16).mean(1)
    assert abs(np.corrcoef(np.arange(62), means)[0, 1]) < 0.4


def test_order_follows_from_seed_and_epoch():
    assert order(0.3) == order(0.0)
    assert order(1.0) != order(0.0)
    assert order(seed=4) != order()
