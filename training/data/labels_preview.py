"""Contact sheets: each annotation with its best frames, the target's box and mask drawn in."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from scene_r1_ros.overlay_image import draw_box, draw_mask
from scene_r1_ros.palette import object_color
from scene_r1_ros.recordings.folder import FolderRecording

from .labels_annotations import view_quality
from .labels_views import decode_mask
from .prepare_scene import prepared_folder

Image = NDArray[np.uint8]
CELL = 256
_HEADER = 44


def annotation_strip(
    recording: FolderRecording,
    row: Mapping[str, Any],
    views: Sequence[Mapping[str, Any]],
    columns: int,
) -> Image:
    """One annotation: its text above its ``columns`` best frames, in order of time."""
    shown = sorted(
        (v for v in views if v["object_id"] in set(row["object_ids"]) and v["visible"]),
        key=view_quality,
        reverse=True,
    )
    frames = sorted({v["frame"] for v in shown[:columns]})
    height = round(CELL * recording.intrinsics.height / recording.intrinsics.width)
    height = height if frames else 24
    strip = np.full((height + _HEADER, CELL * columns, 3), 255, np.uint8)
    for column, number in enumerate(frames):
        here = [v for v in shown if v["frame"] == number]
        picture = _drawn(recording, number, here)
        place = slice(column * CELL, (column + 1) * CELL)
        strip[_HEADER:, place] = cv2.resize(picture, (CELL, height), interpolation=cv2.INTER_AREA)
    if not frames:
        why = "nothing fits" if not row["object_ids"] else "never visible"
        _write(strip, f"({why})", _HEADER + 14)
    spans = ", ".join(
        f"{_seconds(s['start_ns'], recording):.1f}-{_seconds(s['end_ns'], recording):.1f} s"
        for s in row["spans"]
    )
    lines = textwrap.wrap(f"{row['label'] or row['kind']}: {row['text']}", 38 * columns)
    _write(strip, lines[0] if lines else "", 14)
    _write(strip, lines[1] if len(lines) > 1 else "", 27)
    _write(strip, f"{row['scene_id']} {row['key']}  seen {spans or 'never'}", 40, (120, 120, 120))
    return strip


def contact_sheet(
    out: Path,
    rows: Sequence[Mapping[str, Any]],
    views_of: Mapping[str, Sequence[Mapping[str, Any]]],
    columns: int = 4,
) -> Image:
    """Strips of several annotations below each other; ``views_of`` is by scene."""
    strips = []
    recordings: dict[str, FolderRecording] = {}
    for row in rows:
        scene = row["scene_id"]
        if scene not in recordings:
            recordings[scene] = FolderRecording(prepared_folder(out, scene))
        strips.append(annotation_strip(recordings[scene], row, views_of[scene], columns))
    return np.concatenate(strips) if strips else np.full((40, CELL * columns, 3), 255, np.uint8)


def _drawn(recording: FolderRecording, number: int, views: Sequence[Mapping[str, Any]]) -> Image:
    picture = np.array(recording.frame(recording.index_of_number(number)).color)
    for view in views:
        tint = object_color(view["object_id"])
        mask = decode_mask(view["mask"], view["height"], view["width"])
        picture = draw_mask(picture, mask, tint)
        share = "" if view["percent"] is None else f" {view['percent']:.0f} %"
        picture = draw_box(picture, tuple(view["box"]), tint, f"#{number}{share}")
    return picture


def _seconds(stamp_ns: int, recording: FolderRecording) -> float:
    return (stamp_ns - int(recording.stamps_ns[0])) * 1e-9


def _write(image: Image, text: str, y: int, ink: tuple[int, int, int] = (0, 0, 0)) -> None:
    plain = text.encode("ascii", "replace").decode()
    cv2.putText(image, plain, (4, y), cv2.FONT_HERSHEY_SIMPLEX, 0.42, ink, 1, cv2.LINE_AA)
