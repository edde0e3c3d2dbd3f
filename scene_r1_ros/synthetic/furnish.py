"""``make_room``: a furnished room from a seed."""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from ..errors import RequestError
from ..geometry import Float64
from .kinds import KINDS, Kind, Place, build, material_of
from .mesh import Mesh
from .placement import Footprint, Plan, Pose, Top
from .recipes import FLOOR_AREA, RECIPES
from .room import Light, Room, SceneObject
from .shell import lamp_positions, make_outline, make_shell
from .splits import allowed_colors, split_of

_FRONT = {"desk": 0.75, "door": 0.9, "bed": 0.3, "radiator": 0.1}
_LAMPS = {"floor lamp": 2.2, "table lamp": 1.0}
_BACK = {"pillow": 0.7, "monitor": 0.7, "tv": 0.5}
_FLUSH = 0.002
"""Metres between a wall and what is mounted on it: none, but that rays tell one from the other."""
_SKIRTING = 0.016
"""Metres before a wall that clear its skirting board."""
_UNDER = ("box", "ball", "trash can", "basket", "backpack")


def make_room(
    seed: int, room_type: str | None = None, *, size: tuple[float, float] | None = None
) -> Room:
    """A furnished room; the same arguments give the same room.

    Args:
        seed: decides everything; its range also decides the split (see ``splits``).
        room_type: one of ``RECIPES``; by default the seed chooses.
        size: (width, depth) in metres of a rectangular room; by default the seed chooses,
            and some rooms are L-shaped.

    Raises:
        ConfigError: for a seed that no split owns.
        RequestError: for an unknown room type.
    """
    split_of(seed)
    rng = np.random.default_rng([seed, 1])
    chosen = str(rng.choice(list(RECIPES)))
    if room_type is not None:
        if room_type not in RECIPES:
            raise RequestError(f"room type {room_type!r}: choose one of {', '.join(RECIPES)}.")
        chosen = room_type
    outline = make_outline(rng, FLOOR_AREA[chosen], size)
    return _Furnisher(seed, rng, chosen, outline, float(rng.uniform(2.4, 2.8))).room()


class _Furnisher:
    """Fills one plan; every step takes what it needs from the one random stream."""

    def __init__(
        self, seed: int, rng: np.random.Generator, room_type: str, outline: Float64, height: float
    ) -> None:
        self.seed, self.rng, self.room_type = seed, rng, room_type
        self.plan = Plan(outline, height)
        self.structure = make_shell(outline, height, rng)
        self.objects: list[SceneObject] = []
        self.prints: dict[int, Footprint] = {}
        self.tops: dict[int, Top] = {}
        self.palette: dict[str, list[tuple[str, str]]] = {}

    def room(self) -> Room:
        """Place everything and return the room."""
        recipe = RECIPES[self.room_type]
        self._openings()
        for name, (low, high) in recipe.furniture.items():
            for _ in range(self._count(low, high)):
                placed = self._furniture(KINDS[name])
                if placed is not None and name in recipe.seats:
                    self._seats(placed, *recipe.seats[name])
        self._under_tables()
        for name, (low, high) in recipe.floor_things.items():
            for _ in range(self._count(low, high)):
                self._on_floor(KINDS[name])
        for support in tuple(self.objects):
            self._on_top(support)
        for name, (low, high) in recipe.mounted.items():
            for _ in range(self._count(low, high)):
                self._mounted(KINDS[name])
        if self.rng.random() < 0.6:
            self._rug()
        return Room(
            self.seed,
            self.room_type,
            self.plan.outline,
            self.plan.height,
            tuple(self.objects),
            self.structure,
            self._lights(),
            _ambient(self.rng),
        )

    def _count(self, low: int, high: int) -> int:
        return int(self.rng.integers(low, high + 1))

    def _new(self, kind: Kind) -> tuple[Mesh, Float64, str, str]:
        color, texture = self._look(kind)
        mesh, size = build(kind, material_of(kind, color, texture, self.rng), self.rng)
        return mesh, size, color, texture

    def _look(self, kind: Kind) -> tuple[str, str]:
        """Colour and texture; a room has one or two looks a kind, so that relations matter."""
        looks = self.palette.setdefault(kind.name, [])
        if looks and self.rng.random() < 0.55:
            return looks[int(self.rng.integers(len(looks)))]
        color = str(self.rng.choice(allowed_colors(kind.name, kind.colors, self.seed)))
        texture = str(self.rng.choice(kind.textures))
        looks.append((color, texture))
        return color, texture

    def _add(
        self,
        kind: Kind,
        made: tuple[Mesh, Float64, str, str],
        pose: Pose,
        support: int | None = None,
        mounted: bool = False,
        front: float = 0.0,
        back: float = 0.0,
    ) -> SceneObject:
        """Put a thing ``back`` metres behind its place, towards the wall."""
        mesh, size, color, texture = made
        put = _towards_wall(pose, back)
        instance = len(self.structure) + len(self.objects) + 1
        item = SceneObject(
            instance,
            kind.name,
            color,
            texture,
            put.box(size),
            mesh.transformed(put.T),
            support,
            mounted,
        )
        self.objects.append(item)
        self.prints[instance] = self.plan.take(pose, size, front)
        return item

    def _openings(self) -> None:
        self._mounted(KINDS["door"])
        if self.rng.random() < 0.25:
            self._mounted(KINDS["door"])
        for _ in range(self._count(1, 2)):
            self._mounted(KINDS["window"])

    def _furniture(self, kind: Kind) -> SceneObject | None:
        made = self._new(kind)
        front = _FRONT.get(kind.name, 0.35)
        if kind.place is Place.WALL:
            found = self.plan.at_wall(made[1], self.rng, front=front)
            return None if found is None else self._add(kind, made, found[0], front=front)
        pose = self.plan.anywhere(made[1], self.rng, margin=0.45 if "table" in kind.name else 0.2)
        return None if pose is None else self._add(kind, made, pose)

    def _seats(self, at: SceneObject, seat: str, low: int, high: int) -> None:
        sides = [0] if at.kind == "desk" else [0, 1, 2, 3]
        if at.kind == "round table":
            sides = list(np.arange(4) + self.rng.uniform(0, 1))
        spots = [(side, shift) for side in sides for shift in self._shifts(at, side)]
        self.rng.shuffle(spots)
        keep_free = tuple(o for o in self.plan.taken if not o.solid)
        for side, shift in spots[: self._count(low, high)]:
            made = self._new(KINDS[seat])
            angle = at.box.yaw + float(side) * math.pi / 2
            out = np.array([-math.sin(angle), math.cos(angle)])
            along = np.array([math.cos(angle), math.sin(angle)])
            reach = at.size[1 if float(side) % 2 == 0 else 0] / 2
            if at.kind == "round table":
                reach = at.size[0] / 2
            tucked = -0.02 if at.kind == "desk" else -0.06
            distance = reach + made[1][1] / 2 + self.rng.uniform(tucked, 0.18)
            x, y = np.array(at.box.center[:2]) + out * distance + along * float(shift)
            pose = Pose(float(x), float(y), 0.0, angle + math.pi + self.rng.normal(0, 0.12))
            ignore = (self.prints[at.instance], *keep_free)
            if self.plan.fits(pose, made[1], 0.03, ignore=ignore):
                self._add(KINDS[seat], made, pose)

    def _shifts(self, at: SceneObject, side: float) -> list[float]:
        if at.kind == "table" and side % 2 == 0 and at.size[0] > 1.25:
            return [-at.size[0] * 0.24, at.size[0] * 0.24]
        if at.kind == "desk":
            return [float(self.rng.uniform(-0.15, 0.15))]
        return [0.0]

    def _under_tables(self) -> None:
        for at in tuple(self.objects):
            if at.kind != "table" or self.rng.random() < 0.4:
                continue
            kind = KINDS[str(self.rng.choice(_UNDER))]
            made = self._new(kind)
            room = np.array(at.size[:2]) / 2 - made[1][:2] / 2 - 0.12
            if (room <= 0).any() or made[1][2] > at.size[2] - 0.25:
                continue
            u, v = self.rng.uniform(-1, 1, 2) * room
            c, s = math.cos(at.box.yaw), math.sin(at.box.yaw)
            pose = Pose(
                at.box.center[0] + c * u - s * v, at.box.center[1] + s * u + c * v, 0.0, at.box.yaw
            )
            if self.plan.fits(pose, made[1], 0.02, ignore=(self.prints[at.instance],)):
                self._add(kind, made, pose)

    def _on_floor(self, kind: Kind) -> None:
        made = self._new(kind)
        pose = self.plan.anywhere(made[1], self.rng, near_wall=0.75, square=False, margin=0.06)
        if pose is not None:
            self._add(kind, made, pose)

    def _on_top(self, support: SceneObject) -> None:
        carries = KINDS[support.kind].carries
        if not carries or support.mounted:
            return
        area = support.size[0] * support.size[1]
        count = int(self.rng.binomial(2 + int(area / 0.25), 0.45))
        names = [str(n) for n in self.rng.choice(carries, count)]
        if support.kind == "desk" and self.rng.random() < 0.8:
            names = ["monitor", "keyboard", *[n for n in names if n not in ("laptop", "monitor")]]
        if support.kind == "dresser" and self.room_type in ("living room", "bedroom"):
            names = ["tv", *[n for n in names if n != "tv"][:1]]
        top = Top(support.mesh, support.box)
        own = self.prints[support.instance]
        others = [o for o in self.plan.taken if o.solid and o is not own]
        for name in names:
            kind = KINDS[name]
            made = self._new(kind)
            soft = support.kind in ("bed", "sofa", "armchair")
            back = _BACK.get(name, 0.0) if name != "pillow" or support.kind == "bed" else 0.0
            pose = top.place(
                made[1],
                self.rng,
                self.plan.height - 0.05,
                uneven=0.12 if soft else 0.015,
                back=back,
                facing=name in _FACING,
                others=others,
            )
            if pose is not None:
                self._add(kind, made, pose, support.instance)

    def _mounted(self, kind: Kind) -> None:
        made = self._new(kind)
        size = made[1]
        low, high = {
            "door": (0.0, 0.0),
            "window": (0.85, 1.0),
            "picture": (1.25, 1.5),
            "clock": (1.6, 1.85),
            "mirror": (1.0, 1.15),
            "curtain": (0.05, 0.1),
        }[kind.name]
        z = min(float(self.rng.uniform(low, high)), self.plan.height - float(size[2]) - 0.05)
        front = _FRONT.get(kind.name, 0.0)
        found = self.plan.at_wall(size, self.rng, z, _SKIRTING, front, margin=0.02)
        if found is not None:
            wall = self.structure[2 + found[1]].instance
            # a curtain hangs before the skirting board, the others cover it or are above it
            back = 0.0 if kind.name == "curtain" else _SKIRTING - _FLUSH
            self._add(kind, made, found[0], wall, True, front, back)

    def _rug(self) -> None:
        made = self._new(KINDS["rug"])
        taken, self.plan.taken = self.plan.taken, []
        pose = self.plan.anywhere(made[1], self.rng)
        self.plan.taken = taken
        if pose is not None:
            self._add(KINDS["rug"], made, pose)

    def _lights(self) -> tuple[Light, ...]:
        warm = self.rng.uniform(0.86, 1.0)
        lights = []
        for x, y in lamp_positions(self.plan.outline):
            power = 3.2 * float(self.rng.uniform(0.8, 1.1))
            color = (power, power * 0.97, power * warm)
            lights.append(Light((x, y, self.plan.height - 0.09), color, 0.18))
        for item in self.objects:
            x, y, z = item.box.center
            if item.kind == "window":
                n = (-math.sin(item.box.yaw), math.cos(item.box.yaw), 0.0)
                day = 3.0 * float(self.rng.uniform(0.3, 1.0))
                at = (x + 0.12 * n[0], y + 0.12 * n[1], z)
                lights.append(Light(at, (day * 0.92, day * 0.97, day), 0.5, n))
            elif item.kind in _LAMPS and len(lights) < 6:
                power = 0.5 * _LAMPS[item.kind] * float(self.rng.uniform(0.5, 1.0))
                at = (x, y, z + item.size[2] / 2 + 0.03)
                lights.append(Light(at, (power, power * 0.85, power * 0.6), 0.05))
        return tuple(lights)


_FACING = {
    "monitor",
    "keyboard",
    "laptop",
    "tv",
    "microwave",
    "speaker",
    "pillow",
    "basket",
    "towel",
}


def _towards_wall(pose: Pose, metres: float) -> Pose:
    """The pose moved back, towards what is behind it."""
    x, y = pose.x + metres * math.sin(pose.yaw), pose.y - metres * math.cos(pose.yaw)
    return dataclasses.replace(pose, x=x, y=y)


def _ambient(rng: np.random.Generator) -> tuple[float, float, float]:
    level = float(rng.uniform(0.26, 0.36))
    return (level, level, level * 1.03)
