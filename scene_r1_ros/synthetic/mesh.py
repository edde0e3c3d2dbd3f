"""Triangle meshes with normals, texture coordinates and materials, and the solids made of them.

Local frames of objects: metres, z up, the origin on the floor under the object's centre, x to
its width, +y its front. Faces are split so that no edge is much longer than ``MAX_EDGE``: light
is kept per vertex, and ScanNet's segments are given per vertex too.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..geometry import Float64
from .materials import Material

MAX_EDGE = 0.16
Float32 = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Mesh:
    """``vertices`` and ``normals`` (V, 3), ``uv`` (V, 2) metres, ``faces`` (F, 3), one material
    index a face into ``materials``."""

    vertices: Float32
    normals: Float32
    uv: Float32
    faces: NDArray[np.int32]
    face_material: NDArray[np.int32]
    materials: tuple[Material, ...]

    def transformed(self, T: Float64) -> Mesh:
        """The mesh moved by the rigid transform ``T`` (4, 4)."""
        R = T[:3, :3]
        vertices = (self.vertices @ R.T + T[:3, 3]).astype(np.float32)
        normals = (self.normals @ R.T).astype(np.float32)
        return Mesh(vertices, normals, self.uv, self.faces, self.face_material, self.materials)

    @property
    def low(self) -> Float64:
        """Lowest corner of the axis-aligned bounds, (3,)."""
        return self.vertices.min(axis=0).astype(np.float64)

    @property
    def high(self) -> Float64:
        """Highest corner of the axis-aligned bounds, (3,)."""
        return self.vertices.max(axis=0).astype(np.float64)


@dataclass
class MeshBuilder:
    """Collects solids into one :class:`Mesh`; every call adds closed or two-sided surfaces."""

    _parts: list[tuple[Any, ...]] = field(default_factory=list)

    def box(
        self,
        center: Sequence[float],
        size: Sequence[float],
        material: Material,
        rotation: Float64 | None = None,
        max_edge: float = MAX_EDGE,
    ) -> MeshBuilder:
        """A cuboid; ``rotation`` (3, 3) turns it about its centre."""
        half = np.asarray(size, dtype=np.float64) / 2
        for axis in range(3):
            for sign in (-1.0, 1.0):
                self._box_face(center, half, axis, sign, material, rotation, max_edge)
        return self

    def _box_face(
        self,
        center: Sequence[float],
        half: Float64,
        axis: int,
        sign: float,
        material: Material,
        rotation: Float64 | None,
        max_edge: float,
    ) -> None:
        a, b = (axis + 1) % 3, (axis + 2) % 3
        if sign < 0:
            a, b = b, a
        origin = np.zeros(3)
        origin[axis] = sign * half[axis]
        edge_a, edge_b = np.zeros(3), np.zeros(3)
        edge_a[a], edge_b[b] = 2 * half[a], 2 * half[b]
        corner = origin - (edge_a + edge_b) / 2
        normal = np.zeros(3)
        normal[axis] = sign
        if rotation is not None:
            corner, edge_a, edge_b, normal = (
                rotation @ x for x in (corner, edge_a, edge_b, normal)
            )
        self.patch(np.asarray(center) + corner, edge_a, edge_b, material, max_edge)

    def patch(
        self,
        corner: ArrayLike,
        edge_a: ArrayLike,
        edge_b: ArrayLike,
        material: Material,
        max_edge: float = MAX_EDGE,
    ) -> MeshBuilder:
        """A parallelogram from ``corner`` along two edges; its front is on ``a x b``.

        Wood grain and stripes run along the longer edge.
        """
        corner, edge_a, edge_b = (np.asarray(x, np.float64) for x in (corner, edge_a, edge_b))
        len_a, len_b = float(np.linalg.norm(edge_a)), float(np.linalg.norm(edge_b))
        if len_a < 1e-9 or len_b < 1e-9:
            return self
        n, m = max(1, math.ceil(len_a / max_edge)), max(1, math.ceil(len_b / max_edge))
        s, t = np.meshgrid(np.linspace(0, 1, n + 1), np.linspace(0, 1, m + 1), indexing="ij")
        s, t = s.reshape(-1, 1), t.reshape(-1, 1)
        vertices = corner + s * edge_a + t * edge_b
        normal = np.cross(edge_a, edge_b)
        normals = np.broadcast_to(normal / np.linalg.norm(normal), vertices.shape)
        uv = np.hstack([s * len_a, t * len_b])
        if len_b > len_a:
            uv = uv[:, ::-1]
        self._add(vertices, normals, uv, _grid_faces(n, m), material)
        return self

    def cylinder(
        self,
        start: Sequence[float],
        end: Sequence[float],
        radius: float,
        material: Material,
        end_radius: float | None = None,
        segments: int = 14,
    ) -> MeshBuilder:
        """A capped cylinder or, with another ``end_radius``, a frustum between two points."""
        r1 = radius if end_radius is None else end_radius
        base = np.asarray(start, np.float64)
        axis = np.asarray(end, np.float64) - base
        length = float(np.linalg.norm(axis))
        profile = [(0.0, 0.0), (radius, 0.0), (r1, length), (0.0, length)]
        return self.lathe(profile, material, base, axis / length, segments)

    def lathe(
        self,
        profile: Sequence[tuple[float, float]],
        material: Material,
        base: ArrayLike = (0.0, 0.0, 0.0),
        axis: ArrayLike = (0.0, 0.0, 1.0),
        segments: int = 16,
    ) -> MeshBuilder:
        """A surface of revolution; ``profile`` is (radius, height) from the bottom upwards.

        Each step of the profile is a band of its own, so its corners stay sharp.
        """
        frame = _frame_of(np.asarray(axis, np.float64))
        angle = np.linspace(0, 2 * np.pi, segments + 1)
        around = np.stack([np.cos(angle), np.sin(angle)], axis=1)
        arc = 0.0
        for (r0, h0), (r1, h1) in itertools.pairwise(profile):
            length = math.hypot(r1 - r0, h1 - h0)
            if length < 1e-9:
                continue
            steps = max(1, math.ceil(length / MAX_EDGE))
            t = np.linspace(0, 1, steps + 1)
            r, h = r0 + t * (r1 - r0), h0 + t * (h1 - h0)
            ring = around[:, None, :] * r[None, :, None]
            height = np.broadcast_to(h, ring.shape[:2])[..., None]
            local = np.concatenate([ring, height], axis=2).reshape(-1, 3)
            slope = np.array([h1 - h0, -(r1 - r0)]) / length
            flat = np.broadcast_to(around[:, None, :], ring.shape)
            up = np.full((*ring.shape[:2], 1), slope[1])
            normals = np.concatenate([flat * slope[0], up], axis=2).reshape(-1, 3)
            middle = max((r0 + r1) / 2, 0.02)
            uv = np.stack(
                np.broadcast_arrays(angle[:, None] * middle, arc + t[None, :] * length), axis=2
            ).reshape(-1, 2)
            arc += length
            faces = _grid_faces(segments, steps)
            self._add(np.asarray(base) + local @ frame.T, normals @ frame.T, uv, faces, material)
        return self

    def ellipsoid(
        self,
        center: Sequence[float],
        radii: Sequence[float],
        material: Material,
        roundness: float = 1.0,
        rotation: Float64 | None = None,
        segments: int = 16,
    ) -> MeshBuilder:
        """A superellipsoid: ``roundness`` 1 is an ellipsoid, towards 0 a box with soft edges."""
        rows = max(6, segments // 2)
        eta = np.linspace(-np.pi / 2, np.pi / 2, rows + 1)[None, :]
        omega = np.linspace(-np.pi, np.pi, segments + 1)[:, None]
        e = roundness
        unit = np.stack(
            np.broadcast_arrays(
                _power(np.cos(eta), e) * _power(np.cos(omega), e),
                _power(np.cos(eta), e) * _power(np.sin(omega), e),
                _power(np.sin(eta), e),
            ),
            axis=2,
        ).reshape(-1, 3)
        normal = np.stack(
            np.broadcast_arrays(
                _power(np.cos(eta), 2 - e) * _power(np.cos(omega), 2 - e) / radii[0],
                _power(np.cos(eta), 2 - e) * _power(np.sin(omega), 2 - e) / radii[1],
                _power(np.sin(eta), 2 - e) / radii[2],
            ),
            axis=2,
        ).reshape(-1, 3)
        normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-9)
        vertices = unit * np.asarray(radii)
        uv = np.stack(
            [vertices[:, 0] + vertices[:, 1] * 0.6, vertices[:, 2] + vertices[:, 1] * 0.8], axis=1
        )
        if rotation is not None:
            vertices, normal = vertices @ rotation.T, normal @ rotation.T
        faces = _grid_faces(segments, rows)
        self._add(vertices + np.asarray(center), normal, uv, faces, material)
        return self

    def build(self) -> Mesh:
        """The solids as one mesh."""
        vertices, normals, uvs, faces, slots = [], [], [], [], []
        materials: dict[Material, int] = {}
        start = 0
        for vertex, normal, uv, face, material in self._parts:
            index = materials.setdefault(material, len(materials))
            vertices.append(vertex)
            normals.append(normal)
            uvs.append(uv)
            faces.append(face + start)
            slots.append(np.full(len(face), index, np.int32))
            start += len(vertex)
        return Mesh(
            np.concatenate(vertices).astype(np.float32),
            np.concatenate(normals).astype(np.float32),
            np.concatenate(uvs).astype(np.float32),
            np.concatenate(faces).astype(np.int32),
            np.concatenate(slots),
            tuple(materials),
        )

    def _add(self, *part: Any) -> None:
        self._parts.append(part)


def rotation_about(axis: str, angle: float) -> Float64:
    """(3, 3) rotation about ``"x"``, ``"y"`` or ``"z"``."""
    c, s = math.cos(angle), math.sin(angle)
    i, j = {"x": (1, 2), "y": (2, 0), "z": (0, 1)}[axis]
    R = np.eye(3)
    R[i, i], R[i, j], R[j, i], R[j, j] = c, -s, s, c
    return R


def merge(meshes: Sequence[Mesh]) -> Mesh:
    """All meshes as one, in order."""
    materials: dict[Material, int] = {}
    faces, slots, start = [], [], 0
    for mesh in meshes:
        index = np.array(
            [materials.setdefault(m, len(materials)) for m in mesh.materials], np.int32
        )
        faces.append(mesh.faces + start)
        slots.append(index[mesh.face_material])
        start += len(mesh.vertices)
    return Mesh(
        np.concatenate([m.vertices for m in meshes]),
        np.concatenate([m.normals for m in meshes]),
        np.concatenate([m.uv for m in meshes]),
        np.concatenate(faces).astype(np.int32),
        np.concatenate(slots),
        tuple(materials),
    )


def _grid_faces(n: int, m: int) -> NDArray[np.int32]:
    """Triangles of an (n + 1) x (m + 1) grid of vertices, row-major."""
    i, j = np.meshgrid(np.arange(n), np.arange(m), indexing="ij")
    a = (i * (m + 1) + j).reshape(-1)
    b, c, d = a + m + 1, a + m + 2, a + 1
    return np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)]).astype(np.int32)


def _frame_of(axis: Float64) -> Float64:
    """(3, 3) right-handed frame whose z column is ``axis`` (unit length)."""
    helper = np.array([1.0, 0.0, 0.0]) if abs(axis[0]) < 0.9 else np.array([0.0, 1.0, 0.0])
    if abs(axis[2]) > 0.999:
        helper = np.array([1.0, 0.0, 0.0])
    y = np.cross(axis, helper)
    y /= np.linalg.norm(y)
    return np.stack([np.cross(y, axis), y, axis], axis=1)


def _power(x: Float64, e: float) -> Float64:
    return np.asarray(np.sign(x) * np.abs(x) ** e)
