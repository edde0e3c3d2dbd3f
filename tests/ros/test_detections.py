"""Objects as vision_msgs detections, where that package is installed."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("vision_msgs.msg", reason="vision_msgs is not installed")

from scene_r1_ros.geometry import Box3D
from scene_r1_ros.memory import GroundedObject
from scene_r1_ros.ros.conversions import header
from scene_r1_ros.ros.detections import available, detections


def item(**changes):
    values = {
        "object_id": "mug_1",
        "number": 1,
        "query_id": "q",
        "label": "mug",
        "query": "",
        "box": Box3D((1, 2, 3), (0.1, 0.2, 0.3), 0.5),
        "points": np.zeros((1, 3), np.float32),
        "colors": np.zeros((1, 3), np.uint8),
        "views": 1,
        "confidence": 0.75,
        "first_seen_ns": 1,
        "last_seen_ns": 2,
    }
    return GroundedObject(**values | changes)


def test_an_object_is_a_detection_with_its_box():
    assert available()
    (one,) = detections([item()], header(5, "map")).detections
    assert (one.id, one.header.frame_id) == ("mug_1", "map")
    center, size = one.bbox.center.position, one.bbox.size
    assert (center.x, center.y, center.z, size.x, size.y, size.z) == (1, 2, 3, 0.1, 0.2, 0.3)
    assert (one.results[0].hypothesis.class_id, one.results[0].hypothesis.score) == ("mug", 0.75)


def test_stale_objects_are_no_detections():
    assert detections([item(stale=True)], header(5, "map")).detections == []
