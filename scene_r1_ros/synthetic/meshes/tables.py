"""Things with a top to put things on."""

from __future__ import annotations

import math

import numpy as np

from ..materials import DARK_METAL, METAL, Material
from ..mesh import Mesh, MeshBuilder
from .seats import legs


def table(rng: np.random.Generator, main: Material) -> Mesh:
    """A rectangular dining table on four legs."""
    w, d, h = rng.uniform(1.2, 1.8), rng.uniform(0.75, 0.95), rng.uniform(0.72, 0.77)
    m = MeshBuilder()
    m.box((0, 0, h - 0.02), (w, d, 0.04), main)
    m.box((0, 0, h - 0.085), (w - 0.16, d - 0.16, 0.09), main)
    legs(m, w - 0.06, d - 0.06, h - 0.04, 0.07, main)
    return m.build()


def round_table(rng: np.random.Generator, main: Material) -> Mesh:
    """A round top on one central foot."""
    r, h = rng.uniform(0.42, 0.6), rng.uniform(0.7, 0.76)
    m = MeshBuilder()
    m.cylinder((0, 0, h - 0.04), (0, 0, h), r, main, segments=32)
    m.cylinder((0, 0, 0.03), (0, 0, h - 0.04), 0.05, main, 0.045)
    m.lathe([(0, 0), (0.55 * r, 0), (0.5 * r, 0.025), (0.06, 0.07), (0, 0.08)], main, segments=24)
    return m.build()


def desk(rng: np.random.Generator, main: Material) -> Mesh:
    """A writing desk with a drawer pedestal on one side; the sitter is on +y."""
    w, d, h = rng.uniform(1.2, 1.6), rng.uniform(0.62, 0.76), rng.uniform(0.72, 0.76)
    side = 1 if rng.random() < 0.5 else -1
    m = MeshBuilder()
    m.box((0, 0, h - 0.02), (w, d, 0.04), main)
    m.box((-side * (w / 2 - 0.02), 0, (h - 0.04) / 2), (0.04, d - 0.04, h - 0.04), main)
    m.box((side * (w / 2 - 0.21), -0.01, (h - 0.04) / 2 + 0.03), (0.4, d - 0.06, h - 0.1), main)
    m.box((0, -d / 2 + 0.04, h - 0.24), (w - 0.1, 0.02, 0.34), main)
    for i in range(3):
        z = 0.16 + i * 0.21
        m.box((side * (w / 2 - 0.21), d / 2 - 0.035, z), (0.36, 0.012, 0.19), main)
        m.box((side * (w / 2 - 0.21), d / 2 - 0.02, z), (0.12, 0.02, 0.02), METAL)
    return m.build()


def coffee_table(rng: np.random.Generator, main: Material) -> Mesh:
    """A low table with a shelf under its top."""
    w, d, h = rng.uniform(0.85, 1.15), rng.uniform(0.5, 0.62), rng.uniform(0.38, 0.45)
    m = MeshBuilder()
    m.box((0, 0, h - 0.02), (w, d, 0.04), main)
    m.box((0, 0, 0.14), (w - 0.1, d - 0.1, 0.02), main)
    legs(m, w - 0.02, d - 0.02, h - 0.04, 0.06, main)
    return m.build()


def side_table(rng: np.random.Generator, main: Material) -> Mesh:
    """A small round top on three legs."""
    r, h = rng.uniform(0.2, 0.26), rng.uniform(0.48, 0.58)
    m = MeshBuilder()
    m.cylinder((0, 0, h - 0.03), (0, 0, h), r, main, segments=24)
    for i in range(3):
        a = 2 * math.pi * i / 3
        c, s = math.cos(a), math.sin(a)
        m.cylinder(
            (0.95 * r * c, 0.95 * r * s, 0),
            (0.4 * r * c, 0.4 * r * s, h - 0.03),
            0.016,
            DARK_METAL,
            segments=8,
        )
    return m.build()
