"""Small furnished scenes, seen by a noisy RGB-D camera, with true masks and true 3D boxes.

Objects are made of boxes and cylinders standing in a corner of a room whose floor is not at
z = 0. Everything is rendered with Open3D's ray casting.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import cv2
import numpy as np

from scene_r1_ros.frames import CameraIntrinsics, RgbdFrame, WindowSnapshot
from scene_r1_ros.geometry import Box3D, yaw_matrix

FLOOR = -0.83
"""World z of the floor: nothing may take it for zero."""


@dataclass
class Thing:
    """An object: parts are ("box" | "cylinder", centre, size) in its own frame, z from its foot."""

    name: str
    parts: list[tuple[str, tuple[float, float, float], tuple[float, float, float]]]
    color: tuple[int, int, int]
    at: tuple[float, float, float] = (0.0, 0.0, 0.0)
    yaw: float = 0.0

    def placed(self, x: float, y: float, z: float, yaw_deg: float = 0.0) -> Thing:
        """The same thing elsewhere; z is above the floor."""
        return Thing(self.name, self.parts, self.color, (x, y, z), np.deg2rad(yaw_deg))

    @property
    def box(self) -> Box3D:
        """Its true box."""
        low = np.min([np.subtract(c, np.divide(s, 2)) for _, c, s in self.parts], axis=0)
        high = np.max([np.add(c, np.divide(s, 2)) for _, c, s in self.parts], axis=0)
        center = yaw_matrix(self.yaw) @ ((low + high) / 2) + self.at + np.array([0, 0, FLOOR])
        return Box3D(tuple(center), tuple(high - low), self.yaw)


def block(name: str, size: tuple[float, float, float], color: tuple[int, int, int]) -> Thing:
    """A solid box."""
    return Thing(name, [("box", (0, 0, size[2] / 2), size)], color)


def table(width=1.2, depth=0.7, height=0.74, color=(150, 110, 70)) -> Thing:
    legs = [
        (
            "box",
            (sx * (width / 2 - 0.05), sy * (depth / 2 - 0.05), height / 2),
            (0.05, 0.05, height),
        )
        for sx in (-1, 1)
        for sy in (-1, 1)
    ]
    return Thing("table", [("box", (0, 0, height - 0.015), (width, depth, 0.03)), *legs], color)


def chair(color=(60, 60, 160)) -> Thing:
    legs = [
        ("box", (sx * 0.19, sy * 0.19, 0.22), (0.04, 0.04, 0.44))
        for sx in (-1, 1)
        for sy in (-1, 1)
    ]
    seat = ("box", (0, 0, 0.455), (0.44, 0.44, 0.04))
    back = ("box", (0, 0.2, 0.68), (0.42, 0.03, 0.42))
    return Thing("chair", [seat, back, *legs], color)


def sofa() -> Thing:
    return Thing(
        "sofa",
        [
            ("box", (0, 0, 0.21), (1.7, 0.8, 0.42)),
            ("box", (0, 0.32, 0.6), (1.7, 0.16, 0.4)),
            ("box", (-0.78, 0, 0.5), (0.14, 0.8, 0.2)),
            ("box", (0.78, 0, 0.5), (0.14, 0.8, 0.2)),
        ],
        (120, 60, 60),
    )


def shelf() -> Thing:
    boards = [("box", (0, 0, z), (0.8, 0.3, 0.03)) for z in (0.03, 0.4, 0.8, 1.2, 1.58)]
    sides = [("box", (x, 0, 0.8), (0.03, 0.3, 1.6)) for x in (-0.4, 0.4)]
    return Thing(
        "shelf", [*boards, *sides, ("box", (0, 0.14, 0.8), (0.8, 0.01, 1.6))], (200, 190, 170)
    )


def monitor() -> Thing:
    return Thing(
        "monitor",
        [
            ("box", (0, 0, 0.3), (0.54, 0.04, 0.33)),
            ("box", (0, 0.03, 0.09), (0.06, 0.03, 0.18)),
            ("box", (0, 0.03, 0.01), (0.22, 0.18, 0.02)),
        ],
        (25, 25, 30),
    )


def mug(color=(220, 40, 40)) -> Thing:
    return Thing(
        "mug",
        [
            ("cylinder", (0, 0, 0.05), (0.08, 0.08, 0.1)),
        ],
        color,
    )


def bottle() -> Thing:
    return Thing(
        "bottle",
        [
            ("cylinder", (0, 0, 0.1), (0.075, 0.075, 0.2)),
            ("cylinder", (0, 0, 0.235), (0.03, 0.03, 0.07)),
        ],
        (30, 120, 40),
    )


def bin_() -> Thing:
    return Thing("bin", [("cylinder", (0, 0, 0.17), (0.28, 0.28, 0.34))], (90, 90, 95))


@dataclass
class View:
    """Cameras on an arc: looking at ``target``, between two azimuths in degrees."""

    target: tuple[float, float, float]
    radius: float
    height: float
    start: float
    end: float
    frames: int = 12


@dataclass
class Sensor:
    """What the camera does to depth and poses."""

    width: int = 640
    height: int = 480
    noise: float = 1.0
    holes: bool = True
    pose_jitter: float = 0.008
    pose_jitter_deg: float = 0.4
    seed: int = 0


@dataclass
class Scene:
    """Things, cameras; :meth:`render` gives a window and the true id image of each frame."""

    name: str
    things: list[Thing]
    view: View
    walls: bool = True
    sensor: Sensor = field(default_factory=Sensor)

    def render(self) -> tuple[WindowSnapshot, list[np.ndarray]]:
        """Frames and (H, W) int images: index into ``things``, -1 elsewhere."""
        import open3d as o3d

        scene = o3d.t.geometry.RaycastingScene()
        owner: dict[int, int] = {}
        colors: dict[int, tuple[int, int, int]] = {}
        for mesh, thing, color in self._meshes(o3d):
            i = scene.add_triangles(o3d.t.geometry.TriangleMesh.from_legacy(mesh))
            owner[i], colors[i] = thing, color
        rng = np.random.default_rng(self.sensor.seed)
        frames, ids = [], []
        for k, T in enumerate(self._poses()):
            frame, image = self._shoot(o3d, scene, owner, colors, T, k, rng)
            frames.append(frame)
            ids.append(image)
        return WindowSnapshot.of(frames), ids

    def _meshes(self, o3d):
        for i, thing in enumerate(self.things):
            for kind, center, size in thing.parts:
                if kind == "box":
                    mesh = o3d.geometry.TriangleMesh.create_box(*size)
                    mesh.translate(-np.array(size) / 2)
                else:
                    mesh = o3d.geometry.TriangleMesh.create_cylinder(size[0] / 2, size[2], 32)
                mesh.translate(center)
                mesh.rotate(yaw_matrix(thing.yaw), center=(0, 0, 0))
                mesh.translate(np.add(thing.at, (0, 0, FLOOR)))
                yield mesh, i, thing.color
        floor = o3d.geometry.TriangleMesh.create_box(8, 8, 0.02)
        floor.translate((-4, -4, FLOOR - 0.02))
        yield floor, -1, (170, 160, 150)
        if self.walls:
            for size, at in (
                ((8, 0.02, 2.5), (-4, 2.0, FLOOR)),
                ((0.02, 8, 2.5), (-2.6, -4, FLOOR)),
            ):
                wall = o3d.geometry.TriangleMesh.create_box(*size)
                wall.translate(at)
                yield wall, -1, (215, 215, 205)

    def _poses(self):
        v = self.view
        target = np.add(v.target, (0, 0, FLOOR))
        for k, azimuth in enumerate(np.deg2rad(np.linspace(v.start, v.end, v.frames))):
            eye = target + np.array(
                [
                    v.radius * np.cos(azimuth),
                    v.radius * np.sin(azimuth),
                    v.height + 0.05 * np.sin(k),
                ]
            )
            z = (target - eye) / np.linalg.norm(target - eye)
            x = np.cross(z, (0, 0, 1.0))
            x /= np.linalg.norm(x)
            T = np.eye(4)
            T[:3, :3], T[:3, 3] = np.stack([x, np.cross(z, x), z], axis=1), eye
            yield T

    def _shoot(self, o3d, scene, owner, colors, T, k, rng):
        s = self.sensor
        f = 525.0 * s.width / 640
        camera = CameraIntrinsics(s.width, s.height, f, f, s.width / 2 - 0.5, s.height / 2 - 0.5)
        rays = scene.create_rays_pinhole(
            o3d.core.Tensor(camera.K), o3d.core.Tensor(np.linalg.inv(T)), s.width, s.height
        )
        hit = scene.cast_rays(rays)
        depth = hit["t_hit"].numpy()
        geometry = hit["geometry_ids"].numpy().astype(np.int64)
        normals = hit["primitive_normals"].numpy()
        missed = ~np.isfinite(depth)
        image = np.full(depth.shape, -1)
        color = np.zeros((*depth.shape, 3))
        for i, thing in owner.items():
            image[geometry == i] = thing
            color[geometry == i] = colors[i]
        shade = 0.65 + 0.35 * np.abs(normals @ np.array([0.3, 0.5, 0.81]))
        color = np.clip(color * shade[..., None] + rng.normal(0, 4, color.shape), 0, 255)
        depth = np.where(missed, np.nan, depth)
        depth = self._noisy(depth.astype(np.float32), rng)
        believed = T @ _small_motion(s, rng)
        frame = RgbdFrame(
            k * 200_000_000 + 1_000_000_000, color.astype(np.uint8), depth, camera, believed
        )
        return frame, image

    def _noisy(self, z: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        s = self.sensor
        true = z.copy()
        if s.noise > 0:
            low = cv2.resize(
                rng.normal(0, 1, (6, 8)).astype(np.float32),
                z.shape[::-1],
                interpolation=cv2.INTER_CUBIC,
            )
            grain = (
                cv2.GaussianBlur(rng.normal(0, 1, z.shape).astype(np.float32), (0, 0), 0.8) * 2.2
            )
            sigma = 0.0012 + 0.0019 * (np.maximum(z, 0.4) - 0.4) ** 2
            z = z + s.noise * (sigma * grain + 0.5 * sigma * low)
            step = s.noise * 0.00285 * z * z
            z = np.rint(z / step) * step
        if s.holes:
            jump = np.abs(cv2.Laplacian(np.nan_to_num(true, nan=9.0), cv2.CV_32F)) > 0.08
            wide = cv2.dilate(jump.astype(np.uint8), np.ones((3, 5), np.uint8)) > 0
            z[wide & (rng.random(z.shape) < 0.7)] = np.nan
            blobs = cv2.GaussianBlur(rng.normal(0, 1, z.shape).astype(np.float32), (0, 0), 3) > 0.25
            z[blobs] = np.nan
        z[(z < 0.4) | (z > 6.0)] = np.nan
        return z.astype(np.float32)


def _small_motion(s: Sensor, rng: np.random.Generator) -> np.ndarray:
    T = np.eye(4)
    T[:3, :3] = cv2.Rodrigues(np.deg2rad(rng.normal(0, s.pose_jitter_deg, 3)))[0]
    T[:3, 3] = rng.normal(0, s.pose_jitter, 3)
    return T


def box_of(ids: np.ndarray, thing: int) -> tuple[float, float, float, float]:
    """Tight image box of a thing's visible pixels."""
    rows, cols = np.flatnonzero((ids == thing).any(1)), np.flatnonzero((ids == thing).any(0))
    return float(cols[0]), float(rows[0]), float(cols[-1] + 1), float(rows[-1] + 1)


def loosened(box, factor: float, shift=(0.0, 0.0)):
    """The box scaled about its centre and shifted, both as shares of its size."""
    w, h = box[2] - box[0], box[3] - box[1]
    cx, cy = (box[0] + box[2]) / 2 + shift[0] * w, (box[1] + box[3]) / 2 + shift[1] * h
    return cx - factor * w / 2, cy - factor * h / 2, cx + factor * w / 2, cy + factor * h / 2


def cut(box, side: str, share: float):
    """The box without ``share`` of its width or height on one side."""
    x0, y0, x1, y1 = box
    w, h = x1 - x0, y1 - y0
    return {
        "left": (x0 + share * w, y0, x1, y1),
        "right": (x0, y0, x1 - share * w, y1),
        "top": (x0, y0 + share * h, x1, y1),
        "bottom": (x0, y0, x1, y1 - share * h),
    }[side]


def desk_scene(**kw) -> Scene:
    h = 0.74
    return Scene(
        "desk",
        [
            table().placed(0, 1.4, 0),
            mug().placed(0.05, 1.25, h, 10),
            block("book", (0.22, 0.15, 0.03), (40, 60, 180)).placed(-0.25, 1.2, h, 20),
            bottle().placed(0.32, 1.35, h),
            block("carton", (0.2, 0.12, 0.15), (190, 150, 90)).placed(0.25, 1.55, h, -15),
            monitor().placed(-0.15, 1.6, h, 5),
            bin_().placed(0.85, 1.3, 0),
        ],
        View((0, 1.35, h), 1.2, 0.6, -130, -50),
        **kw,
    )


def seats_scene(**kw) -> Scene:
    return Scene(
        "seats",
        [
            chair().placed(-0.27, 0.3, 0, 8),
            chair((150, 60, 60)).placed(0.27, 0.3, 0, -5),
            sofa().placed(0.0, 1.58, 0),
            block("case", (0.6, 0.35, 0.4), (80, 100, 90)).placed(-1.3, 0.9, 0, 35),
            shelf().placed(1.7, 1.83, 0),
        ],
        View((0.0, 0.6, 0.4), 2.6, 0.9, -140, -40),
        **kw,
    )


SCENES: dict[str, Callable[..., Scene]] = {"desk": desk_scene, "seats": seats_scene}
