"""Work that makes a backend ready, done in a thread, with progress and one clear failure."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from ...control import Control
from ...errors import ModelAbsentError, ModelLoadingError, SceneR1Error
from .base import Backend, LoadState, ModelStatus

log = logging.getLogger(__name__)

T = TypeVar("T")
Tell = Callable[[float, str], None]


class BackgroundLoad(Generic[T]):
    """Runs ``work(tell)`` once in a thread of its own and keeps what it returns or raises."""

    def __init__(self, name: str, work: Callable[[Tell], T]) -> None:
        self.name = name
        self._work = work
        self._lock = threading.Lock()
        self._state = LoadState.IDLE
        self._fraction, self._text = 0.0, "not started"
        self._value: T | None = None
        self._error: SceneR1Error | None = None
        self._started = 0.0

    def start(self) -> None:
        """Begin, or begin again after a failure; does nothing while loading or when ready."""
        with self._lock:
            if self._state in (LoadState.LOADING, LoadState.READY):
                return
            self._state, self._error = LoadState.LOADING, None
            self._fraction, self._text = 0.0, "starting"
            self._started = time.monotonic()
        threading.Thread(target=self._run, name=f"load {self.name}", daemon=True).start()

    def status(self) -> ModelStatus:
        """Where it is."""
        with self._lock:
            return ModelStatus(self._state, self._fraction, self._text)

    def get(self) -> T:
        """What was loaded; starts loading if nobody did.

        Raises:
            ModelLoadingError: while it loads, with progress.
            ModelAbsentError: if it failed.
        """
        self.start_if_idle()
        with self._lock:
            if self._error is not None:
                raise self._error
            if self._state is not LoadState.READY:
                raise ModelLoadingError(
                    f"{self.name} is still being loaded: {100 * self._fraction:.0f} %, "
                    f"{self._text}, {time.monotonic() - self._started:.0f} s so far; ask again."
                )
            return self._value  # type: ignore[return-value]

    def start_if_idle(self) -> None:
        """Begin unless it was begun before, well or not."""
        if self.status().state is LoadState.IDLE:
            self.start()

    def forget(self) -> None:
        """Drop what was loaded."""
        with self._lock:
            if self._state is LoadState.READY:
                self._state, self._value, self._text = LoadState.IDLE, None, "closed"

    def _run(self) -> None:
        try:
            value = self._work(self._tell)
        except SceneR1Error as error:
            self._failed(error)
        except BaseException as error:
            log.debug("loading %s failed", self.name, exc_info=True)
            self._failed(ModelAbsentError(f"{self.name} cannot be loaded: {one_line(error)}"))
        else:
            with self._lock:
                self._value, self._state = value, LoadState.READY
                self._fraction, self._text = 1.0, "ready"

    def _failed(self, error: SceneR1Error) -> None:
        with self._lock:
            self._state, self._error, self._text = LoadState.FAILED, error, str(error)

    def _tell(self, fraction: float, text: str) -> None:
        with self._lock:
            self._fraction, self._text = fraction, text


def wait_until_ready(backend: Backend, control: Control | None = None) -> None:
    """Start ``backend`` and wait until it can answer, reporting progress as stage "loading".

    Raises:
        ModelAbsentError: if it cannot be loaded or reached.
        DeadlineError, CancelledError: as ``control`` says.
    """
    control = control or Control()
    backend.start()
    told = None
    while True:
        status = backend.status()
        if status != told:
            control.progress("loading", status.fraction, status.text)
            told = status
        if status.state is LoadState.READY:
            return
        if status.state is LoadState.FAILED:
            raise ModelAbsentError(status.text)
        control.check("loading the model")
        time.sleep(0.05)


def one_line(error: BaseException, limit: int = 300) -> str:
    """The error's type and the first line of its message, for a sentence."""
    text = str(error).strip().split("\n")[0].strip()
    text = text if len(text) <= limit else text[: limit - 3] + "..."
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
