"""The room itself: outline, floor, ceiling with lamps, walls with a skirting board."""

from __future__ import annotations

import itertools
import math

import numpy as np

from ..geometry import Box3D, Float64
from .materials import BULB, WHITE_PAINT, Material, plain, textured
from .mesh import MeshBuilder
from .room import SceneObject, inside

_WALL_COLORS = (
    (0.90, 0.89, 0.85),
    (0.86, 0.89, 0.91),
    (0.93, 0.88, 0.78),
    (0.84, 0.89, 0.82),
    (0.92, 0.85, 0.83),
    (0.88, 0.86, 0.92),
    (0.82, 0.82, 0.82),
)


def make_outline(
    rng: np.random.Generator,
    area: tuple[float, float],
    size: tuple[float, float] | None = None,
) -> Float64:
    """Corner loop (N, 2), counter-clockwise, around the origin; a third of the larger rooms are
    L-shaped."""
    target = rng.uniform(*area)
    aspect = rng.uniform(1.0, 1.6)
    w, d = math.sqrt(target * aspect), math.sqrt(target / aspect)
    cut = target > 17 and rng.random() < 0.33
    if size is not None:
        (w, d), cut = size, False
    outline = np.array([[0, 0], [w, 0], [w, d], [0, d]], dtype=np.float64)
    if cut:
        cw, cd = w * rng.uniform(0.3, 0.42), d * rng.uniform(0.3, 0.42)
        outline = np.array([[0, 0], [w, 0], [w, d - cd], [w - cw, d - cd], [w - cw, d], [0, d]])
        if rng.random() < 0.5:
            outline = (outline * (-1, 1))[::-1]
    return outline - (outline.min(axis=0) + outline.max(axis=0)) / 2


def lamp_positions(outline: Float64) -> list[tuple[float, float]]:
    """Where ceiling lamps hang: one, or two in a larger room."""
    low, high = outline.min(axis=0), outline.max(axis=0)
    span = high - low
    middle = (low + high) / 2
    if span.prod() < 15:
        spots = [middle]
    else:
        step = np.array([span[0], 0]) if span[0] > span[1] else np.array([0, span[1]])
        spots = [middle - step / 4, middle + step / 4]
    good = [s for s in spots if inside(outline, s, 0.4)[0]] or [outline.mean(axis=0) * 0.5]
    return [(float(x), float(y)) for x, y in good]


def make_shell(
    outline: Float64, height: float, rng: np.random.Generator
) -> tuple[SceneObject, ...]:
    """Floor (instance 1), ceiling (2) and one wall a side (3...), facing inwards."""
    floor, ceiling = MeshBuilder(), MeshBuilder()
    ground = _floor_material(rng)
    for low, high in _rectangles(outline):
        w, d = high - low
        floor.patch((*low, 0), (w, 0, 0), (0, d, 0), ground, 0.2)
        ceiling.patch((*low, height), (0, d, 0), (w, 0, 0), WHITE_PAINT, 0.25)
    for x, y in lamp_positions(outline):
        ceiling.cylinder((x, y, height - 0.06), (x, y, height - 0.005), 0.2, BULB, segments=24)
    meshes = [("floor", floor.build()), ("ceiling", ceiling.build())]
    base = _WALL_COLORS[int(rng.integers(len(_WALL_COLORS)))]
    accent = _WALL_COLORS[int(rng.integers(len(_WALL_COLORS)))]
    accented = int(rng.integers(len(outline)))
    for i, (a, b) in enumerate(zip(outline, np.roll(outline, -1, axis=0), strict=True)):
        along, wall = b - a, MeshBuilder()
        inward = np.array([-along[1], along[0]]) / np.linalg.norm(along)
        paint = plain(accent if i == accented else base)
        # seen from inside with a counter-clockwise outline: b on the left, a on the right
        wall.patch((*b, 0), (*(-along), 0), (0, 0, height), paint, 0.25)
        foot = (a + b) / 2 + inward * 0.006
        turn = np.eye(3)
        yaw = math.atan2(along[1], along[0])
        turn[:2, :2] = [[math.cos(yaw), -math.sin(yaw)], [math.sin(yaw), math.cos(yaw)]]
        size = (float(np.linalg.norm(along)), 0.012, 0.08)
        wall.box((*foot, 0.04), size, WHITE_PAINT, turn, 0.25)
        meshes.append(("wall", wall.build()))
    structure = []
    for i, (kind, mesh) in enumerate(meshes):
        low, high = mesh.low, mesh.high
        box = Box3D(tuple((low + high) / 2), tuple(high - low))
        structure.append(SceneObject(i + 1, kind, "", "plain", box, mesh, None, True))
    return tuple(structure)


def _floor_material(rng: np.random.Generator) -> Material:
    choice = int(rng.integers(4))
    if choice == 0:
        return textured((0.62, 0.47, 0.32), "wood", 0.8, 0.18)
    if choice == 1:
        return textured((0.43, 0.30, 0.21), "wood", 0.8, 0.15)
    if choice == 2:
        return Material((0.78, 0.77, 0.73), (0.62, 0.62, 0.60), "checkered", 1.6)
    return textured((0.55, 0.55, 0.56), "grain", 0.5, 0.12)


def _rectangles(outline: Float64) -> list[tuple[Float64, Float64]]:
    """The outline as axis-aligned rectangles (low, high)."""
    if len(outline) == 4:
        return [(outline.min(axis=0), outline.max(axis=0))]
    xs, ys = np.unique(outline[:, 0].round(9)), np.unique(outline[:, 1].round(9))
    cells = []
    for x0, x1 in itertools.pairwise(xs):
        for y0, y1 in itertools.pairwise(ys):
            if inside(outline, np.array([(x0 + x1) / 2, (y0 + y1) / 2]))[0]:
                cells.append((np.array([x0, y0]), np.array([x1, y1])))
    return cells
