"""Pictures of single samples: the true view, the chosen view, and both boxes from above."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from scene_r1_ros.errors import SceneR1Error
from scene_r1_ros.overlay_image import draw_box, draw_mask
from scene_r1_ros.recordings.folder import FolderRecording

from ..data.labels_views import decode_mask
from ..data.prepare_annotations import Annotation
from ..data.prepare_scene import prepared_folder
from .boxes import Aabb
from .truth import SceneTruth

Image = NDArray[np.uint8]
TRUE, FOUND = (60, 180, 75), (245, 110, 20)
WIDTH = 320


def sample_picture(
    data: Path, truth: SceneTruth, item: Annotation, record: Mapping[str, Any], box: Aabb | None
) -> Image:
    """Three panels side by side: truth (green), prediction (orange), and from above."""
    panels = []
    with FolderRecording(prepared_folder(data, item.scene_id)) as recording:
        panels.append(_true_panel(recording, truth, item))
        panels.append(_found_panel(recording, truth, item, record))
    panels.append(_top_panel(truth, item, box, panels[0].shape[0]))
    return np.concatenate(panels, axis=1)


def _true_panel(recording: FolderRecording, truth: SceneTruth, item: Annotation) -> Image:
    best = truth.best_view(item.object_ids)
    if best is None:
        text = "never visible" if item.object_ids else "nothing fits"
        return _text_panel(recording, text)
    picture = _color(recording, best["frame"])
    if picture is None:
        return _text_panel(recording, "frame unreadable")
    mask = decode_mask(best["mask"], best["height"], best["width"])
    picture = draw_box(draw_mask(picture, mask, TRUE, 0.3), tuple(best["box"]), TRUE)
    return _titled(_sized(picture), f"truth, best view: frame {best['frame']}")


def _found_panel(
    recording: FolderRecording, truth: SceneTruth, item: Annotation, record: Mapping[str, Any]
) -> Image:
    number = record.get("frame")
    picture = _color(recording, number) if number is not None else None
    if picture is None:
        if record.get("error"):
            return _text_panel(recording, "failed")
        return _text_panel(recording, "no view given" if "aabb" in record else "said not found")
    for object_id in item.object_ids:
        view = truth.views.get(object_id, {}).get(record["anchor_stamp_ns"])
        if view is not None:
            picture = draw_box(picture, tuple(view["box"]), TRUE)
    picture = draw_box(picture, tuple(record["box_2d"]), FOUND)
    return _titled(_sized(picture), f"prediction: frame {number}")


def _top_panel(truth: SceneTruth, item: Annotation, box: Aabb | None, height: int) -> Image:
    """All boxes of the scene from above, x to the right and y up."""
    panel = np.full((height, height, 3), 255, np.uint8)
    boxes = [b for b in (*truth.boxes.values(), box) if b is not None]
    if not boxes:
        return panel
    low = np.min([b[:2] for b in boxes], axis=0)
    high = np.max([b[3:5] for b in boxes], axis=0)
    scale = (height - 16) / max(float((high - low).max()), 1e-6)

    def corner(point: NDArray[np.float64]) -> tuple[int, int]:
        x, y = (point - low) * scale + 8
        return round(x), height - round(y)

    def outline(b: Aabb, rgb: tuple[int, int, int], thickness: int) -> None:
        cv2.rectangle(panel, corner(b[:2]), corner(b[3:5]), rgb, thickness, cv2.LINE_AA)

    for b in truth.boxes.values():
        outline(b, (205, 205, 205), 1)
    for object_id in item.object_ids:
        if object_id in truth.boxes:
            outline(truth.boxes[object_id], TRUE, 2)
    if box is not None:
        outline(box, FOUND, 2)
    return _titled(panel, "from above")


def _color(recording: FolderRecording, number: int) -> Image | None:
    try:
        return np.array(recording.frame(recording.index_of_number(number)).color)
    except SceneR1Error:
        return None


def _sized(picture: Image) -> Image:
    height = round(picture.shape[0] * WIDTH / picture.shape[1])
    resized = cv2.resize(picture, (WIDTH, height), interpolation=cv2.INTER_AREA)
    return np.asarray(resized, dtype=np.uint8)


def _text_panel(recording: FolderRecording, text: str) -> Image:
    camera = recording.intrinsics
    height = round(camera.height * WIDTH / camera.width)
    return _titled(np.full((height, WIDTH, 3), 235, np.uint8), text)


def _titled(picture: Image, text: str) -> Image:
    out = np.array(picture)
    cv2.rectangle(out, (0, 0), (out.shape[1], 16), (255, 255, 255), cv2.FILLED)
    cv2.putText(out, text, (4, 12), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (0, 0, 0), 1, cv2.LINE_AA)
    return out
