"""The player: a recording as camera topics and TF, so that everything runs without a camera."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tf2_ros
from geometry_msgs.msg import PoseStamped, TransformStamped
from nav_msgs.msg import Odometry
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from ..errors import ConfigError, RecordingError
from ..frames import RgbdFrame
from ..geometry import invert
from ..player_config import PlayerConfig, published_stamp_ns
from ..recordings import open_recording
from .conversions import header, matrix_to_pose, matrix_to_transform, ns_to_stamp
from .image_messages import (
    camera_info_to_msg,
    compressed_color_to_msg,
    compressed_depth_to_msg,
    image_to_msg,
    millimetres,
)
from .node_base import SceneNode
from .runner import run_nodes

# Optical axes (x right, y down, z forward) in a body frame (x forward, y left, z up): REP-103.
T_LINK_OPTICAL = np.array(
    [[0.0, 0.0, 1.0, 0.0], [-1.0, 0.0, 0.0, 0.0], [0.0, -1.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0]]
)
_IMAGES = QoSProfile(depth=10, reliability=ReliabilityPolicy.RELIABLE)
_KEPT = QoSProfile(
    depth=1,
    reliability=ReliabilityPolicy.RELIABLE,
    durability=DurabilityPolicy.TRANSIENT_LOCAL,
)
_CLOCK_STEP = 0.01


class PlayerNode(SceneNode):
    """Plays a recording while it is active; ``on_progress`` gets (frames so far, all frames)."""

    def __init__(
        self, on_progress: Callable[[int, int], None] | None = None, **kwargs: Any
    ) -> None:
        super().__init__("player", [("", PlayerConfig)], **kwargs)
        self.finished = threading.Event()
        self.failed = False
        self.published = 0
        self._on_progress = on_progress
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def setup(self) -> None:
        self.config = config = self.settings("", PlayerConfig)
        if not config.source:
            raise RecordingError(
                "no recording is named; set the parameter source to a folder, a .sens file or a "
                "bag, or use `scene-r1 play DIR`."
            )
        if config.clock and config.restamp:
            raise ConfigError(
                "clock and restamp are both true: /clock tells the recording's time, restamp "
                "stamps with the time of now; choose one."
            )
        for name in ("color_topic", "depth_topic", "camera_info_topic", "pose_topic"):
            self.check_topic(name, getattr(config, name))
        self.recording = open_recording(Path(config.source).expanduser())
        compressed = config.transport == "compressed"
        kind = CompressedImage if compressed else Image
        color = config.color_topic + ("/compressed" if compressed else "")
        depth = config.depth_topic + ("/compressedDepth" if compressed else "")
        self.color = self.create_publisher(kind, color, _IMAGES)
        self.depth = self.create_publisher(kind, depth, _IMAGES)
        self.info = self.create_publisher(CameraInfo, config.camera_info_topic, _KEPT)
        self.clock = self.create_publisher(Clock, "/clock", 10) if config.clock else None
        self.pose = None
        if config.pose != "tf":
            pose_kind = PoseStamped if config.pose == "pose" else Odometry
            self.pose = self.create_publisher(pose_kind, config.pose_topic, 100)
        self.tf = tf2_ros.TransformBroadcaster(self)
        self.static_tf = tf2_ros.StaticTransformBroadcaster(self)
        link = self._transform(0, config.link_frame, config.optical_frame, T_LINK_OPTICAL)
        self.static_tf.sendTransform(link)

    def start(self) -> None:
        self.failed = False
        self.finished.clear()
        self._stopping.clear()
        self._thread = threading.Thread(target=self._play, name="player", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(timeout=5.0)

    def teardown(self) -> None:
        for publisher in (self.color, self.depth, self.info, self.clock, self.pose):
            if publisher is not None:
                self.destroy_publisher(publisher)
        self.destroy_publisher(self.tf.pub_tf)
        self.destroy_publisher(self.static_tf.pub_tf)
        self.recording.close()

    def skipped_counts(self) -> dict[str, int]:
        """How many frames were skipped, by reason."""
        return dict(self.recording.skipped.counts)

    def _play(self) -> None:
        try:
            self._wait_for_subscribers()
            while not self._stopping.is_set():
                self._play_once()
                if not self.config.loop:
                    break
            self.get_logger().info(f"played {self.published} frames of {self.recording.name}")
            if self.recording.skipped:
                self.get_logger().warning(f"skipped {self.recording.skipped.summary()}")
        except Exception as error:
            _, message = self.explain(error, f"playing {self.config.source}")
            self.get_logger().error(message)
            self.failed = True
        finally:
            self.finished.set()

    def _play_once(self) -> None:
        config = self.config
        part = (config.start, config.end or None, config.stride)
        total = len(self.recording.indices(*part))
        first_stamp, began = 0, time.monotonic()
        for count, frame in enumerate(self.recording.frames(*part), start=1):
            if count == 1:
                first_stamp, began = frame.stamp_ns, time.monotonic()
                epoch = self.get_clock().now().nanoseconds
            due = began + (frame.stamp_ns - first_stamp) * 1e-9 / config.rate
            self._wait_until(due, frame.stamp_ns)
            if self._stopping.is_set():
                return
            stamp_ns = published_stamp_ns(frame.stamp_ns)
            if config.restamp:
                stamp_ns = epoch + round((frame.stamp_ns - first_stamp) / config.rate)
            self._publish(frame, stamp_ns)
            self.published += 1
            if self._on_progress is not None:
                self._on_progress(count, total)

    def _wait_until(self, due: float, stamp_ns: int) -> None:
        while not self._stopping.is_set():
            left = due - time.monotonic()
            if self.clock is not None:
                now_ns = stamp_ns - round(max(0.0, left) * self.config.rate * 1e9)
                self.clock.publish(Clock(clock=ns_to_stamp(max(0, now_ns))))
            if left <= 0:
                return
            self._stopping.wait(min(left, _CLOCK_STEP) if self.clock is not None else left)

    def _wait_for_subscribers(self) -> None:
        deadline = time.monotonic() + self.config.wait_for_subscribers
        while time.monotonic() < deadline and not self._stopping.is_set():
            if self.color.get_subscription_count() and self.depth.get_subscription_count():
                return
            self._stopping.wait(0.05)

    def _publish(self, frame: RgbdFrame, stamp_ns: int) -> None:
        config = self.config
        T_world_link = frame.T_world_camera @ invert(T_LINK_OPTICAL)
        self.tf.sendTransform(
            self._transform(stamp_ns, config.fixed_frame, config.link_frame, T_world_link)
        )
        if self.pose is not None:
            self.pose.publish(self._pose(frame, stamp_ns))
        top = header(stamp_ns, config.optical_frame)
        self.info.publish(camera_info_to_msg(frame.intrinsics, top))
        raw = millimetres(frame.depth_m)
        if config.transport == "compressed":
            self.depth.publish(compressed_depth_to_msg(raw, top))
            self.color.publish(compressed_color_to_msg(frame.color, top))
            return
        self.depth.publish(image_to_msg(raw, "16UC1", top))
        self.color.publish(image_to_msg(frame.color, "rgb8", top))

    def _pose(self, frame: RgbdFrame, stamp_ns: int) -> Any:
        top = header(stamp_ns, self.config.fixed_frame)
        pose = matrix_to_pose(frame.T_world_camera)
        if self.config.pose == "pose":
            return PoseStamped(header=top, pose=pose)
        msg = Odometry(header=top, child_frame_id=self.config.optical_frame)
        msg.pose.pose = pose
        return msg

    def _transform(self, stamp_ns: int, parent: str, child: str, T: Any) -> TransformStamped:
        return TransformStamped(
            header=header(stamp_ns, parent), child_frame_id=child, transform=matrix_to_transform(T)
        )


def main() -> int:
    """Entry point of the player process."""
    return run_nodes(lambda: [PlayerNode()])
