"""What became of every message and frame: counted, and each problem told once."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class TopicStats:
    """One input topic: how many messages, the last one's stamp and when it came.

    Stamps are in nanoseconds; times of arrival here and below are on the clock of
    :func:`time.monotonic`, 0 = never.
    """

    topic: str
    received: int = 0
    last_stamp_ns: int = 0
    last_time: float = 0.0


@dataclass(frozen=True)
class FeedCounts:
    """A consistent copy of the counters."""

    topics: dict[str, TopicStats]
    synchronized: int
    accepted: int
    dropped: dict[str, int]
    last_problem: dict[str, str]
    last_dropped: dict[str, float]
    last_synchronized: float
    last_accepted: float
    resets: int


@dataclass
class FeedStats:
    """Counters of one feed, safe between threads.

    ``warn`` is called the first time that each problem of each source occurs.
    """

    warn: Callable[[str], None]
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _topics: dict[str, TopicStats] = field(default_factory=dict)
    _dropped: Counter[str] = field(default_factory=Counter)
    _problems: dict[str, str] = field(default_factory=dict)
    _dropped_at: dict[str, float] = field(default_factory=dict)
    _told: set[str] = field(default_factory=set)
    _synchronized: int = 0
    _synchronized_at: float = 0.0
    _accepted: int = 0
    _accepted_at: float = 0.0
    _resets: int = 0

    def expect(self, role: str, topic: str) -> None:
        """Announce an input; ``role`` is color, depth, camera_info or pose."""
        with self._lock:
            self._topics[role] = TopicStats(topic)

    def received(self, role: str, stamp_ns: int) -> int:
        """Count a message; returns the stamp of the one before (0 for the first)."""
        with self._lock:
            stats = self._topics[role]
            before, stats.last_stamp_ns = stats.last_stamp_ns, stamp_ns
            stats.received += 1
            stats.last_time = time.monotonic()
            return before

    def synchronized(self) -> None:
        """Count a set of messages that belong together."""
        with self._lock:
            self._synchronized += 1
            self._synchronized_at = time.monotonic()

    def accepted(self) -> None:
        """Count a frame that reached the window."""
        with self._lock:
            self._accepted += 1
            self._accepted_at = time.monotonic()

    def reset(self) -> None:
        """Count a clock that jumped backwards."""
        with self._lock:
            self._resets += 1

    def drop(self, source: str, problem: str, detail: str) -> None:
        """Count a dropped frame; tells each ``problem`` of each ``source`` once."""
        key = f"{source}: {problem}"
        with self._lock:
            self._dropped[problem] += 1
            self._dropped_at[problem] = time.monotonic()
            self._problems[problem] = f"{source}: {detail}"
            first = key not in self._told
            self._told.add(key)
        if first:
            self.warn(f"{source}: {detail} Such frames are dropped and counted; told once.")

    def counts(self) -> FeedCounts:
        """All counters at this moment."""
        with self._lock:
            topics = {role: dataclasses.replace(stats) for role, stats in self._topics.items()}
            return FeedCounts(
                topics,
                self._synchronized,
                self._accepted,
                dict(self._dropped),
                dict(self._problems),
                dict(self._dropped_at),
                self._synchronized_at,
                self._accepted_at,
                self._resets,
            )
