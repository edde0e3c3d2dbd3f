"""What the model says of views, each question asked once a query."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..frames import RgbdFrame
from ..geometry import BoxXyxy
from .dialogue import Dialogue, Reader
from .messages import Conversation
from .prompts import image_prompt
from .query_frames import QueryFrames, stamps_of
from .replies import ImageReply, read_image
from .verification import CheckedView, Verification


class ViewReplies:
    """Stage 2's question about ``words`` put to ``dialogue``; what was said is kept."""

    def __init__(self, dialogue: Dialogue, frames: QueryFrames, words: str) -> None:
        self.dialogue = dialogue
        self.frames = frames
        self.words = words
        self._said: dict[tuple[int, ...], ImageReply] = {}

    def ask(self, stage: str, views: Sequence[RgbdFrame], retries: int) -> ImageReply:
        """The model's reply to these views; what it said of them is not asked again.

        Raises:
            UnparsableAnswerError: if the last reply cannot be used.
            DeadlineError, CancelledError, BackendError: as :meth:`.Dialogue.ask`.
        """
        stamps = tuple(stamps_of(views))
        if stamps not in self._said:
            self._said[stamps] = self.dialogue.ask(stage, *self._question(views), retries=retries)
        return self._said[stamps]

    def ask_each(self, stage: str, frames: Sequence[RgbdFrame]) -> list[ImageReply | None]:
        """The replies to frames one by one, asked together; None for one that cannot be used.

        Raises:
            DeadlineError, CancelledError, BackendError: as :meth:`.Dialogue.ask_all`.
        """
        return self.dialogue.ask_all(stage, [self._question([frame]) for frame in frames])

    def _question(
        self, views: Sequence[RgbdFrame]
    ) -> tuple[Conversation, tuple[int, ...], Reader[ImageReply]]:
        messages = image_prompt(self.words, self.frames.timed(views), self.dialogue.config.style)
        frame = self.dialogue.backend.box_frame
        return messages, tuple(stamps_of(views)), lambda g: read_image(g, views, frame)

    def denied(self, frame: RgbdFrame) -> bool:
        """Whether the model saw this frame, alone or among others, and found nothing."""
        looks = self._said.items()
        return any(said.box is None and frame.stamp_ns in stamps for stamps, said in looks)

    def note_anchor(self, result: Verification, why: str) -> None:
        """Write into the trace which view is gone on with, and what the others said."""
        start_ns = self.frames.window.start_ns
        seconds = (result.anchor_stamp_ns - start_ns) * 1e-9
        chosen = f"{seconds:.2f} s, confidence {result.confidence:.2f}"
        said = [_noted(view, start_ns) for view in result.views]
        self.dialogue.trace.add_choice("anchor", chosen, "geometry", why, said)


def shown(box: BoxXyxy) -> str:
    """A box as the trace shows it."""
    return f"[{', '.join(f'{v:.0f}' for v in box)}] px"


def _noted(view: CheckedView, start_ns: int) -> Mapping[str, object]:
    return {
        "time": round((view.stamp_ns - start_ns) * 1e-9, 3),
        "said": view.outcome,
        "counts": view.counts,
        "agreement": round(view.agreement, 4),
        "center": [round(c, 3) for c in view.lifted.center] if view.lifted else None,
    }
