"""Live tracking: new frames are tracked as they come, objects come and go, get lost and return."""

from __future__ import annotations

import enum
import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

from ...frames import RgbdFrame
from ..track import FrameMask
from .assist import Outcome, Resolved, resolve
from .config import Sam2Config
from .engine import Engine
from .guide import ObjectModel, mask_overlap
from .prompts import Prompt
from .recovery import Recovery
from .session import Sam2Session

logger = logging.getLogger(__name__)
# Two masks that share more than this of the smaller one claim the same object.
_SAME_OBJECT = 0.6


class ObjectStatus(enum.Enum):
    """Where an object stands after a frame."""

    TRACKED = "seen in this frame"
    MISSED = "not seen in this frame, nor reported lost yet"
    LOST = "not seen for several frames in a row"
    FOUND_AGAIN = "was lost and is seen again in this frame"


@dataclass(frozen=True, eq=False)
class ObjectUpdate:
    """One object after one frame; ``mask`` is None unless it was seen."""

    object_id: int
    status: ObjectStatus
    mask: FrameMask | None
    outcome: Outcome


@dataclass
class _Tracked:
    model: ObjectModel = field(default_factory=ObjectModel)
    misses: int = 0
    lost: bool = False


class Sam2Stream:
    """Keeps prompted objects masked while frames arrive, with bounded memory.

    An object is lost after ``lost_after`` frames without an accepted mask, and found again by
    SAM 2's score together with geometry: its mask must lie where the object was. While lost it
    writes no memory. When two objects claim one mask, the one whose place it is keeps it. Safe
    between threads.
    """

    def __init__(self, engine: Engine, config: Sam2Config | None = None) -> None:
        self.config = config or Sam2Config()
        self._session = Sam2Session(
            engine,
            memory_frames=self.config.memory_frames,
            prompted_frames=self.config.prompted_frames,
        )
        mode = "cpu" if self.config.on_out_of_memory != "error" else "error"
        self._guarded = Recovery(self._session, mode, self._tell)
        self._objects: dict[int, _Tracked] = {}
        self._index = -1
        self._stamp_ns: int | None = None
        self._lock = threading.Lock()
        self.notes: list[str] = []

    @property
    def objects(self) -> tuple[int, ...]:
        """Ids of the tracked objects."""
        return tuple(self._objects)

    @property
    def nbytes(self) -> int:
        """Memory of what is remembered of all objects."""
        return self._session.nbytes

    def add(self, object_id: int, frame: RgbdFrame, prompt: Prompt) -> FrameMask:
        """Start tracking an object, or correct a tracked one, in the newest frame or a new one.

        Raises:
            BoxError: if the prompt does not lie in the image.
        """
        with self._lock:
            self._advance(frame)
            seen = self._guarded(
                partial(self._session.prompt, self._index, frame.color, object_id, prompt)
            )
            tracked = self._objects.setdefault(object_id, _Tracked())
            tracked.misses, tracked.lost = 0, False
            if self.config.geometry != "off":
                fit = tracked.model.judge(frame, seen.mask, tracked.model.propose(frame))
                if fit.vetoed(self.config.veto_inside, self.config.veto_cover):
                    # Pointed at in another place: it was moved, or meant otherwise before.
                    tracked.model = ObjectModel()
                tracked.model.add(frame, seen.mask)
            return FrameMask(frame.stamp_ns, seen.mask, seen.score)

    def remove(self, object_id: int) -> None:
        """Stop tracking an object.

        Raises:
            TrackingError: if it is not tracked.
        """
        with self._lock:
            self._session.remove(object_id)
            del self._objects[object_id]

    def update(self, frame: RgbdFrame) -> dict[int, ObjectUpdate]:
        """Track every object into ``frame``; empty if there is none."""
        with self._lock:
            if not self._objects:
                return {}
            self._advance(frame)
            index, session = self._index, self._session
            out = self._guarded(partial(session.step, index, frame.color))
            found: dict[int, Resolved] = {}
            for object_id, seen in out.items():
                tracked = self._objects[object_id]
                found[object_id] = self._guarded(
                    partial(
                        resolve,
                        session,
                        index,
                        frame,
                        object_id,
                        seen,
                        tracked.model,
                        self.config,
                        need_proof=tracked.lost,
                    )
                )
            losers = self._losers(found)
            for object_id in losers:
                session.forget(index, object_id)
            return {
                object_id: self._settle(frame, object_id, resolved, object_id in losers)
                for object_id, resolved in found.items()
            }

    def _advance(self, frame: RgbdFrame) -> None:
        # A prompt for the frame that was tracked last belongs to the same index.
        if frame.stamp_ns != self._stamp_ns:
            self._index += 1
            self._stamp_ns = frame.stamp_ns

    def _losers(self, found: Mapping[int, Resolved]) -> set[int]:
        """Objects whose mask belongs to another one."""
        losers: set[int] = set()
        claims = [(object_id, item) for object_id, item in found.items() if item.mask is not None]
        for i, (first, a) in enumerate(claims):
            for second, b in claims[i + 1 :]:
                if a.mask is None or b.mask is None or {first, second} & losers:
                    continue
                if mask_overlap(a.mask.mask, b.mask.mask) > _SAME_OBJECT:
                    losers.add(second if self._claim(first, a) >= self._claim(second, b) else first)
        return losers

    def _claim(self, object_id: int, item: Resolved) -> tuple[bool, float, float]:
        """How good an object's claim on a mask is: never lost, in its place, SAM 2's score."""
        verdict = item.verdict
        place = (verdict.inside or 0.0) * (verdict.cover if verdict.cover is not None else 1.0)
        score = item.mask.score if item.mask is not None else 0.0
        return (not self._objects[object_id].lost, round(place, 2), score)

    def _settle(
        self, frame: RgbdFrame, object_id: int, resolved: Resolved, claimed_by_other: bool
    ) -> ObjectUpdate:
        tracked = self._objects[object_id]
        if resolved.mask is not None and not claimed_by_other:
            status = ObjectStatus.FOUND_AGAIN if tracked.lost else ObjectStatus.TRACKED
            tracked.misses, tracked.lost = 0, False
            if self.config.geometry != "off":
                tracked.model.add(frame, resolved.mask.mask)
            mask = FrameMask(frame.stamp_ns, resolved.mask.mask, resolved.mask.score)
            return ObjectUpdate(object_id, status, mask, resolved.outcome)
        tracked.misses += 1
        tracked.lost = tracked.lost or tracked.misses >= self.config.lost_after
        if tracked.lost:
            self._session.forget(self._index, object_id)
        status = ObjectStatus.LOST if tracked.lost else ObjectStatus.MISSED
        outcome = Outcome.VETOED if claimed_by_other else resolved.outcome
        return ObjectUpdate(object_id, status, None, outcome)

    def _tell(self, text: str) -> None:
        logger.warning("%s", text)
        self.notes.append(text)
