"""Requests whose masks and object come from other nodes: wait for the answer, or say why none."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from scene_r1_msgs.msg import GroundedObject, StageStatus

from ..control import Control
from ..errors import SceneR1Error, error_from_code

STAGES = {
    StageStatus.GROUNDING: "grounding",
    StageStatus.TRACKING: "tracking",
    StageStatus.LIFTING: "lifting",
}
_POLL = 0.2


@dataclass
class PendingRequest:
    """One request on its way through the other nodes."""

    query_id: str
    control: Control
    seconds: dict[str, float] = field(default_factory=dict)
    _answered: threading.Event = field(default_factory=threading.Event)
    _object: GroundedObject | None = None
    _error: SceneR1Error | None = None
    _lifted: threading.Event = field(default_factory=threading.Event)

    def wait(self, still_possible: Callable[[], None]) -> GroundedObject:
        """The object, once it is there.

        ``still_possible`` is called now and then and raises if nobody will answer any more.

        Raises:
            SceneR1Error: what a stage reported.
            CancelledError, DeadlineError: from the request's control.
        """
        while not self._answered.wait(_POLL):
            self.control.check("the request")
            still_possible()
        if self._error is not None:
            raise self._error
        assert self._object is not None
        # The last stage's seconds come by another topic, a moment after the object.
        self._lifted.wait(_POLL)
        return self._object

    def note_done(self, stage: int, seconds: float) -> None:
        """A stage has ended well after this many seconds."""
        self.seconds[STAGES.get(stage, "request")] = seconds
        if stage == StageStatus.LIFTING:
            self._lifted.set()

    def resolve(self, item: GroundedObject) -> None:
        """The object is there."""
        self._object = item
        self._answered.set()

    def fail(self, error: SceneR1Error) -> None:
        """There will be no object."""
        if not self._answered.is_set():
            self._error = error
            self._answered.set()


class PendingRequests:
    """Pending requests by query id, fed from the ``objects`` and ``stage_status`` topics."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: dict[str, PendingRequest] = {}

    def open(self, query_id: str, control: Control) -> PendingRequest:
        """Start to listen for this query."""
        request = PendingRequest(query_id, control)
        with self._lock:
            self._requests[query_id] = request
        return request

    def close(self, request: PendingRequest) -> None:
        """Cease to listen."""
        with self._lock:
            self._requests.pop(request.query_id, None)

    def cancel_all(self) -> None:
        """Ask every request to stop."""
        with self._lock:
            requests = list(self._requests.values())
        for request in requests:
            request.control.cancel()

    def on_objects(self, msg: Any) -> None:
        """Callback of the ``objects`` topic."""
        for item in msg.objects:
            request = self._get(item.query_id)
            if request is not None:
                request.resolve(item)

    def on_status(self, msg: StageStatus) -> None:
        """Callback of the ``stage_status`` topic."""
        request = self._get(msg.query_id)
        if request is None:
            return
        stage = STAGES.get(msg.stage, "request")
        if msg.state == StageStatus.DONE:
            request.note_done(msg.stage, float(msg.seconds))
        elif msg.state == StageStatus.RUNNING:
            request.control.progress(stage, float(msg.progress), msg.message)
        elif msg.state in (StageStatus.FAILED, StageStatus.CANCELLED):
            request.fail(error_from_code(msg.error_code, msg.message))

    def _get(self, query_id: str) -> PendingRequest | None:
        with self._lock:
            return self._requests.get(query_id)
