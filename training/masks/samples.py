"""Crops to learn from: every object of a synthetic room, in every frame that shows it.

Each is asked in two ways, as the tracker asks: by the mask that geometry found there (in the frame
of the prompt by the box too), and by a box alone. What is right is the object's 2D mask.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scene_r1_ros.control import Control
from scene_r1_ros.errors import SceneR1Error
from scene_r1_ros.frames import WindowSnapshot
from scene_r1_ros.geometry import BoxXyxy, mask_box
from scene_r1_ros.recordings.atomic import written_atomically
from scene_r1_ros.tracking import GeometricTracker, MaskTrack
from scene_r1_ros.tracking.geometric import GeometricTrackerConfig
from scene_r1_ros.tracking.mask_network import MaskPrompt
from scene_r1_ros.tracking.mask_network.crops import CHANNELS, CropShape

from ..evaluation.lifting_cases import LiftingCase, LiftingScene, lifting_cases
from ..examples.errors import TrainingError

ALONE, FOLLOWED, PROMPTED = range(3)
"""Asked by a box alone; by a mask that was found; by a mask and the box it was found in."""


@dataclass(frozen=True, eq=False)
class MaskSamples:
    """Crops ``planes`` (N, channel, size, size) float16, right ``labels`` (N, size, size), the
    share of each pixel that the object covers, and ``kinds`` (N,) of asking."""

    planes: NDArray[np.float16]
    labels: NDArray[np.float16]
    kinds: NDArray[np.uint8]

    @classmethod
    def joined(cls, parts: list[MaskSamples]) -> MaskSamples:
        """All of them as one."""
        return cls(
            np.concatenate([part.planes for part in parts]),
            np.concatenate([part.labels for part in parts]),
            np.concatenate([part.kinds for part in parts]),
        )

    @classmethod
    def load(cls, path: Path) -> MaskSamples:
        """Read what :func:`write_room` wrote.

        Raises:
            TrainingError: if the file is damaged.
        """
        try:
            with np.load(path) as file:
                return cls(file["planes"], file["labels"], file["kinds"])
        except (OSError, ValueError, KeyError, EOFError) as error:
            raise TrainingError(
                f"{path} cannot be read ({error}); remove it, and go on."
            ) from error


@dataclass(frozen=True)
class RoomTask:
    """One room, how its objects are asked, and the file its crops go to."""

    scene: LiftingScene
    alone: float
    jitter: float
    loose: float
    cut: float
    path: Path


def write_room(task: RoomTask) -> int:
    """Render a room, cut its crops, write them; how many."""
    samples = room_samples(task)
    with written_atomically(task.path) as partial, partial.open("wb") as file:
        np.savez(file, planes=samples.planes, labels=samples.labels, kinds=samples.kinds)
    return len(samples.kinds)


def room_samples(task: RoomTask) -> MaskSamples:
    """The crops of one room; equal tasks give equal ones."""
    window, cases = lifting_cases(task.scene)
    rng = np.random.default_rng([task.scene.seed, 7])
    shape = CropShape()
    planes, labels, kinds = [], [], []
    for case in cases:
        for kind, prompt, right in _prompts(window, case, task, rng):
            planes.append(shape.planes(prompt).astype(np.float16))
            labels.append(shape.labels(prompt.box, right).astype(np.float16))
            kinds.append(kind)
    size = (shape.size, shape.size)
    return MaskSamples(
        np.stack(planes) if planes else np.zeros((0, len(CHANNELS), *size), np.float16),
        np.stack(labels) if labels else np.zeros((0, *size), np.float16),
        np.array(kinds, np.uint8),
    )


def _prompts(
    window: WindowSnapshot, case: LiftingCase, task: RoomTask, rng: np.random.Generator
) -> Iterator[tuple[int, MaskPrompt, NDArray[np.bool_]]]:
    """(kind, prompt, right mask) of every way in which one object is asked."""
    prompt = _drawn_by_hand(case.anchor_box, task, rng)
    track = _tracked(window, case, prompt)
    for stamp, right in case.masks.items():
        frame, true_box = window.at(stamp), mask_box(right)
        assert true_box is not None
        if rng.random() < task.alone:
            yield ALONE, MaskPrompt(frame, _drawn_by_hand(true_box, task, rng)), right
        found = None if track is None else track.at(stamp)
        around = None if found is None else mask_box(found.mask)
        if found is None or around is None:
            continue
        if stamp == case.anchor_stamp_ns:
            yield PROMPTED, MaskPrompt(frame, prompt, found.mask), right
        else:
            yield FOLLOWED, MaskPrompt(frame, around, found.mask), right


def _tracked(window: WindowSnapshot, case: LiftingCase, box: BoxXyxy) -> MaskTrack | None:
    tracker = GeometricTracker(GeometricTrackerConfig(mask_network="none"))
    try:
        return tracker.track(window, case.anchor_stamp_ns, box, Control())
    except SceneR1Error:
        return None


def _drawn_by_hand(box: BoxXyxy, task: RoomTask, rng: np.random.Generator) -> BoxXyxy:
    """The box as people and models draw it: a fifth of them tight, a third with sides a little
    off, a third too large, the others cut the object on one or two sides."""
    w, h, chance = box[2] - box[0], box[3] - box[1], rng.random()
    off, outward = np.zeros(4), np.array([-1, -1, 1, 1])
    if 0.2 <= chance < 0.5:
        off = task.jitter * rng.standard_normal(4)
    elif 0.5 <= chance < 0.82:
        off = outward * rng.uniform(0, task.loose, 4)
    elif chance >= 0.82:
        sides = rng.permutation(4) < rng.integers(1, 3)
        off = -outward * rng.uniform(0, task.cut, 4) * sides
    x0, y0, x1, y1 = np.array(box) + off * (w, h, w, h)
    return float(x0), float(y0), float(x1), float(y1)
