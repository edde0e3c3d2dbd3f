"""Where the camera was when the image was taken: from TF, or from a pose or odometry topic."""

from __future__ import annotations

import bisect
import threading
from collections import defaultdict
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
import tf2_ros
from geometry_msgs.msg import PoseStamped
from nav_msgs.msg import Odometry
from rclpy.callback_groups import CallbackGroup
from rclpy.duration import Duration
from rclpy.node import Node
from rclpy.qos import QoSProfile, qos_profile_sensor_data
from rclpy.time import Time
from scipy.spatial.transform import Rotation, Slerp

from ..errors import SceneR1Error
from ..feed_config import FeedConfig
from ..geometry import Float64
from .conversions import pose_to_matrix, stamp_to_ns, transform_to_matrix
from .recent_stream import RecentStream

BUFFER_SECONDS = 30.0


class PoseNotReadyError(SceneR1Error):
    """The pose is not known yet; it may be a moment later."""


class PoseSource(Protocol):
    """Gives the camera's pose at a stamp."""

    def T_world_camera(self, stamp_ns: int, camera_frame: str) -> Float64:
        """(4, 4) pose in the fixed frame; raises PoseNotReadyError."""
        ...

    def restart(self, between_ns: int) -> None:
        """The clock jumped back over ``between_ns``: forget what was received before it did."""
        ...

    def close(self) -> None:
        """End the subscriptions."""
        ...


class _RestartableBuffer(tf2_ros.Buffer):  # type: ignore[misc]
    """A buffer of transforms that keeps what came after the clock had jumped back."""

    def __init__(self) -> None:
        super().__init__(cache_time=Duration(seconds=BUFFER_SECONDS))
        self._lock = threading.Lock()
        self._recent: defaultdict[str, RecentStream[tuple[Any, str]]] = defaultdict(RecentStream)

    def set_transform(self, transform: Any, authority: str) -> None:
        with self._lock:
            stamp_ns = stamp_to_ns(transform.header.stamp)
            self._recent[transform.child_frame_id].add(stamp_ns, (transform, authority))
            super().set_transform(transform, authority)

    def restart(self, between_ns: int) -> None:
        with self._lock:
            self.clear()
            for stream in self._recent.values():
                for _, (transform, authority) in stream.restart(between_ns):
                    super().set_transform(transform, authority)


class TfPoseSource:
    """The pose by tf2, exactly at the stamp."""

    def __init__(self, node: Node, fixed_frame: str) -> None:
        self.fixed_frame = fixed_frame
        self.buffer = _RestartableBuffer()
        self._node = node
        self._listener = tf2_ros.TransformListener(self.buffer, node)

    def T_world_camera(self, stamp_ns: int, camera_frame: str) -> Float64:
        return self.lookup(self.fixed_frame, camera_frame, stamp_ns)

    def lookup(self, target: str, source: str, stamp_ns: int) -> Float64:
        """(4, 4) ``T_target_source`` at the stamp; raises PoseNotReadyError in tf2's words."""
        try:
            found = self.buffer.lookup_transform(target, source, Time(nanoseconds=stamp_ns))
        except tf2_ros.TransformException as error:
            raise PoseNotReadyError(
                f"no transform from {source} to {target} at {stamp_ns * 1e-9:.6f} s: {error}"
            ) from error
        return transform_to_matrix(found.transform)

    def restart(self, between_ns: int) -> None:
        self.buffer.restart(between_ns)

    def close(self) -> None:
        self._listener.unregister()


class TopicPoseSource:
    """The pose from PoseStamped or Odometry messages, interpolated to the stamp.

    When the messages speak of another frame than the camera, or in another frame than the fixed
    one, TF supplies the missing link.
    """

    def __init__(
        self,
        node: Node,
        config: FeedConfig,
        on_message: Callable[[int], None],
        callback_group: CallbackGroup,
    ) -> None:
        self._node = node
        self._config = config
        self._on_message = on_message
        self._tf = TfPoseSource(node, config.fixed_frame)
        self._lock = threading.Lock()
        self._stamps: list[int] = []
        self._poses: list[Float64] = []
        self._recent: RecentStream[Float64] = RecentStream()
        self._frames = ("", "")
        kind: Any = PoseStamped if config.pose_source == "pose" else Odometry
        qos = QoSProfile(depth=100, reliability=qos_profile_sensor_data.reliability)
        self._subscription = node.create_subscription(
            kind, config.pose_topic, self._take, qos, callback_group=callback_group
        )

    def T_world_camera(self, stamp_ns: int, camera_frame: str) -> Float64:
        with self._lock:
            T_parent_child = self._interpolate(stamp_ns)
            parent, child = self._frames
        child = self._config.pose_child_frame or child or camera_frame
        T = T_parent_child
        if parent and parent != self._config.fixed_frame:
            T = self._tf.lookup(self._config.fixed_frame, parent, stamp_ns) @ T
        if child != camera_frame:
            T = T @ self._tf.lookup(child, camera_frame, stamp_ns)
        return T

    def restart(self, between_ns: int) -> None:
        with self._lock:
            self._stamps.clear()
            self._poses.clear()
            for stamp_ns, T in self._recent.restart(between_ns):
                self._keep(stamp_ns, T)
        self._tf.restart(between_ns)

    def close(self) -> None:
        self._node.destroy_subscription(self._subscription)
        self._tf.close()

    def _take(self, msg: Any) -> None:
        stamp_ns = stamp_to_ns(msg.header.stamp)
        self._on_message(stamp_ns)
        odometry = self._config.pose_source == "odometry"
        try:
            T = pose_to_matrix(msg.pose.pose if odometry else msg.pose)
        except SceneR1Error:
            return  # the frames that need this pose say that it is missing
        with self._lock:
            self._frames = (msg.header.frame_id, msg.child_frame_id if odometry else "")
            self._recent.add(stamp_ns, T)
            self._keep(stamp_ns, T)

    def _keep(self, stamp_ns: int, T: Float64) -> None:
        i = bisect.bisect_left(self._stamps, stamp_ns)
        if i < len(self._stamps) and self._stamps[i] == stamp_ns:
            self._poses[i] = T
            return
        self._stamps.insert(i, stamp_ns)
        self._poses.insert(i, T)
        oldest = self._stamps[-1] - int(BUFFER_SECONDS * 1e9)
        stale = bisect.bisect_left(self._stamps, oldest)
        del self._stamps[:stale], self._poses[:stale]

    def _interpolate(self, stamp_ns: int) -> Float64:
        i = bisect.bisect_left(self._stamps, stamp_ns)
        if i < len(self._stamps) and self._stamps[i] == stamp_ns:
            return self._poses[i]
        if i == 0 or i == len(self._stamps):
            topic = self._config.pose_topic
            if not self._stamps:
                raise PoseNotReadyError(f"no pose has arrived on {topic}.")
            raise PoseNotReadyError(
                f"no pose on {topic} around {stamp_ns * 1e-9:.6f} s; there are poses from "
                f"{self._stamps[0] * 1e-9:.6f} to {self._stamps[-1] * 1e-9:.6f} s."
            )
        before, after = self._stamps[i - 1], self._stamps[i]
        share = (stamp_ns - before) / (after - before)
        a, b = self._poses[i - 1], self._poses[i]
        T = np.eye(4)
        rotations = Rotation.from_matrix(np.stack([a[:3, :3], b[:3, :3]]))
        T[:3, :3] = Slerp([0.0, 1.0], rotations)(share).as_matrix()
        T[:3, 3] = (1 - share) * a[:3, 3] + share * b[:3, 3]
        return T


def make_pose_source(
    node: Node,
    config: FeedConfig,
    on_message: Callable[[int], None],
    callback_group: CallbackGroup,
) -> PoseSource:
    """The source that the settings name."""
    if config.pose_source == "tf":
        return TfPoseSource(node, config.fixed_frame)
    return TopicPoseSource(node, config, on_message, callback_group)
