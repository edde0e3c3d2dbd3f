"""Out of memory in the middle of a track: go on elsewhere, say so, lose nothing."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeVar

from ...errors import TrackingError
from .session import Sam2Session

logger = logging.getLogger(__name__)
T = TypeVar("T")


class OutOfMemoryError(TrackingError):
    """The device's memory ran out and the track cannot go on there."""


class Recovery:
    """Runs a session's steps; when the GPU is full, makes room and repeats.

    First the cached embeddings go, then the session moves to the CPU. A step that ran out of
    memory left the session as it was, or repeats to the same result, so nothing that was tracked
    is lost. ``mode`` is that of ``on_out_of_memory``.
    """

    def __init__(self, session: Sam2Session, mode: str, tell: Callable[[str], None]) -> None:
        self._session = session
        self._mode = mode
        self._tell = tell

    def __call__(self, step: Callable[[], T]) -> T:
        """``step``'s result.

        Raises:
            OutOfMemoryError: if there is nowhere to go on.
        """
        for free in (self._drop_embeddings, self._move_to_cpu):
            try:
                return step()
            except RuntimeError as error:
                if not is_out_of_memory(error):
                    raise
                failure = self._failure()
                failure.__cause__ = error.with_traceback(None)
            # Outside the handler: the exception's traceback would keep the tensors alive.
            if not free():
                raise failure
        try:
            return step()
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            raise self._failure() from error

    def _drop_embeddings(self) -> bool:
        if self._session.engine.device.type == "cpu":
            return False
        self._session.drop_embeddings()
        _empty_cache()
        return True

    def _move_to_cpu(self) -> bool:
        if self._mode != "cpu":
            return False
        import torch

        self._session.to(torch.device("cpu"))
        _empty_cache()
        self._tell("the GPU's memory ran out; tracking goes on on the CPU, more slowly")
        return True

    def _failure(self) -> OutOfMemoryError:
        engine = self._session.engine
        return OutOfMemoryError(
            f"memory of {engine.device} ran out while tracking; set a smaller image_size (now "
            f"{engine.image_size}) or a smaller model."
        )


def _empty_cache() -> None:
    import torch

    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def is_out_of_memory(error: BaseException) -> bool:
    """Whether torch raised ``error`` for want of memory, on a GPU or on the CPU."""
    import torch

    return isinstance(error, torch.OutOfMemoryError) or (
        isinstance(error, RuntimeError) and "can't allocate memory" in str(error)
    )
