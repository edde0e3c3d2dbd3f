"""What the nodes share: settings as parameters, lifecycle with autostart, answers with codes."""

from __future__ import annotations

import contextlib
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy

from .. import errors
from ..config import Config, option
from ..errors import ConfigError, NotActiveError, SceneR1Error
from . import parameters

NAMESPACE = "scene_r1"
ConfigT = TypeVar("ConfigT", bound=Config)
# Requests that are open when a node is stopped get this long to be answered.
_ANSWERING = 2.0

RELIABLE = QoSProfile(depth=10, reliability=ReliabilityPolicy.RELIABLE)
# A track is published as fast as it can be; none of its masks may be lost.
MASKS_QOS = QoSProfile(depth=1000, reliability=ReliabilityPolicy.RELIABLE)
# Requests that come together all wait for a thread; of more than this many, some get no answer.
SERVICES_QOS = QoSProfile(depth=100, reliability=ReliabilityPolicy.RELIABLE)
# Every message counts (an object of its own, a deletion), so several may wait for a slow reader.
OBJECTS_QOS = QoSProfile(
    depth=10,
    reliability=ReliabilityPolicy.RELIABLE,
    durability=DurabilityPolicy.TRANSIENT_LOCAL,
)
LATCHED = QoSProfile(
    depth=1,
    reliability=ReliabilityPolicy.RELIABLE,
    durability=DurabilityPolicy.TRANSIENT_LOCAL,
)


@dataclass(frozen=True)
class NodeConfig(Config):
    """What every node has."""

    autostart: bool = option(True, "Configure and activate without a lifecycle manager.")


class SceneNode(LifecycleNode):
    """A lifecycle node with declared settings; the base of every node of this package.

    Subclasses override :meth:`setup` (configure), :meth:`start` (activate), :meth:`stop`
    (deactivate) and :meth:`teardown` (cleanup); what these raise fails the transition with the
    reason in the log and take away what was half made. Parameters are read at configuration.
    """

    def __init__(self, name: str, sections: parameters.Sections, **kwargs: Any) -> None:
        kwargs.setdefault("namespace", NAMESPACE)
        super().__init__(name, **kwargs)
        self._active = False
        self._configured = False
        self._serving = 0
        self._served = threading.Condition()
        self.requests_group = ReentrantCallbackGroup()
        parameters.declare(self, [("", NodeConfig), *sections])
        self._refuse_impossible_transitions()
        self._own = self._entities()

    # -- what subclasses fill in

    def setup(self) -> None:
        """Read settings, make publishers, subscriptions and services."""

    def start(self) -> None:
        """Begin to work."""

    def stop(self) -> None:
        """Cease to work; undoes :meth:`start`."""

    def teardown(self) -> None:
        """Undo :meth:`setup`."""

    # -- what subclasses use

    def settings(self, prefix: str, section: type[ConfigT]) -> ConfigT:
        """The settings of a section as the parameters have them now."""
        return parameters.read(self, prefix, section)

    @property
    def active(self) -> bool:
        """Whether the node is in the active state."""
        return self._active

    def serve(
        self, kind: Any, name: str, handler: Callable[[Any, Any], None], always: bool = False
    ) -> Any:
        """A service whose handler fills the response or raises; codes are set in this one place.

        Handlers may block: they run beside each other and beside everything else. Requests are
        refused while the node is not active, unless the service is for that moment (``always``).
        """

        def callback(request: Any, response: Any) -> Any:
            with self._served:
                self._serving += 1
            try:
                if not self._active and not always:
                    raise NotActiveError(self.inactive_reason())
                handler(request, response)
            except Exception as error:
                response.error_code, response.message = self.explain(error, name)
            finally:
                with self._served:
                    self._serving -= 1
                    self._served.notify_all()
            return response

        return self.create_service(
            kind,
            name,
            callback,
            qos_profile=SERVICES_QOS,
            callback_group=self.requests_group,
        )

    def subscribe(
        self, kind: Any, topic: str, handler: Callable[[Any], None], qos: Any, **kwargs: Any
    ) -> Any:
        """A subscription whose handler may raise: what cannot be used is reported, no more."""

        def callback(msg: Any) -> None:
            try:
                handler(msg)
            except Exception as error:
                _, message = self.explain(error, f"a message on {topic}")
                self.get_logger().warning(f"ignored a message on {topic}: {message}")

        return self.create_subscription(kind, topic, callback, qos, **kwargs)

    def check_topic(self, parameter: str, topic: str) -> None:
        """Raise ConfigError unless ``topic``, the parameter's value, can be a topic's name."""
        try:
            self.resolve_topic_name(topic)
        except Exception as error:
            reason = " ".join(str(error).split())
            raise ConfigError(f"{parameter} = {topic!r} cannot be a topic: {reason}") from error

    def inactive_reason(self) -> str:
        """Why a request is refused while the node is not active."""
        path = self.get_fully_qualified_name()
        return f"{path} is not active; run `ros2 lifecycle set {path} configure`, then `activate`."

    def explain(self, error: BaseException, what: str) -> tuple[int, str]:
        """Code and message of an error; unexpected ones go to the log in full."""
        if isinstance(error, SceneR1Error):
            return error.code, str(error)
        self.get_logger().error(f"{what} failed:\n{''.join(traceback.format_exception(error))}")
        return (
            SceneR1Error.code,
            f"{type(error).__name__}: {error}. This is a fault of the program; its log has more.",
        )

    def autostart(self) -> bool:
        """Configure and activate if the parameter says so; False if that failed."""
        if not self.settings("", NodeConfig).autostart:
            return True
        success = TransitionCallbackReturn.SUCCESS
        return self.trigger_configure() == success and self.trigger_activate() == success

    # -- lifecycle

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        def configure() -> None:
            self.setup()
            self._configured = True

        return self._transition("configure", configure)

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        def begin() -> None:
            super(SceneNode, self).on_activate(state)
            self.start()
            self._active = True

        result = self._transition("activate", begin)
        if result != TransitionCallbackReturn.SUCCESS:
            super().on_deactivate(state)
        return result

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        def end() -> None:
            self._end_work()
            super(SceneNode, self).on_deactivate(state)

        return self._transition("deactivate", end, TransitionCallbackReturn.ERROR)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        return self._transition("clean up", self.close, TransitionCallbackReturn.ERROR)

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        return self._transition("shut down", self.close, TransitionCallbackReturn.ERROR)

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Back to unconfigured with nothing left over, ready to be configured again."""
        self._active = self._configured = False
        for step in (self.stop, self.teardown):  # as far as they get
            with contextlib.suppress(Exception):
                step()
        self._destroy_all_but(self._own)
        return TransitionCallbackReturn.SUCCESS

    def close(self) -> None:
        """Stop whatever runs and give everything back; may be called in any state."""
        if self._active:
            self._end_work()
        if self._configured:
            self._configured = False
            self.teardown()

    def _end_work(self) -> None:
        self._active = False
        self.stop()
        deadline = time.monotonic() + _ANSWERING
        with self._served:
            while self._serving and time.monotonic() < deadline:
                self._served.wait(deadline - time.monotonic())

    def _transition(
        self,
        verb: str,
        step: Callable[[], Any],
        failure: TransitionCallbackReturn = TransitionCallbackReturn.FAILURE,
    ) -> TransitionCallbackReturn:
        before = self._entities()
        try:
            step()
        except Exception as error:
            _, message = self.explain(error, f"{verb} {self.get_name()}")
            self.get_logger().error(f"cannot {verb}: {message}")
            self._destroy_all_but(before)
            return failure
        return TransitionCallbackReturn.SUCCESS

    def _entities(self) -> set[Any]:
        return {*self.publishers, *self.subscriptions, *self.services, *self.timers}

    def _destroy_all_but(self, kept: set[Any]) -> None:
        for entity in self._entities() - kept:
            for entities, destroy in (
                (self.publishers, self.destroy_lifecycle_publisher),
                (self.subscriptions, self.destroy_subscription),
                (self.services, self.destroy_service),
                (self.timers, self.destroy_timer),
            ):
                if entity in set(entities):
                    destroy(entity)

    def _refuse_impossible_transitions(self) -> None:
        # rclpy lets a transition that the state does not allow raise into the executor, and the
        # caller waits for ever; rclcpp answers that it was no success, and so do these nodes.
        service = self._service_change_state
        change = service.callback

        def callback(request: Any, response: Any) -> Any:
            try:
                return change(request, response)
            except Exception as error:
                self.get_logger().error(f"no such transition now: {error}")
                response.success = False
                return response

        service.callback = callback


def succeed(response: Any, message: str = "") -> None:
    """Mark a response as done."""
    response.error_code = errors.OK
    response.message = message
