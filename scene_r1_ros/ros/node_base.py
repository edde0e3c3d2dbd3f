"""What the nodes share: settings as parameters, lifecycle with autostart, answers with codes."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy

from .. import errors
from ..config import Config, option
from ..errors import NotActiveError, SceneR1Error
from . import parameters

NAMESPACE = "scene_r1"
ConfigT = TypeVar("ConfigT", bound=Config)

RELIABLE = QoSProfile(depth=10, reliability=ReliabilityPolicy.RELIABLE)
# A track is published as fast as it can be; none of its masks may be lost.
MASKS_QOS = QoSProfile(depth=1000, reliability=ReliabilityPolicy.RELIABLE)
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
    reason in the log. Parameters are read at configuration.
    """

    def __init__(self, name: str, sections: parameters.Sections, **kwargs: Any) -> None:
        kwargs.setdefault("namespace", NAMESPACE)
        super().__init__(name, **kwargs)
        self._active = False
        self.requests_group = ReentrantCallbackGroup()
        parameters.declare(self, {"": NodeConfig})
        parameters.declare(self, sections)

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

    def serve(self, kind: Any, name: str, handler: Callable[[Any, Any], None]) -> Any:
        """A service whose handler fills the response or raises; codes are set in this one place.

        Handlers may block: they run beside each other and beside everything else.
        """

        def callback(request: Any, response: Any) -> Any:
            try:
                if not self._active:
                    raise NotActiveError(self.inactive_reason())
                handler(request, response)
            except Exception as error:
                response.error_code, response.message = self.explain(error, name)
            return response

        return self.create_service(kind, name, callback, callback_group=self.requests_group)

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
        return self._transition("configure", self.setup)

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        def begin() -> None:
            super(SceneNode, self).on_activate(state)
            self.start()
            self._active = True

        return self._transition("activate", begin)

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        def end() -> None:
            self._active = False
            self.stop()
            super(SceneNode, self).on_deactivate(state)

        return self._transition("deactivate", end)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        return self._transition("clean up", self.teardown)

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        return self._transition("shut down", self.close)

    def close(self) -> None:
        """Stop whatever runs; may be called in any state."""
        if self._active:
            self._active = False
            self.stop()

    def _transition(self, verb: str, *steps: Callable[[], Any]) -> TransitionCallbackReturn:
        try:
            for step in steps:
                step()
        except Exception as error:
            _, message = self.explain(error, f"{verb} {self.get_name()}")
            self.get_logger().error(f"cannot {verb}: {message}")
            return TransitionCallbackReturn.FAILURE
        return TransitionCallbackReturn.SUCCESS


def succeed(response: Any, message: str = "") -> None:
    """Mark a response as done."""
    response.error_code = errors.OK
    response.message = message
