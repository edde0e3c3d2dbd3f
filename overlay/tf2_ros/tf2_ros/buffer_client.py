"""Transforms from a buffer server in another process."""

from __future__ import annotations

import threading

from geometry_msgs.msg import TransformStamped
from rclpy.action import ActionClient
from rclpy.duration import Duration
from rclpy.node import Node
from rclpy.task import Future
from rclpy.time import Time
from tf2_msgs.action import LookupTransform
from tf2_msgs.msg import TF2Error
from tf2_py import (
    ConnectivityException,
    ExtrapolationException,
    InvalidArgumentException,
    LookupException,
    TimeoutException,
    TransformException,
)
from tf2_py.buffer_core import nanoseconds_of

from tf2_ros.buffer_interface import BufferInterface

_EXCEPTIONS = {
    TF2Error.LOOKUP_ERROR: LookupException,
    TF2Error.CONNECTIVITY_ERROR: ConnectivityException,
    TF2Error.EXTRAPOLATION_ERROR: ExtrapolationException,
    TF2Error.INVALID_ARGUMENT_ERROR: InvalidArgumentException,
    TF2Error.TIMEOUT_ERROR: TimeoutException,
}


class BufferClient(BufferInterface):
    """Asks a buffer server over its action. Calls block, so another thread must spin the node.

    :param node: the node of the action client.
    :param ns: the name of the server's action.
    :param check_frequency: accepted as upstream does; answers are waited for without polling.
    :param timeout_padding: how much longer than the timeout of a lookup to wait for the server.
    """

    def __init__(
        self,
        node: Node,
        ns: str,
        check_frequency: float = 10.0,
        timeout_padding: Duration = Duration(seconds=2.0),  # noqa: B008
    ) -> None:
        super().__init__()
        self.node = node
        self.action_client = ActionClient(node, LookupTransform, action_name=ns)
        self.check_frequency = check_frequency
        self.timeout_padding = timeout_padding

    def lookup_transform(
        self,
        target_frame: str,
        source_frame: str,
        time: Time,
        timeout: Duration = Duration(),  # noqa: B008
    ) -> TransformStamped:
        """Return the transform that takes points of ``source_frame`` to ``target_frame``.

        :raises TimeoutException: the server is not there or does not answer.
        :raises TransformException: as ``Buffer.lookup_transform``.
        """
        goal = LookupTransform.Goal(advanced=False)
        goal.target_frame, goal.source_frame = target_frame, source_frame
        goal.source_time, goal.timeout = _time_msg(time), timeout.to_msg()
        return self._ask(goal, timeout)

    def lookup_transform_full(
        self,
        target_frame: str,
        target_time: Time,
        source_frame: str,
        source_time: Time,
        fixed_frame: str,
        timeout: Duration = Duration(),  # noqa: B008
    ) -> TransformStamped:
        """Return the transform by way of a fixed frame; raises as ``lookup_transform``."""
        goal = LookupTransform.Goal(advanced=True)
        goal.target_frame, goal.source_frame = target_frame, source_frame
        goal.target_time, goal.source_time = _time_msg(target_time), _time_msg(source_time)
        goal.fixed_frame, goal.timeout = fixed_frame, timeout.to_msg()
        return self._ask(goal, timeout)

    def can_transform(
        self,
        target_frame: str,
        source_frame: str,
        time: Time,
        timeout: Duration = Duration(),  # noqa: B008
    ) -> bool:
        """Tell whether ``lookup_transform`` succeeds."""
        try:
            self.lookup_transform(target_frame, source_frame, time, timeout)
        except TransformException:
            return False
        return True

    def can_transform_full(
        self,
        target_frame: str,
        target_time: Time,
        source_frame: str,
        source_time: Time,
        fixed_frame: str,
        timeout: Duration = Duration(),  # noqa: B008
    ) -> bool:
        """Tell whether ``lookup_transform_full`` succeeds."""
        try:
            self.lookup_transform_full(
                target_frame, target_time, source_frame, source_time, fixed_frame, timeout
            )
        except TransformException:
            return False
        return True

    def destroy(self) -> None:
        """Give the action client back."""
        self.action_client.destroy()

    def _ask(self, goal: LookupTransform.Goal, timeout: Duration) -> TransformStamped:
        if not self.action_client.server_is_ready():
            raise TimeoutException("The BufferServer is not ready.")
        padding = self.timeout_padding
        padding_sec = padding if isinstance(padding, int | float) else nanoseconds_of(padding) / 1e9
        seconds = nanoseconds_of(timeout) / 1e9 + padding_sec
        handle = _wait(self.action_client.send_goal_async(goal), seconds, "take the goal")
        if not handle.accepted:
            raise TimeoutException("The BufferServer rejected the LookupTransform goal.")
        result = _wait(handle.get_result_async(), seconds, "answer the goal").result
        if result.error.error != TF2Error.NO_ERROR:
            exception = _EXCEPTIONS.get(result.error.error, TransformException)
            raise exception(result.error.error_string)
        return result.transform


def _time_msg(time: object) -> object:
    return time.to_msg() if isinstance(time, Time) else time


def _wait(future: Future, seconds: float, what: str) -> object:
    done = threading.Event()
    future.add_done_callback(lambda _: done.set())
    if not done.wait(seconds):
        future.cancel()
        raise TimeoutException(
            f"The BufferServer did not {what} within {seconds:g} s. Is its node spinning, and is "
            "the node of this client spun by another thread?"
        )
    return future.result()
