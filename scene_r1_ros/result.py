"""A pipeline's result as the record that commands print and reports show."""

from __future__ import annotations

from typing import Any

from .frames import WindowSnapshot
from .pipeline import PipelineResult


def result_record(
    result: PipelineResult, window: WindowSnapshot, frame_number: int | None = None
) -> dict[str, Any]:
    """The JSON form of a result.

    ``frame`` is the number of the anchor frame in its recording (or None), ``box`` is in pixels,
    ``span`` in seconds after the window's first frame, ``object`` in metres and radians in the
    fixed frame (None when nothing was found).
    """
    grounding, lifted = result.grounding, result.lifted
    record: dict[str, Any] = {
        "found": grounding.found,
        "label": grounding.label,
        "query": grounding.query,
        "frame": frame_number,
        "stamp": grounding.anchor_stamp_ns * 1e-9 if grounding.found else None,
        "box": list(grounding.box_xyxy) if grounding.found else None,
        "span": [(s - window.start_ns) * 1e-9 for s in grounding.span] if grounding.found else None,
        "rationale": rationale(result),
        "confidence": grounding.confidence,
        "reason": grounding.reason,
        "candidates": grounding.candidates,
        "object": None,
        "seconds": {stage: round(value, 4) for stage, value in result.seconds.items()},
    }
    if lifted is not None:
        record["object"] = {
            "center": list(lifted.box.center),
            "yaw": lifted.box.yaw,
            "size": list(lifted.box.size),
            "points": len(lifted.points),
            "views": lifted.views,
            "confidence": lifted.confidence,
        }
    return record


def rationale(result: PipelineResult) -> str:
    """Both stages' reasoning, in order."""
    parts = (result.grounding.rationale_temporal, result.grounding.rationale_image)
    return "\n".join(part for part in parts if part)
