"""How well geometry recovers spans from one box, beside a stage 1 that never errs but sees few
frames: ``python -m scene_r1_training.evaluation.span_bench FOLDER --scenes 5``.

One sample for each object that a description names and some frame shows. The boxes are true, in
the best view, and then true ones whose sides are off by normal noise (a share of the box's side).
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from scene_r1_ros.errors import BoxError
from scene_r1_ros.frames import WindowSnapshot
from scene_r1_ros.geometry import BoxXyxy, box_iou, checked_box
from scene_r1_ros.reasoning.box_lift import median_depth_box
from scene_r1_ros.reasoning.sampling import sample_frames
from scene_r1_ros.reasoning.span_refinement import refined_span
from scene_r1_ros.spans import run_around
from scene_r1_ros.synthetic.splits import TEST_SEEDS

from ..data.prepare_annotations import Annotation, read_annotations
from .rooms import Rooms, ensure_rooms
from .run_scene import read_window, true_spans
from .spans import best_span_iou
from .truth import load_truth

NOISE = (0.0, 0.1, 0.2)
SpanNs = tuple[int, int]


def measure(rooms: Rooms, noise: tuple[float, ...] = NOISE, sampled: int = 8) -> dict[str, Any]:
    """Mean temporal IoU with the true spans: of ``sampled`` frames seen perfectly, and of the
    refinement for each level of ``noise``, with the boxes' own mean IoU."""
    rng = np.random.default_rng(0)
    sampler: list[float] = []
    refined: dict[float, list[float]] = {level: [] for level in noise}
    boxes: dict[float, list[float]] = {level: [] for level in noise}
    for window, spans, view in _samples(rooms):
        sampler.append(max(_iou(span, spans) for span in sampled_spans(window, view, sampled)))
        true_box = tuple(view["best"]["box"])
        stamp_ns = int(view["best"]["stamp_ns"])
        for level in noise:
            box = _noisy(true_box, level, window, stamp_ns, rng)
            lifted = median_depth_box(window, stamp_ns, box)
            span = lifted and refined_span(window, stamp_ns, box, lifted)
            refined[level].append(_iou(span or (stamp_ns, stamp_ns), spans))
            boxes[level].append(box_iou(box, true_box))
    return {
        "objects": len(sampler),
        "rooms": len(rooms.scenes),
        f"sampler_{sampled}_tiou": float(np.mean(sampler)),
        "refined": [
            {"noise": n, "box_iou": float(np.mean(boxes[n])), "tiou": float(np.mean(refined[n]))}
            for n in noise
        ],
    }


def sampled_spans(window: WindowSnapshot, view: dict[str, Any], count: int) -> list[SpanNs]:
    """The runs of ``count`` evenly spaced frames that show the object; an instant that fits
    nothing where none does."""
    stamps = [frame.stamp_ns for frame in sample_frames(window, count)]
    seen = [stamp in view["stamps"] for stamp in stamps]
    return [run_around(stamps, seen, i) for i, shown in enumerate(seen) if shown] or [(0, 0)]


def _samples(rooms: Rooms) -> Iterator[tuple[WindowSnapshot, list[SpanNs], dict[str, Any]]]:
    for scene_id in rooms.scenes:
        window = read_window(rooms.data, scene_id, 10_000)[0]
        truth = load_truth(rooms.data, scene_id)
        for object_id in sorted(_named(rooms, scene_id)):
            item = Annotation("scanrefer", "", scene_id, "", (object_id,))
            best = truth.best_view(item.object_ids)
            if best is not None:
                stamps = {view["stamp_ns"] for view in truth.seen(item.object_ids)}
                yield window, true_spans(window, truth, item), {"best": best, "stamps": stamps}


def _named(rooms: Rooms, scene_id: str) -> set[int]:
    found = read_annotations(rooms.annotations)
    mine = (i for i in found if i.benchmark == "scanrefer" and i.scene_id == scene_id)
    return {item.object_ids[0] for item in mine}


def _noisy(
    box: BoxXyxy, level: float, window: WindowSnapshot, stamp_ns: int, rng: np.random.Generator
) -> BoxXyxy:
    camera = window.at(stamp_ns).intrinsics
    sides = np.tile([box[2] - box[0], box[3] - box[1]], 2)
    while True:
        try:
            return checked_box(box + rng.normal(0.0, 1.0, 4) * level * sides, camera.width,
                               camera.height)  # fmt: skip
        except BoxError:  # the noise turned it inside out
            continue


def _iou(span: SpanNs, spans: list[SpanNs]) -> float:
    return best_span_iou((span[0] * 1e-9, span[1] * 1e-9), [(a * 1e-9, b * 1e-9) for a, b in spans])


def main() -> None:
    """Measure, and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="where the rooms are, or are made")
    parser.add_argument("--scenes", type=int, default=5)
    parser.add_argument("--seed", type=int, default=TEST_SEEDS.start)
    args = parser.parse_args()
    rooms = ensure_rooms(args.folder, args.scenes, args.seed, say=lambda text: None)
    print(json.dumps(measure(rooms)))


if __name__ == "__main__":
    main()
