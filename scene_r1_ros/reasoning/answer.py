"""What question answering gives back."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import ReasoningError


@dataclass(frozen=True)
class Answer:
    """An answer in words, with the part of the window it stands on.

    ``span`` is (start, end) stamps in nanoseconds, ``evidence_stamps_ns`` are the frames that the
    model saw when it answered. ``confidence`` is the geometric mean of the answer's token
    probabilities, or 0.5 (nothing known) where the backend does not tell them.
    """

    question: str
    text: str
    rationale: str
    span: tuple[int, int]
    evidence_stamps_ns: tuple[int, ...]
    confidence: float

    def __post_init__(self) -> None:
        if not self.text:
            raise ReasoningError("an answer without text is a failure, not an answer.")
        if not 0.0 <= self.confidence <= 1.0:
            raise ReasoningError(f"confidence {self.confidence} is outside 0..1.")
        if self.span[1] < self.span[0]:
            raise ReasoningError(f"span {self.span} ends before it starts.")
