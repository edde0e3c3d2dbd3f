"""What a user of the graph sees of one query: its grounding, masks, object, cloud and markers."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rclpy.node import Node
from scene_r1_msgs.msg import (
    GroundedObject,
    GroundedObjectArray,
    ObjectMask,
    StageStatus,
)
from scene_r1_msgs.msg import Grounding as GroundingMsg
from sensor_msgs.msg import CameraInfo, PointCloud2
from visualization_msgs.msg import Marker, MarkerArray

from ..errors import DeadlineError
from ..lifting import LiftedObject
from ..pipeline import PipelineResult
from ..reasoning import Grounding
from ..tracking import FrameMask, MaskTrack
from .cloud import cloud_to_points
from .conversions import box3d_from_msg, grounding_from_msg, mask_from_msg, stamp_to_ns
from .node_base import LATCHED, MASKS_QOS, RELIABLE

STAGES = {
    StageStatus.GROUNDING: "grounding",
    StageStatus.TRACKING: "tracking",
    StageStatus.LIFTING: "lifting",
}
StageCallback = Callable[[str, float, str], None]


@dataclass(frozen=True, eq=False)
class Observed:
    """Everything that the topics said about one query; ``markers`` counts those in sight."""

    grounding: Grounding
    track: MaskTrack
    object: GroundedObject
    points: NDArray[np.float32]
    colors: NDArray[np.uint8]
    markers: int

    def result(self, seconds: dict[str, float]) -> PipelineResult:
        """As the pipeline would have given it, but that all masked frames count as views."""
        stamps = tuple(mask.stamp_ns for mask in self.track.masks)
        lifted = LiftedObject(
            box3d_from_msg(self.object),
            self.points,
            self.colors,
            stamps,
            float(self.object.confidence),
        )
        return PipelineResult(self.grounding, self.track, lifted, seconds)


class ResultListener:
    """Subscribes on ``node`` to the results in its namespace, and to one camera info topic.

    ``on_stage`` is told of the stages' progress (name, share done, text). Somebody else spins the
    node.
    """

    def __init__(
        self, node: Node, camera_info_topic: str, on_stage: StageCallback | None = None
    ) -> None:
        self.frames = 0
        self._on_stage = on_stage
        self._changed = threading.Condition()
        self._groundings: dict[str, Grounding] = {}
        self._masks: defaultdict[str, dict[int, FrameMask]] = defaultdict(dict)
        self._mask_counts: dict[str, int] = {}
        self._objects: dict[str, GroundedObject] = {}
        self._objects_stamp_ns: dict[str, int] = {}
        self._cloud: PointCloud2 | None = None
        self._markers: set[tuple[str, int]] = set()
        self._results: dict[str, Any] = {}
        for kind, topic, callback, qos in (
            (GroundingMsg, "grounding", self._take_grounding, RELIABLE),
            (ObjectMask, "masks", self._take_mask, MASKS_QOS),
            (GroundedObjectArray, "objects", self._take_objects, LATCHED),
            (PointCloud2, "object_cloud", self._take_cloud, LATCHED),
            (MarkerArray, "markers", self._take_markers, LATCHED),
            (StageStatus, "stage_status", self._take_status, RELIABLE),
            (CameraInfo, camera_info_topic, self._take_camera_info, RELIABLE),
        ):
            self._results[topic] = node.create_subscription(kind, topic, callback, qos)
        del self._results[camera_info_topic]

    @property
    def joined(self) -> bool:
        """Whether somebody is known to publish each topic of results: nothing is missed then."""
        return all(one.get_publisher_count() > 0 for one in self._results.values())

    def observed(self, query_id: str, timeout: float) -> Observed:
        """Wait until every topic has told of the query.

        The cloud is that of all objects; what lies in this object's box is taken.

        Raises:
            DeadlineError: naming the topics that said nothing.
        """
        deadline = time.monotonic() + timeout
        with self._changed:
            while missing := self._missing(query_id):
                left = deadline - time.monotonic()
                if left <= 0:
                    raise DeadlineError(
                        f"query {query_id} is answered, but after {timeout:g} s nothing has come "
                        f"on {', '.join(missing)}; is the graph still alive?"
                    )
                self._changed.wait(left)
            item = self._objects[query_id]
            grounding = self._groundings[query_id]
            masks = tuple(self._masks[query_id].values())
            cloud, markers = self._cloud, len(self._markers)
        points, colors = cloud_to_points(cloud)
        if len(self._objects) > 1:
            inside = box3d_from_msg(item).contains(points, margin=0.05)
            points, colors = points[inside], colors[inside]
        track = MaskTrack(grounding.anchor_stamp_ns, masks)
        return Observed(grounding, track, item, points, colors, markers)

    def grounding_of(self, query: str, timeout: float) -> Grounding | None:
        """Wait for the grounding of the query in these words, the newest; None if none comes."""

        def newest() -> Grounding | None:
            items = reversed(list(self._groundings.values()))
            return next((item for item in items if item.query == query), None)

        with self._changed:
            self._changed.wait_for(lambda: newest() is not None, timeout)
            return newest()

    def _missing(self, query_id: str) -> list[str]:
        # The cloud is told after the objects, with the same stamp; an older one lacks this object.
        told = self._objects_stamp_ns.get(query_id, 0)
        cloud = self._cloud
        came = {
            "grounding": query_id in self._groundings,
            "masks": 0 < self._mask_counts.get(query_id, 0) <= len(self._masks[query_id]),
            "objects": query_id in self._objects,
            "object_cloud": cloud is not None
            and cloud.width > 0
            and stamp_to_ns(cloud.header.stamp) >= told,
            "markers": bool(self._markers),
        }
        return [topic for topic, there in came.items() if not there]

    def _take_grounding(self, msg: GroundingMsg) -> None:
        with self._changed:
            self._groundings[msg.query_id] = grounding_from_msg(msg)
            self._changed.notify_all()

    def _take_mask(self, msg: ObjectMask) -> None:
        mask = mask_from_msg(msg)
        with self._changed:
            self._masks[msg.query_id][mask.stamp_ns] = mask
            self._mask_counts[msg.query_id] = msg.count
            self._changed.notify_all()

    def _take_objects(self, msg: GroundedObjectArray) -> None:
        with self._changed:
            for item in msg.objects:
                if self._objects.get(item.query_id) != item:
                    self._objects_stamp_ns[item.query_id] = stamp_to_ns(msg.header.stamp)
                self._objects[item.query_id] = item
            self._changed.notify_all()

    def _take_cloud(self, msg: PointCloud2) -> None:
        with self._changed:
            self._cloud = msg
            self._changed.notify_all()

    def _take_markers(self, msg: MarkerArray) -> None:
        with self._changed:
            for marker in msg.markers:
                if marker.action == Marker.DELETEALL:
                    self._markers.clear()
                elif marker.action == Marker.DELETE:
                    self._markers.discard((marker.ns, marker.id))
                else:
                    self._markers.add((marker.ns, marker.id))
            self._changed.notify_all()

    def _take_status(self, msg: StageStatus) -> None:
        if self._on_stage is not None and msg.stage in STAGES:
            self._on_stage(STAGES[msg.stage], float(msg.progress), msg.message)

    def _take_camera_info(self, msg: CameraInfo) -> None:
        self.frames += 1
