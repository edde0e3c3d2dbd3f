"""Stage 2's question about one query, put to views together or one by one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..frames import RgbdFrame
from ..geometry import BoxXyxy
from .backends import Generation
from .closer_look import out_of_part
from .dialogue import Dialogue, Read, Reader
from .messages import Conversation
from .prompts import image_prompt
from .query_frames import QueryFrames, stamps_of
from .replies import ImageReply, box_said, read_image


class ViewReplies:
    """Puts the question about ``words`` to ``dialogue``; what :meth:`ask` was told is kept."""

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

    def ask_each(
        self, stage: str, frames: Sequence[RgbdFrame], about: str = ""
    ) -> list[ImageReply | None]:
        """The replies to frames one by one, asked together; None for one that cannot be used.
        ``about`` as in :meth:`.Dialogue.ask_all`.

        Raises:
            DeadlineError, CancelledError, BackendError: as :meth:`.Dialogue.ask_all`.
        """
        questions = [self._question([frame]) for frame in frames]
        return self.dialogue.ask_all(stage, questions, about)

    def ask_closer(
        self, parts: Sequence[tuple[RgbdFrame, BoxXyxy]], about: str = ""
    ) -> list[ImageReply | None]:
        """The replies to parts of frames, each enlarged to its frame's size; boxes are in pixels of
        the whole frame. Otherwise as :meth:`ask_each`."""
        questions = [self._closer_question(frame, part) for frame, part in parts]
        return self.dialogue.ask_all("closer", questions, about)

    def denied(self, frame: RgbdFrame) -> bool:
        """Whether the model saw this frame, alone or among others, and found nothing."""
        looks = self._said.items()
        return any(said.box is None and frame.stamp_ns in stamps for stamps, said in looks)

    def _question(
        self, views: Sequence[RgbdFrame]
    ) -> tuple[Conversation, tuple[int, ...], Reader[ImageReply]]:
        messages = image_prompt(self.words, self.frames.timed(views), self.dialogue.config.style)
        frame = self.dialogue.backend.box_frame
        return messages, tuple(stamps_of(views)), lambda g: read_image(g, views, frame)

    def _closer_question(
        self, frame: RgbdFrame, part: BoxXyxy
    ) -> tuple[Conversation, tuple[int, ...], Reader[ImageReply]]:
        shown = self.frames.part(frame, part)
        messages = image_prompt(self.words, [shown], self.dialogue.config.style)
        size = frame.intrinsics.width, frame.intrinsics.height

        def read(generation: Generation) -> tuple[ImageReply, Read]:
            reply, seen = read_image(generation, [frame], self.dialogue.backend.box_frame)
            if reply.box is not None:
                box = out_of_part(reply.box, part, size)
                reply = replace(reply, box=box)
                said = f"box {box_said(box)} of the whole frame, {reply.label!r}"
                seen = replace(seen, outcome=said)
            return reply, seen

        return messages, (frame.stamp_ns,), read
