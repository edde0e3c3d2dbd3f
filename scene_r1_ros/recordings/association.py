"""Which stamps of one stream belong to which of another."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike


def associate(a_ns: ArrayLike, b_ns: ArrayLike, max_difference_ns: int) -> dict[int, int]:
    """Index into ``b_ns`` for indices of ``a_ns``: closest pairs first, none used twice.

    Both are in order of time; pairs further apart than ``max_difference_ns`` are not made.
    """
    a, b = np.asarray(a_ns, dtype=np.int64), np.asarray(b_ns, dtype=np.int64)
    low = np.searchsorted(b, a - max_difference_ns, "left")
    high = np.searchsorted(b, a + max_difference_ns, "right")
    pairs = sorted(
        (abs(int(b[j]) - int(a[i])), i, j)
        for i in range(a.size)
        for j in range(int(low[i]), int(high[i]))
    )
    chosen: dict[int, int] = {}
    used: set[int] = set()
    for _, i, j in pairs:
        if i not in chosen and j not in used:
            chosen[i] = j
            used.add(j)
    return chosen
