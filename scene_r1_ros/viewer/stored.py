"""Recordings and results into the viewer."""

from __future__ import annotations

from collections.abc import Callable

from ..demo.annotations import truths
from ..recordings import Recording
from ..report import SavedResult
from .scene import ViewerScene

Progress = Callable[[int, int], None]


def show_recording(
    scene: ViewerScene, recording: Recording, stride: int, on_progress: Progress
) -> int:
    """Every ``stride``-th frame of a recording, and its annotated boxes; returns how many frames.

    Raises:
        RecordingError: if it cannot be read.
    """
    for number, truth in enumerate(truths(recording.path), start=1):
        scene.truth(f"{truth.label} {number}", truth.box)
    total = len(recording.indices(stride=stride))
    count = 0
    for count, frame in enumerate(recording.frames(stride=stride), start=1):
        scene.at(frame.stamp_ns)
        scene.camera(frame.intrinsics, frame.T_world_camera, frame.color, frame.depth_m)
        on_progress(count, total)
    return count


def show_result(scene: ViewerScene, result: SavedResult, on_progress: Progress) -> int:
    """The frames and masks of a saved result, its cloud and boxes; returns how many frames."""
    record = result.record
    label = record.get("label") or record.get("query") or "object"
    for count, frame in enumerate(result.frames, start=1):
        scene.at(frame.stamp_ns)
        scene.camera(frame.intrinsics, frame.T_world_camera, frame.color)
        scene.mask(frame.mask)
        if count == 1 and result.box is not None:
            scene.object_box(label, result.box, label)
            scene.cloud(label, result.points, result.colors)
        on_progress(count, len(result.frames))
    if result.truth is not None:
        scene.truth((record.get("truth") or {}).get("label") or label, result.truth)
    return len(result.frames)
