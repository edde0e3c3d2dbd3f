"""Annotations that may lie beside a recording: objects with boxes, and detected boxes.

``objects.json`` is what synthetic recordings carry (3D box, and a 2D box for each frame that shows
the object), ``objects3d.json`` holds 3D boxes alone, ``boxes2d_*.json`` 2D boxes by frame number:
``{"0": [{"xywh": [x, y, w, h], "score": s}, ...], ...}``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import RecordingFormatError
from ..frames import RgbdFrame
from ..geometry import Box3D, BoxXyxy, box_iou, invert, transform_points
from ..report.truth import Truth

OBJECTS, OBJECTS_3D = "objects.json", "objects3d.json"
_SAME_BOX = 0.3


@dataclass(frozen=True)
class SeenIn:
    """An object in one frame: the frame's number, the box in pixels, how many pixels show it."""

    frame: int
    box: BoxXyxy
    pixels: int


@dataclass(frozen=True)
class AnnotatedObject:
    """An object of ``objects.json``; ``on_floor`` if nothing carries it and no wall holds it.

    ``color`` is its colour's name, empty where the file has none.
    """

    label: str
    box: Box3D
    on_floor: bool
    seen: tuple[SeenIn, ...]
    color: str = ""


@dataclass(frozen=True)
class DetectedBox:
    """A box of ``boxes2d_*.json``."""

    frame: int
    box: BoxXyxy
    score: float


def annotated_objects(folder: Path) -> list[AnnotatedObject]:
    """The objects of ``objects.json``; none without the file.

    Raises:
        RecordingFormatError: naming a malformed file.
    """
    return [
        AnnotatedObject(
            label=str(item["label"]),
            box=_box3d(item["box"]),
            on_floor=item.get("support") is None and not item.get("mounted"),
            seen=tuple(
                SeenIn(int(seen["index"]), _xyxy(seen["box"]), int(seen["pixels"]))
                for seen in item["frames"]
            ),
            color=str(item.get("color") or ""),
        )
        for item in _items(folder / OBJECTS)
    ]


def detected_boxes(folder: Path) -> tuple[str, list[DetectedBox]]:
    """The first ``boxes2d_*.json``: its name and boxes; ``("", [])`` without one."""
    for path in sorted(folder.glob("boxes2d_*.json")) if folder.is_dir() else ():
        try:
            boxes = [
                DetectedBox(int(frame), (x, y, x + w, y + h), float(item["score"]))
                for frame, items in _read(path).items()
                for item in items
                for x, y, w, h in [[float(value) for value in item["xywh"]]]
            ]
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise RecordingFormatError(f"{path}: {error!r}; it is no file of boxes.") from error
        return path.name, boxes
    return "", []


def truths(folder: Path) -> list[Truth]:
    """Every annotated 3D box of a recording's folder."""
    if not folder.is_dir():
        return []
    return [
        Truth(str(item.get("label", "")), box, name)
        for name in (OBJECTS, OBJECTS_3D)
        for item in _items(folder / name)
        for box in [_box3d(item.get("box", item))]
    ]


def truth_of(folder: Path, frame: RgbdFrame, box: BoxXyxy, number: int) -> Truth | None:
    """The annotated object that a 2D box in frame ``number`` means; None if none fits.

    That is the one whose 2D box there overlaps most, by at least 0.3: the box of ``objects.json``,
    else the box around the projected 3D corners.
    """
    best, best_iou = None, _SAME_BOX
    for item in annotated_objects(folder) if folder.is_dir() else ():
        overlap = max((box_iou(box, s.box) for s in item.seen if s.frame == number), default=0.0)
        if overlap >= best_iou:
            best, best_iou = Truth(item.label, item.box, OBJECTS), overlap
    if best is not None:
        return best
    for truth in truths(folder):
        projected = _projected(truth.box, frame) if truth.source == OBJECTS_3D else None
        overlap = box_iou(box, projected) if projected else 0.0
        if overlap >= best_iou:
            best, best_iou = truth, overlap
    return best


def _projected(box: Box3D, frame: RgbdFrame) -> BoxXyxy | None:
    camera = frame.intrinsics
    pixels, z = camera.project(transform_points(invert(frame.T_world_camera), box.corners()))
    if (z <= 0.05).any():
        return None
    low = np.maximum(pixels.min(axis=0), 0.0)
    high = np.minimum(pixels.max(axis=0), (camera.width, camera.height))
    return (float(low[0]), float(low[1]), float(high[0]), float(high[1]))


def _items(path: Path) -> list[Mapping[str, Any]]:
    if not path.is_file():
        return []
    items = _read(path).get("objects")
    if not isinstance(items, list):
        raise RecordingFormatError(f"{path} has no list `objects`.")
    return items


def _read(path: Path) -> Mapping[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RecordingFormatError(f"{path} cannot be read: {error}.") from error
    if not isinstance(value, dict):
        raise RecordingFormatError(f"{path} holds a {type(value).__name__}; it needs an object.")
    return value


def _box3d(item: Mapping[str, Any]) -> Box3D:
    yaw = item.get("yaw", item.get("yaw_rad", 0.0))
    return Box3D(tuple(item["center"]), tuple(item["size"]), float(yaw))


def _xyxy(values: Any) -> BoxXyxy:
    x0, y0, x1, y1 = (float(value) for value in values)
    return (x0, y0, x1, y1)
