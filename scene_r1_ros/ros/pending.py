"""Requests whose masks and object come from other nodes: wait for the answer, or say why none."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from scene_r1_msgs.msg import GroundedObject, StageStatus

from ..control import Control
from ..errors import BusyError, NotActiveError, SceneR1Error, error_from_code
from .stage import BEAT_SECONDS

STAGES = {
    StageStatus.GROUNDING: "grounding",
    StageStatus.TRACKING: "tracking",
    StageStatus.LIFTING: "lifting",
}
_POLL = 0.2
# A stage that is alive is heard of every BEAT_SECONDS; a busy machine may delay it.
_SILENCE = 5 * BEAT_SECONDS
_UNHEARD = 0.7


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
    _quiet: float = 0.0
    _taken_up: bool = False

    def wait(
        self, still_possible: Callable[[], None], tell_again: Callable[[], None]
    ) -> GroundedObject:
        """The object, once it is there.

        ``still_possible`` is called now and then and raises if nobody will answer any more;
        ``tell_again`` repeats the request while no stage has taken it up, since a node that is
        being discovered misses what is told to it.

        Raises:
            SceneR1Error: what a stage reported.
            NotActiveError: if no stage is heard of any more; a killed process cannot say so.
            CancelledError, DeadlineError: from the request's control.
        """
        while not self._answered.wait(_POLL):
            self.control.check("the request")
            still_possible()
            # Counted in polls, so that a time in which this process stood still is not silence.
            self._quiet += _POLL
            if not self._taken_up and self._quiet > _UNHEARD:
                tell_again()
            if self._quiet > _SILENCE:
                silent = "lifting" if "tracking" in self.seconds else "tracking"
                raise NotActiveError(
                    f"the {silent} node has said nothing about the request for {_SILENCE:g} s; if "
                    f"it was killed, start `ros2 run scene_r1_ros {silent}_node` and ask again."
                )
        if self._error is not None:
            raise self._error
        assert self._object is not None
        # The last stage's seconds come by another topic, a moment after the object.
        self._lifted.wait(_POLL)
        return self._object

    def heard(self) -> None:
        """A stage that works on the request is alive."""
        self._quiet = 0.0
        self._taken_up = True

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

    def open(self, query_id: str, control: Control, limit: int) -> PendingRequest:
        """Start to listen for this query.

        Raises:
            BusyError: if ``limit`` requests are open already.
        """
        request = PendingRequest(query_id, control)
        with self._lock:
            if len(self._requests) >= limit:
                raise BusyError(
                    f"{len(self._requests)} requests are being served, as many as this node "
                    "takes; ask again in a moment."
                )
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
        if msg.stage != StageStatus.GROUNDING:
            request.heard()
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
