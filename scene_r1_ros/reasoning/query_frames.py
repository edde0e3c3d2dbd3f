"""The frames of one query: which of them a span holds, and how a prompt shows them."""

from __future__ import annotations

from collections.abc import Sequence

from ..frames import RgbdFrame, WindowSnapshot, seconds_to_ns
from ..geometry import BoxXyxy
from .closer_look import enlarged
from .prompts import TimedImage
from .sampling import ImageBudget, resized, sample_frames

LABEL_ROUNDING = 0.05
"""Frames are labelled to tenths of a second, so a span reaches half of one further."""


class QueryFrames:
    """Frames of ``window`` under one ``budget``; an image is resized once."""

    def __init__(self, window: WindowSnapshot, budget: ImageBudget) -> None:
        self.window = window
        self.budget = budget
        self._shown: dict[tuple[int, tuple[int, int]], TimedImage] = {}

    def span_ns(self, span: tuple[float, float]) -> tuple[int, int]:
        """The span in stamps, holding at least one frame."""
        window = self.window
        start = window.start_ns + seconds_to_ns(span[0])
        end = window.start_ns + seconds_to_ns(span[1])
        slack = seconds_to_ns(LABEL_ROUNDING)
        inside = [f.stamp_ns for f in window.frames if start - slack <= f.stamp_ns <= end + slack]
        if not inside:
            nearest = window.nearest((start + end) // 2).stamp_ns
            return min(start, nearest), max(end, nearest)
        return min(start, inside[0]), max(end, inside[-1])

    def within(self, span: tuple[int, int]) -> tuple[RgbdFrame, ...]:
        """The frames of a span in stamps."""
        return self.window.between(*span).frames

    def sampled(self, frames: Sequence[RgbdFrame]) -> tuple[RgbdFrame, ...]:
        """As many of ``frames`` as fit into one prompt, spread evenly in time."""
        return sample_frames(WindowSnapshot(tuple(frames)), self.budget.images_that_fit())

    def timed(self, frames: Sequence[RgbdFrame]) -> list[TimedImage]:
        """The frames as a prompt shows them, all under the budget."""
        shown = []
        for frame in frames:
            camera = frame.intrinsics
            size = self.budget.image_size(camera.width, camera.height, len(frames))
            key = (frame.stamp_ns, size)
            if key not in self._shown:
                image = resized(frame.color, size)
                self._shown[key] = TimedImage(image, self.window.time_of(frame))
            shown.append(self._shown[key])
        return shown

    def part(self, frame: RgbdFrame, part: BoxXyxy) -> TimedImage:
        """A part of a frame as a prompt shows it: as large as the whole would be."""
        camera = frame.intrinsics
        size = self.budget.image_size(camera.width, camera.height, 1)
        return TimedImage(enlarged(frame.color, part, size), self.window.time_of(frame))


def stamps_of(frames: Sequence[RgbdFrame]) -> list[int]:
    """Their stamps."""
    return [frame.stamp_ns for frame in frames]
