"""Sets of messages that belong to the same moment, one from each input."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

from rclpy.clock import ROSClock
from rclpy.duration import Duration
from rclpy.time import Time

from message_filters.matching import match
from message_filters.simple_filter import SimpleFilter
from message_filters.stamps import time_of_message, to_nanoseconds

Queue = dict[int, Any]


class TimeSynchronizer(SimpleFilter):
    """Outputs the messages of all inputs that have exactly the same ``header.stamp``.

    A set leaves the queues before the callbacks see it, and the lock is released whatever a
    callback does: after an exception the next set comes through as usual. Callbacks run one at a
    time and may feed the filter themselves.

    :param fs: the filters to synchronise; callbacks get one message of each, in this order.
    :param queue_size: how many messages of each input wait for the others; the oldest stamps go
        first.
    """

    def __init__(self, fs: Sequence[SimpleFilter], queue_size: int) -> None:
        super().__init__()
        self.queue_size = queue_size
        self.lock = threading.RLock()
        self.connectInput(fs)

    def connectInput(self, fs: Sequence[SimpleFilter]) -> None:
        """Listen to ``fs``, with empty queues."""
        self.queues: list[Queue] = [{} for _ in fs]
        self.input_connections = [
            f.registerCallback(self.add, queue, index)
            for index, (f, queue) in enumerate(zip(fs, self.queues, strict=True))
        ]

    def add(self, msg: Any, my_queue: Queue, my_queue_index: int | None = None) -> None:
        """Receive a message of one input."""
        stamp = to_nanoseconds(msg.header.stamp)
        with self.lock:
            self._enqueue(my_queue, stamp, msg)
            if all(stamp in queue for queue in self.queues):
                self.signalMessage(*[queue.pop(stamp) for queue in self.queues])

    def _enqueue(self, queue: Queue, stamp: int, msg: Any) -> None:
        queue[stamp] = msg
        while len(queue) > self.queue_size:
            del queue[min(queue)]


class ApproximateTimeSynchronizer(TimeSynchronizer):
    """Outputs one message of each input as soon as their stamps lie close together.

    A message that arrives is put together with the nearest waiting messages of the other inputs.

    :param slop: seconds by which the stamps of a set may differ, exclusive.
    :param allow_headerless: give messages without header the ROS time of their arrival; without
        it they are dropped with a warning.
    :param sync_arrival_time: go by the ROS time of arrival for all messages.
    """

    def __init__(
        self,
        fs: Sequence[SimpleFilter],
        queue_size: int,
        slop: float,
        allow_headerless: bool = False,
        sync_arrival_time: bool = False,
    ) -> None:
        super().__init__(fs, queue_size)
        self.slop = Duration(seconds=slop)
        self.allow_headerless = allow_headerless
        self.sync_arrival_time = sync_arrival_time

    def add(self, msg: Any, my_queue: Queue, my_queue_index: int | None = None) -> None:
        """Receive a message of one input."""
        time = self._time(msg)
        if time is None:
            return
        stamp = time.nanoseconds
        with self.lock:
            self._enqueue(my_queue, stamp, msg)
            if stamp not in my_queue:  # older than everything in a full queue
                return
            others = [queue for queue in self.queues if queue is not my_queue]
            stamps = match(stamp, others, self.slop.nanoseconds)
            if stamps is None:
                return
            of_other = iter(stamps)
            self.signalMessage(
                *[
                    queue.pop(stamp if queue is my_queue else next(of_other))
                    for queue in self.queues
                ]
            )

    def _time(self, msg: Any) -> Time | None:
        if self.sync_arrival_time:
            return ROSClock().now()
        return time_of_message(msg, self.allow_headerless, "message_filters_approx")
