"""A stand-in for the model that answers at once from a recording's truth: what is left is ours."""

from __future__ import annotations

import json
import re
import time
from dataclasses import dataclass

from ..config import Scalar
from ..control import Control
from ..demo.annotations import AnnotatedObject, SeenIn
from ..errors import BackendError
from ..reasoning.backends import Generation, Limits, LoadState, ModelStatus, OneByOne
from ..reasoning.messages import Conversation, pictures
from ..reasoning.model_frames import BoxFrame, box_to_model
from ..reasoning.prompts import TEMPORAL

_SECONDS = re.compile(r"t = ([0-9.]+) s")


@dataclass(frozen=True)
class KnownView:
    """Where the object is at ``seconds`` after the window's first frame."""

    seconds: float
    seen: SeenIn


class TruthBackend(OneByOne):
    """Knows one object; ``seconds`` adds up the time spent in here."""

    name = "truth"
    box_frame: BoxFrame = "unit"

    def __init__(
        self, item: AnnotatedObject, seconds_of: dict[int, float], size: tuple[int, int]
    ) -> None:
        """``seconds_of`` maps frame numbers to seconds in the window, ``size`` is the frames'."""
        self.label = item.label
        self.size = size
        self.seconds = 0.0
        most = max(seen.pixels for seen in item.seen)
        self.views = [
            KnownView(seconds_of[seen.frame], seen)
            for seen in item.seen
            if seen.frame in seconds_of and seen.pixels >= 0.3 * most
        ]

    def settings(self) -> dict[str, Scalar]:
        """Nothing to set."""
        return {"backend": self.name}

    def start(self) -> None:
        """Nothing to load."""

    def status(self) -> ModelStatus:
        """Always ready."""
        return ModelStatus(LoadState.READY, 1.0)

    def close(self) -> None:
        """Nothing to free."""

    def unknown_words(self, text: str) -> tuple[str, ...]:
        """Nothing is known of its words."""
        return ()

    def generate(self, messages: Conversation, control: Control, limits: Limits) -> Generation:
        """The true span, or the true box in the view that shows most of the object.

        Raises:
            BackendError: if a picture does not say its time.
        """
        control.check("the model")
        begun = time.perf_counter()
        text = self._reply(messages)
        sizes = tuple((p.image.shape[1], p.image.shape[0]) for p in pictures(messages))
        seconds = time.perf_counter() - begun
        self.seconds += seconds
        return Generation(text, 0, 0, seconds, sizes)

    def _reply(self, messages: Conversation) -> str:
        if TEMPORAL in messages[-1].text:
            times = sorted(view.seconds for view in self.views)
            return _answer(f"{times[0]:.1f} to {times[-1]:.1f}")
        shown = [self._known(picture.caption) for picture in pictures(messages)]
        numbers = [number for number, view in enumerate(shown) if view is not None]
        if not numbers:
            return _answer("not found")
        pixels = {n: view.seen.pixels for n, view in enumerate(shown) if view is not None}
        best = max(numbers, key=lambda number: pixels[number])
        view = shown[best]
        assert view is not None
        box = box_to_model(view.seen.box, self.box_frame, (1, 1), self.size)
        answer = {"bbox_2d": [round(value, 5) for value in box], "label": self.label}
        return _answer(json.dumps({"view": best + 1, **answer} if len(shown) > 1 else answer))

    def _known(self, caption: str) -> KnownView | None:
        match = _SECONDS.search(caption)
        if match is None:
            raise BackendError(f"the picture {caption!r} does not say its time.")
        seconds = float(match.group(1))
        return next((view for view in self.views if abs(view.seconds - seconds) < 0.051), None)


def _answer(text: str) -> str:
    return f"<think>The truth is known.</think><answer>{text}</answer>"
