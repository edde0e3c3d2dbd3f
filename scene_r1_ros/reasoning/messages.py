"""Chat messages of text and images, and their form for chat templates."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Role = Literal["system", "user", "assistant"]


@dataclass(frozen=True)
class Text:
    """A piece of text in a message."""

    text: str


@dataclass(frozen=True, eq=False)
class Picture:
    """An image in a message.

    ``image`` is (H, W, 3) uint8 RGB for the backends; training may pass anything that its
    processor takes. ``caption`` says which frame it is, for the trace; the model never sees it.
    """

    image: Any
    caption: str = ""


Part = Text | Picture


@dataclass(frozen=True)
class Message:
    """One turn of the conversation."""

    role: Role
    parts: tuple[Part, ...]

    @property
    def text(self) -> str:
        """All text of the turn, one line a part."""
        return "\n".join(part.text for part in self.parts if isinstance(part, Text))


Conversation = tuple[Message, ...]


def pictures(messages: Sequence[Message]) -> list[Picture]:
    """The images of a conversation, in order."""
    return [part for part in _parts(messages) if isinstance(part, Picture)]


def to_chat(messages: Sequence[Message]) -> list[dict[str, Any]]:
    """The conversation as chat templates take it: images are ``{"type": "image"}`` markers.

    The images themselves go to the processor (or to TRL's ``images`` column) beside it, in the
    order of :func:`pictures`.
    """
    return [
        {
            "role": message.role,
            "content": [
                {"type": "text", "text": part.text} if isinstance(part, Text) else {"type": "image"}
                for part in message.parts
            ],
        }
        for message in messages
    ]


def _parts(messages: Sequence[Message]) -> Iterator[Part]:
    for message in messages:
        yield from message.parts
