"""An executor in a thread of its own, which no callback's failure ends."""

from __future__ import annotations

import threading
import traceback

from rclpy.exceptions import InvalidHandle
from rclpy.executors import Executor, ExternalShutdownException
from rclpy.logging import get_logger

from ..closing import Closing


class SpinThread(Closing):
    """Spins ``executor``, with :func:`spin`, from construction until :meth:`close`."""

    def __init__(self, executor: Executor, name: str = "executor") -> None:
        self._executor = executor
        self._closing = threading.Event()
        self._thread = threading.Thread(
            target=spin, args=(executor, self._closing), name=name, daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """End the spinning; what runs in a callback is waited for a few seconds."""
        self._closing.set()
        self._executor.shutdown(timeout_sec=2.0)
        self._thread.join(timeout=5.0)


def spin(executor: Executor, closing: threading.Event) -> None:
    """Spin until the executor or ROS is shut down, whatever a callback raises.

    rclpy ends the spinning with the first exception of any callback; here it is logged in full
    and everything else goes on.
    """
    while executor.context.ok() and not closing.is_set():
        try:
            executor.spin()
            return
        except ExternalShutdownException:
            return
        except InvalidHandle:
            continue  # the callback's publisher, service or subscription was destroyed meanwhile
        except Exception as error:
            # An action server that was destroyed meanwhile has no exception of its own.
            if "action server pointer is invalid" in str(error):
                continue
            if not closing.is_set():
                get_logger("scene_r1").error(f"a callback failed:\n{traceback.format_exc()}")
