"""What came of a query, beside the truth."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from ..frames import RgbdFrame, WindowSnapshot
from ..geometry import BoxXyxy, box_iou
from ..pipeline import PipelineResult
from ..report.truth import Truth
from ..result import result_record
from ..spans import MAX_GAP
from .annotations import OBJECTS
from .queries import DemoQuery

Seconds = tuple[float, float]
ENOUGH_IOU = 0.25
"""3D IoU from which an object counts as found, as in ScanRefer's Acc@0.25 (Chen et al., 2020)."""
_LEAST_SHARE = 200 / (640 * 480)
"""Share of the image that an object must cover to be seen, as in the labels of training."""


@dataclass(frozen=True, eq=False)
class Outcome:
    """A query's answer over ``window``, whose frames have the recording's ``numbers``.

    ``result`` is None when the query failed before anything was grounded; ``error`` says why it
    failed. ``item`` is the object as the graph describes it, ``unknown`` are words of the query
    that the model does not know.
    """

    query: DemoQuery
    window: WindowSnapshot
    numbers: tuple[int, ...]
    result: PipelineResult | None = None
    item: dict[str, Any] | None = None
    error: str = ""
    unknown: tuple[str, ...] = ()
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def verdict(self) -> str:
        """``found``, ``not found`` or ``failed``."""
        if self.error or self.result is None:
            return "failed"
        return "found" if self.result.grounding.found else "not found"

    @property
    def right(self) -> bool | None:
        """Whether the answer is the true one; None where that is not known."""
        if self.query.absent:
            return self.verdict == "not found"
        if self.query.target is None:
            return None
        return self.iou is not None and self.iou >= ENOUGH_IOU

    @property
    def truth(self) -> Truth | None:
        """The true object."""
        target = self.query.target
        return Truth(_called(target.color, target.label), target.box, OBJECTS) if target else None

    @property
    def frame(self) -> int | None:
        """Number of the anchor frame, if there is one."""
        if self.result is None or not self.result.grounding.found:
            return None
        stamps = [frame.stamp_ns for frame in self.window.frames]
        return self.numbers[stamps.index(self.result.grounding.anchor_stamp_ns)]

    @property
    def span(self) -> Seconds | None:
        """The seconds of the window in which it is seen, as answered."""
        if self.result is None or not self.result.grounding.found:
            return None
        start, end = ((s - self.window.start_ns) * 1e-9 for s in self.result.grounding.span)
        return start, end

    @cached_property
    def true_spans(self) -> tuple[Seconds, ...]:
        """The seconds in which it really is seen.

        Gaps of up to :data:`.MAX_GAP` seconds, and those between neighbouring frames, do not part
        them.
        """
        target = self.query.target
        if target is None:
            return ()
        camera = self.window.frames[0].intrinsics
        least = _LEAST_SHARE * camera.width * camera.height
        seen = {one.frame for one in target.seen if one.pixels >= least}
        spans: list[Seconds] = []
        last = -2
        for index, (number, frame) in enumerate(zip(self.numbers, self.window.frames, strict=True)):
            if number not in seen:
                continue
            at = self.window.time_of(frame)
            if spans and (index == last + 1 or at - spans[-1][1] <= MAX_GAP):
                spans[-1] = (spans[-1][0], at)
            else:
                spans.append((at, at))
            last = index
        return tuple(spans)

    @property
    def true_box(self) -> BoxXyxy | None:
        """Its true box in the anchor frame; None if that frame does not show it."""
        target, frame = self.query.target, self.frame
        if target is None or frame is None:
            return None
        return next((one.box for one in target.seen if one.frame == frame), None)

    @property
    def best_view(self) -> tuple[RgbdFrame, BoxXyxy] | None:
        """The frame of the window that shows most of the true object, and its box there."""
        target = self.query.target
        there = {} if target is None else {one.frame: one for one in target.seen}
        shown = [
            (there[number].pixels, frame, there[number].box)
            for number, frame in zip(self.numbers, self.window.frames, strict=True)
            if number in there
        ]
        if not shown:
            return None
        _, frame, box = max(shown, key=lambda item: item[0])
        return frame, box

    @property
    def span_iou(self) -> float | None:
        """Overlap over union with the true span that fits best."""
        if self.span is None or self.query.target is None:
            return None
        return max((_overlap(self.span, true) for true in self.true_spans), default=0.0)

    @property
    def box_iou(self) -> float | None:
        """IoU of the box in the anchor frame, 0 if that frame does not show the object."""
        if self.frame is None or self.query.target is None or self.result is None:
            return None
        true = self.true_box
        return box_iou(self.result.grounding.box_xyxy, true) if true else 0.0

    @property
    def iou(self) -> float | None:
        """3D IoU of the object."""
        if self.truth is None or self.result is None or self.result.lifted is None:
            return None
        return self.truth.iou(self.result.lifted.box)

    def record(self) -> dict[str, Any]:
        """The JSON form: a result record with ``verdict``, ``right``, ``truth`` and overlaps."""
        record: dict[str, Any] = {"found": False, "label": "", "object": None, "span": None}
        if self.result is not None:
            record = result_record(self.result, self.window, self.frame)
        if self.item is not None:
            record["object"] = self.item
        target = self.query.target
        truth = None
        if self.truth is not None and target is not None:
            truth = {
                **self.truth.record(),
                "spans": [list(span) for span in self.true_spans],
                "box": list(self.true_box) if self.true_box else None,
            }
        return record | {
            "query": self.query.text,
            "verdict": self.verdict,
            "right": self.right,
            "error": self.error,
            "unknown_words": list(self.unknown),
            "absent": self.query.absent,
            "truth": truth,
            "span_iou": _rounded(self.span_iou),
            "box_iou": _rounded(self.box_iou),
            "iou": _rounded(self.iou),
            "seconds": self.seconds,
        }


def _called(color: str, label: str) -> str:
    return f"{color} {label}".strip()


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _overlap(a: Seconds, b: Seconds) -> float:
    """Overlap over union of two closed intervals; a shared instant counts if both are one."""
    if a == b:
        return 1.0
    shared = min(a[1], b[1]) - max(a[0], b[0])
    union = max(a[1], b[1]) - min(a[0], b[0])
    return max(0.0, shared) / union if union > 0 else 0.0
