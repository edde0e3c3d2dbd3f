"""Language over ROS: the services ``ground`` and ``answer``, and the action ``ground_action``."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import TYPE_CHECKING, Any, TypeVar

from rclpy.action import ActionServer, CancelResponse, GoalResponse
from rclpy.clock import Clock, ClockType
from scene_r1_msgs.action import Ground
from scene_r1_msgs.msg import StageStatus
from scene_r1_msgs.srv import AnswerQuestion, GroundQuery

from ..control import Control
from ..errors import (
    AmbiguousError,
    ModelAbsentError,
    NotActiveError,
    NotFoundError,
    RequestError,
    SceneR1Error,
)
from ..frames import WindowSnapshot
from ..reasoning import Grounding
from ..reasoning.backends import LoadState, ModelStatus
from ..reasoning.build import make_reasoner
from ..reasoning.reasoner import TwoStageReasoner
from ..reasoning.trace import QueryTrace, new_query_id
from .conversions import grounding_to_msg, ns_to_stamp, stage_seconds, stamp_to_ns
from .node_base import succeed
from .worker import Worker

if TYPE_CHECKING:
    from .grounding_node import GroundingNode

T = TypeVar("T")
_POLL = 0.1
_LOADING_PERIOD = 2.0
# Share of the whole that each stage's end stands for, in an action's feedback.
_PROGRESS = {
    Ground.Feedback.TEMPORAL: (0.0, 0.35),
    Ground.Feedback.IMAGE: (0.35, 0.65),
    Ground.Feedback.TRACKING: (0.65, 0.9),
    Ground.Feedback.LIFTING: (0.9, 1.0),
}


class QueryApi:
    """The language half of the grounding node: one reasoner, one worker, a bounded queue."""

    def __init__(
        self, node: GroundingNode, reasoner: TwoStageReasoner | None, pending: int
    ) -> None:
        self._node = node
        self._absent: ModelAbsentError | None = None
        self.reasoner = reasoner
        if reasoner is None:
            try:
                self.reasoner = make_reasoner(node.settings)
            except ModelAbsentError as error:
                self._absent = error
        self.worker = Worker("the reasoner", pending)
        self._goals: dict[bytes, Control] = {}
        self._told: Any = None
        self._lock = threading.Lock()
        self._services = [
            node.serve(GroundQuery, "ground", self._ground),
            node.serve(AnswerQuestion, "answer", self._answer),
        ]
        self._action = ActionServer(
            node,
            Ground,
            "ground_action",
            execute_callback=self._execute,
            goal_callback=lambda _: GoalResponse.ACCEPT,
            cancel_callback=self._cancel_goal,
            callback_group=node.requests_group,
        )

    def start(self) -> None:
        """Begin to load the model, in the background."""
        if self.reasoner is not None:
            self._node.get_logger().info(f"model: {self.reasoner.backend.name}")
            self.reasoner.backend.start()
            self._forget_timer()
            self._told = self._node.create_timer(
                _LOADING_PERIOD, self._tell_loading, clock=Clock(clock_type=ClockType.STEADY_TIME)
            )
        else:
            self._node.get_logger().warning(str(self._absent))

    def status(self) -> ModelStatus:
        """How far the model is."""
        if self.reasoner is None:
            return ModelStatus(LoadState.FAILED, 0.0, str(self._absent))
        return self.reasoner.backend.status()

    def _tell_loading(self) -> None:
        status, log = self.status(), self._node.get_logger()
        if status.state is LoadState.LOADING:
            log.info(f"loading the model: {100 * status.fraction:.0f} %, {status.text}")
            return
        if status.state is LoadState.FAILED:
            log.error(status.text)
        elif status.state is LoadState.READY:
            log.info("the model is ready")
        self._forget_timer()

    def _forget_timer(self) -> None:
        if self._told is not None:
            self._node.destroy_timer(self._told)
            self._told = None

    def cancel_all(self) -> None:
        """Cancel every goal."""
        with self._lock:
            controls = list(self._goals.values())
        for control in controls:
            control.cancel()

    def close(self) -> None:
        """End the services and the worker, and free the model."""
        self._forget_timer()
        for service in self._services:
            self._node.destroy_service(service)
        self._action.destroy()
        self.worker.close()
        if self.reasoner is not None:
            self.reasoner.backend.close()

    # -- ground

    def _ground(self, request: Any, response: Any) -> None:
        self._serve_ground(request, response, self._node.control_for(request.timeout))

    def _serve_ground(self, request: Any, response: Any, control: Control) -> None:
        """Fill a GroundQuery response or a Ground result; they have the same fields."""
        started = time.monotonic()
        query_id = new_query_id()
        response.grounding.query_id, response.grounding.query = query_id, request.query
        seconds: dict[str, float] = {}
        try:
            reasoner = self._model()
            window = self._window(request)
            grounding, trace = self._work(
                query_id,
                control,
                lambda: reasoner.ground_traced(window, request.query, control, query_id=query_id),
            )
            seconds.update(_model_seconds(trace))
            camera = window.nearest(grounding.anchor_stamp_ns).frame_id
            response.grounding = grounding_to_msg(grounding, query_id, camera)
            if not grounding.found:
                self._node.groundings.publish(response.grounding)
                raise abstention(grounding)
            response.object, lifted = self._node.lift_grounding(
                grounding, query_id, camera, control
            )
            seconds.update(lifted)
            succeed(response)
        finally:
            response.seconds = stage_seconds(seconds, started)

    def _execute(self, goal: Any) -> Any:
        result = Ground.Result()
        key = bytes(goal.goal_id.uuid)
        control = Control(on_progress=_feedback(goal))
        with self._lock:
            self._goals[key] = control
        try:
            if not self._node.active:
                raise NotActiveError(self._node.inactive_reason())
            control.deadline = self._node.control_for(goal.request.timeout).deadline
            if goal.is_cancel_requested:
                control.cancel()
            self._serve_ground(goal.request, result, control)
            goal.succeed()
        except Exception as error:
            result.error_code, result.message = self._node.explain(error, "ground_action")
            if goal.is_cancel_requested and control.cancelled:
                goal.canceled()
            else:
                goal.abort()
        finally:
            with self._lock:
                del self._goals[key]
        return result

    def _cancel_goal(self, goal: Any) -> CancelResponse:
        with self._lock:
            control = self._goals.get(bytes(goal.goal_id.uuid))
        if control is not None:
            control.cancel()
        return CancelResponse.ACCEPT

    # -- answer

    def _answer(self, request: Any, response: Any) -> None:
        started = time.monotonic()
        control = self._node.control_for(request.timeout)
        query_id = new_query_id()
        reasoner = self._model()
        window = self._window(request)
        answer, trace = self._work(
            query_id,
            control,
            lambda: reasoner.answer_traced(window, request.question, control, query_id=query_id),
        )
        response.query_id = query_id
        response.answer = answer.text
        response.rationale = answer.rationale
        response.span_start = ns_to_stamp(answer.span[0])
        response.span_end = ns_to_stamp(answer.span[1])
        response.evidence_stamps = [ns_to_stamp(stamp) for stamp in answer.evidence_stamps_ns]
        response.confidence = float(answer.confidence)
        response.seconds = stage_seconds(_model_seconds(trace), started)
        succeed(response)

    # -- what both need

    def _model(self) -> TwoStageReasoner:
        if self.reasoner is None:
            assert self._absent is not None
            raise self._absent
        return self.reasoner

    def _window(self, request: Any) -> WindowSnapshot:
        start, end = stamp_to_ns(request.window_start), stamp_to_ns(request.window_end)
        if start and end and end < start:
            raise RequestError(
                f"window_end {end / 1e9:.3f} s lies before window_start {start / 1e9:.3f} s."
            )
        return self._node.window.snapshot(start or None, end or None, passing="none")

    def _work(self, query_id: str, control: Control, work: Callable[[], T]) -> T:
        """Run the model's part in its own thread and wait, never longer than ``control`` says."""

        def job() -> T:
            self._node.tell(query_id, StageStatus.RUNNING)
            return work()

        self._node.tell(query_id, StageStatus.QUEUED)
        future: Future[T] = self.worker.submit(query_id, job, control)
        started = time.monotonic()
        try:
            value = _wait(future, control)
        except SceneR1Error as error:
            self._node.tell(query_id, StageStatus.FAILED, error, time.monotonic() - started)
            raise
        self._node.tell(query_id, StageStatus.DONE, seconds=time.monotonic() - started)
        return value


def abstention(grounding: Grounding) -> SceneR1Error:
    """The error that an answer without an object is reported as: not found, or ambiguous."""
    if grounding.candidates > 1:
        return AmbiguousError(
            grounding.reason or f"{grounding.candidates} objects fit {grounding.query!r}."
        )
    return NotFoundError(grounding.reason or f"{grounding.query!r} is not in the window.")


def _wait(future: Future[T], control: Control) -> T:
    while True:
        try:
            return future.result(timeout=_POLL)
        except FutureTimeoutError:
            try:
                control.check("the reasoner")
            except SceneR1Error:
                future.cancel()
                raise


def _model_seconds(trace: QueryTrace) -> dict[str, float]:
    seconds = dict(trace.seconds)
    temporal = seconds.pop("temporal", 0.0)
    return {"temporal": temporal, "image": sum(seconds.values())}


def _feedback(goal: Any) -> Callable[[str, float, str], None]:
    thought = ""

    def report(stage: str, fraction: float, text: str) -> None:
        nonlocal thought
        if stage not in _PROGRESS:
            return
        low, high = _PROGRESS[stage]
        if stage in (Ground.Feedback.TEMPORAL, Ground.Feedback.IMAGE):
            thought = text or thought
        goal.publish_feedback(
            Ground.Feedback(
                stage=stage,
                progress=float(low + (high - low) * fraction),
                partial_rationale=thought,
            )
        )

    return report
