"""What is known about the object beforehand, to be shown beside what was found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..geometry import Box3D, box3d_iou


@dataclass(frozen=True)
class Truth:
    """The object as annotated: ``label``, 3D ``box`` in the fixed frame, and which file says so."""

    label: str
    box: Box3D
    source: str = ""

    def iou(self, found: Box3D) -> float:
        """3D intersection over union of yaw-aligned boxes."""
        return box3d_iou(self.box, found)

    def record(self) -> dict[str, Any]:
        """The JSON form, as in result records."""
        box = self.box
        return {
            "label": self.label,
            "center": list(box.center),
            "yaw": box.yaw,
            "size": list(box.size),
            "source": self.source,
        }
