"""Prints how well box prompts do: ``python tests/box_prompt_table.py [real|made|small]``.

``real`` prompts the real clip with the detector's box of each frame, ``made`` the made scenes at
640x480 with tight, loose, cut and shifted boxes, ``small`` the same at 320x240.
"""

from __future__ import annotations

import sys
import time

import numpy as np
import rgbd_scenes as made
import tum_cabinet

from scene_r1_ros.control import Control
from scene_r1_ros.errors import SceneR1Error
from scene_r1_ros.frames import WindowSnapshot
from scene_r1_ros.geometry import Box3D, BoxXyxy, box3d_iou
from scene_r1_ros.lifting import lift
from scene_r1_ros.tracking import GeometricTracker, MaskTrack


def prompted(window: WindowSnapshot, frame: int, box: BoxXyxy) -> tuple[MaskTrack, Box3D]:
    """Track and lift one box."""
    track = GeometricTracker().track(window, window.frames[frame].stamp_ns, box, Control())
    return track, lift(window, track).box


def real() -> None:
    """3D IoU and seconds of every detected box of the real clip."""
    window, truth = tum_cabinet.window(), tum_cabinet.measured_cabinet()
    rows = []
    for frame, box in sorted(tum_cabinet.detected_boxes().items()):
        started, cpu = time.perf_counter(), time.thread_time()
        iou = box3d_iou(prompted(window, frame, box)[1], truth)
        rows.append(iou)
        spent = time.perf_counter() - started, time.thread_time() - cpu
        print(f"frame {frame:2d}  IoU {iou:.3f}  {spent[0]:.2f} s, {spent[1]:.2f} s of this thread")
    print(f"{len(rows)} prompts: least {min(rows):.3f}, median {np.median(rows):.3f}")


def prompts(ids: list[np.ndarray], thing: int) -> dict[str, tuple[int, BoxXyxy]]:
    """The boxes that a thing is prompted with, each with its frame."""
    seen = [int((image == thing).sum()) for image in ids]
    good = [k for k, count in enumerate(seen) if count > max(60, 0.3 * max(seen))]
    middle, early = good[len(good) // 2], good[min(1, len(good) - 1)]
    a, b = made.box_of(ids[middle], thing), made.box_of(ids[early], thing)
    return {
        "tight": (middle, a),
        "1.25 x": (middle, made.loosened(a, 1.25)),
        "1.5 x": (early, made.loosened(b, 1.5)),
        "cut right": (middle, made.cut(a, "right", 0.25)),
        "cut top": (early, made.cut(b, "top", 0.25)),
        "shifted": (middle, made.loosened(a, 1.1, (0.1, 0.08))),
    }


def synthetic(sensor: made.Sensor) -> None:
    """Mean mask IoU over the frames and 3D IoU, per thing and kind of box."""
    every = []
    for make in made.SCENES.values():
        scene = make(sensor=sensor)
        window, ids = scene.render()
        for i, thing in enumerate(scene.things):
            cells = []
            for kind, (frame, box) in prompts(ids, i).items():
                try:
                    track, found = prompted(window, frame, box)
                except SceneR1Error:
                    masks, iou = 0.0, 0.0
                else:
                    masks, iou = mean_mask_iou(window, ids, i, track), box3d_iou(found, thing.box)
                every.append((masks, iou))
                cells.append(f"{kind} {masks:.2f}/{iou:.2f}")
            print(f"{thing.name:8s}", "  ".join(cells))
    masks, ious = np.array(every).T
    print(
        f"{len(every)} prompts: mask IoU {masks.mean():.3f}, 3D IoU {ious.mean():.3f}, "
        f"Acc@0.25 {(ious >= 0.25).mean():.3f}, Acc@0.5 {(ious >= 0.5).mean():.3f}"
    )


def mean_mask_iou(
    window: WindowSnapshot, ids: list[np.ndarray], thing: int, track: MaskTrack
) -> float:
    """Over the frames that show at least 60 pixels of the thing; a missing mask counts 0."""
    out = []
    for frame, image in zip(window.frames, ids, strict=True):
        truth, found = image == thing, track.at(frame.stamp_ns)
        if truth.sum() >= 60:
            mask = found.mask if found else np.zeros_like(truth)
            out.append((mask & truth).sum() / (mask | truth).sum())
    return float(np.mean(out))


if __name__ == "__main__":
    what = sys.argv[1] if len(sys.argv) > 1 else "real"
    if what == "real":
        real()
    else:
        synthetic(made.Sensor() if what == "made" else made.Sensor(320, 240, seed=3))
