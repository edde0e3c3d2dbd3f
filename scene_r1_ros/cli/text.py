"""Results as a few lines for a person."""

from __future__ import annotations

import math
from typing import Any


def object_text(record: dict[str, Any]) -> str:
    """The object of a result record (see DESIGN of ``--json``), or why there is none."""
    if not record["found"]:
        return f"not found: {record.get('reason') or 'the reasoner sees no such object'}"
    item = record["object"]
    x, y, z = item["center"]
    sx, sy, sz = item["size"]
    name = record["label"] or item.get("object_id") or "object"
    frame = f" in {item['frame_id']}" if item.get("frame_id") else ""
    lines = [
        f"{name}" + (f"  ({item['object_id']})" if item.get("object_id") else ""),
        f"  centre  x {x:.3f}  y {y:.3f}  z {z:.3f} m{frame}",
        f"  size    {sx:.3f} x {sy:.3f} x {sz:.3f} m, yaw {math.degrees(item['yaw']):.1f} deg",
        f"  from    {item['points']} points in {item['views']} views"
        f", confidence {item['confidence']:.2f}",
    ]
    if record.get("rationale"):
        lines.append(f"  why     {record['rationale']}")
    parts = [f"{stage} {value:.2f} s" for stage, value in record["seconds"].items() if value]
    lines.append(f"  took    {', '.join(parts)}")
    return "\n".join(lines)
