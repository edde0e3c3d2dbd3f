"""Small things that lie on furniture or on the floor."""

from __future__ import annotations

import itertools
import math

import numpy as np

from ..colors import contrasting
from ..materials import (
    BLACK_PLASTIC,
    LEAF,
    METAL,
    PAPER,
    SOIL,
    WHITE_PAINT,
    Material,
    plain,
)
from ..mesh import Mesh, MeshBuilder, rotation_about


def box(rng: np.random.Generator, main: Material) -> Mesh:
    """A closed carton with a strip of tape."""
    w, d, h = rng.uniform(0.2, 0.42), rng.uniform(0.18, 0.32), rng.uniform(0.14, 0.32)
    m = MeshBuilder()
    m.box((0, 0, h / 2), (w, d, h), main)
    tape = plain(contrasting(main.color, 0.4))
    m.box((0, 0, h), (w + 0.002, 0.04, 0.004), tape)
    for x in (-1, 1):
        m.box((x * w / 2, 0, h * 0.85), (0.004, 0.04, h * 0.3), tape)
    return m.build()


def bottle(rng: np.random.Generator, main: Material) -> Mesh:
    """A body, a neck, a cap and a label."""
    h, r = rng.uniform(0.24, 0.32), rng.uniform(0.035, 0.045)
    m = MeshBuilder()
    m.lathe(
        [(0, 0), (r, 0), (r, h * 0.58), (r * 0.4, h * 0.78), (r * 0.36, h * 0.94)],
        main,
        segments=16,
    )
    m.cylinder((0, 0, h * 0.92), (0, 0, h), r * 0.44, WHITE_PAINT, segments=12)
    m.lathe([(r * 1.02, h * 0.18), (r * 1.02, h * 0.36)], PAPER)
    return m.build()


def mug(rng: np.random.Generator, main: Material) -> Mesh:
    """An open cup with a handle."""
    h, r = rng.uniform(0.09, 0.115), rng.uniform(0.04, 0.05)
    m = MeshBuilder()
    m.lathe([(0, 0), (r * 0.92, 0), (r, h), (r * 0.88, h), (r * 0.84, h * 0.3), (0, h * 0.3)], main)
    bend = [
        (r + 0.032 * math.sin(t), h / 2 + h * 0.32 * math.cos(t))
        for t in np.linspace(0, math.pi, 7)
    ]
    for (x0, z0), (x1, z1) in itertools.pairwise(bend):
        m.cylinder((x0, 0, z0), (x1, 0, z1), 0.008, main, segments=6)
    return m.build()


def bowl(rng: np.random.Generator, main: Material) -> Mesh:
    """An open half sphere on a foot."""
    r, h = rng.uniform(0.1, 0.14), rng.uniform(0.07, 0.1)
    m = MeshBuilder()
    m.lathe(
        [
            (0, 0),
            (r * 0.45, 0),
            (r * 0.5, 0.01),
            (r * 0.82, h * 0.5),
            (r, h),
            (r * 0.94, h),
            (r * 0.74, h * 0.5),
            (r * 0.4, 0.02),
            (0, 0.018),
        ],
        main,
        segments=24,
    )
    return m.build()


def vase(rng: np.random.Generator, main: Material) -> Mesh:
    """A bellied vessel with flowers."""
    h, r = rng.uniform(0.22, 0.3), rng.uniform(0.07, 0.09)
    m = MeshBuilder()
    m.lathe(
        [
            (0, 0),
            (r * 0.6, 0),
            (r, h * 0.35),
            (r * 0.85, h * 0.6),
            (r * 0.4, h * 0.85),
            (r * 0.6, h),
            (r * 0.5, h),
            (r * 0.3, h * 0.85),
        ],
        main,
        segments=20,
    )
    for i in range(5):
        a = 2 * math.pi * i / 5
        tip = (0.08 * math.cos(a), 0.08 * math.sin(a), h + rng.uniform(0.1, 0.18))
        m.cylinder((0, 0, h * 0.8), tip, 0.004, LEAF, segments=5)
        m.ellipsoid(tip, (0.025, 0.025, 0.02), plain((0.95, 0.80, 0.85)), segments=8)
    return m.build()


def book(rng: np.random.Generator, main: Material) -> Mesh:
    """A closed book lying flat: cover, pages, spine."""
    w, d, h = rng.uniform(0.17, 0.24), rng.uniform(0.22, 0.3), rng.uniform(0.03, 0.055)
    m = MeshBuilder()
    m.box((0, 0, 0.003), (w, d, 0.006), main)
    m.box((0.004, 0, h / 2), (w - 0.016, d - 0.014, h - 0.01), PAPER)
    m.box((0, 0, h - 0.003), (w, d, 0.006), main)
    m.box((-w / 2 + 0.003, 0, h / 2), (0.006, d, h), main)
    return m.build()


def ball(rng: np.random.Generator, main: Material) -> Mesh:
    """A sphere."""
    r = rng.uniform(0.1, 0.14)
    m = MeshBuilder()
    m.ellipsoid((0, 0, r), (r, r, r), main, segments=28)
    return m.build()


def trash_can(rng: np.random.Generator, main: Material) -> Mesh:
    """An open tapered bin."""
    h, r = rng.uniform(0.28, 0.42), rng.uniform(0.12, 0.16)
    m = MeshBuilder()
    m.lathe(
        [
            (0, 0),
            (r * 0.75, 0),
            (r, h - 0.02),
            (r * 1.05, h - 0.02),
            (r * 1.05, h),
            (r * 0.95, h),
            (r * 0.7, 0.03),
            (0, 0.03),
        ],
        main,
        segments=24,
    )
    return m.build()


def basket(rng: np.random.Generator, main: Material) -> Mesh:
    """An open box of wicker with two handles."""
    w, d, h = rng.uniform(0.34, 0.44), rng.uniform(0.26, 0.32), rng.uniform(0.24, 0.34)
    m = MeshBuilder()
    m.box((0, 0, 0.01), (w, d, 0.02), main)
    for s in (-1, 1):
        m.box((0, s * (d - 0.02) / 2, h / 2), (w, 0.02, h), main)
        m.box((s * (w - 0.02) / 2, 0, h / 2), (0.02, d, h), main)
        m.box((s * w / 2, 0, h + 0.02), (0.02, d * 0.4, 0.03), main)
    return m.build()


def plant(rng: np.random.Generator, main: Material) -> Mesh:
    """A potted plant with long bent leaves; the pot carries the colour, the leaves are green."""
    tall = rng.random() < 0.5
    r, pot = (0.17, 0.28) if tall else (0.12, 0.18)
    reach = rng.uniform(0.55, 0.8) if tall else rng.uniform(0.3, 0.4)
    m = MeshBuilder()
    m.lathe(
        [
            (0, 0),
            (r * 0.7, 0),
            (r, pot - 0.04),
            (r * 1.08, pot - 0.04),
            (r * 1.08, pot),
            (r * 0.9, pot),
            (r * 0.9, pot - 0.03),
            (0, pot - 0.03),
        ],
        main,
        segments=20,
    )
    m.cylinder((0, 0, pot - 0.03), (0, 0, pot - 0.02), r * 0.9, SOIL, segments=16)
    for i in range(14):
        a = 2 * math.pi * i / 14 * 2.6 + rng.uniform(-0.2, 0.2)
        lean = rng.uniform(0.15, 0.75)
        length = reach * rng.uniform(0.7, 1.0)
        turn = rotation_about("z", a) @ rotation_about("y", lean)
        middle = turn @ np.array([0, 0, length * 0.5]) + (0, 0, pot - 0.02)
        m.ellipsoid(middle, (0.012, 0.05 if tall else 0.035, length * 0.5), LEAF, 1.0, turn, 8)
    return m.build()


def clock(rng: np.random.Generator, main: Material) -> Mesh:
    """A round wall clock facing +y, its rim in the colour."""
    r = rng.uniform(0.14, 0.19)
    m = MeshBuilder()
    m.cylinder((0, -0.02, r), (0, 0.015, r), r, main, segments=28)
    m.cylinder((0, 0.0, r), (0, 0.02, r), r * 0.82, WHITE_PAINT, segments=28)
    m.box((0, 0.024, r * 1.25), (0.015, 0.006, r * 0.5), BLACK_PLASTIC)
    m.box((r * 0.2, 0.024, r), (r * 0.45, 0.006, 0.018), BLACK_PLASTIC)
    return m.build()


def kettle(rng: np.random.Generator, main: Material) -> Mesh:
    """A round pot with a spout, a handle and a knob."""
    r, h = rng.uniform(0.08, 0.1), rng.uniform(0.17, 0.2)
    m = MeshBuilder()
    m.lathe([(0, 0), (r, 0), (r, h * 0.4), (r * 0.55, h * 0.85), (0, h * 0.9)], main, segments=20)
    m.cylinder((r * 0.8, 0, h * 0.35), (r * 1.6, 0, h * 0.8), 0.022, main, 0.012, 10)
    m.ellipsoid((0, 0, h * 0.95), (0.018, 0.018, 0.016), BLACK_PLASTIC, segments=8)
    for x0, z0, x1, z1 in (
        (-0.8, 0.4, -1.5, 0.5),
        (-1.5, 0.5, -1.4, 0.95),
        (-1.4, 0.95, -0.5, 0.85),
    ):
        m.cylinder((x0 * r, 0, z0 * h), (x1 * r, 0, z1 * h), 0.011, METAL, segments=8)
    return m.build()
