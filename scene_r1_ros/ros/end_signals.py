"""Ctrl-C and SIGTERM as something that a process waits for."""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Iterator

END_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Ended:
    """Whether a signal to end has come; :meth:`set` is its handler.

    A second signal may interrupt the handler of the first, so nothing here takes a lock:
    ``threading.Event`` would wait for itself.
    """

    def __init__(self) -> None:
        self._came = False

    def set(self, *_: object) -> None:
        """The signal has come."""
        self._came = True

    def is_set(self) -> bool:
        """Whether one has come."""
        return self._came

    def wait(self, seconds: float) -> bool:
        """Whether one has come, after ``seconds``; ask in a loop."""
        if not self._came:
            time.sleep(seconds)
        return self._came


@contextlib.contextmanager
def ended_by_signals() -> Iterator[Ended]:
    """What Ctrl-C and SIGTERM set, instead of what they do otherwise."""
    ended = Ended()
    previous = {number: signal.signal(number, ended.set) for number in END_SIGNALS}
    try:
        yield ended
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
