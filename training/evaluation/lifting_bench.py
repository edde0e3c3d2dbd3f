"""Ablations of tracking and lifting: true boxes in, masks and 3D boxes out, step by step.

Each object of a room is prompted once with its true box; the track is then lifted with every
variant: one step switched off, fewer views, true masks. Noise levels and loose boxes are tracked
anew. Every row says which object, which variant, and how well it went.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from scene_r1_ros.control import Control
from scene_r1_ros.errors import SceneR1Error
from scene_r1_ros.frames import WindowSnapshot
from scene_r1_ros.geometry import BoxXyxy, box3d_iou
from scene_r1_ros.lifting import LiftConfig, lift
from scene_r1_ros.tracking import GeometricTracker, MaskTrack

from .boxes import aabb_iou, aabb_of_box3d
from .lifting_cases import LiftingCase, LiftingScene, lifting_cases
from .rates import IOU_THRESHOLDS, Metrics, accuracy_at, mean

BASELINE = "baseline"
VIEW_COUNTS = (1, 3, 5, 10)
LOOSE = (0.1, 0.25)


@dataclass(frozen=True)
class LiftingTask:
    """One room under one noise level; ``ablate`` False measures the baseline alone."""

    scene: LiftingScene
    ablate: bool = True
    objects: int = 0


def lifting_variants() -> dict[str, LiftConfig]:
    """The baseline, and each switch of :class:`LiftConfig` turned over by itself."""
    base = LiftConfig()
    variants = {BASELINE: base}
    for spec in LiftConfig.options():
        if spec.type is bool:
            on = bool(getattr(base, spec.name))
            name = f"no_{spec.name}" if on else f"with_{spec.name}"
            variants[name] = base.replace(**{spec.name: not on})
    return variants


def lifting_rows(task: LiftingTask) -> list[dict[str, Any]]:
    """Every variant of every object of one room."""
    window, cases = lifting_cases(task.scene, limit=task.objects)
    tracker = GeometricTracker()
    rows = []
    for case in cases:
        rows += _case_rows(window, case, tracker, task)
    return rows


def _case_rows(
    window: WindowSnapshot, case: LiftingCase, tracker: GeometricTracker, task: LiftingTask
) -> list[dict[str, Any]]:
    about = {
        "seed": task.scene.seed,
        "noise": task.scene.noise,
        "instance": case.instance,
        "kind": case.kind,
        "mounted": case.mounted,
        "truncated": case.truncated,
        "distance": case.distance,
        "visible_frames": len(case.masks),
        "seen_iou": case.seen_iou,
    }
    rows = []
    tracked = _track(window, case, tracker, case.anchor_box)
    full = {"mask_iou": mean_mask_iou(tracked.track, case.masks)}
    variants = lifting_variants() if task.ablate else {BASELINE: LiftConfig()}
    for name, config in variants.items():
        rows.append(about | {"variant": name} | _measured(window, case, tracked, config))
    if not task.ablate:
        return rows
    base = variants[BASELINE]
    for count in VIEW_COUNTS:
        fewer = tracked
        if tracked.track is not None:
            fewer = dataclasses.replace(tracked, track=thinned_track(tracked.track, count))
        row = about | {"variant": f"views_{count}"} | _measured(window, case, fewer, base)
        rows.append(row | full)  # the masks are as good; fewer of them are lifted
    true = _Tracked(case.true_track, 0.0, "")
    rows.append(about | {"variant": "true_masks"} | _measured(window, case, true, base))
    for share in LOOSE:
        loose = _track(window, case, tracker, _loosened(window, case, share))
        name = f"box_{round(share * 100)}_percent_loose"
        rows.append(about | {"variant": name} | _measured(window, case, loose, base))
    return rows


@dataclass(frozen=True, eq=False)
class _Tracked:
    track: MaskTrack | None
    seconds: float
    error: str


def _track(
    window: WindowSnapshot, case: LiftingCase, tracker: GeometricTracker, box: BoxXyxy
) -> _Tracked:
    started = time.perf_counter()
    try:
        track = tracker.track(window, case.anchor_stamp_ns, box, Control())
    except SceneR1Error as error:
        return _Tracked(None, time.perf_counter() - started, f"tracking: {error}")
    return _Tracked(track, time.perf_counter() - started, "")


def _measured(
    window: WindowSnapshot, case: LiftingCase, tracked: _Tracked, config: LiftConfig
) -> dict[str, Any]:
    row: dict[str, Any] = {
        "mask_iou": mean_mask_iou(tracked.track, case.masks),
        "iou": 0.0,
        "aabb_iou": 0.0,
        "views": 0,
        "tracking_seconds": tracked.seconds,
        "lifting_seconds": 0.0,
        "error": tracked.error,
    }
    if tracked.track is None:
        return row
    started = time.perf_counter()
    try:
        lifted = lift(window, tracked.track, Control(), config)
    except SceneR1Error as error:
        return row | {"error": f"lifting: {error}"}
    aligned = aabb_iou(aabb_of_box3d(lifted.box), aabb_of_box3d(case.aligned_box))
    return row | {
        "iou": box3d_iou(lifted.box, case.box),
        "aabb_iou": aligned,
        "views": lifted.views,
        "confidence": lifted.confidence,
        "lifting_seconds": time.perf_counter() - started,
        "box": {"center": lifted.box.center, "size": lifted.box.size, "yaw": lifted.box.yaw},
    }


def mean_mask_iou(track: MaskTrack | None, true: Mapping[int, Any]) -> float:
    """Mean IoU over the frames in which the object is visible; a frame without a mask counts 0."""
    if not true:
        return 0.0
    found = {} if track is None else {item.stamp_ns: item.mask for item in track.masks}
    total = 0.0
    for stamp, mask in true.items():
        mine = found.get(stamp)
        if mine is not None:
            union = int((mine | mask).sum())
            total += int((mine & mask).sum()) / union if union else 0.0
    return total / len(true)


def thinned_track(track: MaskTrack, count: int) -> MaskTrack:
    """``count`` of the masks, evenly in time, the anchor's always among them."""
    if len(track.masks) <= count:
        return track
    anchor = [m for m in track.masks if m.stamp_ns == track.anchor_stamp_ns]
    others = [m for m in track.masks if m.stamp_ns != track.anchor_stamp_ns]
    places = np.linspace(0, len(others) - 1, count - len(anchor)).round().astype(int)
    chosen = [others[i] for i in dict.fromkeys(places.tolist())]
    return MaskTrack(track.anchor_stamp_ns, (*anchor, *chosen))


def _loosened(window: WindowSnapshot, case: LiftingCase, share: float) -> BoxXyxy:
    """The true box grown by ``share`` of its size on every side, inside the image."""
    camera = window.at(case.anchor_stamp_ns).intrinsics
    x0, y0, x1, y1 = case.anchor_box
    dx, dy = share * (x1 - x0), share * (y1 - y0)
    return (
        max(0.0, x0 - dx),
        max(0.0, y0 - dy),
        min(float(camera.width), x1 + dx),
        min(float(camera.height), y1 + dy),
    )


def lifting_metrics(rows: Iterable[Mapping[str, Any]]) -> Metrics:
    """Figures of one variant: ``acc_25`` and ``acc_50`` by gravity-aligned boxes, ``aabb_`` by
    axis-aligned ones, ``mask_iou`` over visible frames."""
    rows = list(rows)
    return {
        **accuracy_at([row["iou"] for row in rows], IOU_THRESHOLDS),
        "iou": mean(row["iou"] for row in rows),
        **accuracy_at([row["aabb_iou"] for row in rows], IOU_THRESHOLDS, "aabb"),
        "aabb_iou": mean(row["aabb_iou"] for row in rows),
        "mask_iou": mean(row["mask_iou"] for row in rows),
        "seen_iou": mean(row["seen_iou"] for row in rows),
        "failed": mean(bool(row["error"]) for row in rows),
        "n": len(rows),
    }


def lifting_table(rows: Sequence[Mapping[str, Any]], base_noise: float = 1.0) -> dict[str, Metrics]:
    """Metrics of every variant at ``base_noise``, then of the baseline at every other noise."""
    table: dict[str, Metrics] = {}
    for row in rows:
        if row["noise"] == base_noise:
            table.setdefault(row["variant"], {})
    for name in table:
        table[name] = lifting_metrics(
            row for row in rows if row["variant"] == name and row["noise"] == base_noise
        )
    for noise in sorted({row["noise"] for row in rows} - {base_noise}):
        table[f"noise_{noise:g}"] = lifting_metrics(
            row for row in rows if row["variant"] == BASELINE and row["noise"] == noise
        )
    return table
