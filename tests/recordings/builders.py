"""Small RGB-D recordings for tests: a plane in front of a camera that moves sideways."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from scene_r1_ros.frames import CameraIntrinsics, RgbdFrame

WIDTH, HEIGHT = 32, 24
CAMERA = CameraIntrinsics(WIDTH, HEIGHT, 30.0, 31.0, 15.5, 11.5)


def pose(i: int) -> np.ndarray:
    """Camera ``i``: 5 cm further along x, turned a little about y."""
    angle = 0.02 * i
    T = np.eye(4)
    T[:3, :3] = [
        [np.cos(angle), 0, np.sin(angle)],
        [0, 1, 0],
        [-np.sin(angle), 0, np.cos(angle)],
    ]
    T[0, 3] = 0.05 * i
    return T


def color(i: int, height: int = HEIGHT, width: int = WIDTH) -> np.ndarray:
    """A smooth picture (so that JPEG keeps it) that differs from frame to frame; RGB."""
    y, x = np.mgrid[:height, :width]
    return np.stack([x * 3 + i, y * 3 + 20, np.full_like(x, 40 + i)], axis=2).astype(np.uint8)


def depth_units(i: int, height: int = HEIGHT, width: int = WIDTH) -> np.ndarray:
    """Raw depth 1500 + i with a hole of 0 in its corner."""
    depth = np.full((height, width), 1500 + i, np.uint16)
    depth[:3, :4] = 0
    return depth


def frame(i: int, stamp_ns: int | None = None) -> RgbdFrame:
    """Frame ``i`` as it should be read back, at i / 10 s unless told."""
    depth_m = (depth_units(i) / np.float32(1000)).astype(np.float32)
    depth_m[depth_m == 0] = np.nan
    stamp = i * 100_000_000 if stamp_ns is None else stamp_ns
    return RgbdFrame(stamp, color(i), depth_m, CAMERA, pose(i))


def save_color(path: Path, image: np.ndarray) -> None:
    assert cv2.imwrite(str(path), cv2.cvtColor(image, cv2.COLOR_RGB2BGR))


def save_depth(path: Path, image: np.ndarray) -> None:
    assert cv2.imwrite(str(path), image)


def save_matrix(path: Path, matrix: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savetxt(path, matrix, fmt="%.9g")


def camera_matrix(camera: CameraIntrinsics) -> np.ndarray:
    K = np.eye(4)
    K[:3, :3] = camera.K
    return K


def scannet_folder(root: Path, numbers: Any = range(4), meta: dict[str, Any] | None = None) -> Path:
    """An exported folder laid down file by file, not by the project's writer."""
    for part in ("color", "depth", "pose"):
        (root / part).mkdir(parents=True)
    for n in numbers:
        save_color(root / "color" / f"{n}.jpg", color(n))
        save_depth(root / "depth" / f"{n}.png", depth_units(n))
        save_matrix(root / "pose" / f"{n}.txt", pose(n))
    for part in ("color", "depth"):
        save_matrix(root / "intrinsic" / f"intrinsic_{part}.txt", camera_matrix(CAMERA))
    if meta is not None:
        (root / "meta.json").write_text(json.dumps(meta))
    return root


def cut(path: Path, share: float = 0.6) -> None:
    """Keep the first part of a file, as an interrupted copy does."""
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
