"""A small room of coloured boxes, seen by a camera that walks along them; exact depth and truth."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from scene_r1_ros.frames import CameraIntrinsics, RgbdFrame, WindowSnapshot
from scene_r1_ros.geometry import Box3D, BoxXyxy, invert, transform_points

CAMERA = CameraIntrinsics(160, 120, 140.0, 140.0, 79.5, 59.5)
SECOND = 1_000_000_000


@dataclass(frozen=True)
class BoxRoom:
    """Boxes on a floor at z = 0. ``boxes`` by name, with their colours."""

    boxes: dict[str, tuple[Box3D, tuple[int, int, int]]] = field(
        default_factory=lambda: {
            "red": (Box3D((-0.8, 0.0, 0.25), (0.5, 0.4, 0.5)), (200, 40, 40)),
            "blue": (Box3D((0.8, 0.1, 0.3), (0.4, 0.5, 0.6)), (40, 40, 200)),
        }
    )

    def frame(self, stamp_ns: int, eye: tuple[float, float, float], look: float = 0.0) -> RgbdFrame:
        """The view from ``eye`` along +y turned right by ``look`` radians, 20 degrees downwards."""
        pose = _pose(eye, look)
        rows, cols = np.mgrid[: CAMERA.height, : CAMERA.width]
        local = np.stack(
            [(cols - CAMERA.cx) / CAMERA.fx, (rows - CAMERA.cy) / CAMERA.fy, np.ones_like(rows)], -1
        ).reshape(-1, 3)
        rays = local @ pose[:3, :3].T
        origin = np.array(eye)
        with np.errstate(divide="ignore", invalid="ignore"):
            floor = np.where(rays[:, 2] < 0, -origin[2] / rays[:, 2], np.inf)
        depth = np.where(floor < 12, floor, np.inf)
        hit = origin + rays * np.where(np.isfinite(depth), depth, 0)[:, None]
        checker = (np.floor(hit[:, 0] * 4) + np.floor(hit[:, 1] * 4)) % 2
        color = np.where(checker > 0, 150, 110)[:, None].repeat(3, 1).astype(np.uint8)
        for box, rgb in self.boxes.values():
            near = _enter(box, origin, rays)
            nearer = near < depth
            depth = np.where(nearer, near, depth)
            color[nearer] = rgb
        measured = np.where(np.isfinite(depth), depth, np.nan).astype(np.float32)
        shape = (CAMERA.height, CAMERA.width)
        return RgbdFrame(stamp_ns, color.reshape(*shape, 3), measured.reshape(shape), CAMERA, pose)

    def walk(
        self, frames: int = 10, seconds: float = 9.0, start_ns: int = 5 * SECOND
    ) -> WindowSnapshot:
        """From in front of the red box to in front of the blue one."""
        xs = np.linspace(-1.2, 1.2, frames)
        stamps = start_ns + (np.linspace(0, seconds, frames) * 1e9).astype(np.int64)
        return WindowSnapshot.of(
            self.frame(int(t), (float(x), -2.2, 1.1)) for t, x in zip(stamps, xs, strict=True)
        )

    def box_in(self, name: str, frame: RgbdFrame) -> BoxXyxy | None:
        """The box around the named object in a frame, or None when its centre is out of view."""
        box = self.boxes[name][0]
        pixels, z = CAMERA.project(transform_points(invert(frame.T_world_camera), box.corners()))
        centre, _ = CAMERA.project(
            transform_points(invert(frame.T_world_camera), np.array([box.center]))
        )
        if not (z > 0).all() or not (0 < centre[0, 0] < 160 and 0 < centre[0, 1] < 120):
            return None
        x0, y0 = np.maximum(pixels.min(axis=0), 0)
        x1, y1 = np.minimum(pixels.max(axis=0), (CAMERA.width, CAMERA.height))
        return (float(x0), float(y0), float(x1), float(y1))


def _pose(eye: tuple[float, float, float], look: float) -> np.ndarray:
    down = np.deg2rad(20)
    forward = np.array([np.sin(look) * np.cos(down), np.cos(look) * np.cos(down), -np.sin(down)])
    right = np.array([np.cos(look), -np.sin(look), 0.0])
    pose = np.eye(4)
    pose[:3, :3] = np.stack([right, np.cross(forward, right), forward], axis=1)
    pose[:3, 3] = eye
    return pose


def _enter(box: Box3D, origin: np.ndarray, rays: np.ndarray) -> np.ndarray:
    """Distance along each ray to an axis-aligned box (slab test), inf where it is missed."""
    low = np.array(box.center) - np.array(box.size) / 2
    high = np.array(box.center) + np.array(box.size) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        a, b = (low - origin) / rays, (high - origin) / rays
    near, far = np.minimum(a, b).max(axis=1), np.maximum(a, b).min(axis=1)
    return np.where((near < far) & (near > 0), near, np.inf)
