"""The buffer that nodes use: transforms with waiting, and a service that lists the frames."""

from __future__ import annotations

import threading
import time as _time
from collections.abc import Callable

from geometry_msgs.msg import TransformStamped
from rclpy.clock import Clock, JumpThreshold, TimeJump
from rclpy.duration import Duration
from rclpy.logging import get_logger
from rclpy.node import Node
from rclpy.task import Future
from rclpy.time import Time
from tf2_msgs.srv import FrameGraph
from tf2_py import BufferCore, TransformException
from tf2_py.buffer_core import nanoseconds_of

from tf2_ros.buffer_interface import BufferInterface


class Buffer(BufferCore, BufferInterface):
    """Keeps transforms and waits for those that have not come yet.

    A wait with a timeout blocks its thread; another thread must spin the listener meanwhile. It
    wakes with every new transform and measures its timeout in wall time.

    :param cache_time: how far back transforms are kept, 10 s by default.
    :param node: a node whose clock clears the buffer when it jumps back, and that offers the
        service ``tf2_frames``.
    """

    def __init__(self, cache_time: Duration | None = None, node: Node | None = None) -> None:
        BufferCore.__init__(self, cache_time)
        BufferInterface.__init__(self)
        self._new_data = threading.Condition()
        self._waiting: dict[Future, Callable[[], TransformStamped]] = {}

        if node is not None:
            self.srv = node.create_service(FrameGraph, "tf2_frames", self._get_frames)
            self.clock = node.get_clock()
        else:
            self.clock = Clock()
        threshold = JumpThreshold(
            min_forward=None, min_backward=Duration(seconds=-1), on_clock_change=True
        )
        self.jump_handle = self.clock.create_jump_callback(
            threshold, post_callback=self.time_jump_callback
        )

    def time_jump_callback(self, time_jump: TimeJump) -> None:
        """Clear the buffer: what it holds belongs to another course of time."""
        get_logger("tf2_buffer").warning("Detected jump back in time. Clearing tf buffer.")
        self.clear()

    def set_transform(self, transform: TransformStamped, authority: str) -> None:
        """Add a transform and wake those that wait."""
        super().set_transform(transform, authority)
        self._on_new_data()

    def set_transform_static(self, transform: TransformStamped, authority: str) -> None:
        """Add a transform that holds at every time, and wake those that wait."""
        super().set_transform_static(transform, authority)
        self._on_new_data()

    def lookup_transform(
        self,
        target_frame: str,
        source_frame: str,
        time: Time,
        timeout: Duration = Duration(),  # noqa: B008
    ) -> TransformStamped:
        """Return the transform that takes points of ``source_frame`` to ``target_frame``.

        :param time: when; zero asks for the latest time that all frames have in common.
        :param timeout: how long to wait for the transform.
        :raises InvalidArgumentException: a frame name is empty or begins with a slash.
        :raises LookupException: a frame is unknown.
        :raises ConnectivityException: nothing connects the frames.
        :raises ExtrapolationException: the time lies outside the data.
        """
        return self._lookup_within(
            timeout, lambda: self.lookup_transform_core(target_frame, source_frame, time)
        )

    async def lookup_transform_async(
        self, target_frame: str, source_frame: str, time: Time
    ) -> TransformStamped:
        """Return the transform as soon as it is there."""
        return await self.wait_for_transform_async(target_frame, source_frame, time)

    def lookup_transform_full(
        self,
        target_frame: str,
        target_time: Time,
        source_frame: str,
        source_time: Time,
        fixed_frame: str,
        timeout: Duration = Duration(),  # noqa: B008
    ) -> TransformStamped:
        """Return the transform from the source at one time to the target at another.

        :param fixed_frame: the frame taken not to move in between.
        :param timeout: how long to wait for the transform.
        :raises TransformException: as ``lookup_transform``.
        """
        return self._lookup_within(
            timeout,
            lambda: self.lookup_transform_full_core(
                target_frame, target_time, source_frame, source_time, fixed_frame
            ),
        )

    async def lookup_transform_full_async(
        self,
        target_frame: str,
        target_time: Time,
        source_frame: str,
        source_time: Time,
        fixed_frame: str,
    ) -> TransformStamped:
        """Return the transform by way of a fixed frame as soon as it is there."""
        return await self.wait_for_transform_full_async(
            target_frame, target_time, source_frame, source_time, fixed_frame
        )

    def can_transform(
        self,
        target_frame: str,
        source_frame: str,
        time: Time,
        timeout: Duration = Duration(),  # noqa: B008
        return_debug_tuple: bool = False,
    ) -> bool | tuple[bool, str]:
        """Tell whether ``lookup_transform`` succeeds within ``timeout``.

        :param return_debug_tuple: return (answer, why not) instead of the answer.
        """
        result = self._can_within(
            timeout, lambda: self.can_transform_core(target_frame, source_frame, time)
        )
        return result if return_debug_tuple else result[0]

    def can_transform_full(
        self,
        target_frame: str,
        target_time: Time,
        source_frame: str,
        source_time: Time,
        fixed_frame: str,
        timeout: Duration = Duration(),  # noqa: B008
        return_debug_tuple: bool = False,
    ) -> bool | tuple[bool, str]:
        """Tell whether ``lookup_transform_full`` succeeds within ``timeout``.

        :param return_debug_tuple: return (answer, why not) instead of the answer.
        """
        result = self._can_within(
            timeout,
            lambda: self.can_transform_full_core(
                target_frame, target_time, source_frame, source_time, fixed_frame
            ),
        )
        return result if return_debug_tuple else result[0]

    def wait_for_transform_async(self, target_frame: str, source_frame: str, time: Time) -> Future:
        """Return a future of the transform, done as soon as the transform is there."""
        return self._future_of(lambda: self.lookup_transform_core(target_frame, source_frame, time))

    def wait_for_transform_full_async(
        self,
        target_frame: str,
        target_time: Time,
        source_frame: str,
        source_time: Time,
        fixed_frame: str,
    ) -> Future:
        """Return a future of the transform by way of a fixed frame."""
        return self._future_of(
            lambda: self.lookup_transform_full_core(
                target_frame, target_time, source_frame, source_time, fixed_frame
            )
        )

    def _get_frames(
        self, request: FrameGraph.Request, response: FrameGraph.Response
    ) -> FrameGraph.Response:
        response.frame_yaml = self.all_frames_as_yaml()
        return response

    def _lookup_within(
        self, timeout: Duration, lookup: Callable[[], TransformStamped]
    ) -> TransformStamped:
        deadline = _deadline(timeout)
        with self._new_data:
            while True:
                try:
                    return lookup()
                except TransformException:
                    remaining = deadline - _time.monotonic()
                    if remaining <= 0.0:
                        raise
                self._new_data.wait(remaining)

    def _can_within(
        self, timeout: Duration, can: Callable[[], tuple[bool, str]]
    ) -> tuple[bool, str]:
        deadline = _deadline(timeout)
        with self._new_data:
            while not (result := can())[0]:
                remaining = deadline - _time.monotonic()
                if remaining <= 0.0:
                    break
                self._new_data.wait(remaining)
        return result

    def _future_of(self, lookup: Callable[[], TransformStamped]) -> Future:
        future = Future()
        # Looking and registering under one lock, so that no transform slips in between.
        with self._new_data:
            if _resolve(future, lookup):
                return future
            self._waiting[future] = lookup
        future.add_done_callback(self._forget)
        return future

    def _forget(self, future: Future) -> None:
        with self._new_data:
            self._waiting.pop(future, None)

    def _on_new_data(self) -> None:
        with self._new_data:
            self._new_data.notify_all()
            waiting = list(self._waiting.items())
        for future, lookup in waiting:
            if not future.done() and not future.cancelled():
                _resolve(future, lookup)


def _resolve(future: Future, lookup: Callable[[], TransformStamped]) -> bool:
    """Give a future its transform, or the error of a lookup that can never succeed."""
    try:
        future.set_result(lookup())
    except TransformException:
        return False
    except Exception as error:  # such as a time of the wrong type
        future.set_exception(error)
    return True


def _deadline(timeout: Duration) -> float:
    return _time.monotonic() + nanoseconds_of(timeout) / 1e9
