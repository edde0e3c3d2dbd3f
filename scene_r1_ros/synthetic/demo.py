"""``demo_recording``: a small recording on disk, with the truth beside it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ..frames import CameraIntrinsics, RgbdFrame
from ..geometry import Box3D
from .furnish import make_room
from .rendering import RenderedFrame, render
from .room import Room
from .sensor_config import SensorConfig
from .trajectory import make_trajectory

OBJECTS_FILE = "objects.json"
_SMALLEST = 25
"""Pixels that an object must cover in a frame to get a box there."""


def default_camera(width: int = 640, height: int = 480) -> CameraIntrinsics:
    """A camera with the field of view of common RGB-D sensors (62 degrees across)."""
    focal = 535.0 * width / 640
    return CameraIntrinsics(width, height, focal, focal, (width - 1) / 2, (height - 1) / 2)


def demo_recording(
    out_dir: str | os.PathLike[str],
    seed: int = 2_000_000,
    *,
    seconds: float = 12.0,
    fps: float = 5.0,
    width: int = 320,
    height: int = 240,
    sensor: SensorConfig | None = None,
    overwrite: bool = False,
    on_progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Render a room and write it as an exported folder with ``objects.json``; returns the folder.

    ``objects.json`` holds per object ``instance``, ``label``, ``color``, ``texture``,
    ``support`` (instance or null), ``box`` {center[3], size[3], yaw} and ``frames``, a list of
    {index, box [x0, y0, x1, y1], pixels} for the frames that show it. ``on_progress`` gets
    (frames so far, all frames).

    Raises:
        RecordingError: if the folder exists (and not ``overwrite``) or cannot be written.
    """
    from ..recordings.folder_writer import write_folder

    out = Path(out_dir)
    room = make_room(seed)
    poses = make_trajectory(room, seed, seconds, fps)
    seen: dict[int, list[dict[str, Any]]] = {}
    rendered = render(room, poses, default_camera(width, height), sensor)
    frames = _noting(_told(rendered, len(poses), on_progress), seen)
    write_folder(out, frames, name=f"synthetic_{seed}", overwrite=overwrite)
    truth = {"seed": seed, "room_type": room.room_type, "objects": _objects(room, seen)}
    (out / OBJECTS_FILE).write_text(json.dumps(truth, indent=1) + "\n", encoding="utf-8")
    return out


def _told(
    rendered: Iterator[RenderedFrame], total: int, on_progress: Callable[[int, int], None] | None
) -> Iterator[RenderedFrame]:
    for count, one in enumerate(rendered, start=1):
        if on_progress is not None:
            on_progress(count, total)
        yield one


def _noting(
    rendered: Iterator[RenderedFrame], seen: dict[int, list[dict[str, Any]]]
) -> Iterator[RgbdFrame]:
    for index, one in enumerate(rendered):
        for instance, (box, pixels) in one.boxes().items():
            if pixels >= _SMALLEST:
                entry = {"index": index, "box": list(box), "pixels": pixels}
                seen.setdefault(instance, []).append(entry)
        yield one.frame


def _objects(room: Room, seen: dict[int, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    return [
        {
            "instance": item.instance,
            "label": item.label,
            "color": item.color,
            "texture": item.texture,
            "support": item.support,
            "mounted": item.mounted,
            "box": box_json(item.box),
            "frames": seen.get(item.instance, []),
        }
        for item in room.objects
    ]


def box_json(box: Box3D) -> dict[str, Any]:
    """A 3D box as plain JSON values."""
    return {"center": list(box.center), "size": list(box.size), "yaw": box.yaw}
