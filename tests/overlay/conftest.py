"""A ROS context of its own for each test that needs DDS."""

from __future__ import annotations

import os
import threading

import pytest


@pytest.fixture
def ros_context(monkeypatch):
    rclpy = pytest.importorskip("rclpy")
    monkeypatch.setenv("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    context = rclpy.Context()
    rclpy.init(context=context, domain_id=1 + os.getpid() % 100)
    yield context
    rclpy.try_shutdown(context=context)


@pytest.fixture
def node(ros_context):
    import rclpy

    node = rclpy.create_node("overlay_test", context=ros_context)
    yield node
    node.destroy_node()


@pytest.fixture
def spinning(ros_context):
    """Return a function that spins nodes in a thread until the test ends."""
    from rclpy.executors import SingleThreadedExecutor

    executor = SingleThreadedExecutor(context=ros_context)
    stop = threading.Event()

    def spin():
        while not stop.is_set():
            executor.spin_once(timeout_sec=0.05)

    thread = threading.Thread(target=spin)

    def start(*nodes):
        for node in nodes:
            executor.add_node(node)
        thread.start()

    yield start
    stop.set()
    if thread.ident is not None:
        thread.join()
    executor.shutdown()
