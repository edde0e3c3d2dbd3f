"""The phases of a longer command: a bar while one runs, a line when it is done."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from .progress import ProgressBar


class Phases:
    """Tells of each phase on standard error; ``seconds`` holds how long each took."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def __call__(self, name: str) -> Iterator[Phase]:
        """Run a phase; its line is printed only if it ends well."""
        started = time.perf_counter()
        with ProgressBar() as bar:
            phase = Phase(name, bar)
            yield phase
        took = time.perf_counter() - started
        self.seconds[name] = round(took, 3)
        print(f"  {name:<17} {took:6.2f} s  {phase.detail}".rstrip(), file=sys.stderr, flush=True)


class Phase:
    """One running phase; ``detail`` is said on its line."""

    def __init__(self, name: str, bar: ProgressBar) -> None:
        self.detail = ""
        self._name = name
        self._bar = bar
        self.progress(0.0)

    def progress(self, fraction: float, text: str = "") -> None:
        """Move the bar."""
        self._bar.control.progress(self._name, fraction, text)

    def count(self, done: int, total: int) -> None:
        """Move the bar to ``done`` of ``total``."""
        self.progress(done / max(1, total), f"{done}/{total}")
