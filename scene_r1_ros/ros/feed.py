"""Camera topics to frames in the window: synchronise, find the pose, convert, add.

Callbacks only queue; one thread of the feed waits for poses and converts, so that a late TF tree
or a large image never holds up the executor.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import message_filters
import numpy as np
from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rclpy.subscription import Subscription
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from ..errors import FrameError, SceneR1Error
from ..feed_config import FeedConfig
from ..frames import AddResult, RgbdFrame, VideoWindow, seconds_to_ns
from ..geometry import Float64
from . import images
from .conversions import stamp_to_ns
from .feed_stats import FeedStats
from .pose_source import PoseNotReadyError, make_pose_source

_QUEUED_FRAMES = 60
_POSE_POLL = 0.004


@dataclass(frozen=True)
class _Synchronized:
    color: Any
    depth: Any
    info: CameraInfo
    arrived: float
    run: int  # of the clock; it jumped back between frames of different runs


class _Input(message_filters.SimpleFilter):
    """Takes the messages of a topic; one that the filters after it cannot take is only reported.

    Unlike ``message_filters.Subscriber`` it exists before it subscribes: what a topic keeps for
    late joiners may come at once, and whoever is not connected by then never sees it.
    """

    def __init__(self, on_fault: Callable[[Exception], None]) -> None:
        super().__init__()
        self._on_fault = on_fault

    def take(self, msg: Any) -> None:
        try:
            self.signalMessage(msg)
        except Exception as error:
            self._on_fault(error)


def qos_profile(name: str, depth: int) -> QoSProfile:
    """``sensor_data`` (best effort), ``reliable``, or ``transient_local`` (reliable and kept)."""
    best_effort = name == "sensor_data"
    kept = name == "transient_local"
    return QoSProfile(
        depth=depth,
        reliability=ReliabilityPolicy.BEST_EFFORT if best_effort else ReliabilityPolicy.RELIABLE,
        durability=DurabilityPolicy.TRANSIENT_LOCAL if kept else DurabilityPolicy.VOLATILE,
    )


class CameraFeed:
    """Fills a window from a node's camera topics, from construction until :meth:`close`."""

    def __init__(self, node: Node, config: FeedConfig, window: VideoWindow) -> None:
        self.config = config
        self.window = window
        self.stats = FeedStats(node.get_logger().warning)
        self._node = node
        self._log = node.get_logger()
        self._queue: deque[_Synchronized] = deque()
        self._wake = threading.Condition()
        self._closing = False
        self._clock_run = 0
        self._group = MutuallyExclusiveCallbackGroup()
        self._topics = {
            "color": config.color_topic
            + ("/compressed" if config.color_transport == "compressed" else ""),
            "depth": config.depth_topic
            + ("/compressedDepth" if config.depth_transport == "compressedDepth" else ""),
            "camera_info": config.camera_info_topic,
        }
        for role, topic in self._topics.items():
            self.stats.expect(role, topic)
        if config.pose_source != "tf":
            self.stats.expect("pose", config.pose_topic)
        self.pose_source = make_pose_source(
            node, config, lambda stamp: self._count("pose", stamp), self._group
        )
        inputs = self._make_inputs()
        # The approximate filter wants stamps that differ by less than its slop.
        self._sync = (
            message_filters.ApproximateTimeSynchronizer(
                list(inputs.values()), config.sync_queue, config.sync_slop
            )
            if config.sync_slop > 0
            else message_filters.TimeSynchronizer(list(inputs.values()), config.sync_queue)
        )
        self._sync.registerCallback(self._on_synchronized)
        self._subscriptions = self._subscribe(inputs)
        self._thread = threading.Thread(target=self._run, name="camera-feed", daemon=True)
        self._thread.start()

    def topic(self, role: str) -> str:
        """The topic subscribed to for color, depth or camera_info."""
        return self._topics[role]

    def type_name(self, role: str) -> str:
        """The ROS name of an input's message type."""
        if role == "pose":
            odometry = self.config.pose_source == "odometry"
            return "nav_msgs/msg/Odometry" if odometry else "geometry_msgs/msg/PoseStamped"
        return f"sensor_msgs/msg/{self._kinds()[role].__name__}"

    def close(self) -> None:
        """End the subscriptions and the thread; the window keeps its frames."""
        with self._wake:
            self._closing = True
            self._wake.notify_all()
        for subscription in self._subscriptions:
            self._node.destroy_subscription(subscription)
        self.pose_source.close()
        self._thread.join(timeout=5.0)

    def _kinds(self) -> dict[str, Any]:
        config = self.config
        return {
            "color": CompressedImage if config.color_transport == "compressed" else Image,
            "depth": CompressedImage if config.depth_transport == "compressedDepth" else Image,
            "camera_info": CameraInfo,
        }

    def _make_inputs(self) -> dict[str, _Input]:
        inputs = {}
        for role, topic in self._topics.items():
            inputs[role] = _Input(partial(self._on_bad_message, topic))
            inputs[role].registerCallback(
                lambda msg, role=role: self._count(role, stamp_to_ns(msg.header.stamp))
            )
        return inputs

    def _subscribe(self, inputs: dict[str, _Input]) -> list[Subscription[Any]]:
        config, kinds = self.config, self._kinds()
        names = {
            "color": config.color_qos,
            "depth": config.depth_qos,
            "camera_info": config.camera_info_qos,
        }
        return [
            self._node.create_subscription(
                kinds[role],
                self._topics[role],
                taken.take,
                qos_profile(names[role], config.qos_depth),
                callback_group=self._group,
            )
            for role, taken in inputs.items()
        ]

    def _on_bad_message(self, topic: str, error: Exception) -> None:
        self.stats.drop(topic, "message", f"a message cannot be used: {error}.")

    def _count(self, role: str, stamp_ns: int) -> None:
        before = self.stats.received(role, stamp_ns)
        behind = (before - stamp_ns) * 1e-9
        if role == "color" and behind > self.window.config.reorder_seconds:
            self._restart_clock(behind, stamp_ns)

    def _restart_clock(self, seconds: float, stamp_ns: int) -> None:
        """The clock jumped back to ``stamp_ns``: what is of the time before the jump must go."""
        jumped_over = stamp_ns + seconds_to_ns(self.window.config.reorder_seconds)
        with self._sync.lock:
            for queue in self._sync.queues:
                for stamp in [stamp for stamp in queue if stamp > jumped_over]:
                    del queue[stamp]
        with self._wake:
            self._clock_run += 1
            self._queue.clear()
        self.pose_source.restart(stamp_ns + seconds_to_ns(seconds / 2))
        self.window.clear()
        self.stats.reset()
        self._log.warning(
            f"The clock jumped back by {seconds:.3f} s (a recording that loops, or a simulation "
            "that was reset): window, synchroniser and transforms start again."
        )

    def _on_synchronized(self, color: Any, depth: Any, info: CameraInfo) -> None:
        self.stats.synchronized()
        with self._wake:
            if len(self._queue) >= _QUEUED_FRAMES:
                self._queue.popleft()
                self.stats.drop("frames", "overrun", "frames arrive faster than they are taken in.")
            now = time.monotonic()
            self._queue.append(_Synchronized(color, depth, info, now, self._clock_run))
            self._wake.notify()

    def _run(self) -> None:
        while True:
            with self._wake:
                while not self._queue and not self._closing:
                    self._wake.wait()
                if self._closing:
                    return
                item = self._queue.popleft()
            try:
                self._take(item)
            except PoseNotReadyError as error:
                self.stats.drop("pose", "pose", str(error))
            except SceneR1Error as error:
                self.stats.drop(self._topics["color"], "frame", str(error))
            except Exception as error:  # a bad frame never ends the feed
                self.stats.drop(self._topics["color"], "fault", f"{type(error).__name__}: {error}.")

    def _take(self, item: _Synchronized) -> None:
        config = self.config
        depth = self._convert("depth", item.depth)
        color = self._convert("color", item.color)
        camera = self._convert("camera_info", item.info)
        if color is None or depth is None or camera is None:
            return
        if color.shape[:2] != depth.shape:
            self.stats.drop(
                self._topics["depth"],
                "size",
                f"depth is {depth.shape[1]} x {depth.shape[0]} pixels but colour is "
                f"{color.shape[1]} x {color.shape[0]}; use the depth that is registered to colour "
                "(aligned_depth_to_color, or depth_image_proc/register).",
            )
            return
        size = (camera.intrinsics.height, camera.intrinsics.width)
        if color.shape[:2] != size:
            self.stats.drop(
                self._topics["camera_info"],
                "size",
                f"camera info is for {size[1]} x {size[0]} pixels but images are "
                f"{color.shape[1]} x {color.shape[0]}.",
            )
            return
        if config.undistort:
            color, depth = camera.undistort(color, depth)
        if config.max_depth > 0:
            with np.errstate(invalid="ignore"):
                beyond = depth > config.max_depth
            if beyond.any():
                depth[beyond] = np.nan
        stamp_ns, frame_id = stamp_to_ns(item.color.header.stamp), self._camera_frame(item)
        T = self._wait_for_pose(stamp_ns, frame_id, item)
        frame = RgbdFrame(stamp_ns, color, depth, camera.intrinsics, T, frame_id)
        with self._wake:
            if item.run != self._clock_run:
                return  # of the time before the clock jumped back
            result = self.window.add(frame)
        if result is AddResult.DUPLICATE:
            self.stats.drop(
                self._topics["color"],
                "duplicate",
                f"a second image has the stamp {stamp_ns * 1e-9:.6f} s.",
            )
            return
        if result is AddResult.RESET:
            self.stats.reset()
        self.stats.accepted()

    def _camera_frame(self, item: _Synchronized) -> str:
        top = item.color.header
        if stamp_to_ns(top.stamp) <= 0:
            raise FrameError("its header.stamp is 0; the camera's driver must stamp its images.")
        frame_id = self.config.camera_frame or top.frame_id
        if not frame_id:
            raise FrameError("its header.frame_id is empty; set the parameter camera_frame.")
        return str(frame_id)

    def _convert(self, role: str, msg: Any) -> Any:
        compressed = isinstance(msg, CompressedImage)
        try:
            if role == "color":
                return (
                    images.color_from_compressed(msg)
                    if compressed
                    else images.color_from_image(msg)
                )
            if role == "depth":
                return (
                    images.depth_from_compressed(msg)
                    if compressed
                    else images.depth_from_image(msg)
                )
            return images.camera_model(msg)
        except FrameError as error:
            self.stats.drop(self._topics[role], role, str(error))
        except Exception as error:  # of the libraries that decode
            self.stats.drop(self._topics[role], role, f"it cannot be read: {error}.")
        return None

    def _wait_for_pose(self, stamp_ns: int, frame_id: str, item: _Synchronized) -> Float64:
        deadline = item.arrived + self.config.pose_timeout
        while True:
            try:
                return self.pose_source.T_world_camera(stamp_ns, frame_id)
            except PoseNotReadyError:
                late = time.monotonic() >= deadline
                if late or self._closing or item.run != self._clock_run:
                    raise
            time.sleep(_POSE_POLL)
