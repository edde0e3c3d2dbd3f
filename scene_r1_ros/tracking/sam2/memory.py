"""One object's memories, bounded: which are kept while a video of any length goes by.

SAM 2 attends to every prompted frame, to the masks of the last 6 tracked frames and to the
pointers of the last 15. Nothing else is ever read again, so it is dropped. A backward pass after
a forward one also reads the forward frames next to its start; those are kept as well where the
video is a finite window. The result is upstream's for any length. Fewer memories than 6 save
space and time; pointers are then cut to the same number, and the masks change from frame
``start + memory_frames + 2`` on. The newest frame is held besides the ``memory_frames`` before
it, so that a correction in it sees what tracking saw.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from .engine import MEMORY_REACH, POINTER_REACH, Entry, Memories


class ObjectMemory:
    """The prompted and tracked entries of one object, by frame index."""

    def __init__(self, memory_frames: int, prompted_frames: int, frame_count: int | None) -> None:
        self.memory_frames = memory_frames
        self.prompted_frames = prompted_frames
        self.frame_count = frame_count
        # Pointers of frames whose memory is given up early would still steer the masks.
        self._pointer_reach = POINTER_REACH if memory_frames >= MEMORY_REACH else memory_frames
        self._prompted: dict[int, Entry] = {}
        self._tracked: dict[int, Entry] = {}

    def view(self, index: int) -> Memories:
        """What the model may attend to in frame ``index``."""
        tracked = {
            key: entry
            for key, entry in self._tracked.items()
            if self._readable(abs(key - index), entry)
        }
        return Memories(self._prompted, tracked, self.frame_count)

    def _readable(self, distance: int, entry: Entry) -> bool:
        # Within SAM 2's reach for masks every entry must have one.
        if distance <= MEMORY_REACH:
            return distance <= self.memory_frames and entry.memory is not None
        return distance <= self._pointer_reach

    @property
    def start(self) -> int:
        """Index of the first prompted frame, where propagation begins."""
        return min(self._prompted)

    def at(self, index: int) -> Entry | None:
        """What is still held of frame ``index``, with its mask logits, or None."""
        entry = self._prompted.get(index) or self._tracked.get(index)
        return entry if entry is not None and entry.logits is not None else None

    def is_prompted(self, index: int) -> bool:
        """Whether frame ``index`` holds a prompt."""
        return index in self._prompted

    def prompted_entry(self, index: int) -> Entry:
        """The entry of a prompted frame."""
        return self._prompted[index]

    def put_prompted(self, index: int, entry: Entry) -> None:
        """Keep a prompted frame; beyond the limit the oldest goes, but never the first one."""
        self._tracked.pop(index, None)
        self._prompted[index] = entry
        while len(self._prompted) > self.prompted_frames:
            first = next(iter(self._prompted))
            others = [key for key in self._prompted if key not in (first, index)]
            del self._prompted[others[0] if others else first]

    def put_tracked(self, index: int, entry: Entry, keep_near: int | None = None) -> None:
        """Keep a tracked frame and let go of what no later frame will read.

        Frames next to ``keep_near``, where a backward pass will begin, are kept too.
        """
        self._tracked[index] = entry
        edges = [index] if keep_near is None else [index, keep_near]
        for key in list(self._tracked):
            distance = min(abs(key - edge) for edge in edges)
            if distance > max(self.memory_frames, self._pointer_reach):
                del self._tracked[key]
            elif distance > self.memory_frames:
                self._tracked[key] = self._tracked[key].pointer_only()

    def forget(self, index: int) -> None:
        """Drop what a tracked frame left behind; a prompted frame stays."""
        self._tracked.pop(index, None)

    def mark_tracked(self, index: int, reverse: bool) -> None:
        """Note that propagation passed over a prompted frame, and in which direction."""
        self._prompted[index] = replace(self._prompted[index], reverse=reverse)

    def map(self, change: Callable[[Entry], Entry]) -> None:
        """Replace every entry, e.g. by itself on another device."""
        self._prompted = {key: change(entry) for key, entry in self._prompted.items()}
        self._tracked = {key: change(entry) for key, entry in self._tracked.items()}

    @property
    def nbytes(self) -> int:
        """Memory of all entries."""
        entries = [*self._prompted.values(), *self._tracked.values()]
        return sum(entry.nbytes for entry in entries)

    def __len__(self) -> int:
        return len(self._prompted) + len(self._tracked)
