"""One function over many items: in this process, in several, or over a Ray cluster.

The function and its items are the same for every engine, so what ran on a laptop runs on a
cluster. The function must be importable (module level) and its items picklable.
"""

from __future__ import annotations

import concurrent.futures as futures
import multiprocessing
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from scene_r1_ros.errors import ConfigError, SceneR1Error

Item = TypeVar("Item")
Result = TypeVar("Result")

ENGINES = ("local", "ray")


@dataclass(frozen=True)
class Outcome(Generic[Item, Result]):
    """What became of one item: a result, or the error that it ended with."""

    item: Item
    result: Result | None
    error: str = ""

    @property
    def ok(self) -> bool:
        """Whether there is a result."""
        return not self.error


def run_each(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    *,
    engine: str = "local",
    jobs: int = 1,
    address: str | None = None,
) -> Iterator[Outcome[Item, Result]]:
    """Outcomes in order of completion; an item that fails does not end the others.

    ``jobs`` is how many run at a time (on Ray: how many are in flight). ``address`` joins a
    running Ray cluster; without it a local one is started, and ended again.

    Raises:
        ConfigError: for an unknown engine or less than one job.
    """
    if jobs < 1:
        raise ConfigError(f"jobs = {jobs}: must be 1 or more.")
    if engine not in ENGINES:
        raise ConfigError(f"engine = {engine!r}: choose one of {', '.join(ENGINES)}.")
    if engine == "ray":
        yield from _run_ray(function, items, jobs, address)
    elif jobs == 1:
        for item in items:
            yield _call(function, item)
    else:
        yield from _run_processes(function, items, jobs)


def _call(function: Callable[[Item], Result], item: Item) -> Outcome[Item, Result]:
    try:
        return Outcome(item, function(item))
    except SceneR1Error as error:
        return Outcome(item, None, str(error))
    except (OSError, ValueError, ArithmeticError, LookupError, TypeError, RuntimeError) as error:
        return Outcome(item, None, f"{type(error).__name__}: {error}")


def _run_processes(
    function: Callable[[Item], Result], items: Iterable[Item], jobs: int
) -> Iterator[Outcome[Item, Result]]:
    # Not fork: threads of image and ray casting libraries do not survive it.
    context = multiprocessing.get_context("spawn")
    pool = futures.ProcessPoolExecutor(
        jobs, mp_context=context, initializer=_begin_worker, initargs=(jobs,)
    )
    waiting: dict[futures.Future[Outcome[Item, Result]], Item] = {}
    try:
        for item in items:
            waiting[pool.submit(_call, function, item)] = item
            if len(waiting) >= 2 * jobs:
                yield from _drain(waiting, futures.FIRST_COMPLETED)
        yield from _drain(waiting, futures.ALL_COMPLETED)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _begin_worker(jobs: int) -> None:
    """Share the cores with the other workers, and end when the run is killed.

    Libraries that start a thread for each core in each worker wait for each other instead: two
    workers on two cores were several times slower than one.
    """
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // jobs)))
    parent = multiprocessing.parent_process()

    def watch() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _drain(waiting: dict[futures.Future[Any], Any], until: str) -> Iterator[Outcome[Any, Any]]:
    while waiting:
        done, _ = futures.wait(waiting, return_when=futures.FIRST_COMPLETED)
        for future in done:
            item = waiting.pop(future)
            try:
                yield future.result()
            except futures.process.BrokenProcessPool:
                yield Outcome(item, None, "its worker process died (out of memory?)")
        if until == futures.FIRST_COMPLETED:
            return


def _run_ray(
    function: Callable[[Item], Result], items: Iterable[Item], jobs: int, address: str | None
) -> Iterator[Outcome[Item, Result]]:
    import ray

    started = not ray.is_initialized()
    if started:
        local = {"num_cpus": jobs, "include_dashboard": False} if address is None else {}
        ray.init(address=address, log_to_driver=False, logging_level="error", **local)
    remote = ray.remote(num_cpus=1)(_call)
    waiting: dict[Any, Item] = {}

    def collect(block_until_free: bool) -> Iterator[Outcome[Item, Result]]:
        while waiting:
            done, _ = ray.wait(list(waiting), num_returns=1)
            item = waiting.pop(done[0])
            try:
                yield ray.get(done[0])
            except ray.exceptions.RayError as error:
                yield Outcome(item, None, f"Ray: {str(error).splitlines()[0]}")
            if block_until_free:
                return

    try:
        for item in items:
            waiting[remote.remote(function, item)] = item
            if len(waiting) >= 2 * jobs:
                yield from collect(block_until_free=True)
        yield from collect(block_until_free=False)
    finally:
        for reference in waiting:
            ray.cancel(reference, force=True)
        if started:
            ray.shutdown()
