"""Finding room for things: footprints that must not meet, walls to stand at, tops to lie on."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ..geometry import Box3D, Float64, yaw_matrix
from .mesh import Mesh
from .room import inside

WALL_GAP = 0.03
"""Space between a wall and what stands at it, metres."""


@dataclass(frozen=True, eq=False)
class Footprint:
    """A rectangle on the floor over a range of heights; ``solid`` False is space kept free."""

    corners: Float64
    low: float
    high: float
    solid: bool = True


@dataclass(frozen=True)
class Pose:
    """Where an object goes: centre on the floor plan, height of its underside, yaw."""

    x: float
    y: float
    z: float
    yaw: float

    @property
    def T(self) -> Float64:
        """(4, 4) from the object's frame to the room's."""
        T = np.eye(4)
        T[:3, :3] = yaw_matrix(self.yaw)
        T[:3, 3] = (self.x, self.y, self.z)
        return T

    def box(self, size: Float64) -> Box3D:
        """The box of an object of this size standing here."""
        center = (self.x, self.y, self.z + float(size[2]) / 2)
        return Box3D(center, tuple(size), self.yaw)


@dataclass
class Plan:
    """The floor plan while it fills up."""

    outline: Float64
    height: float
    taken: list[Footprint] = field(default_factory=list)

    def fits(
        self,
        pose: Pose,
        size: Float64,
        margin: float = 0.04,
        front: float = 0.0,
        ignore: tuple[Footprint, ...] = (),
    ) -> bool:
        """Whether an object fits here without touching others, ``front`` metres kept free."""
        body = footprint(pose, size)
        if not inside(self.outline, body.corners, 0.012).all():
            return False
        grown = footprint(pose, np.add(size, (2 * margin, 2 * margin, 0)))
        for other in self.taken:
            if other not in ignore and _meet(grown, other):
                return False
        if front > 0:
            free = clearance(pose, size, front)
            return not any(o.solid and o not in ignore and _meet(free, o) for o in self.taken)
        return True

    def take(self, pose: Pose, size: Float64, front: float = 0.0) -> Footprint:
        """Mark the place as taken."""
        body = footprint(pose, size)
        self.taken.append(body)
        if front > 0:
            self.taken.append(clearance(pose, size, front))
        return body

    def walls(self) -> list[tuple[Float64, Float64, Float64]]:
        """(start, end, inward normal) of every wall."""
        result = []
        for a, b in zip(self.outline, np.roll(self.outline, -1, axis=0), strict=True):
            along = (b - a) / np.linalg.norm(b - a)
            result.append((a, b, np.array([-along[1], along[0]])))
        return result

    def at_wall(
        self,
        size: Float64,
        rng: np.random.Generator,
        z: float = 0.0,
        gap: float = WALL_GAP,
        front: float = 0.0,
        tries: int = 120,
        margin: float = 0.04,
    ) -> tuple[Pose, int] | None:
        """A free place with the back at a wall, and that wall's index; None if there is none."""
        walls = self.walls()
        lengths = np.array([np.linalg.norm(b - a) for a, b, _ in walls])
        for _ in range(tries):
            i = int(rng.choice(len(walls), p=lengths / lengths.sum()))
            a, b, normal = walls[i]
            room = lengths[i] - size[0] - 0.08
            if room <= 0:
                continue
            along = (b - a) / lengths[i]
            where = a + along * (size[0] / 2 + 0.04 + room * rng.random())
            where = where + normal * (size[1] / 2 + gap)
            yaw = math.atan2(normal[1], normal[0]) - math.pi / 2
            pose = Pose(float(where[0]), float(where[1]), z, yaw)
            if self.fits(pose, size, margin, front):
                return pose, i
        return None

    def anywhere(
        self,
        size: Float64,
        rng: np.random.Generator,
        near_wall: float = 0.0,
        square: bool = True,
        margin: float = 0.1,
        tries: int = 120,
    ) -> Pose | None:
        """A free place on the floor; ``near_wall`` is the chance that it is close to a wall."""
        low, high = self.outline.min(axis=0), self.outline.max(axis=0)
        for _ in range(tries):
            if rng.random() < near_wall:
                found = self.at_wall(size, rng, gap=rng.uniform(0.04, 0.25), tries=1)
                if found is None:
                    continue
                pose = found[0]
                pose = Pose(
                    pose.x, pose.y, 0.0, pose.yaw + (0 if square else rng.uniform(-0.4, 0.4))
                )
            else:
                x, y = rng.uniform(low + 0.3, high - 0.3)
                turn = rng.integers(4) * math.pi / 2 if square else rng.uniform(-math.pi, math.pi)
                pose = Pose(float(x), float(y), 0.0, float(turn))
            if self.fits(pose, size, margin):
                return pose
        return None


class Top:
    """The upper side of one object, asked where something can lie."""

    def __init__(self, mesh: Mesh, box: Box3D) -> None:
        import open3d as o3d

        self._box = box
        self._scene = o3d.t.geometry.RaycastingScene(nthreads=1)
        self._scene.add_triangles(np.array(mesh.vertices), mesh.faces.astype(np.uint32))
        self._placed: list[Footprint] = []

    def place(
        self,
        size: Float64,
        rng: np.random.Generator,
        ceiling: float,
        uneven: float = 0.015,
        back: float = 0.0,
        facing: bool = True,
        tries: int = 25,
        others: Iterable[Footprint] = (),
    ) -> Pose | None:
        """A free level place for something of ``size``, clear of ``others``; ``back`` 0..1 pulls
        it to the rear."""
        others = tuple(others)
        half = np.array(self._box.size[:2]) / 2 - 0.02
        for _ in range(tries):
            u, v = rng.uniform(-1, 1), rng.uniform(-1, 1 - 2 * back)
            turn = rng.normal(0, 0.12) if facing else rng.uniform(-math.pi, math.pi)
            reach = np.abs(yaw_matrix(turn)[:2, :2]) @ (np.asarray(size[:2]) / 2)
            room = half - reach
            if (room <= 0).any():
                continue
            offset = yaw_matrix(self._box.yaw)[:2, :2] @ (np.array([u, v]) * room)
            x, y = np.array(self._box.center[:2]) + offset
            pose = Pose(float(x), float(y), 0.0, self._box.yaw + turn)
            z = self._level(pose, size, uneven)
            if z is None or z + size[2] > ceiling:
                continue
            pose = Pose(pose.x, pose.y, z, pose.yaw)
            body = footprint(pose, np.add(size, (0.03, 0.03, 0)))
            if any(_meet(body, other) for other in (*self._placed, *others)):
                continue
            self._placed.append(body)
            return pose
        return None

    def _level(self, pose: Pose, size: Float64, uneven: float) -> float | None:
        import open3d as o3d

        grid = np.stack(np.meshgrid(np.linspace(-0.5, 0.5, 5), np.linspace(-0.5, 0.5, 5)), -1)
        local = grid.reshape(-1, 2) * np.asarray(size[:2])
        xy = local @ yaw_matrix(pose.yaw)[:2, :2].T + (pose.x, pose.y)
        rays = np.zeros((len(xy), 6), np.float32)
        rays[:, :2], rays[:, 2], rays[:, 5] = xy, 10.0, -1.0
        hit = self._scene.cast_rays(o3d.core.Tensor(rays), nthreads=1)["t_hit"].numpy()
        z = 10.0 - hit
        if not np.isfinite(hit).all() or z.max() - z.min() > uneven:
            return None
        return float(z.max()) - 0.4 * float(z.max() - z.min())


def footprint(pose: Pose, size: Float64, solid: bool = True) -> Footprint:
    """The rectangle that an object takes up."""
    corners = pose.box(np.asarray(size)).corners()[:4, :2]
    return Footprint(corners, pose.z, pose.z + float(size[2]), solid)


def clearance(pose: Pose, size: Float64, front: float) -> Footprint:
    """The space in front of an object, kept free up to head height."""
    offset = yaw_matrix(pose.yaw)[:2, 1] * (size[1] + front) / 2
    ahead = Pose(pose.x + float(offset[0]), pose.y + float(offset[1]), 0.0, pose.yaw)
    return footprint(ahead, np.array([size[0] * 0.9, front, 1.9]), solid=False)


def _meet(a: Footprint, b: Footprint) -> bool:
    if a.high <= b.low + 1e-6 or b.high <= a.low + 1e-6:
        return False
    return rectangles_meet(a.corners, b.corners)


def rectangles_meet(a: NDArray[np.float64], b: NDArray[np.float64]) -> bool:
    """Whether two convex quadrilaterals (4, 2) overlap (separating axes)."""
    for polygon in (a, b):
        edges = polygon[[1, 2]] - polygon[[0, 1]]
        for edge in edges:
            axis = np.array([-edge[1], edge[0]])
            p, q = a @ axis, b @ axis
            if p.max() <= q.min() or q.max() <= p.min():
                return False
    return True
