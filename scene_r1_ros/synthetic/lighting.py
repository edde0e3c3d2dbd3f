"""Light per vertex, computed once a room: lamps with soft shadows, and ambient occlusion.

Everything in a room is matt (Lambert), so light does not depend on the viewer and can be kept
with the vertices; the renderer only interpolates.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..geometry import Float64
from .room import Light, Room

if TYPE_CHECKING:
    import open3d as o3d

_OFFSET = 0.006
_AMBIENT_RAYS = 24
_AMBIENT_REACH = 0.9
_CHUNK = 40_000


def vertex_light(
    room: Room,
    scene: o3d.t.geometry.RaycastingScene,
    vertices: NDArray[np.float32],
    normals: NDArray[np.float32],
    nthreads: int,
) -> NDArray[np.float32]:
    """Light arriving at each vertex, (V, 3), linear; 1 shows a surface in its own colour."""
    parts = [
        _chunk(room, scene, vertices[i : i + _CHUNK], normals[i : i + _CHUNK], nthreads)
        for i in range(0, len(vertices), _CHUNK)
    ]
    light = np.concatenate(parts)
    # the camera's exposure: the brightest tenth of the room ends near white
    return np.asarray(light * (0.95 / np.percentile(light.mean(axis=1), 88)), np.float32)


def _chunk(
    room: Room,
    scene: o3d.t.geometry.RaycastingScene,
    vertices: NDArray[np.float32],
    normals: NDArray[np.float32],
    nthreads: int,
) -> NDArray[np.float32]:
    origins = vertices + _OFFSET * normals
    open_sky = _ambient(scene, origins, normals, nthreads)
    light = open_sky[:, None] * np.asarray(room.ambient, np.float32)
    for lamp in room.lights:
        light += _direct(scene, lamp, origins, normals, nthreads)
    return np.asarray(light, np.float32)


def _ambient(
    scene: o3d.t.geometry.RaycastingScene,
    origins: NDArray[np.float32],
    normals: NDArray[np.float32],
    nthreads: int,
) -> NDArray[np.float32]:
    """Share of the cosine-weighted half space above each vertex that is free nearby."""
    local = _cosine_directions(_AMBIENT_RAYS)
    helper = np.where(np.abs(normals[:, :1]) < 0.9, [[1.0, 0, 0]], [[0, 1.0, 0]])
    tangent = np.cross(helper, normals)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
    frame = np.stack([tangent, np.cross(normals, tangent), normals], axis=1)
    directions = np.einsum("kc,vcd->vkd", local, frame)
    rays = np.empty((*directions.shape[:2], 6), np.float32)
    rays[..., :3], rays[..., 3:] = origins[:, None], directions
    blocked = _occluded(scene, rays, _AMBIENT_REACH, nthreads)
    return np.asarray(1.0 - 0.85 * blocked.mean(axis=1), np.float32)


def _direct(
    scene: o3d.t.geometry.RaycastingScene,
    lamp: Light,
    origins: NDArray[np.float32],
    normals: NDArray[np.float32],
    nthreads: int,
) -> NDArray[np.float32]:
    total = np.zeros(len(origins), np.float32)
    samples = _lamp_points(lamp)
    for point in samples:
        to_lamp = point.astype(np.float32) - origins
        distance = np.linalg.norm(to_lamp, axis=1)
        facing = np.einsum("vd,vd->v", to_lamp, normals) / np.maximum(distance, 1e-6)
        strength = np.maximum(facing, 0) / np.maximum(distance, 0.35) ** 2
        if lamp.direction is not None:
            towards = -(to_lamp @ np.asarray(lamp.direction, np.float32)) / distance
            strength *= np.maximum(towards, 0)
        lit = np.flatnonzero(strength > 1e-4)
        rays = np.hstack([origins[lit], to_lamp[lit]]).astype(np.float32)
        total[lit] += strength[lit] * ~_occluded(scene, rays, 0.985, nthreads)
    power = np.asarray(lamp.power, np.float32) / np.float32(len(samples))
    return np.asarray(total[:, None] * power, np.float32)


def _occluded(
    scene: o3d.t.geometry.RaycastingScene, rays: NDArray[np.float32], reach: float, nthreads: int
) -> NDArray[np.bool_]:
    import open3d as o3d

    tensor = o3d.core.Tensor(np.ascontiguousarray(rays))
    result: NDArray[np.bool_] = scene.test_occlusions(tensor, 0.0, reach, nthreads).numpy()
    return result


def _lamp_points(lamp: Light) -> Float64:
    """Six points spread over the lamp's square."""
    spread = np.array([[-1, -0.6], [0, -0.9], [1, -0.5], [-0.9, 0.7], [0.1, 0.8], [0.9, 0.6]])
    if lamp.direction is None:
        offsets = np.c_[spread, np.zeros(6)] * lamp.radius
    else:
        side = np.array([-lamp.direction[1], lamp.direction[0], 0.0])
        offsets = (spread[:, :1] * side + spread[:, 1:] * np.array([0, 0, 1.0])) * lamp.radius
    return np.asarray(lamp.position) + offsets


def _cosine_directions(count: int) -> Float64:
    """A golden-angle spiral over the half sphere, cosine-weighted (Malley's method)."""
    i = np.arange(count) + 0.5
    r, angle = np.sqrt(i / count), i * np.pi * (3 - np.sqrt(5))
    return np.stack([r * np.cos(angle), r * np.sin(angle), np.sqrt(1 - r**2)], axis=1)
