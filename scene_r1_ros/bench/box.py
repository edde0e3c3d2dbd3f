"""``box``: a 2D box to a 3D box, tracked and lifted, against back-projecting the box's pixels."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..control import Control
from ..errors import SceneR1Error
from ..frames import RgbdFrame, WindowSnapshot
from ..geometry import Box3D, BoxXyxy, box3d_iou, transform_points
from .records import BenchResult, Row

NAME = "all depth inside the box, one frame"
CLIP = Path(__file__).resolve().parents[2].parent / "shared/data/tum_fr3_cabinet"
"""A real recording of a measured cabinet, where it lies beside the source tree."""
CLIP_FRAMES = (0, 6, 12, 25, 31, 40, 50)
_LEAST_PIXELS = 800


@dataclass(frozen=True)
class Prompt:
    """A 2D box in one frame, and the true 3D box of what is in it."""

    label: str
    stamp_ns: int
    box: BoxXyxy
    truth: Box3D


@dataclass(frozen=True)
class Outcome:
    """Seconds, of CPU too, and 3D IoU of one prompt, ours first; an IoU of 0 is a failure too."""

    label: str
    seconds: tuple[float, float]
    cpu: tuple[float, float]
    iou: tuple[float, float]
    error: str = ""


def run(quick: bool, control: Control) -> BenchResult:
    """A synthetic room, and a real clip where there is one."""
    rows: list[Row] = []
    details: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        window, prompts = synthetic(Path(folder) / "room", quick, control)
        rows += _rows("synthetic", _measure(window, prompts, control), details, window)
    notes = []
    if CLIP.is_dir() and not quick:
        window, prompts = real_clip(control)
        rows += _rows("real clip", _measure(window, prompts, control), details, window)
    elif not quick:
        notes.append("There is no real clip beside the source tree; synthetic only.")
    for name, value in details.items():
        notes.append(
            f"{name}: {value['prompts']} prompts, {value['frames']} frames {value['size']}."
        )
    return BenchResult("box", tuple(rows), tuple(notes), {"sets": details})


def synthetic(folder: Path, quick: bool, control: Control) -> tuple[WindowSnapshot, list[Prompt]]:
    """A rendered room with sensor noise; each object that shows well, in its largest view."""
    from ..demo.annotations import annotated_objects
    from ..synthetic import demo_recording

    size: dict[str, Any] = {"seconds": 1.0, "width": 160, "height": 120} if quick else {}

    def tell(done: int, total: int) -> None:
        control.check("rendering")
        control.progress("rendering", done / total)

    demo_recording(folder, on_progress=tell, **size)
    window, stamps = _read(folder, control)
    least = _LEAST_PIXELS // 4 if quick else _LEAST_PIXELS
    prompts = []
    for item in annotated_objects(folder):
        seen = [view for view in item.seen if view.frame in stamps and view.pixels >= least]
        if seen:
            best = max(seen, key=lambda view: view.pixels)
            prompts.append(Prompt(item.label, stamps[best.frame], best.box, item.box))
    return window, prompts[:1] if quick else prompts


def real_clip(control: Control) -> tuple[WindowSnapshot, list[Prompt]]:
    """The cabinet, prompted with a detector's loose boxes."""
    from ..demo.annotations import detected_boxes, truths

    window, stamps = _read(CLIP, control)
    truth = truths(CLIP)[0]
    _, boxes = detected_boxes(CLIP)
    return window, [
        Prompt(f"{truth.label} in frame {item.frame}", stamps[item.frame], item.box, truth.box)
        for item in boxes
        if item.frame in CLIP_FRAMES
    ]


def box_pixels(frame: RgbdFrame, box: BoxXyxy) -> Box3D:
    """The axis-aligned box around every reading inside the image box.

    Raises:
        SceneR1Error: if there is none.
    """
    x0, y0, x1, y1 = (max(0, round(value)) for value in box)
    inside = np.zeros(frame.depth_m.shape, dtype=bool)
    inside[y0:y1, x0:x1] = True
    points = frame.intrinsics.backproject(frame.depth_m, inside)
    if not len(points):
        raise SceneR1Error("the box holds no depth.")
    points = transform_points(frame.T_world_camera, points)
    low, high = points.min(axis=0), points.max(axis=0)
    return Box3D(tuple((low + high) / 2), tuple(high - low))


def _measure(window: WindowSnapshot, prompts: Sequence[Prompt], control: Control) -> list[Outcome]:
    from ..lifting import lift
    from ..pipeline import Pipeline
    from ..tracking import GeometricTracker

    if not prompts:
        raise SceneR1Error("the recording shows no object large enough to prompt.")
    pipeline = Pipeline(GeometricTracker(), lift)

    def ours(prompt: Prompt) -> Box3D:
        lifted = pipeline.from_box(window, prompt.stamp_ns, prompt.box).lifted
        if lifted is None:
            raise SceneR1Error("nothing was lifted.")
        return lifted.box

    def theirs(prompt: Prompt) -> Box3D:
        return box_pixels(window.at(prompt.stamp_ns), prompt.box)

    outcomes = []
    for count, prompt in enumerate([prompts[0], *prompts]):  # the first one warms up
        control.check("box")
        control.progress("prompting", count / (1 + len(prompts)), prompt.label)
        results = [_try(way, prompt) for way in (ours, theirs)]
        if count:
            seconds, cpu, iou, errors = zip(*results, strict=True)
            outcomes.append(Outcome(prompt.label, seconds, cpu, iou, errors[0]))
    return outcomes


def _try(way: Any, prompt: Prompt) -> tuple[float, float, float, str]:
    begun, cpu, iou, why = time.perf_counter(), time.process_time(), 0.0, ""
    try:
        iou = box3d_iou(way(prompt), prompt.truth)
    except SceneR1Error as error:
        why = str(error)
    return time.perf_counter() - begun, time.process_time() - cpu, iou, why


def _rows(
    name: str, outcomes: list[Outcome], details: dict[str, Any], window: WindowSnapshot
) -> Iterator[Row]:
    camera = window.frames[0].intrinsics
    details[name] = {
        "prompts": len(outcomes),
        "frames": len(window.frames),
        "size": f"{camera.width}x{camera.height}",
        "each": [vars(outcome) for outcome in outcomes],
    }
    seconds = list(zip(*(outcome.seconds for outcome in outcomes), strict=True))
    cpu = list(zip(*(outcome.cpu for outcome in outcomes), strict=True))
    ious = list(zip(*(outcome.iou for outcome in outcomes), strict=True))
    share = [sum(value >= 0.5 for value in one) / len(one) for one in ious]
    median = statistics.median
    yield Row(f"{name}: median time", "s", median(seconds[0]), median(seconds[1]), NAME)
    yield Row(f"{name}: median CPU time", "s", median(cpu[0]), median(cpu[1]), NAME)
    yield Row(f"{name}: longest time", "s", max(seconds[0]), max(seconds[1]), NAME)
    yield Row(f"{name}: median 3D IoU", "IoU", median(ious[0]), median(ious[1]), NAME, "higher")
    yield Row(f"{name}: lowest 3D IoU", "IoU", min(ious[0]), min(ious[1]), NAME, "higher")
    yield Row(f"{name}: 3D IoU of 0.5 or more", "share", share[0], share[1], NAME, "higher")


def _read(folder: Path, control: Control) -> tuple[WindowSnapshot, dict[int, int]]:
    """Every frame, and the stamp of each frame number."""
    from ..recordings import open_recording

    with open_recording(folder) as recording:
        frames = []
        for frame in recording.frames():
            control.check("reading")
            frames.append(frame)
        stamps = dict(zip(recording.numbers, recording.stamps_ns.tolist(), strict=True))
    window = WindowSnapshot.of(frames)
    there = {frame.stamp_ns for frame in window.frames}
    return window, {number: stamp for number, stamp in stamps.items() if stamp in there}
