"""One training example: what is asked, which frames are shown, what is true, what to say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from scene_r1_ros.geometry import BoxXyxy
from scene_r1_ros.reasoning.sampling import Size

from .around import Around
from .errors import TrainingError

Stage = Literal["temporal", "image", "answer"]
STAGES: tuple[Stage, ...] = ("temporal", "image", "answer")
_SLACK = 0.051
"""Times are labelled to tenths of a second."""


@dataclass(frozen=True)
class Shown:
    """A frame as it is shown: its file, number, stamp, and seconds after the first frame.

    ``part`` in its pixels is what is shown of it, enlarged to the size of the whole; None: all.
    """

    path: Path
    number: int
    stamp_ns: int
    seconds: float
    part: BoxXyxy | None = None


@dataclass(frozen=True)
class Example:
    """A query over some frames with the truth about them.

    ``spans`` are in seconds after the first frame, none where the target is not seen; ``boxes``
    has one entry a frame in original pixels (those of the enlarged part where a part is shown),
    None where the target is not seen (stage "image" needs it); ``around`` has for each frame what
    is labelled in it.
    ``completion`` is what to say, boxes in original pixels, empty where only rewards teach.
    """

    key: str
    stage: Stage
    scene_id: str
    query: str
    frames: tuple[Shown, ...]
    image_size: Size
    spans: tuple[tuple[float, float], ...] = ()
    boxes: tuple[BoxXyxy | None, ...] = ()
    around: tuple[Around, ...] = ()
    label: str = ""
    answers: tuple[str, ...] = ()
    object_ids: tuple[int, ...] = ()
    completion: str = ""

    def __post_init__(self) -> None:
        if not self.frames:
            raise TrainingError(f"example {self.key} shows no frame.")
        for start, end in self.spans:
            if not -_SLACK <= start <= end <= self.seconds + _SLACK:
                raise TrainingError(
                    f"example {self.key}: the span {start:.1f} to {end:.1f} s lies outside the "
                    f"video, which is {self.seconds:.1f} s long; make the data again."
                )
        if self.stage == "image" and len(self.boxes) != len(self.frames):
            raise TrainingError(
                f"example {self.key} has {len(self.boxes)} boxes for {len(self.frames)} views."
            )
        if self.stage == "answer" and not any(a.strip() for a in self.answers):
            raise TrainingError(
                f"example {self.key}: a question needs an answer that is not empty."
            )

    @property
    def seconds(self) -> float:
        """From the first frame to the last."""
        return self.frames[-1].seconds - self.frames[0].seconds

    @property
    def found(self) -> bool:
        """Whether the target is to be seen."""
        if self.stage == "answer":
            return True
        return (
            bool(self.spans) if self.stage == "temporal" else any(b is not None for b in self.boxes)
        )


def evenly(examples: Sequence[Example], count: int) -> list[Example]:
    """At most ``count`` of the examples, evenly spread."""
    count = min(count, len(examples))
    return [examples[i * len(examples) // count] for i in range(count)]
