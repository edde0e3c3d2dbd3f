"""Start nodes, spin them, and end cleanly on Ctrl-C or SIGTERM."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Sequence

import rclpy
from rclpy.context import Context
from rclpy.executors import MultiThreadedExecutor
from rclpy.signals import SignalHandlerOptions

from ..closing import Closing
from ..errors import SceneR1Error
from .end_signals import END_SIGNALS, Ended
from .log_bridge import bridge_core_log
from .node_base import SceneNode
from .spinning import SpinThread
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
    try:
        rclpy.init(args=args, signal_handler_options=SignalHandlerOptions.NO)
    except Exception as error:  # rclpy tells of an unreadable parameter file in several classes
        print(f"error: the ROS arguments cannot be used: {_one_line(error)}", file=sys.stderr)
        return 2
    ended = Ended()
    for number in END_SIGNALS:
        signal.signal(number, ended.set)
    try:
        nodes = make()
    except SceneR1Error as error:
        print(f"error: {error}", file=sys.stderr)
        rclpy.try_shutdown()
        return 2
    bridge_core_log(nodes[0].get_logger())
    spinning = Spinning(nodes)
    outcomes = [node.autostart() for node in nodes if not ended.is_set()]
    started = all(outcomes)
    while started and not until() and not ended.wait(_POLL):
        pass
    for number in END_SIGNALS:
        # A terminal and `ros2 launch` both pass Ctrl-C on; the second must not kill the clean end.
        signal.signal(number, signal.SIG_IGN)
    spinning.close()
    rclpy.try_shutdown()
    return 0 if started else 1


class Spinning(Closing):
    """Nodes that a thread spins until all is closed; then they are destroyed.

    ``context`` is the nodes' own where it is not the global one.
    """

    def __init__(self, nodes: Sequence[SceneNode], context: Context | None = None) -> None:
        self.nodes = nodes
        executor = MultiThreadedExecutor(num_threads=EXECUTOR_THREADS, context=context)
        for node in nodes:
            executor.add_node(node)
        self._spinner = SpinThread(executor)

    def close(self) -> None:
        """End what the nodes do, then the spinning, then the nodes."""
        for node in self.nodes:
            node.close()
        self._spinner.close()
        for node in self.nodes:
            node.destroy_node()


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())
