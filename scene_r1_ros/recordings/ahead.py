"""Work ahead of a consumer with a few threads, results in order, bounded in memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

READ_AHEAD = 6
"""Results that may wait for the consumer."""


def map_ahead(
    function: Callable[[Item], Result], items: Iterable[Item], workers: int = 2
) -> Iterator[Result]:
    """``map(function, items)`` computed up to :data:`READ_AHEAD` items ahead by threads.

    ``workers`` 0 computes in the caller's thread. The first exception ends the iteration.
    """
    if workers <= 0:
        yield from map(function, items)
        return
    pool = ThreadPoolExecutor(workers, thread_name_prefix="recording")
    pending: deque[Future[Result]] = deque()
    try:
        for item in items:
            pending.append(pool.submit(function, item))
            if len(pending) > READ_AHEAD:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
