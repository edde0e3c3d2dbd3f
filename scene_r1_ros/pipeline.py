"""The way of the data: query or box -> Grounding -> masks -> object in 3D.

Nodes, commands, evaluation and training rewards all call these three steps::

    window   = WindowSnapshot.of(recording)          # frames.py
    grounding = reasoner.ground(window, query)       # reasoning/, or Grounding.from_box
    track    = tracker.track(window, ...)            # tracking/
    lifted   = lift(window, track)                   # lifting/
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from .control import Control
from .errors import ReasoningError
from .frames import WindowSnapshot
from .geometry import BoxXyxy, checked_box
from .lifting import LiftedObject
from .reasoning import Grounding
from .tracking import MaskTrack, Tracker

Lift = Callable[[WindowSnapshot, MaskTrack, Control], LiftedObject]


class Reasoner(Protocol):
    """Answers a query over the window with a grounding, which may be "not found"."""

    def ground(self, window: WindowSnapshot, query: str, control: Control) -> Grounding:
        """Raises ReasoningError when it fails; abstaining is an answer, not a failure."""
        ...


@dataclass(frozen=True)
class PipelineResult:
    """Everything one request produced; ``track`` and ``lifted`` are None when nothing was found.

    ``seconds`` holds the wall time of each stage: grounding, tracking, lifting, total.
    """

    grounding: Grounding
    track: MaskTrack | None
    lifted: LiftedObject | None
    seconds: dict[str, float]


class Pipeline:
    """The three stages with their backends chosen."""

    def __init__(self, tracker: Tracker, lift: Lift, reasoner: Reasoner | None = None) -> None:
        self.tracker = tracker
        self.lift = lift
        self.reasoner = reasoner

    def from_query(
        self, window: WindowSnapshot, query: str, control: Control | None = None
    ) -> PipelineResult:
        """Ground ``query`` in the window and lift what it names."""
        if self.reasoner is None:
            raise ReasoningError("this pipeline has no reasoner; prompt it with a box instead.")
        control = control or Control()
        started = time.perf_counter()
        grounding = self.reasoner.ground(window, query, control)
        return self.from_grounding(window, grounding, control, time.perf_counter() - started)

    def from_box(
        self,
        window: WindowSnapshot,
        stamp_ns: int,
        box_xyxy: BoxXyxy,
        label: str = "",
        control: Control | None = None,
    ) -> PipelineResult:
        """Lift what a person boxed in the frame at ``stamp_ns``."""
        camera = window.at(stamp_ns).intrinsics
        box = checked_box(box_xyxy, camera.width, camera.height)
        return self.from_grounding(window, Grounding.from_box(stamp_ns, box, label), control)

    def from_grounding(
        self,
        window: WindowSnapshot,
        grounding: Grounding,
        control: Control | None = None,
        grounding_seconds: float = 0.0,
    ) -> PipelineResult:
        """Track and lift a grounding that is already there."""
        control = control or Control()
        seconds = {"grounding": grounding_seconds}
        if not grounding.found:
            return PipelineResult(grounding, None, None, _with_total(seconds))
        started = time.perf_counter()
        track = self.tracker.track(window, grounding.anchor_stamp_ns, grounding.prompt, control)
        tracked = time.perf_counter()
        lifted = self.lift(window, track, control)
        seconds["tracking"] = tracked - started
        seconds["lifting"] = time.perf_counter() - tracked
        return PipelineResult(grounding, track, lifted, _with_total(seconds))


def _with_total(seconds: dict[str, float]) -> dict[str, float]:
    return {**seconds, "total": sum(seconds.values())}
