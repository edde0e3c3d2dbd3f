"""What a stream said since the clock jumped back, though the jump is noticed a little later."""

from __future__ import annotations

from collections import deque
from itertools import takewhile
from typing import Generic, TypeVar

T = TypeVar("T")

_KEPT = 256  # messages: over a second of the fastest odometry


class RecentStream(Generic[T]):
    """The last messages of one stream in the order in which they came.

    The jump is seen in the colour images, and small messages overtake them: by then a stream may
    have spoken of the new time already, and that must not be forgotten with the old.
    """

    def __init__(self) -> None:
        self._last: deque[tuple[int, T]] = deque(maxlen=_KEPT)

    def add(self, stamp_ns: int, message: T) -> None:
        """Remember a message; the oldest one goes."""
        self._last.append((stamp_ns, message))

    def restart(self, between_ns: int) -> list[tuple[int, T]]:
        """Forget the time before a jump over ``between_ns``; what came after it, in its order."""
        new = list(takewhile(lambda item: item[0] < between_ns, reversed(self._last)))[::-1]
        self._last = deque(new, maxlen=_KEPT)
        return new
