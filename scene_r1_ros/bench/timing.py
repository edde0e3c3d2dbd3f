"""Two ways of doing one thing, timed in turns, so that whatever disturbs one disturbs both."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..control import Control

Work = Callable[[], Any]


@dataclass(frozen=True)
class Timing:
    """Median seconds of one call: ``wall`` on the clock, ``cpu`` of all threads together."""

    wall: float
    cpu: float


def interleaved(
    ours: Work,
    alternative: Work,
    repeats: int,
    control: Control | None = None,
    stage: str = "timing",
    warm_up: int = 3,
) -> tuple[Timing, Timing]:
    """Run both ``repeats`` times in turns after ``warm_up`` turns; medians of one call each."""
    control = control or Control()
    samples: tuple[list[Timing], list[Timing]] = ([], [])
    for turn in range(warm_up + repeats):
        control.check(stage)
        control.progress(stage, turn / (warm_up + repeats))
        # who begins alternates: the second finds caches that the first has filled
        for which in (0, 1) if turn % 2 else (1, 0):
            sample = _timed((ours, alternative)[which])
            if turn >= warm_up:
                samples[which].append(sample)
    control.progress(stage, 1.0)
    return _median(samples[0]), _median(samples[1])


def _timed(work: Work) -> Timing:
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return Timing(time.perf_counter() - wall, time.process_time() - cpu)


def _median(samples: list[Timing]) -> Timing:
    return Timing(
        statistics.median(sample.wall for sample in samples),
        statistics.median(sample.cpu for sample in samples),
    )
