"""One stage of a query in a node: its worker, its status messages, its cancellation."""

from __future__ import annotations

import time
from collections.abc import Callable

from scene_r1_msgs.msg import StageStatus

from ..control import Control
from ..errors import CancelledError, NotActiveError, SceneR1Error
from .conversions import header
from .node_base import RELIABLE, SceneNode
from .worker import Worker

TOPIC = "stage_status"
_PROGRESS_INTERVAL = 0.1


class Stage:
    """Runs a node's share of each query and tells the graph how it fares.

    Also listens to ``stage_status``: a query that was cancelled anywhere is cancelled here.
    """

    def __init__(self, node: SceneNode, number: int, name: str, pending: int) -> None:
        self._node = node
        self._number = number
        self._worker = Worker(name, pending)
        self._publisher = node.create_publisher(StageStatus, TOPIC, RELIABLE)
        self._subscription = node.create_subscription(
            StageStatus, TOPIC, self._on_status, RELIABLE, callback_group=node.requests_group
        )

    def run(self, query_id: str, work: Callable[[Control], None]) -> None:
        """Queue ``work``; whatever it raises becomes the stage's status."""
        if not self._node.active:
            self.fail(query_id, NotActiveError(self._node.inactive_reason()))
            return
        control = Control(on_progress=self._progress(query_id))
        started = time.monotonic()

        def job() -> None:
            try:
                control.check(self._worker.name)
                self.publish(query_id, StageStatus.RUNNING)
                work(control)
            except Exception as error:
                self.fail(query_id, error, time.monotonic() - started)
            else:
                seconds = time.monotonic() - started
                self.publish(query_id, StageStatus.DONE, progress=1.0, seconds=seconds)

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

    def close(self) -> None:
        """Cancel what runs and wait for its end."""
        self._worker.close()
        self._node.destroy_subscription(self._subscription)
        self._node.destroy_publisher(self._publisher)

    def _on_status(self, msg: StageStatus) -> None:
        if msg.state == StageStatus.CANCELLED and msg.stage != self._number:
            self._worker.cancel(msg.query_id)

    def _progress(self, query_id: str) -> Callable[[str, float, str], None]:
        last = 0.0

        def report(stage: str, fraction: float, text: str) -> None:
            nonlocal last
            now = time.monotonic()
            if now - last >= _PROGRESS_INTERVAL:
                last = now
                self.publish(query_id, StageStatus.RUNNING, progress=fraction, message=text)

        return report
