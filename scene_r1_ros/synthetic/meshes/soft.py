"""Beds and things of cloth."""

from __future__ import annotations

import numpy as np

from ..materials import DARK_WOOD, LIGHT_WOOD, PAPER, Material
from ..mesh import Mesh, MeshBuilder, rotation_about
from .seats import legs


def bed(rng: np.random.Generator, main: Material) -> Mesh:
    """A frame, a mattress under a coloured blanket, a headboard at the back (-y)."""
    w, d, h = float(rng.choice([1.0, 1.4, 1.6])), rng.uniform(2.0, 2.1), rng.uniform(0.9, 1.1)
    frame = LIGHT_WOOD if rng.random() < 0.5 else DARK_WOOD
    m = MeshBuilder()
    legs(m, w, d - 0.1, 0.2, 0.07, frame)
    m.box((0, 0.02, 0.25), (w, d - 0.06, 0.14), frame)
    m.box((0, -d / 2 + 0.03, h / 2), (w + 0.04, 0.06, h), frame)
    m.ellipsoid((0, 0.02, 0.4), (w / 2 - 0.02, d / 2 - 0.05, 0.12), PAPER, 0.2, segments=24)
    m.ellipsoid((0, 0.24, 0.42), (w / 2 + 0.01, d / 2 - 0.27, 0.13), main, 0.2, segments=24)
    return m.build()


def pillow(rng: np.random.Generator, main: Material) -> Mesh:
    """A cushion lying flat."""
    w, d, h = rng.uniform(0.4, 0.55), rng.uniform(0.32, 0.4), rng.uniform(0.12, 0.16)
    m = MeshBuilder()
    m.ellipsoid((0, 0, h / 2), (w / 2, d / 2, h / 2), main, 0.55, segments=20)
    return m.build()


def rug(rng: np.random.Generator, main: Material) -> Mesh:
    """A flat carpet, rectangular or round."""
    m = MeshBuilder()
    if rng.random() < 0.3:
        m.cylinder((0, 0, 0.001), (0, 0, 0.012), rng.uniform(0.6, 0.9), main, segments=36)
    else:
        m.box((0, 0, 0.006), (rng.uniform(1.4, 2.2), rng.uniform(1.0, 1.5), 0.012), main)
    return m.build()


def towel(rng: np.random.Generator, main: Material) -> Mesh:
    """Folded cloth."""
    w, d = rng.uniform(0.28, 0.36), rng.uniform(0.2, 0.26)
    m = MeshBuilder()
    for i in range(3):
        m.ellipsoid((0, 0, 0.02 + i * 0.035), (w / 2, d / 2, 0.02), main, 0.3, segments=16)
    return m.build()


def backpack(rng: np.random.Generator, main: Material) -> Mesh:
    """A rounded bag with a front pocket, a top handle and two straps."""
    h = rng.uniform(0.42, 0.5)
    m = MeshBuilder()
    m.ellipsoid((0, 0, h / 2), (0.16, 0.1, h / 2), main, 0.5, segments=20)
    m.ellipsoid((0, 0.1, h * 0.33), (0.12, 0.05, h * 0.24), main, 0.5, segments=16)
    for x in (-1, 1):
        m.box(
            (x * 0.07, -0.1, h * 0.55), (0.04, 0.03, h * 0.55), DARK_WOOD, rotation_about("x", 0.1)
        )
    m.box((0, -0.02, h + 0.01), (0.1, 0.02, 0.03), DARK_WOOD)
    return m.build()
