"""A 640x480 camera at 30 Hz, until its input ends: ``python ros_camera_30hz.py PREFIX``."""

from __future__ import annotations

import itertools
import sys
import threading
import time

import numpy as np
import rclpy
from box_room import CAMERA, BoxRoom
from geometry_msgs.msg import TransformStamped
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import CameraInfo, Image
from tf2_msgs.msg import TFMessage

from scene_r1_ros.ros.conversions import header, matrix_to_transform
from scene_r1_ros.ros.image_messages import camera_info_to_msg, image_to_msg, millimetres


def main(prefix: str) -> None:
    rclpy.init()
    node = rclpy.create_node("camera_30hz")
    publishers = [
        node.create_publisher(kind, f"{prefix}/{name}", qos_profile_sensor_data)
        for kind, name in ((CameraInfo, "info"), (Image, "depth"), (Image, "rgb"))
    ]
    tf = node.create_publisher(TFMessage, "/tf", 100)
    view = BoxRoom().frame(0, (0.0, -2.2, 1.1))
    large = np.ones((4, 4), np.uint16)
    messages = (
        camera_info_to_msg(CAMERA.scaled(640, 480), header(0, "")),
        image_to_msg(np.kron(millimetres(view.depth_m), large), "16UC1", header(0, "")),
        image_to_msg(view.color.repeat(4, 0).repeat(4, 1), "rgb8", header(0, "")),
    )
    while not all(publisher.get_subscription_count() for publisher in [*publishers, tf]):
        time.sleep(0.02)
    time.sleep(0.5)  # the subscribers learn of the publishers a moment after these of them
    ended = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
    began = time.monotonic()
    for i in itertools.count():
        if ended.wait(max(0.0, began + i / 30 - time.monotonic())):
            break
        top = header(time.time_ns(), "optical")
        transform = TransformStamped(
            header=top, child_frame_id="optical", transform=matrix_to_transform(view.T_world_camera)
        )
        transform.header = header(0, "map")
        transform.header.stamp = top.stamp
        tf.publish(TFMessage(transforms=[transform]))
        for message, publisher in zip(messages, publishers, strict=True):
            message.header = top
            publisher.publish(message)


if __name__ == "__main__":
    main(sys.argv[1])
