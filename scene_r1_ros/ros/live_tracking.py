"""Grounded objects stay masked while the robot moves: new frames are tracked as they come.

Only SAM 2 tracks a stream; with the geometric tracker a track ends with the window.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from scene_r1_msgs.msg import ObjectMask

from ..errors import WindowEmptyError
from ..frames import RgbdFrame, VideoWindow
from ..tracking import FrameMask, MaskTrack
from ..tracking.sam2 import ObjectStatus, Prompt, Sam2Stream
from .conversions import mask_to_msg

Publish = Callable[[ObjectMask, RgbdFrame, FrameMask], None]


@dataclass
class _Followed:
    """One object of the stream: the query that found it, and its id in the memory once known."""

    query_id: str
    object_id: str = ""
    masks: int = 0
    lost: bool = False


class LiveTracking:
    """Follows up to ``limit`` objects through a window's newest frames, in a thread of its own.

    ``publish`` gets each mask; ``tell`` gets a sentence when an object is lost or found again.
    """

    def __init__(
        self,
        stream: Sam2Stream,
        window: VideoWindow,
        publish: Publish,
        tell: Callable[[str], None],
        rate: float,
        limit: int,
    ) -> None:
        self._stream = stream
        self._window = window
        self._publish = publish
        self._tell = tell
        self._period = 1.0 / rate
        self._limit = limit
        self._lock = threading.Lock()
        self._followed: dict[int, _Followed] = {}
        self._next = 1
        self._last_ns = 0
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="live-tracking", daemon=True)
        self._thread.start()

    @property
    def following(self) -> tuple[str, ...]:
        """Query ids of the objects that are followed."""
        with self._lock:
            return tuple(item.query_id for item in self._followed.values())

    def follow(self, query_id: str, frames: dict[int, RgbdFrame], track: MaskTrack) -> None:
        """Keep the object of a track masked from its last mask on.

        ``frames`` are the window's by stamp. The oldest object makes room when there are too many.
        """
        seen = [mask for mask in track.masks if mask.mask.any()]
        if not seen:
            return
        last = seen[-1]
        with self._lock:
            while len(self._followed) >= self._limit:
                self._remove(next(iter(self._followed)))
            number, self._next = self._next, self._next + 1
            self._stream.add(number, frames[last.stamp_ns], Prompt(mask=last.mask))
            self._followed[number] = _Followed(query_id)

    def on_objects(self, msg: Any) -> None:
        """Callback of ``objects``: lets go of what was forgotten or has a newer query."""
        by_query = {item.query_id: item.object_id for item in msg.objects}
        known = set(by_query.values())
        with self._lock:
            for item in self._followed.values():
                item.object_id = by_query.get(item.query_id, item.object_id)
            newest = {item.object_id: number for number, item in self._followed.items()}
            for number, item in list(self._followed.items()):
                gone = item.object_id and item.object_id not in known
                if gone or (item.object_id and newest[item.object_id] != number):
                    self._remove(number)

    def close(self) -> None:
        """End the thread."""
        self._closing.set()
        self._thread.join(timeout=10.0)

    def _remove(self, number: int) -> None:
        self._stream.remove(number)
        del self._followed[number]

    def _run(self) -> None:
        while not self._closing.wait(self._period):
            try:
                frame = self._window.snapshot().frames[-1]
            except WindowEmptyError:
                continue
            if frame.stamp_ns == self._last_ns:
                continue
            self._last_ns = frame.stamp_ns
            try:
                self._update(frame)
            except Exception as error:  # one bad frame never ends the stream
                self._tell(f"live tracking of one frame failed: {type(error).__name__}: {error}")

    def _update(self, frame: RgbdFrame) -> None:
        with self._lock:
            for number, update in self._stream.update(frame).items():
                item = self._followed[number]
                name = item.object_id or item.query_id
                lost = update.status is ObjectStatus.LOST
                if lost != item.lost and update.status is not ObjectStatus.MISSED:
                    item.lost = lost
                    self._tell(f"{name} is {'out of sight' if lost else 'seen again'}.")
                if update.mask is None:
                    continue
                msg = mask_to_msg(update.mask, frame, item.query_id, item.masks, 0)
                msg.object_id = item.object_id
                item.masks += 1
                self._publish(msg, frame, update.mask)
