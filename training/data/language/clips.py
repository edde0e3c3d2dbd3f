"""Short videos cut out of a recording: which frames a model is shown, and when a thing is seen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scene_r1_ros.spans import MAX_GAP

from .facts import FrameView, RoomFacts, Thing


@dataclass(frozen=True)
class Clip:
    """Frames of a recording in order; times are relative to the first."""

    frames: tuple[FrameView, ...]

    def time(self, frame: FrameView) -> float:
        """Seconds of a frame after the clip's first."""
        return round(frame.seconds - self.frames[0].seconds, 1)

    def things_shown(self, facts: RoomFacts) -> list[Thing]:
        """Everything that some frame shows."""
        return [t for t in facts.things if any(f.shows(t.object_id) for f in self.frames)]


def cut(facts: RoomFacts, count: int, rng: np.random.Generator, around: FrameView | None) -> Clip:
    """``count`` evenly spaced frames, over a random part of the recording that holds ``around``."""
    total = len(facts.views)
    count = min(count, total)
    step = int(rng.integers(1, max(1, total // count) + 1))
    length = (count - 1) * step + 1
    first, last = 0, total - length
    if around is not None:
        index = facts.views.index(around)
        first, last = max(0, index - length + 1), min(last, index)
    start = int(rng.integers(first, max(first, last) + 1))
    if around is not None:
        # the frame that shows the thing is one of those taken
        start += (facts.views.index(around) - start) % step
        start = min(start, total - length)
    return Clip(facts.views[start : start + length : step])


def spans(clip: Clip, object_id: int) -> list[tuple[FrameView, ...]]:
    """Runs of the clip's frames that show the thing; short gaps do not break a run."""
    runs: list[list[FrameView]] = []
    for frame in clip.frames:
        if not frame.shows(object_id):
            continue
        if runs and _follows(clip, runs[-1][-1], frame):
            runs[-1].append(frame)
        else:
            runs.append([frame])
    return [tuple(run) for run in runs]


def best_frame(frames: tuple[FrameView, ...], object_id: int) -> FrameView:
    """The frame that shows the thing largest, whole if possible."""

    def quality(frame: FrameView) -> float:
        (x0, y0, x1, y1), pixels = frame.boxes[object_id]
        cut_off = x0 <= 0 or y0 <= 0 or x1 >= frame.width or y1 >= frame.height
        return pixels * (0.3 if cut_off else 1.0)

    return max(frames, key=quality)


def _follows(clip: Clip, before: FrameView, after: FrameView) -> bool:
    close = after.seconds - before.seconds <= MAX_GAP
    return close or clip.frames.index(after) - clip.frames.index(before) == 1
