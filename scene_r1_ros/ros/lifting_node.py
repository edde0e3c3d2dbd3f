"""The lifting node: masks in; objects, cloud and markers out; keeps the object memory."""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from rclpy.clock import Clock, ClockType
from scene_r1_msgs.msg import GroundedObjectArray, ObjectMask, StageStatus
from scene_r1_msgs.msg import Grounding as GroundingMsg
from scene_r1_msgs.srv import ForgetObject, ListObjects
from sensor_msgs.msg import PointCloud2
from visualization_msgs.msg import MarkerArray

from ..config import Config, option
from ..control import Control
from ..errors import LiftingError, RequestError, SceneR1Error
from ..frames import VideoWindow
from ..lifting import LiftConfig, lift
from ..memory import MemoryConfig, ObjectMemory
from ..reasoning import Grounding
from ..tracking import FrameMask, MaskTrack
from . import detections, window_access
from .cloud import points_to_cloud
from .conversions import (
    grounding_from_msg,
    header,
    mask_from_msg,
    object_to_msg,
    stamp_to_ns,
)
from .markers import delete_all, deletion, object_markers
from .node_base import LATCHED, MASKS_QOS, OBJECTS_QOS, RELIABLE, SceneNode, succeed
from .runner import run_nodes
from .stage import Stage
from .window_access import WindowAccess

_REMEMBERED = 64


@dataclass(frozen=True)
class LiftingNodeConfig(Config):
    """How the node works; lifting and memory have settings of their own."""

    pending: int = option(8, "Queries that may wait to be lifted.", minimum=0, maximum=1000)
    mask_patience: float = option(
        2.0, "Masks that have not come for this long are done without.", minimum=0.1, unit="s"
    )
    cloud_points: int = option(
        50000, "Most points of one object in object_cloud.", minimum=100, maximum=5000000
    )
    memory_file: str = option("", "Objects are kept in this .npz over restarts; empty = not kept.")


@dataclass
class _Gathering:
    """Masks of one query that have arrived so far."""

    count: int
    masks: dict[int, FrameMask] = field(default_factory=dict)
    last: float = field(default_factory=time.monotonic)


SECTIONS = (
    *window_access.SECTIONS,
    ("lifting_node", LiftingNodeConfig),
    ("lifting", LiftConfig),
    ("memory", MemoryConfig),
)


class LiftingNode(SceneNode):
    """Publishes ``objects``, ``object_cloud`` and ``markers``; lists and forgets objects."""

    def __init__(self, window: VideoWindow | None = None, **kwargs: Any) -> None:
        super().__init__("lifting", SECTIONS, **kwargs)
        self.access = WindowAccess(self, window)
        self.memory = ObjectMemory()

    def setup(self) -> None:
        self.access.setup()
        self.config = self.settings("lifting_node", LiftingNodeConfig)
        self.lift_config = self.settings("lifting", LiftConfig)
        self._restore_memory()
        self._lock = threading.Lock()
        self._gathering: dict[str, _Gathering] = {}
        self._groundings: dict[str, Grounding] = {}
        self._cancelled: deque[str] = deque(maxlen=_REMEMBERED)
        self.stage = Stage(
            self,
            StageStatus.LIFTING,
            "lifting",
            self.config.pending,
            gathering=lambda: tuple(self._gathering),
            on_cancelled=self._drop,
        )
        self.objects = self.create_lifecycle_publisher(GroundedObjectArray, "objects", OBJECTS_QOS)
        self.cloud = self.create_lifecycle_publisher(PointCloud2, "object_cloud", LATCHED)
        self.markers = self.create_lifecycle_publisher(MarkerArray, "markers", OBJECTS_QOS)
        self.detections = None
        if detections.available():
            kind = detections.Detection3DArray
            self.detections = self.create_lifecycle_publisher(kind, "detections", LATCHED)
        self.inputs = [
            self.subscribe(GroundingMsg, "grounding", self._on_grounding, RELIABLE),
            self.subscribe(ObjectMask, "masks", self._on_mask, MASKS_QOS),
        ]
        self.api = [
            self.serve(ListObjects, "list_objects", self._list_objects),
            self.serve(ForgetObject, "forget_object", self._forget_object),
        ]
        self.timer = self.create_timer(
            0.5,
            self._lift_incomplete,
            clock=Clock(clock_type=ClockType.STEADY_TIME),  # ROS time may stand still
        )

    def start(self) -> None:
        self.access.start()
        self._publish_objects(delete_all(self._header()))

    def stop(self) -> None:
        self.stage.cancel_all()
        with self._lock:
            self._gathering.clear()
        self.access.stop()

    def teardown(self) -> None:
        self.destroy_timer(self.timer)
        for service in self.api:
            self.destroy_service(service)
        for subscription in self.inputs:
            self.destroy_subscription(subscription)
        self.stage.close()
        for publisher in (self.objects, self.cloud, self.markers, self.detections):
            if publisher is not None:
                self.destroy_lifecycle_publisher(publisher)

    # -- masks

    def _on_grounding(self, msg: GroundingMsg) -> None:
        self.access.window.keep(stamp_to_ns(msg.header.stamp))
        with self._lock:
            self._groundings[msg.query_id] = grounding_from_msg(msg)
            while len(self._groundings) > _REMEMBERED:
                self._groundings.pop(next(iter(self._groundings)))

    def _on_mask(self, msg: ObjectMask) -> None:
        if msg.count == 0:  # an object that is already there is followed live
            return
        mask = mask_from_msg(msg)
        with self._lock:
            if msg.query_id in self._cancelled:
                return
            gathering = self._gathering.setdefault(msg.query_id, _Gathering(msg.count))
            gathering.masks[mask.stamp_ns] = mask
            gathering.last = time.monotonic()
            complete = 0 < gathering.count <= len(gathering.masks)
            if complete:
                del self._gathering[msg.query_id]
        if complete:
            self._submit(msg.query_id, gathering)

    def _drop(self, query_id: str) -> None:
        """The query was taken back; its masks, also those still on their way, are not lifted."""
        with self._lock:
            self._cancelled.append(query_id)
            self._gathering.pop(query_id, None)

    def _lift_incomplete(self) -> None:
        oldest = time.monotonic() - self.config.mask_patience
        with self._lock:
            late = {q: g for q, g in self._gathering.items() if g.last < oldest}
            for query_id in late:
                del self._gathering[query_id]
        for query_id, gathering in late.items():
            self.get_logger().warning(
                f"query {query_id}: {len(gathering.masks)} of {gathering.count} masks came; "
                "lifting these."
            )
            self._submit(query_id, gathering)

    def _submit(self, query_id: str, gathering: _Gathering) -> None:
        self.stage.run(query_id, partial(self._lift, query_id, gathering))

    def _lift(self, query_id: str, gathering: _Gathering, control: Control) -> None:
        window = self.access.window.snapshot()
        there = {frame.stamp_ns for frame in window.frames}
        masks = tuple(mask for stamp, mask in gathering.masks.items() if stamp in there)
        if not masks:
            raise LiftingError(
                f"none of the {len(gathering.masks)} masked frames is in the window any more; "
                "lengthen window.max_seconds or window.max_megabytes."
            )
        with self._lock:
            grounding = self._groundings.get(query_id) or Grounding(
                "", True, masks[0].stamp_ns, confidence=1.0
            )
        track = MaskTrack(grounding.anchor_stamp_ns, masks)
        lifted = lift(window, track, control, self.lift_config)
        control.check("lifting")
        self.memory.update(lifted, grounding, query_id)
        self.memory.mark_stale(window.end_ns)
        self._changed()

    # -- services

    def _list_objects(self, request: ListObjects.Request, response: ListObjects.Response) -> None:
        items = self.memory.objects(request.label, request.include_stale)
        frame = self.access.config.fixed_frame
        response.objects = [object_to_msg(item, frame) for item in items]
        succeed(response, f"{len(items)} objects")

    def _forget_object(
        self, request: ForgetObject.Request, response: ForgetObject.Response
    ) -> None:
        if request.all == bool(request.object_id):
            raise RequestError(
                f"object_id is {request.object_id!r} and all is {request.all}: give the id of one "
                "object, or all: true and no id."
            )
        if request.all:
            numbers = [item.number for item in self.memory.objects()]
            response.forgotten = self.memory.forget_all()
        else:
            numbers = [self.memory.forget(request.object_id).number]
            response.forgotten = 1
        self._changed(deletion(numbers, self._header()))
        succeed(response)

    # -- what subscribers see

    def _changed(self, gone: MarkerArray | None = None) -> None:
        self._publish_objects(gone)
        if self.config.memory_file:
            try:
                self.memory.save(self.config.memory_file)
            except SceneR1Error as error:
                self.get_logger().error(str(error))

    def _publish_objects(self, gone: MarkerArray | None = None) -> None:
        items, top = self.memory.objects(), self._header()
        frame = top.frame_id
        self.objects.publish(
            GroundedObjectArray(header=top, objects=[object_to_msg(item, frame) for item in items])
        )
        points, colors = [np.empty((0, 3), np.float32)], [np.empty((0, 3), np.uint8)]
        for item in items:
            stride = 1 + len(item.points) // self.config.cloud_points
            points.append(item.points[::stride])
            colors.append(item.colors[::stride])
        self.cloud.publish(points_to_cloud(np.concatenate(points), np.concatenate(colors), top))
        # Deletions go into the same message: of two, a topic that keeps the last may lose one.
        markers = object_markers(items, top)
        if gone is not None:
            markers.markers = [*gone.markers, *markers.markers]
        self.markers.publish(markers)
        if self.detections is not None:
            self.detections.publish(detections.detections(items, top))

    def _header(self) -> Any:
        return header(self.get_clock().now().nanoseconds, self.access.config.fixed_frame)

    def _restore_memory(self) -> None:
        self.memory = ObjectMemory(self.settings("memory", MemoryConfig))
        path = self.config.memory_file
        if path and Path(path).exists():
            count = self.memory.load(path)
            self.get_logger().info(f"{count} objects restored from {path}")


def main() -> int:
    """Entry point of the lifting process."""
    return run_nodes(lambda: [LiftingNode()])
