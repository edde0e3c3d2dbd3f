"""One stage of a query in a node: its worker, its status messages, its cancellation."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable

from rclpy.clock import Clock, ClockType
from scene_r1_msgs.msg import StageStatus

from ..control import Control
from ..errors import CancelledError, NotActiveError, SceneR1Error
from .conversions import header
from .node_base import RELIABLE, SceneNode
from .worker import Worker

TOPIC = "stage_status"
BEAT_SECONDS = 1.0
"""A query in a stage's hands is heard of at least this often, or its node is gone."""
_PROGRESS_INTERVAL = 0.1
_REMEMBERED = 256


class Stage:
    """Runs a node's share of each query and tells the graph how it fares.

    Also listens to ``stage_status``: a query that was cancelled anywhere is cancelled here, and
    ``on_cancelled`` is told. ``gathering`` names the queries that the node has in hand before
    their work is queued.
    """

    def __init__(
        self,
        node: SceneNode,
        number: int,
        name: str,
        pending: int,
        *,
        gathering: Callable[[], Iterable[str]] = tuple,
        on_cancelled: Callable[[str], None] = lambda query_id: None,
    ) -> None:
        self._node = node
        self._number = number
        self._gathering = gathering
        self._on_cancelled = on_cancelled
        self._worker = Worker(name, pending)
        self._latest: dict[str, tuple[float, str]] = {}
        self._known: deque[str] = deque(maxlen=_REMEMBERED)
        self._publisher = node.create_publisher(StageStatus, TOPIC, RELIABLE)
        self._subscription = node.subscribe(
            StageStatus, TOPIC, self._on_status, RELIABLE, callback_group=node.requests_group
        )
        self._timer = node.create_timer(
            BEAT_SECONDS,
            self._beat,
            callback_group=node.requests_group,
            clock=Clock(clock_type=ClockType.STEADY_TIME),  # ROS time may stand still
        )

    def run(self, query_id: str, work: Callable[[Control], None]) -> None:
        """Queue ``work``; whatever it raises becomes the stage's status.

        A query that this stage has had before is the same one told again; it is not run twice.
        """
        if query_id in self._known:
            return
        self._known.append(query_id)
        if not self._node.active:
            self.fail(query_id, NotActiveError(self._node.inactive_reason()))
            return
        control = Control(on_progress=self._progress(query_id))
        started = time.monotonic()

        def job() -> None:
            try:
                control.check(self._worker.name)
                self._latest[query_id] = (0.0, "")
                self.publish(query_id, StageStatus.RUNNING)
                work(control)
            except CancelledError as error:
                gone = None if self._node.active else NotActiveError(self._node.inactive_reason())
                self.fail(query_id, gone or error, time.monotonic() - started)
            except Exception as error:
                self.fail(query_id, error, time.monotonic() - started)
            else:
                seconds = time.monotonic() - started
                self.publish(query_id, StageStatus.DONE, progress=1.0, seconds=seconds)
            finally:
                self._latest.pop(query_id, None)

        try:
            self._worker.submit(query_id, job, control)
        except SceneR1Error as error:
            self.fail(query_id, error)

    def fail(self, query_id: str, error: BaseException, seconds: float = 0.0) -> None:
        """Report that this stage will give nothing for the query."""
        code, message = self._node.explain(error, f"query {query_id}")
        cancelled = isinstance(error, CancelledError)
        state = StageStatus.CANCELLED if cancelled else StageStatus.FAILED
        self._node.get_logger().warning(f"query {query_id}: {message}")
        self.publish(query_id, state, code=code, message=message, seconds=seconds)

    def publish(
        self,
        query_id: str,
        state: int,
        progress: float = 0.0,
        code: int = 0,
        message: str = "",
        seconds: float = 0.0,
    ) -> None:
        """One status message of this stage."""
        if not self._node.context.ok():
            return
        self._publisher.publish(
            StageStatus(
                header=header(self._node.get_clock().now().nanoseconds, ""),
                query_id=query_id,
                stage=self._number,
                state=state,
                progress=float(progress),
                error_code=code,
                message=message,
                seconds=float(seconds),
            )
        )

    def cancel_all(self) -> None:
        """Cancel what runs and what waits; each query is told so."""
        self._worker.cancel_all()

    def close(self) -> None:
        """Cancel what runs and wait for its end."""
        self._worker.close()
        self._node.destroy_timer(self._timer)
        self._node.destroy_subscription(self._subscription)
        self._node.destroy_publisher(self._publisher)

    def _on_status(self, msg: StageStatus) -> None:
        if msg.state == StageStatus.CANCELLED and msg.stage != self._number:
            self._worker.cancel(msg.query_id)
            self._on_cancelled(msg.query_id)

    def _beat(self) -> None:
        for query_id in {*self._worker.jobs(), *self._gathering()}:
            running = self._latest.get(query_id)
            state = StageStatus.QUEUED if running is None else StageStatus.RUNNING
            progress, message = running or (0.0, "")
            self.publish(query_id, state, progress=progress, message=message)

    def _progress(self, query_id: str) -> Callable[[str, float, str], None]:
        last = 0.0

        def report(stage: str, fraction: float, text: str) -> None:
            nonlocal last
            self._latest[query_id] = (fraction, text)
            now = time.monotonic()
            if now - last >= _PROGRESS_INTERVAL:
                last = now
                self.publish(query_id, StageStatus.RUNNING, progress=fraction, message=text)

        return report
