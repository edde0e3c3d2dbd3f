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
    """Runs a session's steps; when the GPU is full the session moves to the CPU and repeats.

    A step that ran out of memory left the session as it was, or repeats to the same result, so
    nothing that was tracked is lost. ``mode`` is that of ``on_out_of_memory``.
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
        try:
            return step()
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            if self._session.engine.device.type == "cpu" or self._mode != "cpu":
                raise OutOfMemoryError(
                    f"memory of {self._session.engine.device} ran out while tracking; set a "
                    f"smaller image_size (now {self._session.engine.image_size}) or a smaller "
                    "model."
                ) from error
        # Outside the handler: the exception's traceback would keep the tensors alive.
        import torch

        torch.cuda.empty_cache()
        self._session.to(torch.device("cpu"))
        self._tell("the GPU's memory ran out; tracking goes on on the CPU, more slowly")
        return step()


def is_out_of_memory(error: BaseException) -> bool:
    """Whether torch raised ``error`` for want of memory, on a GPU or on the CPU."""
    import torch

    return isinstance(error, torch.OutOfMemoryError) or (
        isinstance(error, RuntimeError) and "can't allocate memory" in str(error)
    )
