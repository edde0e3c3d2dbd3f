"""Objects as vision_msgs detections, where that package is installed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from geometry_msgs.msg import Vector3
from std_msgs.msg import Header

from ..memory import GroundedObject
from .conversions import matrix_to_pose

try:
    from vision_msgs.msg import (
        BoundingBox3D,
        Detection3D,
        Detection3DArray,
        ObjectHypothesis,
        ObjectHypothesisWithPose,
    )
except ImportError:  # it is not part of a bare ROS installation
    Detection3DArray = None


def available() -> bool:
    """Whether ``detections`` can be published here."""
    return Detection3DArray is not None


def detections(items: Iterable[GroundedObject], header: Header) -> Any:
    """A Detection3DArray of the objects; ``id`` is the object's, ``class_id`` its label."""
    return Detection3DArray(
        header=header, detections=[_detection(item, header) for item in items if not item.stale]
    )


def _detection(item: GroundedObject, header: Header) -> Any:
    pose = matrix_to_pose(item.box.T_world_box)
    x, y, z = item.box.size
    result = ObjectHypothesisWithPose(
        hypothesis=ObjectHypothesis(class_id=item.label, score=float(item.confidence))
    )
    result.pose.pose = pose
    return Detection3D(
        header=header,
        results=[result],
        bbox=BoundingBox3D(center=pose, size=Vector3(x=x, y=y, z=z)),
        id=item.object_id,
    )
