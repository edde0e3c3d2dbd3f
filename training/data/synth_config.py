"""Settings of synthetic data sets; light to import."""

from __future__ import annotations

from dataclasses import dataclass

from scene_r1_ros.config import Config, option

FORMAT = 2
"""Counts up when the same seed would give other bytes. 2: what is mounted touches its wall."""


@dataclass(frozen=True)
class SynthConfig(Config):
    """What is recorded in each synthetic room."""

    width: int = option(320, "Width of the images.", minimum=32, maximum=4096, unit="pixels")
    height: int = option(240, "Height of the images.", minimum=24, maximum=4096, unit="pixels")
    seconds: float = option(24.0, "Length of each recording.", minimum=1.0, maximum=3600, unit="s")
    fps: float = option(5.0, "Frames a second.", minimum=0.2, maximum=120.0)
    room_type: str = option("any", "Type of room; any: the seed decides.")
    sensor: bool = option(True, "Noise, holes and blur of a real camera.")
    descriptions: int = option(2, "Descriptions of each object, at most.", minimum=0, maximum=20)
    questions: int = option(12, "Questions a room, at most, of each benchmark.", minimum=0)
    clip_frames: int = option(
        0, "Frames that a chain of thought over time is about; 0: 6 to 12, drawn.",
        minimum=0, maximum=64,
    )  # fmt: skip
    views: int = option(
        0, "Views drawn evenly from the recording of which further chains of thought ask each "
        "description; most do not show it, as for a model whose frames vote.",
        minimum=0, maximum=64,
    )  # fmt: skip
