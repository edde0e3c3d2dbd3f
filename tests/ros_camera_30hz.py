"""A process that is a 640x480 camera at 30 Hz: ``python ros_camera_30hz.py PREFIX FRAMES``."""

from __future__ import annotations

import sys
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


def main(prefix: str, frames: int) -> None:
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
    began = time.monotonic()
    for i in range(frames):
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
        time.sleep(max(0.0, began + (i + 1) / 30 - time.monotonic()))
    sys.stdin.readline()  # until the reader has what it waits for


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
