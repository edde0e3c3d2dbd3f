"""The pipeline over a few annotations of one prepared scene, with and without oracles.

Variants: ``pipeline`` reasons over the whole window; ``true_span`` and ``true_view`` give the
reasoner when to look; ``true_box`` prompts the tracker with the true box in the best view;
``true_mask`` lifts the true masks. What is lost between one and the next is lost in that stage.
"""

from __future__ import annotations

import functools
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from scene_r1_ros.control import Control
from scene_r1_ros.errors import SceneR1Error
from scene_r1_ros.frames import WindowSnapshot
from scene_r1_ros.geometry import BoxXyxy, box_iou
from scene_r1_ros.lifting import lift
from scene_r1_ros.pipeline import Pipeline, PipelineResult
from scene_r1_ros.reasoning import Grounding
from scene_r1_ros.reasoning.box_lift import median_depth_box
from scene_r1_ros.reasoning.span_refinement import refined_span
from scene_r1_ros.recordings.folder import FolderRecording
from scene_r1_ros.spans import MAX_GAP
from scene_r1_ros.tracking import FrameMask, MaskTrack
from scene_r1_ros.tracking.backends import TrackerConfig, make_tracker

from ..data.labels_spans import merge_spans
from ..data.labels_views import decode_mask
from ..data.prepare_annotations import Annotation
from ..data.prepare_scene import prepared_folder
from . import models
from .lifting_bench import mean_mask_iou
from .spans import best_span_iou
from .truth import SceneTruth, load_truth

PIPELINE = "pipeline"
ORACLES = ("true_span", "true_view", "true_box", "true_mask")
VARIANTS = (PIPELINE, *ORACLES)
NEEDS_MODEL = frozenset((PIPELINE, "true_span", "true_view"))
QUESTIONS = frozenset(("scanqa", "sqa3d", "vsi"))


@dataclass(frozen=True)
class SceneRun:
    """Some annotations of one scene under one variant; travels between processes."""

    data: Path
    scene_id: str
    annotations: tuple[Annotation, ...]
    variant: str
    model: str
    tracker: str = "auto"
    max_frames: int = 240
    settings: tuple[str, ...] = ()


def run_scene(task: SceneRun) -> list[dict[str, Any]]:
    """One record an annotation; a sample that fails says so in ``error`` and counts as wrong.

    Raises:
        SceneR1Error: if the scene or the model cannot be had at all.
    """
    window, numbers = read_window(task.data, task.scene_id, task.max_frames)
    truth = load_truth(task.data, task.scene_id, need_views=task.variant in ORACLES)
    reasoner = None
    if task.variant in NEEDS_MODEL:
        reasoner = models.load_reasoner(task.model, task.settings)
    tracker = _tracker(task.tracker)
    pipeline = Pipeline(tracker, lambda w, t, c: lift(w, t, c), reasoner)
    records = []
    for item in task.annotations:
        started = time.perf_counter()
        base = {"variant": task.variant, "key": item.key, "scene_id": item.scene_id}
        try:
            if item.benchmark in QUESTIONS:
                record = _answered(reasoner, window, item)
            else:
                record = _grounded(pipeline, reasoner, window, truth, item, task.variant, numbers)
        except SceneR1Error as error:
            record = {"found": False, "error": f"{type(error).__name__}: {error}"}
        record.setdefault("seconds", {"total": time.perf_counter() - started})
        if task.variant == "true_mask":
            record.pop("tiou", None)  # the prompt is an instant, not a span
        records.append(base | record)
    return records


@functools.lru_cache(maxsize=2)
def read_window(
    data: Path, scene_id: str, max_frames: int
) -> tuple[WindowSnapshot, dict[int, int]]:
    """A prepared scene's frames, thinned to ``max_frames``, and each frame's number by stamp."""
    with FolderRecording(prepared_folder(data, scene_id)) as recording:
        stride = -(-recording.frame_count // max_frames)
        numbers = dict(zip(recording.stamps_ns.tolist(), recording.numbers, strict=True))
        return WindowSnapshot.of(recording.frames(stride=stride, workers=1)), numbers


@functools.lru_cache(maxsize=2)
def _tracker(name: str) -> Any:
    return make_tracker(TrackerConfig(tracker=name))


def question_text(item: Annotation) -> str:
    """What the model is asked: with the situation of SQA3D, and the options of VSI-Bench."""
    record = item.record
    if item.benchmark == "sqa3d" and record.get("situation"):
        return f"{record['situation']} {item.text}"
    if item.benchmark == "vsi" and record.get("options"):
        options = " ".join(str(option) for option in record["options"])
        return f"{item.text} Options: {options} Answer with the option's letter."
    return item.text


def _answered(reasoner: Any, window: WindowSnapshot, item: Annotation) -> dict[str, Any]:
    found, tokens = models.answer(reasoner, window, question_text(item))
    return {
        "answer": found.text,
        "rationale": found.rationale,
        "confidence": found.confidence,
        "tokens": tokens,
    }


def _grounded(
    pipeline: Pipeline,
    reasoner: Any,
    window: WindowSnapshot,
    truth: SceneTruth,
    item: Annotation,
    variant: str,
    numbers: dict[int, int],
) -> dict[str, Any]:
    tokens: dict[str, int] = {}
    started = time.perf_counter()
    if variant == "true_mask":
        result = _lift_true_masks(pipeline, window, truth, item)
    else:
        if variant == "true_box":
            grounding = _with_refined_span(window, _true_box(window, truth, item))
        else:
            span, view = _given(window, truth, item, variant)
            grounding, tokens = models.ground(reasoner, window, item.text, span, view)
        asked = time.perf_counter() - started
        try:
            result = pipeline.from_grounding(window, grounding, Control(), asked)
        except SceneR1Error as error:
            # the grounding is still worth scoring
            result = PipelineResult(grounding, None, None, {"grounding": asked, "total": asked})
            failed = _record(result, window, truth, item, numbers)
            return failed | {"tokens": tokens, "error": f"{type(error).__name__}: {error}"}
    return _record(result, window, truth, item, numbers) | {"tokens": tokens}


def _true_box(window: WindowSnapshot, truth: SceneTruth, item: Annotation) -> Grounding:
    best = _best_in(window, truth, item)
    if best is None:
        return Grounding(item.text, False, reason="no target is visible in any frame")
    return Grounding.from_box(best["stamp_ns"], tuple(best["box"]), item.label)


def _with_refined_span(window: WindowSnapshot, grounding: Grounding) -> Grounding:
    """The span that the reasoner would make of this box; an instant where it cannot."""
    if not grounding.found:
        return grounding
    stamp_ns, box = grounding.anchor_stamp_ns, grounding.box_xyxy
    lifted = median_depth_box(window, stamp_ns, box)
    span = lifted and refined_span(window, stamp_ns, box, lifted)
    return replace(grounding, span=span) if span else grounding


def _best_in(window: WindowSnapshot, truth: SceneTruth, item: Annotation) -> Any:
    best = truth.best_view(item.object_ids)
    if best is None:
        return None
    stamps = {frame.stamp_ns for frame in window.frames}
    if best["stamp_ns"] in stamps:
        return best
    seen = [view for view in truth.seen(item.object_ids) if view["stamp_ns"] in stamps]
    return max(seen, key=lambda view: view["pixels"], default=None)


def _given(
    window: WindowSnapshot, truth: SceneTruth, item: Annotation, variant: str
) -> tuple[tuple[int, int] | None, int | None]:
    """The span or view that an oracle gives; neither where no target is visible."""
    best = _best_in(window, truth, item)
    if best is None or variant == PIPELINE:
        return None, None
    if variant == "true_view":
        return None, int(best["stamp_ns"])
    spans = true_spans(window, truth, item)
    return next(s for s in spans if s[0] <= best["stamp_ns"] <= s[1]), None


def true_spans(
    window: WindowSnapshot, truth: SceneTruth, item: Annotation, max_gap: float = MAX_GAP
) -> list[tuple[int, int]]:
    """Spans of the window's frames in which a target is visible."""
    times = {view["stamp_ns"] for view in truth.seen(item.object_ids)}
    stamps = [frame.stamp_ns for frame in window.frames]
    return merge_spans(stamps, [stamp in times for stamp in stamps], max_gap, 0.0)


def _true_masks(window: WindowSnapshot, truth: SceneTruth, object_id: int) -> dict[int, Any]:
    stamps = {frame.stamp_ns for frame in window.frames}
    return {
        stamp: decode_mask(view["mask"], view["height"], view["width"])
        for stamp, view in truth.views.get(object_id, {}).items()
        if view["visible"] and stamp in stamps
    }


def _lift_true_masks(
    pipeline: Pipeline, window: WindowSnapshot, truth: SceneTruth, item: Annotation
) -> PipelineResult:
    grounding = _true_box(window, truth, item)
    if not grounding.found:
        return PipelineResult(grounding, None, None, {"total": 0.0})
    masks = _true_masks(window, truth, _target_at(truth, item, grounding))
    track = MaskTrack(
        grounding.anchor_stamp_ns, tuple(FrameMask(stamp, mask) for stamp, mask in masks.items())
    )
    started = time.perf_counter()
    lifted = pipeline.lift(window, track, Control())
    seconds = time.perf_counter() - started
    return PipelineResult(grounding, track, lifted, {"lifting": seconds, "total": seconds})


def _target_at(truth: SceneTruth, item: Annotation, grounding: Grounding) -> int:
    """The target whose true box in the anchor frame fits the grounded box best."""

    def overlap(number: int) -> float:
        view = truth.views.get(number, {}).get(grounding.anchor_stamp_ns)
        return -1.0 if view is None else box_iou(tuple(view["box"]), grounding.box_xyxy)

    return max(item.object_ids, key=overlap)


def _record(
    result: PipelineResult,
    window: WindowSnapshot,
    truth: SceneTruth,
    item: Annotation,
    numbers: dict[int, int],
) -> dict[str, Any]:
    grounding = result.grounding
    record: dict[str, Any] = {
        "found": grounding.found,
        "confidence": grounding.confidence,
        "rationale": " ".join(
            part for part in (grounding.rationale_temporal, grounding.rationale_image) if part
        ),
        "seconds": result.seconds,
    }
    if not grounding.found:
        return record | {"reason": grounding.reason}
    anchor = grounding.anchor_stamp_ns
    record |= {
        "anchor_stamp_ns": anchor,
        "frame": numbers.get(anchor),
        "span_ns": list(grounding.span),
        "box_2d": list(grounding.box_xyxy),
        "predicted_label": grounding.label,
    }
    if result.lifted is not None:
        box = result.lifted.box
        record |= {
            "aabb": truth.aligned_box(result.lifted).tolist(),
            "box_3d": {"center": box.center, "size": box.size, "yaw": box.yaw},
            "views": result.lifted.views,
        }
    if item.object_ids and truth.views:
        record |= _against_truth(result, window, truth, item)
    return record


def _against_truth(
    result: PipelineResult, window: WindowSnapshot, truth: SceneTruth, item: Annotation
) -> dict[str, Any]:
    """How each stage did: time, view, box and masks against the 2D labels."""
    grounding = result.grounding
    anchor = grounding.anchor_stamp_ns

    def overlap(number: int, box: BoxXyxy) -> float:
        view = truth.views.get(number, {}).get(anchor)
        return 0.0 if view is None else box_iou(tuple(view["box"]), box)

    target = _target_at(truth, item, grounding)
    others = (overlap(n, grounding.box_xyxy) for n in truth.views if n not in set(item.object_ids))
    view = truth.views.get(target, {}).get(anchor)
    spans = [(a * 1e-9, b * 1e-9) for a, b in true_spans(window, truth, item)]
    found = (grounding.span[0] * 1e-9, grounding.span[1] * 1e-9)
    return {
        "anchor_visible": bool(view is not None and view["visible"]),
        "box_iou": overlap(target, grounding.box_xyxy),
        "prompt_iou": overlap(target, grounding.prompt),
        "other_box_iou": max(others, default=0.0),
        "tiou": best_span_iou(found, spans),
        "mask_iou": mean_mask_iou(result.track, _true_masks(window, truth, target)),
    }
