"""How a caller follows and ends long work: progress, a deadline, cancellation."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from .errors import CancelledError, DeadlineError

ProgressCallback = Callable[[str, float, str], None]
"""Called with the stage's name, the share done in 0..1 and a short text (may be empty)."""


@dataclass
class Control:
    """Handed down through every stage of a request; one per request, safe between threads.

    Stages call :meth:`check` wherever they can stop without harm and :meth:`progress` when
    there is something to tell. ``deadline`` is on the clock of :func:`time.monotonic`.
    """

    deadline: float | None = None
    on_progress: ProgressCallback | None = None
    of: Control | None = None
    """The request that this is a part of: cancelled with it, and by itself without it."""
    _cancelled: threading.Event = field(default_factory=threading.Event)

    @classmethod
    def within(cls, seconds: float, on_progress: ProgressCallback | None = None) -> Control:
        """A control whose deadline is ``seconds`` from now; 0 or less means no deadline."""
        deadline = time.monotonic() + seconds if seconds > 0 else None
        return cls(deadline=deadline, on_progress=on_progress)

    def part(self) -> Control:
        """A control with the same deadline for work that may be ended before the request is."""
        return Control(self.deadline, self.on_progress, self)

    @property
    def cancelled(self) -> bool:
        """Whether :meth:`cancel` was called, here or on the request that this is a part of."""
        return self._cancelled.is_set() or (self.of is not None and self.of.cancelled)

    def cancel(self) -> None:
        """Ask the work to stop at its next :meth:`check`; may be called from any thread."""
        self._cancelled.set()

    def remaining(self) -> float | None:
        """Seconds left before the deadline (never negative), or None without one."""
        return None if self.deadline is None else max(0.0, self.deadline - time.monotonic())

    def check(self, stage: str = "the request") -> None:
        """Return if the work may go on.

        Raises:
            CancelledError: after :meth:`cancel`.
            DeadlineError: once the deadline has passed.
        """
        if self.cancelled:
            raise CancelledError(f"{stage} was cancelled by its caller.")
        if self.deadline is not None and time.monotonic() >= self.deadline:
            raise DeadlineError(
                f"{stage} did not finish before its deadline; ask again with a longer timeout."
            )

    def progress(self, stage: str, fraction: float, text: str = "") -> None:
        """Tell the caller how far ``stage`` is (0..1)."""
        if self.on_progress is not None:
            self.on_progress(stage, min(1.0, max(0.0, fraction)), text)
