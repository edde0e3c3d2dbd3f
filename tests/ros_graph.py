"""Nodes under test: a graph of this process on a domain of its own, and waiting for things."""

from __future__ import annotations

import json
import os
import threading

os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"
# Without it a field of the wrong type ends the process inside rosidl instead of raising.
os.environ["ROS_PYTHON_CHECK_FIELDS"] = "1"
os.environ["ROS_DOMAIN_ID"] = str(1 + os.getpid() % 100)

import rclpy

from scene_r1_ros.ros.transport import use_shared_memory_profile

use_shared_memory_profile()


class Graph:
    """Nodes of this process in a context and namespace of their own, spinning."""

    def __init__(self, namespace):
        from rclpy.executors import MultiThreadedExecutor

        self.namespace = namespace
        self.context = rclpy.Context()
        rclpy.init(context=self.context)
        self.executor = MultiThreadedExecutor(num_threads=12, context=self.context)
        self.nodes = []
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._spin, daemon=True)
        self._thread.start()

    def _spin(self):
        from scene_r1_ros.ros.spinning import spin

        spin(self.executor, self._closing)

    def add(self, kind, *args, parameters=None, autostart=True, **kwargs):
        """Make a scene node with these parameters, spin it, and start it."""
        from rclpy.parameter import Parameter

        overrides = [Parameter(name, value=value) for name, value in (parameters or {}).items()]
        node = kind(
            *args,
            namespace=self.namespace,
            context=self.context,
            parameter_overrides=overrides,
            **kwargs,
        )
        self.nodes.append(node)
        self.executor.add_node(node)
        if autostart and hasattr(node, "autostart"):
            assert node.autostart()
        return node

    def listener(self, name="listener"):
        """A plain node for publishing and subscribing."""
        from rclpy.node import Node

        node = Node(name, namespace=self.namespace, context=self.context)
        self.nodes.append(node)
        self.executor.add_node(node)
        return node

    def remove(self, node):
        """End one node; every node costs each turn of the executor."""
        self.nodes.remove(node)
        self.executor.remove_node(node)
        node.destroy_node()

    def close(self):
        for node in self.nodes:
            if hasattr(node, "close"):
                node.close()
        self._closing.set()
        self.executor.shutdown(timeout_sec=2.0)
        self._thread.join(timeout=5.0)
        for node in self.nodes:
            node.destroy_node()
        self.context.try_shutdown()


def best_seen(recording_dir):
    """The thing that most frames show whole, and the frame that shows most of it."""
    truth = json.loads((recording_dir / "objects.json").read_text())

    def whole(view):
        x0, y0, x1, y1 = view["box"]
        return x0 > 2 and y0 > 2 and x1 < 318 and y1 < 238 and view["pixels"] > 1500

    things = [item for item in truth["objects"] if not item["mounted"]]
    thing = max(things, key=lambda item: sum(map(whole, item["frames"])))
    return thing, max(filter(whole, thing["frames"]), key=lambda view: view["pixels"])
