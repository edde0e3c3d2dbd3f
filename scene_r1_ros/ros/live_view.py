"""The live graph into the viewer: camera, masks, objects."""

from __future__ import annotations

import threading
import time
from typing import Any

import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions
from scene_r1_msgs.msg import GroundedObjectArray, ObjectMask
from sensor_msgs.msg import PointCloud2

from ..errors import SceneR1Error
from ..feed_config import FeedConfig
from ..frames import AddResult, RgbdFrame, VideoWindow
from ..viewer.scene import ViewerScene
from .cloud import cloud_to_points
from .conversions import box3d_from_msg, mask_from_msg
from .end_signals import Ended
from .feed import CameraFeed
from .node_base import LATCHED, MASKS_QOS
from .spinning import SpinThread
from .transport import use_shared_memory_profile

_POLL = 0.1


class _ShownWindow(VideoWindow):
    """Shows at most so many frames a second, and keeps none."""

    def __init__(self, view: LiveView, rate: float) -> None:
        super().__init__()
        self._view = view
        self._interval = 1.0 / rate
        self._next = 0.0

    def add(self, frame: RgbdFrame) -> AddResult:
        now = time.monotonic()
        if now >= self._next:
            self._next = now + self._interval
            self._view.show_frame(frame)
        return AddResult.KEYFRAME


class LiveView:
    """Subscribes to the camera and to the results in ``namespace``.

    ``frames`` counts those shown, ``objects`` is how many there are now, ``found`` is set once the
    graph has told of its objects, which it does to everyone who joins, however late.
    """

    def __init__(
        self, scene: ViewerScene, config: FeedConfig, namespace: str, rate: float = 10.0
    ) -> None:
        use_shared_memory_profile()
        rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
        self.frames = 0
        self.objects = 0
        self.found = threading.Event()
        self._scene = scene
        self._lock = threading.Lock()
        self._node = Node("view", namespace="/" + namespace.strip("/"))
        self._node.create_subscription(GroundedObjectArray, "objects", self._take_objects, LATCHED)
        self._node.create_subscription(PointCloud2, "object_cloud", self._take_cloud, LATCHED)
        self._node.create_subscription(ObjectMask, "masks", self._take_mask, MASKS_QOS)
        self._feed = CameraFeed(self._node, config, _ShownWindow(self, rate))
        executor = SingleThreadedExecutor()
        executor.add_node(self._node)
        self._spinner = SpinThread(executor)

    def run(self, ended: Ended, seconds: float = 0.0, patience: float = 10.0) -> None:
        """Show until ``ended`` is set, or for ``seconds`` (0 = no end) after the graph is found.

        Finding it takes DDS from a tenth of a second to several on a busy machine. Without a
        graph, ``seconds`` begin after ``patience``.
        """
        if not seconds:
            while not ended.wait(_POLL):
                pass
            return
        joined, began = time.monotonic(), None
        while not ended.wait(_POLL):
            now = time.monotonic()
            if began is None and (self.found.is_set() or now - joined >= patience):
                began = now
            if began is not None and now - began >= seconds:
                return

    def close(self) -> None:
        """End the subscriptions."""
        self._feed.close()
        self._spinner.close()
        self._node.destroy_node()
        rclpy.try_shutdown()

    def show_frame(self, frame: RgbdFrame) -> None:
        """Show a frame of the camera."""
        with self._lock:
            self._scene.at(frame.stamp_ns)
            self._scene.camera(frame.intrinsics, frame.T_world_camera, frame.color, frame.depth_m)
            self.frames += 1

    def _take_mask(self, msg: ObjectMask) -> None:
        try:
            mask = mask_from_msg(msg)
        except SceneR1Error as error:
            self._node.get_logger().warning(str(error))
            return
        with self._lock:
            self._scene.at(mask.stamp_ns)
            self._scene.mask(mask.mask)

    def _take_objects(self, msg: Any) -> None:
        with self._lock:
            self._scene.forget_objects()
            for item in msg.objects:
                label = f"{item.label or item.object_id} {item.confidence:.2f}"
                self._scene.object_box(item.object_id, box3d_from_msg(item), label)
            self.objects = len(msg.objects)
        self.found.set()

    def _take_cloud(self, msg: PointCloud2) -> None:
        with self._lock:
            self._scene.cloud("cloud", *cloud_to_points(msg))
