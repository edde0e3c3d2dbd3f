"""Work beside the executor: one thread, a bounded queue, an answer for everyone."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from ..control import Control
from ..errors import BusyError

T = TypeVar("T")


class Worker:
    """Runs one job at a time; up to ``pending`` more may wait."""

    def __init__(self, name: str, pending: int) -> None:
        self.name = name
        self._limit = pending + 1
        self._lock = threading.Lock()
        self._controls: dict[str, Control] = {}
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)

    @property
    def places(self) -> int:
        """Jobs that may run or wait at a time."""
        return self._limit

    @property
    def busy(self) -> int:
        """Jobs running or waiting."""
        return len(self._controls)

    def submit(self, job_id: str, work: Callable[[], T], control: Control) -> Future[T]:
        """Queue ``work``; ``control`` is what :meth:`cancel` reaches it by.

        Raises:
            BusyError: if the queue is full.
        """
        with self._lock:
            if len(self._controls) >= self._limit:
                raise BusyError(
                    f"{self.name} is busy with {len(self._controls)} requests, as many as it "
                    "takes; ask again in a moment."
                )
            self._controls[job_id] = control
        future = self._pool.submit(work)
        future.add_done_callback(lambda _: self._done(job_id))
        return future

    def cancel(self, job_id: str) -> bool:
        """Ask one job to stop; False if there is none of this id."""
        with self._lock:
            control = self._controls.get(job_id)
        if control is not None:
            control.cancel()
        return control is not None

    def jobs(self) -> list[str]:
        """Ids of the jobs running or waiting."""
        with self._lock:
            return list(self._controls)

    def cancel_all(self) -> None:
        """Ask every job to stop."""
        with self._lock:
            controls = list(self._controls.values())
        for control in controls:
            control.cancel()

    def close(self) -> None:
        """Stop everything and wait for the job that runs."""
        self.cancel_all()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _done(self, job_id: str) -> None:
        with self._lock:
            self._controls.pop(job_id, None)
