"""Asking the model until it answers usably: once, and once more with the reason."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from ..control import Control
from ..errors import ReasoningError, UnparsableAnswerError
from .backends import Backend, Generation, Limits
from .messages import Conversation
from .prompts import retry_prompt
from .reasoner_config import ReasonerConfig
from .tags import parse_think
from .trace import QueryTrace, TraceBox

T = TypeVar("T")


class UnusableReplyError(ReasoningError):
    """A reply cannot be used; its text is the reason as it is told to the model."""


@dataclass(frozen=True)
class Read:
    """What the trace shows of a reply that was read."""

    outcome: str
    boxes: tuple[TraceBox, ...] = ()


Reader = Callable[[Generation], tuple[T, Read]]
"""Takes the meaning out of a reply; raises UnusableReplyError with the reason if it cannot."""


class Dialogue:
    """The questions of one query: every one is under its deadline and in its trace."""

    def __init__(
        self, backend: Backend, config: ReasonerConfig, control: Control, trace: QueryTrace
    ) -> None:
        self.backend = backend
        self.config = config
        self.control = control
        self.trace = trace

    def ask(
        self,
        stage: str,
        messages: Conversation,
        stamps_ns: Sequence[int],
        read: Reader[T],
        *,
        retries: int | None = None,
    ) -> T:
        """Ask, read, and ask again with the reason when the reply cannot be used.

        Raises:
            UnparsableAnswerError: if the last reply cannot be used either.
            DeadlineError, CancelledError, ModelLoadingError, ModelAbsentError, BackendError.
        """
        retries = self.config.retries if retries is None else retries
        started = time.perf_counter()
        conversation, reason, text = messages, "", ""
        try:
            for attempt in range(retries + 1):
                generation = self._generate(stage, conversation)
                text = generation.text
                try:
                    value, seen = read(generation)
                except UnusableReplyError as error:
                    reason = str(error)
                    self.trace.add_call(
                        stage, attempt, conversation, stamps_ns, generation, False, reason
                    )
                    conversation = retry_prompt(messages, text, reason)
                    continue
                self.trace.add_call(
                    stage,
                    attempt,
                    conversation,
                    stamps_ns,
                    generation,
                    True,
                    seen.outcome,
                    seen.boxes,
                )
                return value
        finally:
            self.trace.add_seconds(stage, time.perf_counter() - started)
        shown = " ".join(text.split())
        raise UnparsableAnswerError(
            f"the {stage} answer of {self.backend.name} could not be used, asked {retries + 1} "
            f"times: {reason} It said: {shown[:200]!r}."
        )

    def ask_all(
        self,
        stage: str,
        questions: Sequence[tuple[Conversation, Sequence[int], Reader[T]]],
        about: str = "",
    ) -> list[T | None]:
        """Several questions at once, each once; None for a reply that cannot be used.

        The trace is told what they are ``about``, if it is not the query itself.

        Raises:
            DeadlineError, CancelledError, ModelLoadingError, ModelAbsentError, BackendError.
        """
        started = time.perf_counter()
        found: list[T | None] = []
        try:
            self.control.check(stage)
            limits = Limits(self.config.max_new_tokens, self.config.temperature)
            conversations = [messages for messages, _, _ in questions]
            replies = self.backend.generate_all(conversations, self.control, limits)
            self.control.check(stage)
            for (messages, stamps_ns, read), generation in zip(questions, replies, strict=True):
                value: T | None = None
                try:
                    value, seen = read(generation)
                    noted = (True, seen.outcome, seen.boxes)
                except UnusableReplyError as error:
                    noted = (False, str(error), ())
                self.trace.add_call(stage, 0, messages, stamps_ns, generation, *noted, about)
                found.append(value)
        finally:
            self.trace.add_seconds(stage, time.perf_counter() - started)
        return found

    def _generate(self, stage: str, conversation: Conversation) -> Generation:
        self.control.check(stage)
        self.control.progress(stage, 0.0)
        length = 4.0 * self.config.max_new_tokens

        def tell(text: str) -> None:
            self.control.progress(stage, min(0.95, len(text) / length), parse_think(text))

        limits = Limits(self.config.max_new_tokens, self.config.temperature, tell)
        generation = self.backend.generate(conversation, self.control, limits)
        self.control.check(stage)
        self.control.progress(stage, 1.0, parse_think(generation.text))
        return generation
