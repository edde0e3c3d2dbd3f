"""For planners: ask the graph from Python, blocking with a time-out or with futures.

The client brings its own node and spins it in its own thread, so it may be called from anywhere,
also from inside another node's callback, without waiting for that node's executor::

    from scene_r1_ros.ros.client import GroundingClient

    with GroundingClient() as client:
        cabinet = client.ground("the blue cabinet")
        print(cabinet.object_id, cabinet.pose.position)
"""

from __future__ import annotations

import threading
import time
import uuid
from concurrent.futures import Future
from typing import Any

import rclpy
from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions
from scene_r1_msgs.action import Ground
from scene_r1_msgs.msg import GroundedObject
from scene_r1_msgs.srv import (
    AnswerQuestion,
    ClearWindow,
    ForgetObject,
    GetHealth,
    GroundQuery,
    ListObjects,
    TrackBox,
)

from ..closing import Closing
from ..control import Control
from ..errors import OK, CancelledError, DeadlineError, NotActiveError, error_from_code
from ..geometry import BoxXyxy
from .action_client import ThreadedActionClient
from .conversions import box2d_to_msg, ns_to_stamp, seconds_to_duration
from .node_base import SERVICES_QOS
from .spinning import SpinThread
from .transport import use_shared_memory_profile

DEFAULT_TIMEOUT = 60.0
# The service answers TIMEOUT itself; only a service that died needs the client's own deadline.
_GRACE = 2.0
_POLL = 0.02
_POLL_HEALTH = 0.2


class GroundingClient(Closing):
    """Calls the services of one scene_r1 graph.

    ``namespace`` is the graph's; ``discovery_timeout`` is how long to look for its services, in
    seconds. Close it, or use it in a ``with`` block.
    """

    def __init__(self, namespace: str = "/scene_r1", discovery_timeout: float = 5.0) -> None:
        use_shared_memory_profile()
        self.namespace = "/" + namespace.strip("/")
        self.discovery_timeout = discovery_timeout
        self._context = Context()
        rclpy.init(context=self._context, signal_handler_options=SignalHandlerOptions.NO)
        name = f"grounding_client_{uuid.uuid4().hex[:8]}"
        self.node = Node(name, context=self._context, namespace=self.namespace)
        executor = SingleThreadedExecutor(context=self._context)
        executor.add_node(self.node)
        self._clients: dict[str, Any] = {}
        self._action = ThreadedActionClient(self.node, Ground, f"{self.namespace}/ground_action")
        self._lock = threading.Lock()
        self._spinner = SpinThread(executor, "grounding-client")

    def close(self) -> None:
        """End the client's node; calls still under way fail."""
        self._spinner.close()
        self._action.destroy()
        self._context.try_shutdown()
        self.node.destroy_node()

    def track_box(
        self,
        box: BoxXyxy,
        stamp_ns: int = 0,
        label: str = "",
        timeout: float = DEFAULT_TIMEOUT,
    ) -> GroundedObject:
        """The 3D object in an image box (pixels) of the frame at ``stamp_ns`` (0 = latest).

        Raises:
            SceneR1Error: the subclass that belongs to the answer's code.
        """
        return self.track_box_async(box, stamp_ns, label, timeout).result().object

    def track_box_async(
        self,
        box: BoxXyxy,
        stamp_ns: int = 0,
        label: str = "",
        timeout: float = DEFAULT_TIMEOUT,
    ) -> Future[Any]:
        """As :meth:`track_box`, at once; the future's result is the whole response."""
        request = TrackBox.Request(
            stamp=ns_to_stamp(stamp_ns),
            box=box2d_to_msg(box),
            label=label,
            timeout=seconds_to_duration(timeout),
        )
        return self.call_async(TrackBox, "track_box", request, timeout)

    def ground(self, query: str, timeout: float = DEFAULT_TIMEOUT) -> GroundedObject:
        """The 3D object that ``query`` describes in what the camera has seen.

        Raises:
            NotFoundError, AmbiguousError: when the reasoner abstains; both are answers.
            SceneR1Error: the subclass that belongs to the failure's code.
        """
        return self.ground_async(query, timeout=timeout).result().object

    def ground_async(
        self, query: str, start_ns: int = 0, end_ns: int = 0, timeout: float = DEFAULT_TIMEOUT
    ) -> Future[Any]:
        """As :meth:`ground`, at once, in the part of the window between two stamps (0 = open)."""
        request = GroundQuery.Request(
            query=query,
            window_start=ns_to_stamp(start_ns),
            window_end=ns_to_stamp(end_ns),
            timeout=seconds_to_duration(timeout),
        )
        return self.call_async(GroundQuery, "ground", request, timeout)

    def ground_live(
        self, query: str, timeout: float = DEFAULT_TIMEOUT, control: Control | None = None
    ) -> Any:
        """As :meth:`ground` through the action: progress goes to ``control``, which may cancel.

        Returns the action's result: grounding, object, seconds.
        """
        control = control or Control()
        self._wait_for(self._action, "ground_action")
        goal = Ground.Goal(query=query, timeout=seconds_to_duration(timeout))
        handle = self._await(
            self._action.send_goal_async(goal, lambda msg: _report(msg.feedback, control)),
            timeout,
            "ground_action",
        )
        if not handle.accepted:
            raise NotActiveError(f"{self.namespace}/ground_action refused the goal.")
        try:
            result = self._await(handle.get_result_async(), timeout, "ground_action", control)
        except (CancelledError, KeyboardInterrupt):
            handle.cancel_goal_async()
            raise
        if result.result.error_code != OK:
            raise error_from_code(result.result.error_code, result.result.message)
        return result.result

    def answer(self, question: str, timeout: float = DEFAULT_TIMEOUT) -> str:
        """The answer to a question about what the camera has seen; raises as :meth:`ground`."""
        return str(self.answer_async(question, timeout=timeout).result().answer)

    def answer_async(
        self, question: str, start_ns: int = 0, end_ns: int = 0, timeout: float = DEFAULT_TIMEOUT
    ) -> Future[Any]:
        """As :meth:`answer`, at once; the future's result has rationale and evidence too."""
        request = AnswerQuestion.Request(
            question=question,
            window_start=ns_to_stamp(start_ns),
            window_end=ns_to_stamp(end_ns),
            timeout=seconds_to_duration(timeout),
        )
        return self.call_async(AnswerQuestion, "answer", request, timeout)

    def list_objects(self, label: str = "", include_stale: bool = True) -> list[GroundedObject]:
        """The objects in the memory, optionally only those with ``label``."""
        request = ListObjects.Request(label=label, include_stale=include_stale)
        return list(self.call(ListObjects, "list_objects", request, 5.0).objects)

    def forget_object(self, object_id: str) -> None:
        """Remove one object; raises UnknownObjectError if there is none of this id."""
        self.call(ForgetObject, "forget_object", ForgetObject.Request(object_id=object_id), 5.0)

    def forget_all(self) -> int:
        """Remove every object; returns how many there were."""
        request = ForgetObject.Request(all=True)
        return int(self.call(ForgetObject, "forget_object", request, 5.0).forgotten)

    def clear_window(self) -> int:
        """Drop every frame; returns how many there were."""
        return int(self.call(ClearWindow, "clear_window", ClearWindow.Request(), 5.0).frames)

    def health(self, timeout: float = 5.0) -> GetHealth.Response:
        """What is missing for a query to be served, if anything."""
        return self.call(GetHealth, "health", GetHealth.Request(), timeout)

    def call(self, kind: Any, name: str, request: Any, timeout: float) -> Any:
        """Call any service of the graph and wait for its answer; raises as it reports."""
        return self.call_async(kind, name, request, timeout).result()

    def call_async(self, kind: Any, name: str, request: Any, timeout: float) -> Future[Any]:
        """Call any service of the graph; the future fails as the service reports.

        Raises:
            NotActiveError: if the service does not appear within the discovery time-out.
        """
        client = self._client(kind, name)
        self._wait_for(client, name)
        answer: Future[Any] = Future()
        expiry = threading.Timer(
            timeout + _GRACE,
            lambda: _fail(
                answer,
                DeadlineError(
                    f"{self.namespace}/{name} did not answer within {timeout:g} s; is its node "
                    "still alive?"
                ),
            ),
        )
        expiry.daemon = True
        expiry.start()

        def done(future: Any) -> None:
            expiry.cancel()
            if future.exception() is not None:
                _fail(answer, future.exception())
                return
            response = future.result()
            if response.error_code != OK:
                _fail(answer, error_from_code(response.error_code, response.message))
            elif not answer.done():
                answer.set_result(response)

        client.call_async(request).add_done_callback(done)
        return answer

    def wait_until_ready(self, timeout: float = 30.0, model: bool = True) -> None:
        """Wait until a query would be served; without ``model``, until a box would be.

        Raises:
            NotActiveError: with the first unmet precondition and its remedy.
        """
        deadline = time.monotonic() + timeout
        while True:
            unmet = [
                status
                for status in self.health().diagnostics.status
                if status.level == DiagnosticStatus.ERROR
                and (model or not status.name.endswith(": model"))
            ]
            if not unmet:
                return
            if time.monotonic() >= deadline:
                raise NotActiveError(f"after {timeout:g} s: {unmet[0].name}: {unmet[0].message}")
            time.sleep(_POLL_HEALTH)

    def _wait_for(self, client: Any, name: str) -> None:
        wait = client.wait_for_server if client is self._action else client.wait_for_service
        if not wait(timeout_sec=self.discovery_timeout):
            raise NotActiveError(
                f"there is no {self.namespace}/{name} after {self.discovery_timeout:g} s; "
                "start the graph with `scene-r1 up`, and check ROS_DOMAIN_ID."
            )

    def _await(self, future: Any, timeout: float, name: str, control: Control | None = None) -> Any:
        deadline = time.monotonic() + timeout + _GRACE
        while not future.done():
            if control is not None and control.cancelled:
                control.check(name)
            if time.monotonic() > deadline:
                raise DeadlineError(
                    f"{self.namespace}/{name} did not answer within {timeout:g} s; is its node "
                    "still alive?"
                )
            time.sleep(_POLL)
        return future.result()

    def _client(self, kind: Any, name: str) -> Any:
        with self._lock:
            if name not in self._clients:
                self._clients[name] = self.node.create_client(
                    kind, f"{self.namespace}/{name}", qos_profile=SERVICES_QOS
                )
            return self._clients[name]


def _report(feedback: Ground.Feedback, control: Control) -> None:
    control.progress(feedback.stage, float(feedback.progress), feedback.partial_rationale)


def _fail(answer: Future[Any], error: BaseException) -> None:
    if not answer.done():
        answer.set_exception(error)
