"""What a model backend is: messages in, text out, under a deadline."""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from ...config import Scalar
from ...control import Control
from ..messages import Conversation
from ..model_frames import BoxFrame
from ..sampling import Size


@dataclass(frozen=True)
class Limits:
    """Limits of one generation. ``on_text`` is called with the text so far as it grows."""

    max_new_tokens: int = 512
    temperature: float = 0.0
    on_text: Callable[[str], None] | None = None


@dataclass(frozen=True)
class Generation:
    """What the model said.

    ``image_sizes`` are (width, height) of the images as the model really saw them, in the order
    of the prompt. ``probability`` is the geometric mean of the tokens' probabilities where the
    backend knows it. Tokens are 0 where a server does not tell.
    """

    text: str
    tokens_in: int
    tokens_out: int
    seconds: float
    image_sizes: tuple[Size, ...]
    probability: float | None = None


class LoadState(enum.Enum):
    """Where a model is on its way to answering."""

    IDLE = "not started"
    LOADING = "loading"
    READY = "ready"
    FAILED = "failed"


@dataclass(frozen=True)
class ModelStatus:
    """Loading progress: ``fraction`` 0..1, ``text`` one line for a person."""

    state: LoadState
    fraction: float = 0.0
    text: str = ""


class OneByOne:
    """``generate_all`` for a backend that answers one conversation after the other."""

    def generate_all(
        self: Backend, batch: Sequence[Conversation], control: Control, limits: Limits
    ) -> list[Generation]:
        """See :meth:`Backend.generate_all`."""
        silent = replace(limits, on_text=None)
        return [self.generate(messages, control, silent) for messages in batch]


class Backend(Protocol):
    """A vision-language model behind one interface."""

    @property
    def name(self) -> str:
        """What the model is called."""
        ...

    @property
    def box_frame(self) -> BoxFrame:
        """The frame of the boxes that the model answers with."""
        ...

    def settings(self) -> dict[str, Scalar]:
        """Model and settings, for the trace; never a secret."""
        ...

    def start(self) -> None:
        """Begin to load or connect in the background; returns at once, may be called again."""
        ...

    def status(self) -> ModelStatus:
        """How far loading is."""
        ...

    def generate(self, messages: Conversation, control: Control, limits: Limits) -> Generation:
        """The model's reply.

        Raises:
            ModelLoadingError: while the model is being loaded.
            ModelAbsentError: if it cannot be loaded or reached; one sentence says why.
            BackendError: if it failed while answering.
            DeadlineError, CancelledError: soon after ``control`` says so.
        """
        ...

    def generate_all(
        self, batch: Sequence[Conversation], control: Control, limits: Limits
    ) -> list[Generation]:
        """The replies to several conversations, made together where the backend can do that.

        ``seconds`` of each is its share of the whole; ``limits.on_text`` is not called. Raises as
        :meth:`generate`.
        """
        ...

    def unknown_words(self, text: str) -> tuple[str, ...]:
        """The words of ``text`` that the model has never seen, as far as that is known."""
        ...

    def close(self) -> None:
        """Free what the backend holds."""
        ...
