"""The recent messages of a filter, by time."""

from __future__ import annotations

import threading
from typing import Any

from rclpy.time import Time

from message_filters.simple_filter import SimpleFilter
from message_filters.stamps import time_of_message


class Cache(SimpleFilter):
    """Keeps the ``cache_size`` messages that arrived last, and passes each on.

    Queries go by the messages' stamps, whatever the order in which the messages arrived.

    :param f: the filter to listen to.
    :param allow_headerless: give messages without header the ROS time of their arrival; without
        it they are dropped with a warning.
    """

    def __init__(self, f: SimpleFilter, cache_size: int = 1, allow_headerless: bool = False):
        super().__init__()
        self.cache_size = cache_size
        self.allow_headerless = allow_headerless
        self.cache_msgs: list[Any] = []
        self.cache_times: list[Time] = []
        self._lock = threading.Lock()
        self.connectInput(f)

    def connectInput(self, f: SimpleFilter) -> None:
        """Listen to ``f`` too."""
        self.incoming_connection = f.registerCallback(self.add)

    def add(self, msg: Any) -> None:
        """Remember a message, drop the first come where there are too many, and pass it on."""
        stamp = time_of_message(msg, self.allow_headerless, "message_filters_cache")
        if stamp is None:
            return
        with self._lock:
            self.cache_msgs.append(msg)
            self.cache_times.append(stamp)
            surplus = len(self.cache_msgs) - self.cache_size
            if surplus > 0:
                del self.cache_msgs[:surplus]
                del self.cache_times[:surplus]
        self.signalMessage(msg)

    def getInterval(self, from_stamp: Time, to_stamp: Time) -> list[Any]:
        """Return the messages of the closed interval, oldest first."""
        assert from_stamp <= to_stamp, f"the interval ends at {to_stamp}, before {from_stamp}"
        return [msg for time, msg in self._by_time() if from_stamp <= time <= to_stamp]

    def getElemAfterTime(self, stamp: Time) -> Any | None:
        """Return the oldest message at or after ``stamp``, or None."""
        return next((msg for time, msg in self._by_time() if time >= stamp), None)

    def getElemBeforeTime(self, stamp: Time) -> Any | None:
        """Return the newest message at or before ``stamp``, or None."""
        return next((msg for time, msg in reversed(self._by_time()) if time <= stamp), None)

    def getLastestTime(self) -> Time | None:
        """Return the newest stamp, or None where there is no message yet."""
        entries = self._by_time()
        return entries[-1][0] if entries else None

    getLatestTime = getLastestTime

    def getOldestTime(self) -> Time | None:
        """Return the oldest stamp, or None where there is no message yet."""
        entries = self._by_time()
        return entries[0][0] if entries else None

    def getLast(self) -> Any | None:
        """Return the message with the newest stamp, or None where there is no message yet."""
        entries = self._by_time()
        return entries[-1][1] if entries else None

    def _by_time(self) -> list[tuple[Time, Any]]:
        with self._lock:
            entries = list(zip(self.cache_times, self.cache_msgs, strict=True))
        return sorted(entries, key=lambda entry: entry[0].nanoseconds)
