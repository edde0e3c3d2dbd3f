"""What the reasoner gives back: when, where in the image, and why, or why not."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..errors import ReasoningError
from ..geometry import BoxXyxy


@dataclass(frozen=True)
class Grounding:
    """The answer to "which object, when, and where in the image".

    ``span`` is (start, end) stamps in nanoseconds, ``box_xyxy`` is in pixels of the frame at
    ``anchor_stamp_ns``. ``prompt_xyxy`` is the box, in the same pixels, from which masks go out
    where that is another one: the model's, where ``box_xyxy`` is around the mask that came of it.
    Not found is an answer: ``found`` is False, ``reason`` says why, and
    ``candidates`` is above 1 when several objects fit equally well.
    """

    query: str
    found: bool
    anchor_stamp_ns: int = 0
    span: tuple[int, int] = (0, 0)
    box_xyxy: BoxXyxy = (0.0, 0.0, 0.0, 0.0)
    label: str = ""
    rationale_temporal: str = ""
    rationale_image: str = ""
    confidence: float = 0.0
    reason: str = ""
    candidates: int = 0
    prompt_xyxy: BoxXyxy | None = None

    def __post_init__(self) -> None:
        for box in (self.box_xyxy, self.prompt):
            if self.found and not all(math.isfinite(v) for v in box):
                raise ReasoningError(f"grounded box {box} is not finite.")
        if not 0.0 <= self.confidence <= 1.0:
            raise ReasoningError(f"confidence {self.confidence} is outside 0..1.")
        if self.span[1] < self.span[0]:
            raise ReasoningError(f"span {self.span} ends before it starts.")

    @property
    def prompt(self) -> BoxXyxy:
        """The box from which the tracker goes out."""
        return self.box_xyxy if self.prompt_xyxy is None else self.prompt_xyxy

    @classmethod
    def from_box(cls, anchor_stamp_ns: int, box_xyxy: BoxXyxy, label: str = "") -> Grounding:
        """A grounding that a person gave by drawing a box; nothing was reasoned."""
        return cls(
            query="",
            found=True,
            anchor_stamp_ns=anchor_stamp_ns,
            span=(anchor_stamp_ns, anchor_stamp_ns),
            box_xyxy=box_xyxy,
            label=label,
            rationale_image="The box was given by the user.",
            confidence=1.0,
        )
