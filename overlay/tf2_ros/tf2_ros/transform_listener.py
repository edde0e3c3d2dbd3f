"""Fills a buffer from the transform topics."""

from __future__ import annotations

import threading

from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile
from tf2_msgs.msg import TFMessage

from tf2_ros.buffer import Buffer

DEFAULT_TF_TOPIC = "/tf"
DEFAULT_STATIC_TF_TOPIC = "/tf_static"

# How soon the thread notices that the main thread has ended without shutting ROS down.
_LIVENESS_PERIOD_SEC = 0.5


class TransformListener:
    """Hands every transform of ``/tf`` and ``/tf_static`` to a buffer.

    :param buffer: what the transforms go to.
    :param node: the node that subscribes.
    :param spin_thread: spin the node in a thread of its own; else somebody else has to.
    :param qos: profile or history depth for ``/tf``; 100 volatile messages by default.
    :param static_qos: the same for ``/tf_static``; 100 transient local messages by default.
    """

    def __init__(
        self,
        buffer: Buffer,
        node: Node,
        *,
        spin_thread: bool = False,
        qos: QoSProfile | int | None = None,
        static_qos: QoSProfile | int | None = None,
        tf_topic: str = DEFAULT_TF_TOPIC,
        tf_static_topic: str = DEFAULT_STATIC_TF_TOPIC,
    ) -> None:
        self.buffer = buffer
        self.node = node
        # Reentrant, so that a callback of the node may wait for a transform in a threaded executor.
        self.group = ReentrantCallbackGroup()
        self.tf_sub = node.create_subscription(
            TFMessage,
            tf_topic,
            self.callback,
            _profile(DurabilityPolicy.VOLATILE) if qos is None else qos,
            callback_group=self.group,
        )
        self.tf_static_sub = node.create_subscription(
            TFMessage,
            tf_static_topic,
            self.static_callback,
            _profile(DurabilityPolicy.TRANSIENT_LOCAL) if static_qos is None else static_qos,
            callback_group=self.group,
        )
        if spin_thread:
            self.executor = SingleThreadedExecutor(context=node.context)
            self._stop = threading.Event()
            # The thread holds no reference to the listener, which would keep it alive for ever.
            self.dedicated_listener_thread = threading.Thread(
                target=_spin, args=(self.executor, node, self._stop), name="tf2_listener"
            )
            self.dedicated_listener_thread.start()

    def __del__(self) -> None:
        if hasattr(self, "dedicated_listener_thread"):
            self._stop.set()
            self.executor.wake()
            if self.dedicated_listener_thread is not threading.current_thread():
                self.dedicated_listener_thread.join()
        self.unregister()

    def unregister(self) -> None:
        """Stop listening."""
        for name in ("tf_sub", "tf_static_sub"):
            subscription = self.__dict__.pop(name, None)
            if subscription is not None:
                self.node.destroy_subscription(subscription)

    def callback(self, data: TFMessage) -> None:
        """Receive transforms."""
        for transform in data.transforms:
            self.buffer.set_transform(transform, "default_authority")

    def static_callback(self, data: TFMessage) -> None:
        """Receive transforms that hold at every time."""
        for transform in data.transforms:
            self.buffer.set_transform_static(transform, "default_authority")


def _profile(durability: DurabilityPolicy) -> QoSProfile:
    return QoSProfile(depth=100, durability=durability, history=HistoryPolicy.KEEP_LAST)


def _spin(executor: SingleThreadedExecutor, node: Node, stop: threading.Event) -> None:
    """Spin until told to stop, the context is shut down or the program has come to its end."""
    executor.add_node(node)
    try:
        while not stop.is_set() and threading.main_thread().is_alive():
            executor.spin_once(timeout_sec=_LIVENESS_PERIOD_SEC)
    except ExternalShutdownException:
        pass
    finally:
        executor.remove_node(node)
        executor.shutdown()
