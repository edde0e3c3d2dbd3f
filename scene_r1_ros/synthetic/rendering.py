"""``render``: RGB-D frames with instance images of a room, on the CPU.

One ray a pixel (Open3D's RaycastingScene), everything else in numpy: each triangle carries the
affine coefficients of its light and texture coordinates, so that shading a pixel is one gather
and a few multiplications.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..frames import CameraIntrinsics, RgbdFrame, StampedPose
from ..geometry import BoxXyxy, Float64, mask_box
from .lighting import vertex_light
from .materials import LEVELS, TEXTURES, TILE, Material, texture_tiles
from .mesh import merge
from .room import Room
from .sensor import Sensor
from .sensor_config import SensorConfig

_MISS = np.uint32(0xFFFFFFFF)
_GAMMA = 2.2
_CHUNK = 16384
"""Pixels cast and shaded at a time: what belongs to them stays in the processor's cache."""


@dataclass(frozen=True, eq=False)
class RawImage:
    """What a perfect camera sees: ``color`` (H, W, 3) float32 in 0..1, ``depth`` (H, W) metres
    (inf where no surface is), ``instances`` (H, W) uint16 (0 = nothing), ``cosine`` of the angle
    between ray and surface normal, ``dropout`` of the surface's material."""

    color: NDArray[np.float32]
    depth: NDArray[np.float32]
    instances: NDArray[np.uint16]
    cosine: NDArray[np.float32]
    dropout: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class RenderedFrame:
    """A frame as the sensor gives it, with the truth behind it.

    ``instances`` (H, W) uint16 are true for every pixel, also where depth is missing;
    ``true_depth_m`` (H, W) float32 is the depth before the sensor model, NaN without a surface.
    """

    frame: RgbdFrame
    instances: NDArray[np.uint16]
    true_depth_m: NDArray[np.float32]

    def boxes(self) -> dict[int, tuple[BoxXyxy, int]]:
        """Tight box and pixel count of every visible instance, structure included."""
        return instance_boxes(self.instances)


def instance_boxes(instances: NDArray[np.uint16]) -> dict[int, tuple[BoxXyxy, int]]:
    """Tight box (far edge exclusive) and pixel count of every instance in an instance image."""
    counts = np.bincount(instances.ravel())
    result = {}
    for instance in np.flatnonzero(counts):
        box = mask_box(instances == instance) if instance else None
        if box is not None:
            result[int(instance)] = (box, int(counts[instance]))
    return result


def render(
    room: Room,
    poses: Iterable[StampedPose],
    intrinsics: CameraIntrinsics,
    sensor: SensorConfig | None = None,
    *,
    nthreads: int = 0,
    renderer: Renderer | None = None,
) -> Iterator[RenderedFrame]:
    """Frames of ``room`` seen from ``poses``, in their order.

    A frame depends on the room, its own pose and stamp, and its neighbour's pose (motion blur).
    ``sensor`` defaults to a noisy structured-light camera; ``SensorConfig.perfect()`` switches
    all of it off. ``nthreads`` 0 uses every core; a ``renderer`` of the room may be given.
    """
    poses = tuple(poses)
    renderer = renderer or Renderer(room, nthreads)
    model = Sensor(sensor or SensorConfig(), intrinsics, room.seed)
    for i, pose in enumerate(poses):
        raw = renderer.image(pose.T_world_camera, intrinsics)
        neighbour = poses[i + 1] if i + 1 < len(poses) else poses[i - 1] if i else None
        color, depth = model.apply(raw, pose, neighbour)
        true_depth = np.where(np.isfinite(raw.depth), raw.depth, np.float32(np.nan))
        frame = RgbdFrame(pose.stamp_ns, color, depth, intrinsics, pose.T_world_camera)
        yield RenderedFrame(frame, raw.instances, true_depth)


class Renderer:
    """A room made ready for rendering: its ray tracer, light and triangle coefficients."""

    def __init__(self, room: Room, nthreads: int = 0) -> None:
        import open3d as o3d

        self._nthreads = nthreads
        everything = room.everything
        mesh = merge([item.mesh for item in everything])
        self.vertices, self.faces = mesh.vertices, mesh.faces
        self.face_instance = np.concatenate(
            [np.full(len(o.mesh.faces), o.instance, np.uint16) for o in everything]
        )
        self._scene = o3d.t.geometry.RaycastingScene(nthreads=nthreads)
        self._scene.add_triangles(mesh.vertices, mesh.faces.astype(np.uint32))
        places = _lit_places(mesh.vertices, mesh.faces)
        light = vertex_light(room, self._scene, places, mesh.normals, nthreads)
        self._table = _Triangles(mesh.materials, mesh.face_material, mesh.faces, mesh.uv, light)
        self._light = light
        self._mesh = mesh

    def image(self, T_world_camera: Float64, camera: CameraIntrinsics) -> RawImage:
        """What a perfect camera sees from this pose."""
        import open3d as o3d

        rotation = T_world_camera[:3, :3].T.astype(np.float32)
        everywhere, lengths = _ray_directions(camera)
        count = len(everywhere)
        color = np.empty((count, 3), np.float32)
        depth, cosine, dropout = (np.empty(count, np.float32) for _ in range(3))
        instances = np.empty(count, np.uint16)
        rays = np.empty((min(_CHUNK, count), 6), np.float32)
        rays[:, :3] = T_world_camera[:3, 3]
        for start in range(0, count, _CHUNK):
            part = slice(start, min(start + _CHUNK, count))
            own = rays[: part.stop - start]
            np.matmul(everywhere[part], rotation, out=own[:, 3:])
            hit = self._scene.cast_rays(o3d.core.Tensor.from_numpy(own), self._nthreads)
            depth[part] = hit["t_hit"].numpy()
            triangle = hit["primitive_ids"].numpy()
            missed = triangle == _MISS
            triangle = np.where(missed, 0, triangle).astype(np.int64)
            where = hit["primitive_uvs"].numpy()
            color[part] = self._table.shade(triangle, where, depth[part], camera.fx)
            along = np.einsum("nd,nd->n", hit["primitive_normals"].numpy(), own[:, 3:])
            cosine[part] = np.abs(along) / lengths[part]
            instances[part] = self.face_instance[triangle]
            dropout[part] = self._table.dropout[triangle]
            if missed.any():
                color[part][missed], instances[part][missed], dropout[part][missed] = 0.0, 0, 0.0
        shape = (camera.height, camera.width)
        return RawImage(
            color.reshape(*shape, 3),
            depth.reshape(shape),
            instances.reshape(shape),
            cosine.reshape(shape),
            dropout.reshape(shape),
        )

    def vertex_colors(self) -> NDArray[np.uint8]:
        """Lit colour of every vertex, (V, 3), as a scanned mesh would carry it."""
        materials = self._mesh.materials
        albedo = np.array([m.color for m in materials])
        color = np.zeros((len(self.vertices), 3))
        color[self.faces.ravel()] = np.repeat(albedo[self._mesh.face_material], 3, axis=0)
        lit = np.clip(color * np.clip(self._light, 0.02, 1.2) ** (1 / _GAMMA), 0, 1)
        return (lit * 255 + 0.5).astype(np.uint8)


def _lit_places(vertices: NDArray[np.float32], faces: NDArray[np.int32]) -> NDArray[np.float32]:
    """Vertices drawn a little into their own faces, out of the corners where surfaces meet."""
    total, count = np.zeros_like(vertices), np.zeros(len(vertices), np.float32)
    middle = vertices[faces].mean(axis=1)
    for corner in range(3):
        np.add.at(total, faces[:, corner], middle)
        np.add.at(count, faces[:, corner], 1)
    inner = total / np.maximum(count, 1)[:, None]
    return np.asarray(vertices + 0.3 * (inner - vertices), np.float32)


class _Triangles:
    """Per triangle: light and texture coordinates as affine functions of the hit point."""

    def __init__(
        self,
        materials: tuple[Material, ...],
        face_material: NDArray[np.int32],
        faces: NDArray[np.int32],
        uv: NDArray[np.float32],
        light: NDArray[np.float32],
    ) -> None:
        emission = np.array([m.emission for m in materials], np.float32)[face_material]
        scale = np.array([m.scale for m in materials], np.float32)[face_material]
        first = np.array([m.color for m in materials], np.float32)[face_material]
        second = np.array([m.second for m in materials], np.float32)[face_material]
        texture = np.array([TEXTURES.index(m.texture) for m in materials])[face_material]
        corner = np.concatenate([uv * 1.0, light], axis=1)[faces]
        corner[..., :2] *= (TILE / scale)[:, None, None]
        lit = np.clip(corner[..., 2:] + emission[:, None, None], 0.015, 1.6)
        corner[..., 2:] = lit ** np.float32(1 / _GAMMA)
        origin, along_u, along_v = (
            corner[:, 0],
            corner[:, 1] - corner[:, 0],
            corner[:, 2] - corner[:, 0],
        )
        rows = [origin, along_u, along_v, first, second - first, (TILE / scale)[:, None]]
        self._rows = np.ascontiguousarray(np.concatenate(rows, axis=1), np.float32)
        self._texture = (texture * (LEVELS * TILE * TILE)).astype(np.int32)
        self.dropout = np.array([m.dropout for m in materials], np.float32)[face_material]
        self._tiles = texture_tiles().ravel()

    def shade(
        self,
        triangle: NDArray[np.int64],
        where: NDArray[np.float32],
        depth: NDArray[np.float32],
        fx: float,
    ) -> NDArray[np.float32]:
        """Colour (N, 3) of hit points given their triangle and barycentric coordinates (N, 2)."""
        row = self._rows[triangle]
        value = row[:, :5] + where[:, :1] * row[:, 5:10] + where[:, 1:] * row[:, 10:15]
        texel = np.floor(value[:, :2]).astype(np.int32) & (TILE - 1)
        footprint = np.where(np.isfinite(depth), depth, 0) * row[:, 21] / np.float32(fx)
        level = (footprint > 1.2).astype(np.int32)
        level += footprint > 2.4
        level += footprint > 4.8
        index = self._texture[triangle] + level * (TILE * TILE) + texel[:, 1] * TILE + texel[:, 0]
        weight = self._tiles[index][:, None]
        color = (row[:, 15:18] + weight * row[:, 18:21]) * value[:, 2:]
        return np.minimum(color, 1.0, out=color)


@functools.lru_cache(maxsize=4)
def _ray_directions(
    camera: CameraIntrinsics,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """(H * W, 3) directions with z = 1, so that the distance along them is the z-depth, and
    their lengths (H * W,)."""
    u = (np.arange(camera.width) - camera.cx) / camera.fx
    v = (np.arange(camera.height) - camera.cy) / camera.fy
    x, y = np.meshgrid(u, v)
    directions = np.stack([x, y, np.ones_like(x)], axis=2).reshape(-1, 3)
    lengths = np.linalg.norm(directions, axis=1)
    return directions.astype(np.float32), lengths.astype(np.float32)
