"""A backend for tests that says what it is told to, at once or when it is let go."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from scene_r1_ros.config import Scalar
from scene_r1_ros.control import Control
from scene_r1_ros.reasoning.backends import Generation, Limits, LoadState, ModelStatus, OneByOne
from scene_r1_ros.reasoning.messages import Conversation, Picture, pictures
from scene_r1_ros.reasoning.model_frames import BoxFrame

Script = Callable[[Conversation], str] | Sequence[str]


def reply(answer: str, think: str = "I looked.") -> str:
    """A reply in the form that is asked for."""
    return f"<think>{think}</think><answer>{answer}</answer>"


def stage_of(messages: Conversation) -> str:
    """Which stage a prompt belongs to: temporal, image, verify or answer."""
    user = next(m for m in messages if m.role == "user").text
    if "START to END" in user:
        return "temporal"
    if "Question:" in user:
        return "answer"
    return "image" if "Numbered views" in user else "verify"


class ScriptedBackend(OneByOne):
    """Replies from a list, in order, or from a function of the prompt; keeps every prompt.

    With ``hold`` it blocks in each call until the event is set or its control ends it, as a real
    model that is thinking would.
    """

    def __init__(
        self,
        script: Script,
        box_frame: BoxFrame = "resized_pixels",
        hold: threading.Event | None = None,
    ) -> None:
        self.name = "scripted"
        self.box_frame = box_frame
        self.script = script
        self.hold = hold
        self.prompts: list[Conversation] = []
        self.unknown: tuple[str, ...] = ()
        self.entered = threading.Event()

    def settings(self) -> dict[str, Scalar]:
        return {"backend": "scripted"}

    def start(self) -> None:
        pass

    def status(self) -> ModelStatus:
        return ModelStatus(LoadState.READY, 1.0)

    def close(self) -> None:
        pass

    def unknown_words(self, text: str) -> tuple[str, ...]:
        return self.unknown

    def generate(self, messages: Conversation, control: Control, limits: Limits) -> Generation:
        self.prompts.append(messages)
        self.entered.set()
        while self.hold is not None and not self.hold.wait(0.005):
            control.check("the model")
        text = (
            self.script(messages) if callable(self.script) else self.script[len(self.prompts) - 1]
        )
        if limits.on_text:
            limits.on_text(text)
        sizes = tuple(_size(picture) for picture in pictures(messages))
        return Generation(text, 100, len(text.split()), 0.001, sizes)


def _size(picture: Picture) -> tuple[int, int]:
    height, width = picture.image.shape[:2]
    return width, height
