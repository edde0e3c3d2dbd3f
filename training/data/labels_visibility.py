"""Which objects a frame shows, where, and how much of each: by projection with a depth test.

The mesh is rendered from the frame's pose. A pixel belongs to an object if the mesh shows that
object there *and* the measured depth agrees (or there is no reading). A surface point is visible
if it falls in the image, the mesh does not hide it (by a ray, so that the back of a thin object
is hidden) and the measured depth does not lie in front of it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scene_r1_ros.config import Config, option
from scene_r1_ros.frames import RgbdFrame
from scene_r1_ros.geometry import BoxXyxy, invert, mask_box, transform_points
from scene_r1_ros.spans import MAX_GAP

from .labels_scene import Scene

PROJECTED = "projected_instances"
GIVEN = "instance_images"


@dataclass(frozen=True)
class VisibilityConfig(Config):
    """When an object counts as visible in a frame, and how spans are made of frames."""

    min_pixels: int = option(
        200, "Pixels that an object must cover, for an image of 640 x 480 (scaled).", minimum=1
    )
    min_percent: float = option(
        5.0,
        "Share of its surface points that must be visible; one view shows at most about half.",
        minimum=0.0,
        maximum=100.0,
        unit="%",
    )
    depth_tolerance: float = option(
        0.05, "How far depth and surface may differ at 1 m ...", minimum=0.001, unit="m"
    )
    depth_tolerance_growth: float = option(
        0.01, "... and how much more for each metre beyond.", minimum=0.0, unit="m"
    )
    surface_points: int = option(
        1024, "Points sampled on each object's surface.", minimum=16, maximum=100000
    )
    max_gap: float = option(
        MAX_GAP,
        "Gaps up to this long between visible frames are part of a span.",
        minimum=0.0,
        unit="s",
    )
    min_span: float = option(0.0, "Spans shorter than this are dropped.", minimum=0.0, unit="s")


@dataclass(frozen=True, eq=False)
class ObjectView:
    """One object in one frame: ``mask`` (H, W) bool, its tight ``box``, and how much is seen.

    ``percent`` is the visible share of the object's surface points, None without a mesh.
    ``truncated``: the mask touches the border of the image.
    """

    object_id: int
    mask: NDArray[np.bool_]
    box: BoxXyxy
    pixels: int
    percent: float | None
    distance: float
    truncated: bool

    def visible(self, config: VisibilityConfig) -> bool:
        """Whether it counts as visible under ``config``."""
        height, width = self.mask.shape
        enough = self.pixels >= config.min_pixels * (height * width) / (640 * 480)
        return enough and (self.percent is None or self.percent >= config.min_percent)


class SceneProjector:
    """Renders one scene's instances into its frames; holds the ray casting structure."""

    def __init__(self, scene: Scene, config: VisibilityConfig) -> None:
        import open3d as o3d

        self.scene = scene
        self.config = config
        self._caster = o3d.t.geometry.RaycastingScene(nthreads=1)
        self._caster.add_triangles(
            o3d.core.Tensor(scene.vertices),
            o3d.core.Tensor(np.ascontiguousarray(scene.faces, dtype=np.uint32)),
        )
        self._instance_of_face = _majority(scene.instance_of_vertex[scene.faces])
        self._points = _surface_points(scene, self._instance_of_face, config.surface_points)

    def views(
        self, frame: RgbdFrame, instances: NDArray[np.integer] | None = None
    ) -> list[ObjectView]:
        """Every object with at least one pixel in the frame.

        ``instances`` (H, W) holds object id + 1 at each pixel, 0 for none, where 2D labels are
        given; else they are projected.
        """
        depth_mesh, projected = self.render(frame)
        labels = self._agreeing(frame, depth_mesh, projected) if instances is None else instances
        found = []
        for value in np.unique(labels[labels > 0]).tolist():
            mask = np.asarray(labels == value)
            percent = self._percent(frame, value - 1)
            found.append(make_view(value - 1, mask, percent, _distance(frame, mask, depth_mesh)))
        return found

    def render(self, frame: RgbdFrame) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
        """z-depth (H, W) metres (inf: no surface) and instance (object id + 1, 0 none)."""
        import open3d as o3d

        camera = frame.intrinsics
        rays = self._caster.create_rays_pinhole(
            o3d.core.Tensor(camera.K + np.array([[0, 0, 0.5], [0, 0, 0.5], [0, 0, 0]])),
            o3d.core.Tensor(np.asarray(invert(frame.T_world_camera))),
            camera.width,
            camera.height,
        )
        hit = self._caster.cast_rays(rays, nthreads=1)
        depth = hit["t_hit"].numpy()
        face = hit["primitive_ids"].numpy()
        instance = np.zeros(depth.shape, dtype=np.int32)
        there = np.isfinite(depth)
        instance[there] = self._instance_of_face[face[there]]
        return depth, instance

    def _tolerance(self, z: NDArray[np.floating]) -> NDArray[np.floating]:
        config = self.config
        return config.depth_tolerance + config.depth_tolerance_growth * np.maximum(z - 1.0, 0.0)

    def _agreeing(
        self, frame: RgbdFrame, depth_mesh: NDArray[np.float32], labels: NDArray[np.int32]
    ) -> NDArray[np.int32]:
        measured = frame.depth_m
        with np.errstate(invalid="ignore"):
            apart = np.abs(measured - depth_mesh) > self._tolerance(depth_mesh)
        return np.where((measured > 0) & apart, 0, labels)

    def _percent(self, frame: RgbdFrame, object_id: int) -> float | None:
        points = self._points.get(object_id)
        if points is None:
            return None
        camera = frame.intrinsics
        uv, z = camera.project(transform_points(invert(frame.T_world_camera), points))
        with np.errstate(invalid="ignore"):
            inside = (z > 0.05) & (uv > -0.5).all(axis=1)
            inside &= (uv[:, 0] < camera.width - 0.5) & (uv[:, 1] < camera.height - 0.5)
        col, row = np.rint(uv[inside]).astype(int).T
        zs, measured = z[inside], frame.depth_m[row, col]
        with np.errstate(invalid="ignore"):
            blocked = (measured > 0) & (zs > measured + self._tolerance(zs))
        seen = ~blocked & ~self._hidden(frame.T_world_camera[:3, 3], points[inside])
        return 100.0 * int(seen.sum()) / len(points)

    def _hidden(self, eye: NDArray[np.floating], points: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Whether the mesh lies between ``eye`` and each point, up to half a percent before it."""
        import open3d as o3d

        start = np.broadcast_to(eye.astype(np.float32), points.shape)
        rays = o3d.core.Tensor(np.concatenate([start, points - start], axis=1))
        return np.asarray(self._caster.test_occlusions(rays, 0.0, 0.995, 1).numpy())


def make_view(
    object_id: int, mask: NDArray[np.bool_], percent: float | None, distance: float
) -> ObjectView:
    """An :class:`ObjectView` from a mask that is not empty."""
    box = mask_box(mask)
    assert box is not None
    height, width = mask.shape
    truncated = box[0] <= 0 or box[1] <= 0 or box[2] >= width or box[3] >= height
    return ObjectView(object_id, mask, box, int(mask.sum()), percent, distance, truncated)


def views_of_instances(frame: RgbdFrame, instances: NDArray[np.integer]) -> list[ObjectView]:
    """Views from a 2D instance image alone, for scenes without a mesh; ``percent`` is None."""
    found = []
    for value in np.unique(instances[instances > 0]).tolist():
        mask = np.asarray(instances == value)
        found.append(make_view(value - 1, mask, None, _distance(frame, mask, frame.depth_m)))
    return found


def _distance(frame: RgbdFrame, mask: NDArray[np.bool_], otherwise: NDArray[np.float32]) -> float:
    for depth in (frame.depth_m, otherwise):
        inside = depth[mask]
        inside = inside[np.isfinite(inside) & (inside > 0)]
        if len(inside):
            return float(np.median(inside))
    return float("nan")


def _majority(corners: NDArray[np.int32]) -> NDArray[np.int32]:
    """(F, 3) values to (F,): the value that two corners share, else the first."""
    a, b, c = corners.T
    return np.where(b == c, b, a)


def _surface_points(
    scene: Scene, instance_of_face: NDArray[np.int32], count: int
) -> dict[int, NDArray[np.float32]]:
    """``count`` points on each object's surface, evenly by area; the same for every run."""
    corners = scene.vertices[scene.faces]
    area = np.linalg.norm(
        np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1
    )
    points = {}
    for item in scene.objects:
        faces = np.flatnonzero((instance_of_face == item.object_id + 1) & (area > 0))
        if not len(faces):
            continue
        rng = np.random.default_rng(item.object_id)
        chosen = rng.choice(faces, count, p=area[faces] / area[faces].sum())
        u, v = rng.random((2, count, 1))
        flip = u + v > 1
        u, v = np.where(flip, 1 - u, u), np.where(flip, 1 - v, v)
        a, b, c = corners[chosen].transpose(1, 0, 2)
        points[item.object_id] = (a + u * (b - a) + v * (c - a)).astype(np.float32)
    return points
