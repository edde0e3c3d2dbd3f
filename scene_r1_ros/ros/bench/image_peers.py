"""Two processes with camera images between them; run by the benchmark ``transport``.

``python -m scene_r1_ros.ros.bench.image_peers publish FRAMES`` sends images on two topics, first
best effort, then reliable, and ends. ``... read`` prints one JSON object when its standard input
closes: for each topic the latencies, in milliseconds, of the images that arrived.
"""

from __future__ import annotations

import json
import sys
import threading
import time

import rclpy
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image

from ...bench.pixels import color_image
from ..conversions import header, stamp_to_ns
from ..image_messages import image_to_msg

PERIOD = 1 / 30
WARM_UP_FRAMES = 5
PATIENCE = 30.0
TOPICS = {
    "best_effort": QoSProfile(depth=5, reliability=ReliabilityPolicy.BEST_EFFORT),
    "reliable": QoSProfile(depth=10, reliability=ReliabilityPolicy.RELIABLE),
}


def publish(frames: int) -> int:
    """Send ``frames`` counted images of 640x480 rgb8 a topic, at 30 Hz."""
    rclpy.init()
    node = Node("bench_camera")
    publishers = {
        topic: node.create_publisher(Image, f"bench/{topic}", qos) for topic, qos in TOPICS.items()
    }
    message = image_to_msg(color_image(640, 480), "rgb8", header(0, ""))
    deadline = time.monotonic() + PATIENCE
    while any(one.get_subscription_count() == 0 for one in publishers.values()):
        if time.monotonic() > deadline:
            print(f"no reader appeared within {PATIENCE:.0f} s.", file=sys.stderr)
            return 1
        time.sleep(0.01)
    for publisher in publishers.values():
        due = time.monotonic()
        for number in range(-WARM_UP_FRAMES, frames):
            # the monotonic clock is one for all processes of a machine
            message.header = header(time.monotonic_ns(), str(number))
            publisher.publish(message)
            due += PERIOD
            time.sleep(max(0.0, due - time.monotonic()))
        time.sleep(0.3)  # late and repeated fragments
    node.destroy_node()
    rclpy.shutdown()
    return 0


def read() -> int:
    """Note what arrives until standard input closes."""
    rclpy.init()
    node = Node("bench_reader")
    seen: dict[str, dict[int, float]] = {topic: {} for topic in TOPICS}

    def keep(topic: str, message: Image) -> None:
        now = time.monotonic_ns()
        number = int(message.header.frame_id)
        if number >= 0:
            seen[topic].setdefault(number, (now - stamp_to_ns(message.header.stamp)) * 1e-6)

    subscriptions = [
        node.create_subscription(Image, f"bench/{topic}", lambda m, t=topic: keep(t, m), qos)
        for topic, qos in TOPICS.items()
    ]
    ended = threading.Event()

    def wait_for_end() -> None:
        sys.stdin.read()
        ended.set()

    threading.Thread(target=wait_for_end, daemon=True).start()
    while not ended.is_set():
        rclpy.spin_once(node, timeout_sec=0.1)
    print(json.dumps({topic: list(latencies.values()) for topic, latencies in seen.items()}))
    for subscription in subscriptions:
        node.destroy_subscription(subscription)
    node.destroy_node()
    rclpy.shutdown()
    return 0


if __name__ == "__main__":
    sys.exit(publish(int(sys.argv[2])) if sys.argv[1] == "publish" else read())
