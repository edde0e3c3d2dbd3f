"""The base of every filter: a list of callbacks and a way to call them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class SimpleFilter:
    """Calls the registered callbacks with each output of the filter."""

    def __init__(self) -> None:
        self.callbacks: dict[int, tuple[Callable[..., Any], tuple[Any, ...]]] = {}

    def registerCallback(self, cb: Callable[..., Any], *args: Any) -> int:
        """Call ``cb(*messages, *args)`` for every output from now on; return its number."""
        connection = len(self.callbacks)
        self.callbacks[connection] = (cb, args)
        return connection

    def signalMessage(self, *msg: Any) -> None:
        """Hand one output to all callbacks, in the order of their registration.

        An exception of a callback goes to the caller; callbacks after it are not called.
        """
        # A callback may register another one, so the loop runs over a copy.
        for callback, args in tuple(self.callbacks.values()):
            callback(*msg, *args)
