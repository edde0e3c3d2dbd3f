"""A model on a server that writes chains of thought, and what that costs."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from scene_r1_ros.control import Control
from scene_r1_ros.errors import BackendError, DeadlineError
from scene_r1_ros.reasoning.backends.base import Backend, Limits
from scene_r1_ros.reasoning.messages import Conversation, Message, Text
from scene_r1_ros.reasoning.model_frames import BoxFrame, box_to_image
from scene_r1_ros.reasoning.parsing import parse_answer
from scene_r1_ros.reasoning.sampling import Size

from ..examples.example import Example
from ..examples.render import Renderer
from ..examples.said_boxes import with_boxes
from ..rewards.texts import strict_parts
from .settings import CotConfig

_VIEW = re.compile(r'"view"\s*:\s*(\d+)')


@dataclass
class Cost:
    """Tokens of a run so far."""

    tokens_in: int = 0
    tokens_out: int = 0
    requests: int = 0

    def price(self, config: CotConfig) -> float:
        """In whatever currency the settings are."""
        return (self.tokens_in * config.price_in + self.tokens_out * config.price_out) / 1e6


@dataclass
class ServerWriter:
    """Asks a model for chains (as the robot would ask) and for its answer from a chain alone."""

    backend: Backend
    renderer: Renderer
    config: CotConfig
    cost: Cost

    def write(self, example: Example) -> str:
        """One chain, its boxes in pixels of the original images.

        Raises:
            BackendError, ModelAbsentError, DeadlineError: if the server fails.
        """
        messages = self.renderer.conversation(example)
        text, sizes = self._ask(messages, self.config.temperature)
        return in_original_pixels(text, sizes, self.backend.box_frame, example)

    def answer_again(self, text: str, example: Example) -> str:
        """The answer that the same model gives from the reasoning alone, without images."""
        parts = strict_parts(text)
        assert parts is not None
        forms = {
            "temporal": "START to END in seconds with one decimal, or not found",
            "image": "not found, or the object's name",
            "answer": "few words",
        }
        question = (
            f'Query: "{example.query}"\nSomebody looked and reasoned: "{parts[0]}"\nYou see no '
            f"image. What follows from this reasoning? Answer <answer>{forms[example.stage]}"
            "</answer>."
        )
        said, _ = self._ask((Message("user", (Text(question),)),), 0.0)
        return parse_answer(said) or ""

    def _ask(self, messages: Conversation, temperature: float) -> tuple[str, tuple[Size, ...]]:
        control = Control.within(self.config.timeout)
        limits = Limits(max_new_tokens=self.config.max_new_tokens, temperature=temperature)
        self.cost.requests += 1
        reply = self.backend.generate(messages, control, limits)
        self.cost.tokens_in += reply.tokens_in
        self.cost.tokens_out += reply.tokens_out
        return reply.text, reply.image_sizes


TRANSIENT = (BackendError, DeadlineError)
"""A server's failure over one example; anything else ends the run."""


def in_original_pixels(text: str, sizes: Sequence[Size], frame: BoxFrame, example: Example) -> str:
    """The chain with its boxes converted from what the model saw."""
    if example.stage != "image" or not sizes:
        return text
    named = _VIEW.search(text)
    view = min(max(int(named[1]), 1), len(sizes)) if named and len(sizes) > 1 else 1

    def convert(said: str) -> list[float] | None:
        try:
            numbers = [float(v) for v in json.loads(f"[{said}]")]
            x0, y0, x1, y1 = box_to_image(
                (numbers[0], numbers[1], numbers[2], numbers[3]),
                frame, sizes[view - 1], example.image_size,
            )  # fmt: skip
        except (ValueError, TypeError, IndexError):
            return None
        return [round(v) for v in (x0, y0, x1, y1)]

    return with_boxes(text, convert)
