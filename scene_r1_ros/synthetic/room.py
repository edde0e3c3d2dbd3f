"""A room as a value: its shape, its objects with their true boxes, and who stands on whom."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np

from ..errors import RequestError
from ..geometry import Box3D, Float64
from .materials import Material
from .mesh import Mesh


@dataclass(frozen=True, eq=False)
class SceneObject:
    """One object.

    ``instance`` is its value in instance images (ScanNet's objectId is one less), ``mesh`` is in
    the room's frame, ``box`` fits it tightly with the object's own yaw (its front is the box's
    +y), ``support`` is the instance it stands on, or the wall it hangs on (None: the floor).
    """

    instance: int
    kind: str
    color: str
    texture: str
    box: Box3D
    mesh: Mesh
    support: int | None = None
    mounted: bool = False

    @property
    def label(self) -> str:
        """What people call it; the same as ``kind``."""
        return self.kind

    @property
    def size(self) -> tuple[float, float, float]:
        """Width, depth and height in metres, along the object's own axes."""
        return self.box.size

    @property
    def aligned_box(self) -> Box3D:
        """The tight axis-aligned box of the mesh, as the ScanNet benchmarks use."""
        low, high = self.mesh.low, self.mesh.high
        return Box3D(tuple((low + high) / 2), tuple(high - low))


@dataclass(frozen=True, eq=False)
class Light:
    """A square lamp of side ``radius`` x 2 at ``position``; ``power`` is RGB at 1 m.

    ``direction`` restricts it to a half space (a window), None shines all around.
    """

    position: tuple[float, float, float]
    power: tuple[float, float, float]
    radius: float = 0.15
    direction: tuple[float, float, float] | None = None


@dataclass(frozen=True, eq=False)
class Room:
    """A furnished room; x and y span the floor at z = 0, z is up.

    ``outline`` (N, 2) is the floor's corner loop, counter-clockwise. ``structure`` are floor,
    ceiling and walls; ``objects`` everything else.
    """

    seed: int
    room_type: str
    outline: Float64
    height: float
    objects: tuple[SceneObject, ...]
    structure: tuple[SceneObject, ...]
    lights: tuple[Light, ...]
    ambient: tuple[float, float, float] = (0.30, 0.30, 0.31)

    @property
    def everything(self) -> tuple[SceneObject, ...]:
        """Structure and objects, in order of instance."""
        return tuple(sorted((*self.structure, *self.objects), key=lambda o: o.instance))

    def object(self, instance: int) -> SceneObject:
        """The object or structure with this instance id.

        Raises:
            RequestError: if there is none.
        """
        found = self._by_instance.get(instance)
        if found is None:
            raise RequestError(f"room {self.seed} has no instance {instance}.")
        return found

    def of_kind(self, kind: str) -> tuple[SceneObject, ...]:
        """All objects of a kind."""
        return tuple(o for o in self.objects if o.kind == kind)

    def on(self, instance: int) -> tuple[SceneObject, ...]:
        """What stands directly on this object."""
        return tuple(o for o in self.objects if o.support == instance and not o.mounted)

    @property
    def supports(self) -> dict[int, int]:
        """The support relation: instance -> the instance of furniture it stands on."""
        return {
            o.instance: o.support for o in self.objects if o.support is not None and not o.mounted
        }

    @functools.cached_property
    def _by_instance(self) -> dict[int, SceneObject]:
        return {o.instance: o for o in (*self.structure, *self.objects)}

    @property
    def materials(self) -> tuple[Material, ...]:
        """Every material in the room, each once."""
        return tuple(dict.fromkeys(m for o in self.everything for m in o.mesh.materials))


def inside(outline: Float64, points: Float64, margin: float = 0.0) -> np.ndarray:
    """Which of the points (N, 2) lie inside the polygon and at least ``margin`` from its edges."""
    points = np.atleast_2d(points)
    result = np.zeros(len(points), dtype=bool)
    near = np.zeros(len(points), dtype=bool)
    for a, b in zip(outline, np.roll(outline, -1, axis=0), strict=True):
        crosses = (a[1] > points[:, 1]) != (b[1] > points[:, 1])
        with np.errstate(divide="ignore", invalid="ignore"):
            x = a[0] + (points[:, 1] - a[1]) * (b[0] - a[0]) / (b[1] - a[1])
        result ^= crosses & (points[:, 0] < x)
        edge = b - a
        along = np.clip((points - a) @ edge / (edge @ edge), 0, 1)
        near |= np.linalg.norm(points - a - along[:, None] * edge, axis=1) < margin
    return result & ~near
