"""A camera for tests: publishes colour, depth, camera info and its pose, right or wrong."""

from __future__ import annotations

import numpy as np
from box_room import CAMERA, BoxRoom
from geometry_msgs.msg import PoseStamped, TransformStamped
from nav_msgs.msg import Odometry
from rclpy.qos import QoSProfile
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from tf2_msgs.msg import TFMessage
from waiting import wait_for

from scene_r1_ros.feed_config import FeedConfig
from scene_r1_ros.frames import VideoWindow
from scene_r1_ros.ros.conversions import header, matrix_to_pose, matrix_to_transform
from scene_r1_ros.ros.feed import CameraFeed
from scene_r1_ros.ros.image_messages import camera_info_to_msg, image_to_msg, millimetres

SECOND = 1_000_000_000
ROOM = BoxRoom()
VIEW = ROOM.frame(0, (0.0, -2.2, 1.1))


def pose(x=0.0):
    """The view's pose, moved along x."""
    T = np.array(VIEW.T_world_camera)
    T[0, 3] += x
    return T


class Camera:
    """Publishers under ``<namespace>/<name>/``, frames named after it, and a feed that listens."""

    def __init__(self, graph, name, qos=10, color_kind=Image, depth_kind=Image, **settings):
        self.graph, self.name = graph, name
        self.node = graph.listener(f"camera_{name}")
        self.frame_id, self.world = f"{name}_optical", f"{name}_map"
        base = f"{graph.namespace}/{name}"
        self.config = FeedConfig(
            color_topic=f"{base}/rgb",
            depth_topic=f"{base}/depth",
            camera_info_topic=f"{base}/info",
            pose_topic=f"{base}/pose",
            fixed_frame=self.world,
            **settings,
        )
        color = self.config.color_topic + ("/compressed" if color_kind is CompressedImage else "")
        depth = self.config.depth_topic
        depth += "/compressedDepth" if depth_kind is CompressedImage else ""
        create = self.node.create_publisher
        self.color = create(color_kind, color, qos)
        self.depth = create(depth_kind, depth, qos)
        self.info = create(CameraInfo, self.config.camera_info_topic, qos)
        self.tf = create(TFMessage, "/tf", QoSProfile(depth=100))
        self.pose = None
        if self.config.pose_source != "tf":
            kind = PoseStamped if self.config.pose_source == "pose" else Odometry
            self.pose = create(kind, self.config.pose_topic, 100)
        self.warnings = []
        self.window = VideoWindow()
        self.feed_node = graph.listener(f"feed_{name}")
        self.feed = CameraFeed(self.feed_node, self.config, self.window)
        self.feed.stats.warn = self.warnings.append
        publishers = [self.color, self.depth, self.info, self.tf, self.pose]
        wait_for(
            lambda: all(p.get_subscription_count() for p in publishers if p is not None),
            what="discovery",
        )

    def top(self, stamp_ns):
        return header(stamp_ns, self.frame_id)

    def color_msg(self, stamp_ns):
        return image_to_msg(VIEW.color, "rgb8", self.top(stamp_ns))

    def depth_msg(self, stamp_ns):
        return image_to_msg(millimetres(VIEW.depth_m), "16UC1", self.top(stamp_ns))

    def info_msg(self, stamp_ns):
        return camera_info_to_msg(CAMERA, self.top(stamp_ns))

    def send_transform(self, stamp_ns, T, parent=None, child=None):
        transform = TransformStamped(
            header=header(stamp_ns, parent or self.world),
            child_frame_id=child or self.frame_id,
            transform=matrix_to_transform(T),
        )
        self.tf.publish(TFMessage(transforms=[transform]))

    def send_pose(self, stamp_ns, T, frame=None, child=""):
        top = header(stamp_ns, frame or self.world)
        if self.config.pose_source == "pose":
            self.pose.publish(PoseStamped(header=top, pose=matrix_to_pose(T)))
            return
        msg = Odometry(header=top, child_frame_id=child)
        msg.pose.pose = matrix_to_pose(T)
        self.pose.publish(msg)

    def send(self, stamp_ns, color=None, depth=None, info=None, transform=True):
        """One frame; parts that are not given are right."""
        if transform:
            self.send_transform(stamp_ns, pose())
        self.info.publish(info or self.info_msg(stamp_ns))
        self.depth.publish(depth or self.depth_msg(stamp_ns))
        self.color.publish(color or self.color_msg(stamp_ns))

    def counts(self):
        return self.feed.stats.counts()

    def wait_accepted(self, number):
        wait_for(
            lambda: self.counts().accepted >= number, what=f"{number} frames", seen=self.counts
        )

    def wait_dropped(self, problem, number=1):
        wait_for(
            lambda: self.counts().dropped.get(problem, 0) >= number,
            what=f"{number} x {problem!r}",
            seen=self.counts,
        )

    def close(self):
        self.feed.close()
        for node in (self.node, self.feed_node):
            self.graph.remove(node)
