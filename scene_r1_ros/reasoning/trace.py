"""The record of one query: what was asked and shown, what came back, what was chosen and why."""

from __future__ import annotations

import datetime
import re
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import RequestError, SceneR1Error
from ..frames import WindowSnapshot
from ..geometry import BoxXyxy
from .backends import Generation
from .messages import Conversation, Picture, Text
from .sampling import Size

VERSION = 1


def new_query_id() -> str:
    """A name for a query that sorts by time: ``20250131-142501-3f9a2c``."""
    now = datetime.datetime.now(datetime.timezone.utc)
    return f"{now:%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"


def checked_query_id(query_id: str) -> str:
    """``query_id`` if it can name a folder.

    Raises:
        RequestError: otherwise.
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", query_id):
        raise RequestError(
            f"{query_id!r} is no query id: letters, digits, dots, dashes and underscores only."
        )
    return query_id


@dataclass(frozen=True)
class TraceBox:
    """A box drawn on the ``image``-th picture of a call, in shares 0..1 of its sides."""

    image: int
    box: BoxXyxy
    label: str = ""


@dataclass(frozen=True)
class TraceCall:
    """One question to the model and its reply.

    ``prompt`` holds the turns; an image part names the key of a stored picture. ``outcome`` says
    what was read from the reply, or why it could not be used. ``about`` is what was asked for,
    where it is not the query but something that the query names.
    """

    stage: str
    attempt: int
    prompt: list[dict[str, Any]]
    stamps_ns: list[int]
    raw: str
    usable: bool
    outcome: str
    tokens_in: int
    tokens_out: int
    seconds: float
    image_sizes: list[Size]
    probability: float | None
    boxes: list[TraceBox]
    about: str = ""


@dataclass(frozen=True)
class TraceChoice:
    """One decision.

    ``by`` is model, ranking, geometry, rule or oracle; ``candidates`` are what there was, with
    scores.
    """

    what: str
    chosen: str
    by: str
    why: str = ""
    candidates: list[dict[str, Any]] = field(default_factory=list)


class QueryTrace:
    """Collects one query's record; images are kept until it is saved."""

    def __init__(
        self,
        kind: str,
        query: str,
        window: WindowSnapshot,
        model: Mapping[str, Any],
        settings: Mapping[str, Any],
        query_id: str | None = None,
    ) -> None:
        self.query_id = checked_query_id(query_id) if query_id else new_query_id()
        self.kind = kind
        self.query = query
        self.created = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
        camera = window.frames[0].intrinsics
        self.window = {
            "start_ns": window.start_ns,
            "end_ns": window.end_ns,
            "seconds": window.seconds,
            "frames": len(window.frames),
            "frame_size": [camera.width, camera.height],
        }
        self.model = dict(model)
        self.settings = dict(settings)
        self.calls: list[TraceCall] = []
        self.choices: list[TraceChoice] = []
        self.seconds: dict[str, float] = {}
        self.total_seconds = 0.0
        self.result: dict[str, Any] = {}
        self.error: dict[str, Any] | None = None
        self.images: dict[str, NDArray[np.uint8]] = {}
        self._keys: dict[int, str] = {}
        self._started = time.perf_counter()

    def add_call(
        self,
        stage: str,
        attempt: int,
        messages: Conversation,
        stamps_ns: Sequence[int],
        generation: Generation,
        usable: bool,
        outcome: str,
        boxes: Sequence[TraceBox] = (),
        about: str = "",
    ) -> None:
        """Record one question and its reply."""
        self.calls.append(
            TraceCall(
                stage=stage,
                attempt=attempt,
                prompt=[self._turn(m.role, m.parts) for m in messages],
                stamps_ns=list(stamps_ns),
                raw=generation.text,
                usable=usable,
                outcome=outcome,
                tokens_in=generation.tokens_in,
                tokens_out=generation.tokens_out,
                seconds=generation.seconds,
                image_sizes=list(generation.image_sizes),
                probability=generation.probability,
                boxes=list(boxes),
                about=about,
            )
        )

    def add_choice(
        self,
        what: str,
        chosen: str,
        by: str,
        why: str = "",
        candidates: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        """Record one decision."""
        self.choices.append(TraceChoice(what, chosen, by, why, [dict(c) for c in candidates]))

    def add_seconds(self, stage: str, seconds: float) -> None:
        """Wall time of a stage, its model's part included; several parts of one stage add up."""
        self.seconds[stage] = self.seconds.get(stage, 0.0) + seconds

    def finish(self, result: Any) -> None:
        """Record the result, a dataclass."""
        self.result = asdict(result)
        self._stop()

    def fail(self, error: BaseException) -> None:
        """Record that the query ended in an error."""
        code = error.code if isinstance(error, SceneR1Error) else SceneR1Error.code
        self.error = {"type": type(error).__name__, "code": code, "message": str(error)}
        self._stop()

    @property
    def model_seconds(self) -> float:
        """Time spent in the model."""
        return sum(call.seconds for call in self.calls)

    def to_json(self) -> dict[str, Any]:
        """The whole record without the pictures, ready for :func:`json.dumps`."""
        return {
            "version": VERSION,
            "query_id": self.query_id,
            "kind": self.kind,
            "query": self.query,
            "created": self.created,
            "window": self.window,
            "model": self.model,
            "settings": self.settings,
            "calls": [asdict(call) for call in self.calls],
            "choices": [asdict(choice) for choice in self.choices],
            "seconds": {
                **self.seconds,
                "model": self.model_seconds,
                "total": self.total_seconds,
            },
            "tokens": {
                "in": sum(call.tokens_in for call in self.calls),
                "out": sum(call.tokens_out for call in self.calls),
            },
            "result": self.result,
            "error": self.error,
        }

    def _stop(self) -> None:
        self.total_seconds = time.perf_counter() - self._started

    def _turn(self, role: str, parts: Sequence[Text | Picture]) -> dict[str, Any]:
        shown: list[dict[str, Any]] = []
        for part in parts:
            if isinstance(part, Text):
                shown.append({"text": part.text})
            else:
                shown.append({"image": self._key(part.image), "caption": part.caption})
        return {"role": role, "parts": shown}

    def _key(self, image: NDArray[np.uint8]) -> str:
        # The image is kept alive in self.images, so its id stays its own.
        if id(image) not in self._keys:
            key = f"{len(self.images):03d}"
            self._keys[id(image)] = key
            self.images[key] = image
        return self._keys[id(image)]
