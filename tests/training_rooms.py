"""A prepared and labelled data set of painted rooms, made in a blink: no rendering, true labels."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from scene_r1_training.data.labels_schema import write_table
from scene_r1_training.data.labels_views import encode_mask

from scene_r1_ros.frames import CameraIntrinsics, RgbdFrame
from scene_r1_ros.recordings.folder_writer import write_folder

CAMERA = CameraIntrinsics(112, 84, 100.0, 100.0, 55.5, 41.5)
STEP_NS = 500_000_000
COLORS = {"red box": (220, 40, 40), "green box": (40, 180, 60), "blue box": (50, 60, 210)}


def build_prepared(folder: Path, scenes: int = 2, frames: int = 8) -> Path:
    """Scenes ``room0``..; the green box is always seen, the red one in frames 2 to 5 (moving), the
    blue one never."""
    annotations = []
    for number in range(scenes):
        scene = f"room{number}"
        views, shot = [], []
        for i in range(frames):
            boxes = {1: (8, 8, 36, 36)}
            if 2 <= i <= 5:
                x = 40 + 6 * i - 5 * number
                boxes[0] = (x, 30, x + 30, 66)
            shot.append(_frame(i, boxes))
            views += [_view(scene, o, i, box) for o, box in boxes.items()]
        target = folder / "scenes" / scene
        write_folder(target, shot)
        objects = [
            {"object_id": o, "label": label, "aabb": [0, 0, 0, 1, 1, 1]}
            for o, label in enumerate(COLORS)
        ]
        about = {"version": 1, "scene_id": scene, "source": "", "objects": objects}
        about |= {"axis_alignment": np.eye(4).tolist(), "frames": frames, "skipped": {}, "bytes": 0}
        (target / "scene.json").write_text(json.dumps(about))
        write_table(folder / "labels" / "views" / f"{scene}.parquet", "views", views, {})
        annotations += _annotations(scene, frames)
    write_table(folder / "labels" / "annotations.parquet", "annotations", annotations, {})
    return folder


def chains(scene: str = "room0") -> list[dict]:
    """A true chain of thought for each stage, and one for what is not there."""
    all_frames = list(range(8))
    return [
        _chain(scene, 1, "the red box", [0], all_frames,
               "I am looking for the red box. At 1.0 s a red box comes into view. It stays until "
               "2.5 s.", "1.0 to 2.5"),
        _chain(scene, 2, "the green box", [1], [3],
               "I am looking for the green box. There is a green box on the left.",
               '{"bbox_2d": [8, 8, 36, 36], "label": "green box"}'),
        _chain(scene, 3, "what color is the box on the left", [1], all_frames,
               "The question is about the box on the left. I see that it is green.", "green"),
        _chain(scene, 1, "the blue box", [], all_frames,
               "I am looking for the blue box. At 0.0 s I see a green box. None of the frames "
               "shows a blue box.", "not found"),
    ]  # fmt: skip


def write_chains(path: Path, scenes: int = 2) -> Path:
    """The chains of all scenes as ``synth`` writes them."""
    records = [record for i in range(scenes) for record in chains(f"room{i}")]
    path.write_text("".join(json.dumps(r) + "\n" for r in records))
    return path


def _chain(scene, stage, query, ids, frames, think, answer) -> dict:
    return {
        "scene_id": scene,
        "stage": stage,
        "query": query,
        "object_ids": ids,
        "frames": frames,
        "stamps_ns": [i * STEP_NS for i in frames],
        "completion": f"<think>{think}</think><answer>{answer}</answer>",
    }


def _frame(i: int, boxes) -> RgbdFrame:
    color = np.full((CAMERA.height, CAMERA.width, 3), 200 - 5 * i, np.uint8)
    for o, (x0, y0, x1, y1) in boxes.items():
        color[y0:y1, x0:x1] = list(COLORS.values())[o]
    depth = np.full((CAMERA.height, CAMERA.width), 2.0, np.float32)
    return RgbdFrame(i * STEP_NS, color, depth, CAMERA, np.eye(4))


def _view(scene: str, o: int, i: int, box) -> dict:
    x0, y0, x1, y1 = box
    mask = np.zeros((CAMERA.height, CAMERA.width), bool)
    mask[y0:y1, x0:x1] = True
    return {
        "scene_id": scene, "object_id": o, "label": list(COLORS)[o], "frame": i,
        "stamp_ns": i * STEP_NS, "pixels": (x1 - x0) * (y1 - y0), "percent": 90.0, "visible": True,
        "truncated": False, "distance": 2.0, "box": [float(v) for v in box],
        "mask": encode_mask(mask),
        "height": CAMERA.height, "width": CAMERA.width, "source": "projected_instances",
    }  # fmt: skip


def _annotations(scene: str, frames: int) -> list[dict]:
    def row(benchmark, key, text, ids=(), label="", answers=()):
        return {
            "benchmark": benchmark, "key": f"{scene}/{key}", "scene_id": scene, "text": text,
            "label": label, "kind": "", "object_ids": list(ids), "answers": list(answers),
            "spans": [], "visible_frames": 0, "frames": frames, "best_frame": None,
            "best_box": None, "spans_source": "",
        }  # fmt: skip

    return [
        row("scanrefer", "0", "the red box", [0], "red box"),
        row("scanrefer", "1", "the green box", [1], "green box"),
        row("multi3dref", "0", "the blue box", (), "blue box"),
        row("scanqa", "0", "what color is the box on the left?", [1], answers=["green"]),
    ]
