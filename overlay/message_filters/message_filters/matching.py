"""Which waiting messages belong to the one that has just arrived."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def match(stamp: int, queues: Sequence[Iterable[int]], slop: int) -> list[int] | None:
    """Choose one stamp from each queue so that all of them and ``stamp`` lie within ``slop``.

    Of all such sets this is the first when each queue is sorted by distance from ``stamp`` (equal
    distances in the order of the queue) and the sets are ordered like words, the first queue
    first. It is found without trying every combination: a stamp is taken as soon as some window
    narrower than ``slop`` still has a stamp from every later queue.

    :param stamp: nanoseconds of the message that arrived.
    :param queues: for each other input the nanoseconds of its waiting messages.
    :param slop: nanoseconds; the newest and the oldest stamp differ by strictly less.
    :return: one stamp for each queue, or None where no set fits.
    """
    candidates: list[list[int]] = []
    for queue in queues:
        near = sorted(
            (other for other in queue if abs(other - stamp) < slop),
            key=lambda other: abs(other - stamp),
        )
        if not near:
            return None
        candidates.append(near)

    if not _completable(stamp, stamp, candidates, slop):
        return None
    chosen: list[int] = []
    low = high = stamp
    for index, near in enumerate(candidates):
        later = candidates[index + 1 :]
        for other in near:
            new_low, new_high = min(low, other), max(high, other)
            if _completable(new_low, new_high, later, slop):
                chosen.append(other)
                low, high = new_low, new_high
                break
        else:
            return None
    return chosen


def _completable(low: int, high: int, later: Sequence[Sequence[int]], slop: int) -> bool:
    """Tell whether a window around [low, high], narrower than slop, meets every later queue."""
    if high - low >= slop:
        return False
    # The window may as well begin at its oldest stamp: that is low, or a stamp of a later queue.
    beginnings = {low}
    for queue in later:
        beginnings.update(other for other in queue if high - slop < other < low)
    return any(
        all(any(begin <= other < begin + slop for other in queue) for queue in later)
        for begin in beginnings
    )
