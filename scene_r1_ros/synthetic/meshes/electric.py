"""Lamps and devices. Screens face +y."""

from __future__ import annotations

import itertools

import numpy as np

from ..materials import (
    BLACK_PLASTIC,
    BULB,
    DARK_METAL,
    METAL,
    SCREEN,
    WHITE_PAINT,
    Material,
    plain,
)
from ..mesh import Mesh, MeshBuilder, rotation_about


def floor_lamp(rng: np.random.Generator, main: Material) -> Mesh:
    """A round foot, a thin pole and a shade."""
    h, r = rng.uniform(1.45, 1.7), rng.uniform(0.17, 0.22)
    m = MeshBuilder()
    m.lathe([(0, 0), (0.15, 0), (0.15, 0.02), (0.03, 0.04), (0, 0.04)], DARK_METAL)
    m.cylinder((0, 0, 0.03), (0, 0, h - 0.3), 0.016, DARK_METAL, segments=8)
    m.lathe([(r * 1.1, h - 0.3), (r * 0.7, h)], _glowing(main), segments=20)
    m.lathe([(r * 0.68, h - 0.01), (r * 1.08, h - 0.3)], BULB, segments=20)
    m.ellipsoid((0, 0, h - 0.2), (0.05, 0.05, 0.07), BULB, segments=8)
    return m.build()


def table_lamp(rng: np.random.Generator, main: Material) -> Mesh:
    """A bellied foot and a shade."""
    h, r = rng.uniform(0.36, 0.5), rng.uniform(0.12, 0.16)
    m = MeshBuilder()
    s = h * 0.55
    m.lathe(
        [(0, 0), (0.07, 0), (0.07, 0.015), (0.03, 0.04), (0.065, s * 0.5), (0.02, s), (0, s)],
        WHITE_PAINT,
    )
    m.cylinder((0, 0, s), (0, 0, h - 0.05), 0.01, METAL, segments=8)
    m.lathe([(r, s), (r * 0.6, h)], _glowing(main), segments=20)
    m.lathe([(r * 0.58, h - 0.005), (r * 0.98, s + 0.003)], BULB, segments=20)
    return m.build()


def _glowing(main: Material) -> Material:
    return Material(main.color, main.second, main.texture, main.scale, 0.25)


def monitor(rng: np.random.Generator, main: Material) -> Mesh:
    """A computer screen on a stand."""
    w, h = rng.uniform(0.5, 0.62), rng.uniform(0.3, 0.36)
    z = 0.12 + h / 2
    m = MeshBuilder()
    m.box((0, -0.02, 0.008), (0.24, 0.18, 0.016), main)
    m.box((0, -0.05, 0.1), (0.05, 0.03, 0.2), main)
    m.box((0, -0.015, z), (w, 0.035, h), main)
    m.box((0, 0.004, z), (w - 0.03, 0.006, h - 0.03), SCREEN)
    return m.build()


def tv(rng: np.random.Generator, main: Material) -> Mesh:
    """A wide flat television on two feet."""
    w = rng.uniform(0.7, 0.9)
    h = w * 0.57
    m = MeshBuilder()
    for x in (-1, 1):
        m.box((x * w * 0.35, 0, 0.02), (0.04, 0.22, 0.04), main)
    m.box((0, 0, 0.04 + h / 2), (w, 0.05, h), main)
    m.box((0, 0.027, 0.05 + h / 2), (w - 0.04, 0.006, h - 0.05), SCREEN)
    return m.build()


def laptop(rng: np.random.Generator, main: Material) -> Mesh:
    """An open notebook computer."""
    w, d = rng.uniform(0.32, 0.38), rng.uniform(0.22, 0.26)
    m = MeshBuilder()
    m.box((0, 0.02, 0.01), (w, d, 0.02), main)
    m.box((0, 0.0, 0.021), (w * 0.85, d * 0.5, 0.004), BLACK_PLASTIC)
    lid = rotation_about("x", 0.25)
    m.box((0, -d / 2 - 0.01, 0.02 + d * 0.46), (w, 0.012, d * 0.95), main, lid)
    m.box((0, -d / 2 - 0.002, 0.02 + d * 0.46), (w - 0.03, 0.006, d * 0.85), SCREEN, lid)
    return m.build()


def keyboard(rng: np.random.Generator, main: Material) -> Mesh:
    """A flat slab with rows of keys."""
    w, d = rng.uniform(0.4, 0.46), 0.14
    keys = plain((0.75, 0.75, 0.75) if max(main.color) < 0.5 else (0.25, 0.25, 0.27))
    m = MeshBuilder()
    m.box((0, 0, 0.01), (w, d, 0.02), main)
    for i in range(4):
        m.box((0, -0.045 + i * 0.03, 0.022), (w - 0.03, 0.02, 0.006), keys)
    return m.build()


def microwave(rng: np.random.Generator, main: Material) -> Mesh:
    """A box with a dark window, a handle and a panel of buttons."""
    w, d, h = rng.uniform(0.45, 0.52), rng.uniform(0.33, 0.38), rng.uniform(0.26, 0.3)
    m = MeshBuilder()
    m.box((0, 0, h / 2), (w, d, h), main)
    m.box((-0.06, d / 2, h / 2), (w * 0.64, 0.012, h * 0.74), SCREEN)
    m.box((w / 2 - 0.135, d / 2 + 0.02, h / 2), (0.02, 0.03, h * 0.7), METAL)
    m.box((w / 2 - 0.06, d / 2, h / 2), (0.09, 0.01, h * 0.7), BLACK_PLASTIC)
    return m.build()


def speaker(rng: np.random.Generator, main: Material) -> Mesh:
    """A box with two round cones on its front."""
    w, d, h = rng.uniform(0.18, 0.24), rng.uniform(0.2, 0.26), rng.uniform(0.32, 0.45)
    m = MeshBuilder()
    m.box((0, 0, h / 2), (w, d, h), main)
    for z, r in ((h * 0.33, w * 0.4), (h * 0.75, w * 0.24)):
        m.cylinder((0, d / 2, z), (0, d / 2 + 0.012, z), r, METAL, r * 0.85, 20)
        m.cylinder(
            (0, d / 2 + 0.006, z), (0, d / 2 + 0.016, z), r * 0.6, BLACK_PLASTIC, segments=16
        )
    return m.build()


def radiator(rng: np.random.Generator, main: Material) -> Mesh:
    """Upright ribs between two pipes; hangs at the wall behind it (-y)."""
    n = int(rng.integers(8, 14))
    h, step = rng.uniform(0.55, 0.65), 0.075
    w = n * step
    m = MeshBuilder()
    for i in range(n):
        x = -w / 2 + (i + 0.5) * step
        m.box((x, 0, 0.1 + h / 2), (0.045, 0.1, h), main)
    for z in (0.16, 0.04 + h):
        m.cylinder((-w / 2, 0, z), (w / 2, 0, z), 0.03, main, segments=8)
    return m.build()


def fan(rng: np.random.Generator, main: Material) -> Mesh:
    """A standing fan: foot, pole, a ring with blades."""
    h, r = rng.uniform(1.0, 1.25), rng.uniform(0.2, 0.24)
    m = MeshBuilder()
    m.lathe([(0, 0), (0.2, 0), (0.2, 0.025), (0.03, 0.05), (0, 0.05)], main)
    m.cylinder((0, 0, 0.04), (0, 0, h - r), 0.018, main, segments=8)
    m.cylinder((0, -0.1, h - r), (0, 0.0, h - r), 0.07, main, 0.06)
    for i in range(4):
        turn = rotation_about("y", i * np.pi / 2)
        at = turn @ np.array([r * 0.5, 0.0, 0.0])
        m.box((at[0], 0.03, h - r + at[2]), (r * 0.85, 0.012, r * 0.4), main, turn)
    ring = np.linspace(0, 2 * np.pi, 25)
    for a, b in itertools.pairwise(ring):
        ends = [(r * np.cos(t), 0.03, h - r + r * np.sin(t)) for t in (a, b)]
        m.cylinder(ends[0], ends[1], 0.012, DARK_METAL, segments=6)
    return m.build()
