"""The real clip that the acceptance tests use, if it lies beside the repository."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import cv2
import numpy as np

from scene_r1_ros.frames import CameraIntrinsics, RgbdFrame, WindowSnapshot
from scene_r1_ros.geometry import Box3D, BoxXyxy

CLIP = Path(__file__).resolve().parents[2] / "shared" / "data" / "tum_fr3_cabinet"


@cache
def window() -> WindowSnapshot:
    """All 57 frames."""
    meta = json.loads((CLIP / "meta.json").read_text())
    camera = CameraIntrinsics(meta["width"], meta["height"], **meta["color_intrinsics"])
    frames = []
    for entry in meta["frames"]:
        i = entry["index"]
        depth = cv2.imread(str(CLIP / f"depth/{i}.png"), cv2.IMREAD_UNCHANGED)
        depth_m = depth.astype(np.float32) / meta["depth_scale"]
        depth_m[depth == 0] = np.nan
        color = cv2.imread(str(CLIP / f"color/{i}.jpg"))[:, :, ::-1].copy()
        pose = np.loadtxt(CLIP / f"pose/{i}.txt")
        frames.append(RgbdFrame(round(entry["timestamp"] * 1e9), color, depth_m, camera, pose))
    return WindowSnapshot.of(frames)


def detected_boxes() -> dict[int, BoxXyxy]:
    """The detector's box of each frame that has one."""
    found = json.loads((CLIP / "boxes2d_yolo.json").read_text())
    return {
        int(i): (x, y, x + w, y + h)
        for i, items in found.items()
        for x, y, w, h in [item["xywh"] for item in items[:1]]
    }


def measured_cabinet() -> Box3D:
    """The cabinet as measured from the whole sequence's cloud."""
    item = json.loads((CLIP / "objects3d.json").read_text())["objects"][0]
    return Box3D(item["center"], item["size"], item["yaw_rad"])
