"""Start nodes, spin them, and end cleanly on Ctrl-C or SIGTERM."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Sequence

import rclpy
from rclpy.executors import ExternalShutdownException, MultiThreadedExecutor
from rclpy.signals import SignalHandlerOptions

from ..errors import SceneR1Error
from .node_base import SceneNode
from .transport import use_shared_memory_profile

# Requests block a thread each while they wait; a few more serve everything else.
EXECUTOR_THREADS = 12
_POLL = 0.1


def run_nodes(
    make: Callable[[], Sequence[SceneNode]],
    args: list[str] | None = None,
    until: Callable[[], bool] = lambda: False,
) -> int:
    """Run the nodes in this process until a signal ends them or ``until`` says so.

    ``args`` are ROS arguments (default: the process's own). Returns the exit status: 0, 1 if a
    node did not start, 2 if a setting is wrong.
    """
    use_shared_memory_profile()
    rclpy.init(args=args, signal_handler_options=SignalHandlerOptions.NO)
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    try:
        nodes = make()
    except SceneR1Error as error:
        print(f"error: {error}", file=sys.stderr)
        rclpy.try_shutdown()
        return 2
    executor = MultiThreadedExecutor(num_threads=EXECUTOR_THREADS)
    for node in nodes:
        executor.add_node(node)
    spinner = threading.Thread(target=_spin, args=(executor, ended), name="executor")
    spinner.start()
    outcomes = [node.autostart() for node in nodes]
    started = all(outcomes)
    if not started:
        ended.set()
    while not until() and not ended.wait(_POLL):
        pass
    for node in nodes:
        node.close()
    executor.shutdown(timeout_sec=2.0)
    spinner.join(timeout=5.0)
    for node in nodes:
        node.destroy_node()
    rclpy.try_shutdown()
    return 0 if started else 1


def _spin(executor: MultiThreadedExecutor, ended: threading.Event) -> None:
    try:
        executor.spin()
    except ExternalShutdownException:
        pass
    finally:
        ended.set()
