"""The kinds of objects: how each is built, which colours it comes in and where it belongs."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..geometry import Float64
from .colors import COLOR_NAMES, contrasting, sample_color
from .materials import Material
from .mesh import Mesh
from .meshes import bath, electric, mounted, seats, small, soft, storage, tables


class Place(enum.Enum):
    """Where objects of a kind are put."""

    WALL = "on the floor, its back at a wall"
    FREE = "on the floor, anywhere"
    FLOOR = "on the floor, small, often near walls"
    SEAT = "on the floor at a table or desk, facing it"
    TOP = "on top of furniture"
    MOUNTED = "in or on a wall"


@dataclass(frozen=True)
class Kind:
    """One kind of object; ``name`` is the label that people use and annotations carry.

    ``carries`` are the kinds that may lie on top of it.
    """

    name: str
    build: Callable[[np.random.Generator, Material], Mesh]
    place: Place
    colors: tuple[str, ...]
    textures: tuple[str, ...] = ("plain",)
    carries: tuple[str, ...] = ()

    @property
    def plural(self) -> str:
        """``"chairs"``, ``"bookshelves"``, ``"couches"``..."""
        if self.name.endswith("shelf"):
            return self.name[:-1] + "ves"
        if self.name.endswith(("ch", "x", "sh", "ss")):
            return self.name + "es"
        return self.name + "s"


_WOOD = ("brown", "black", "white", "orange", "gray")
_CLOTH = ("red", "orange", "yellow", "green", "blue", "purple", "pink", "brown", "black", "gray")
_BODY = ("white", "black", "gray")
_PAINT = ("white", "brown", "blue", "green", "gray", "red", "yellow")
_ALL = COLOR_NAMES
_PATTERNS = ("plain", "plain", "plain", "striped", "checkered", "spotted")
_WOODEN = ("wood", "wood", "plain")

_SMALL = ("book", "mug", "bottle", "bowl", "vase", "box", "table lamp")
_DESK_THINGS = ("monitor", "keyboard", "laptop", "book", "mug", "table lamp", "bottle", "speaker")

KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("chair", seats.chair, Place.SEAT, (*_WOOD, "red", "blue", "green", "yellow"), _WOODEN),
        Kind("office chair", seats.office_chair, Place.SEAT, _CLOTH),
        Kind("stool", seats.stool, Place.FLOOR, _CLOTH, _WOODEN, ("book", "towel")),
        Kind("armchair", seats.armchair, Place.WALL, _CLOTH, _PATTERNS, ("pillow",)),
        Kind("sofa", seats.sofa, Place.WALL, _CLOTH, ("plain", "plain", "striped"), ("pillow",)),
        Kind("bench", seats.bench, Place.WALL, _WOOD, _WOODEN, ("book", "backpack", "towel")),
        Kind("table", tables.table, Place.FREE, _WOOD, _WOODEN, _SMALL),
        Kind("round table", tables.round_table, Place.FREE, _WOOD, _WOODEN, _SMALL),
        Kind("desk", tables.desk, Place.WALL, _WOOD, _WOODEN, _DESK_THINGS),
        Kind("coffee table", tables.coffee_table, Place.FREE, _WOOD, _WOODEN, _SMALL[:5]),
        Kind(
            "side table", tables.side_table, Place.FLOOR, _PAINT, _WOODEN, ("mug", "vase", "book")
        ),
        Kind("bookshelf", storage.bookshelf, Place.WALL, _WOOD, _WOODEN, ("box", "basket")),
        Kind(
            "cabinet",
            storage.cabinet,
            Place.WALL,
            _PAINT,
            _WOODEN,
            (*_SMALL, "microwave", "kettle", "basket", "speaker"),
        ),
        Kind("dresser", storage.dresser, Place.WALL, _PAINT, _WOODEN, (*_SMALL, "tv", "basket")),
        Kind(
            "nightstand",
            storage.nightstand,
            Place.WALL,
            _PAINT,
            _WOODEN,
            ("table lamp", "book", "mug"),
        ),
        Kind("wardrobe", storage.wardrobe, Place.WALL, _WOOD, _WOODEN, ("box",)),
        Kind(
            "refrigerator", storage.refrigerator, Place.WALL, (*_BODY, "red"), ("plain",), ("box",)
        ),
        Kind("shoe rack", storage.shoe_rack, Place.WALL, _WOOD, _WOODEN, ("basket", "backpack")),
        Kind("bed", soft.bed, Place.WALL, _CLOTH, _PATTERNS, ("pillow",)),
        Kind("pillow", soft.pillow, Place.TOP, _ALL, _PATTERNS),
        Kind("rug", soft.rug, Place.FREE, _CLOTH, _PATTERNS),
        Kind("towel", soft.towel, Place.TOP, _ALL, ("plain", "striped")),
        Kind("backpack", soft.backpack, Place.FLOOR, _CLOTH),
        Kind(
            "floor lamp",
            electric.floor_lamp,
            Place.FLOOR,
            ("white", "red", "yellow", "green", "blue"),
        ),
        Kind(
            "table lamp",
            electric.table_lamp,
            Place.TOP,
            ("white", "red", "yellow", "green", "blue"),
        ),
        Kind("monitor", electric.monitor, Place.TOP, ("black",)),
        Kind("tv", electric.tv, Place.TOP, ("black",)),
        Kind("laptop", electric.laptop, Place.TOP, ("gray", "black", "white")),
        Kind("keyboard", electric.keyboard, Place.TOP, _BODY),
        Kind("microwave", electric.microwave, Place.TOP, (*_BODY, "red")),
        Kind("speaker", electric.speaker, Place.TOP, (*_BODY, "brown")),
        Kind("radiator", electric.radiator, Place.WALL, ("white", "gray")),
        Kind("fan", electric.fan, Place.FLOOR, ("white", "black", "blue", "green")),
        Kind("toilet", bath.toilet, Place.WALL, ("white", "pink")),
        Kind("sink", bath.sink, Place.WALL, ("white", "pink")),
        Kind("bathtub", bath.bathtub, Place.WALL, ("white", "pink")),
        Kind("stove", bath.stove, Place.WALL, _BODY, ("plain",), ("kettle",)),
        Kind(
            "washing machine",
            bath.washing_machine,
            Place.WALL,
            ("white", "gray"),
            ("plain",),
            ("basket", "towel", "box"),
        ),
        Kind("ladder", bath.ladder, Place.FLOOR, ("yellow", "red", "blue", "gray")),
        Kind("box", small.box, Place.FLOOR, _ALL, _PATTERNS),
        Kind("bottle", small.bottle, Place.TOP, ("green", "blue", "red", "purple", "orange")),
        Kind("mug", small.mug, Place.TOP, _ALL, ("plain", "plain", "striped")),
        Kind("bowl", small.bowl, Place.TOP, _ALL),
        Kind("vase", small.vase, Place.TOP, _ALL, ("plain", "striped")),
        Kind("book", small.book, Place.TOP, _CLOTH),
        Kind("ball", small.ball, Place.FLOOR, _CLOTH, _PATTERNS),
        Kind("trash can", small.trash_can, Place.FLOOR, (*_PAINT, "black")),
        Kind("basket", small.basket, Place.FLOOR, _CLOTH, ("checkered", "plain"), ("towel",)),
        Kind("plant", small.plant, Place.FLOOR, _ALL),
        Kind("kettle", small.kettle, Place.TOP, _ALL),
        Kind("clock", small.clock, Place.MOUNTED, _ALL),
        Kind("door", mounted.door, Place.MOUNTED, _PAINT, _WOODEN),
        Kind("window", mounted.window, Place.MOUNTED, ("white", "brown")),
        Kind(
            "picture",
            mounted.picture,
            Place.MOUNTED,
            _CLOTH,
            ("grain", "striped", "checkered", "spotted"),
        ),
        Kind("curtain", mounted.curtain, Place.MOUNTED, _CLOTH, ("plain", "striped")),
        Kind("mirror", mounted.mirror, Place.MOUNTED, _WOOD),
    )
}

STRUCTURE = ("wall", "floor", "ceiling")
"""Labels of the room itself; they have instance ids too but are never asked for."""

_SCALE = {"wood": 0.45, "striped": 0.5, "checkered": 0.5, "spotted": 0.45, "grain": 0.5}
_SMALL_SCALE = {
    "mug",
    "bottle",
    "bowl",
    "vase",
    "ball",
    "box",
    "pillow",
    "towel",
    "basket",
    "kettle",
}


def material_of(kind: Kind, color: str, texture: str, rng: np.random.Generator) -> Material:
    """The main material of one object: a shade of the named colour, patterned.

    The second colour is a shade of the first, so that the object keeps its colour's name.
    """
    rgb = sample_color(color, rng)
    contrast = {"plain": 0.08, "wood": 0.28, "grain": 0.45}.get(texture, 0.55)
    scale = _SCALE.get(texture, 0.6) * (0.4 if kind.name in _SMALL_SCALE else 1.0)
    return Material(rgb, contrasting(rgb, contrast), texture, scale)


def build(kind: Kind, material: Material, rng: np.random.Generator) -> tuple[Mesh, Float64]:
    """The mesh of one object, centred over the origin and standing on z = 0, and its size (3,)."""
    mesh = kind.build(rng, material)
    low, high = mesh.low, mesh.high
    T = np.eye(4)
    T[:3, 3] = (-(low[0] + high[0]) / 2, -(low[1] + high[1]) / 2, -low[2])
    return mesh.transformed(T), high - low
