"""Answers of the graph as the records that the commands print."""

from __future__ import annotations

from typing import Any

from .conversions import box3d_from_msg, stamp_to_ns


def object_record(answer: Any) -> dict[str, Any]:
    """The JSON form of an answer with an object (TrackBox, GroundQuery).

    ``object`` has center[3], yaw, size[3] in the fixed frame (metres, radians), points, views.
    """
    item = answer.object
    box = box3d_from_msg(item)
    seconds = answer.seconds
    return {
        "found": True,
        "label": item.label,
        "query": item.query,
        "rationale": item.rationale,
        "object": {
            "object_id": item.object_id,
            "frame_id": item.header.frame_id,
            "center": list(box.center),
            "yaw": box.yaw,
            "size": list(box.size),
            "points": item.points,
            "views": item.views,
            "confidence": float(item.confidence),
            "first_seen": stamp_to_ns(item.first_seen) * 1e-9,
            "last_seen": stamp_to_ns(item.last_seen) * 1e-9,
        },
        "seconds": {
            name: round(float(getattr(seconds, name)), 4)
            for name in ("temporal", "image", "tracking", "lifting", "total")
        },
    }
