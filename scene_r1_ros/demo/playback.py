"""What the demonstration plays of a recording, and what the graph then has in its window."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..frames import WindowSnapshot
from ..player_config import published_stamp_ns
from ..recordings import Recording

PLAY_SECONDS = 4.0
"""Roughly how long the recording plays when no rate is given."""


@dataclass(frozen=True)
class Playback:
    """What is played, from ``start`` seconds on, and how much of it: ``frames`` in all.

    ``seconds`` is the time from its first frame to its last, ``frame_bytes`` the pixels of one.
    """

    source: Path
    start: float
    stride: int
    rate: float
    frames: int
    seconds: float
    frame_bytes: int

    def player_flags(self) -> list[str]:
        """Flags of ``scene-r1 play``."""
        return [
            str(self.source),
            *("--start", str(self.start)),
            *("--stride", str(self.stride)),
            *("--rate", str(self.rate)),
            *("--wait-for-subscribers", "30"),
        ]

    def node_parameters(self) -> dict[str, Any]:
        """Settings with which the window keeps every frame of it, even on a slow machine."""
        return {
            "color_qos": "reliable",
            "depth_qos": "reliable",
            "camera_info_qos": "reliable",
            "pose_timeout": 5.0,
            "window.max_seconds": round(self.seconds + 60.0, 1),
            "window.max_megabytes": round(1.2e-6 * self.frame_bytes * self.frames + 64.0, 1),
            "window.keyframe_interval": 0.0,
            "window.keyframe_translation": 0.0,
            "window.keyframe_rotation": 0.0,
            "lifting_node.mask_patience": 10.0,
        }

    def indices(self, recording: Recording) -> range:
        """Indices of the frames that are played."""
        return recording.indices(self.start, None, self.stride)


def plan_playback(
    recording: Recording, rate: float | None, max_frames: int, number: int | None = None
) -> Playback:
    """All of the recording, or every N-th frame of a long one; frame ``number`` is played."""
    stride = math.ceil(recording.frame_count / max_frames)
    first = recording.index_of_number(number) % stride if number is not None else 0
    start_ns = int(recording.stamps_ns[first] - recording.stamps_ns[0])
    seconds = recording.seconds - start_ns * 1e-9
    camera = recording.intrinsics
    return Playback(
        source=recording.path.resolve(),
        start=start_ns * 1e-9,
        stride=stride,
        rate=rate or min(100.0, max(1.0, round(seconds / PLAY_SECONDS, 1))),
        frames=len(range(first, recording.frame_count, stride)),
        seconds=seconds,
        frame_bytes=camera.width * camera.height * 7,
    )


def played_window(recording: Recording, playback: Playback) -> WindowSnapshot:
    """The frames as they were played."""
    return WindowSnapshot.of(
        dataclasses.replace(frame, stamp_ns=published_stamp_ns(frame.stamp_ns))
        for frame in recording.frames(playback.start, None, playback.stride)
    )
