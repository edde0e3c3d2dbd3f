"""Kitchen and bathroom fixtures; backs (-y) stand at walls."""

from __future__ import annotations

import numpy as np

from ..materials import BLACK_PLASTIC, METAL, SCREEN, Material
from ..mesh import Mesh, MeshBuilder, rotation_about


def toilet(rng: np.random.Generator, main: Material) -> Mesh:
    """A foot, a bowl with a lid and a tank."""
    h = rng.uniform(0.76, 0.84)
    m = MeshBuilder()
    m.ellipsoid((0, 0.02, 0.19), (0.13, 0.22, 0.2), main, 0.6, segments=18)
    m.ellipsoid((0, 0.08, 0.36), (0.19, 0.26, 0.06), main, 0.7, segments=24)
    m.ellipsoid((0, 0.09, 0.425), (0.18, 0.24, 0.012), main, 0.7, segments=24)
    m.ellipsoid((0, 0.1, 0.435), (0.11, 0.16, 0.008), SCREEN, 0.8, segments=20)
    m.box((0, -0.25, 0.2), (0.22, 0.14, 0.4), main)
    m.box((0, -0.26, (0.38 + h) / 2), (0.4, 0.17, h - 0.38), main)
    m.box((0, -0.26, h + 0.01), (0.42, 0.19, 0.025), main)
    m.cylinder((0, -0.26, h + 0.02), (0, -0.26, h + 0.035), 0.025, METAL)
    return m.build()


def sink(rng: np.random.Generator, main: Material) -> Mesh:
    """A basin on a pedestal with a tap."""
    h, w = rng.uniform(0.82, 0.88), rng.uniform(0.5, 0.6)
    d = 0.42
    m = MeshBuilder()
    m.lathe(
        [(0, 0), (0.12, 0), (0.08, 0.2), (0.08, h - 0.15), (0.14, h - 0.1)], main, (0, -0.06, 0)
    )
    t = 0.05
    m.box((0, 0, h - 0.13), (w - 0.08, d - 0.06, 0.03), main)
    m.box((0, -d / 2 + 0.05, h - 0.06), (w, 0.1, 0.13), main)
    m.box((0, d / 2 - t / 2, h - 0.06), (w, t, 0.13), main)
    for x in (-1, 1):
        m.box((x * (w - t) / 2, 0, h - 0.06), (t, d, 0.13), main)
    m.cylinder((0, -d / 2 + 0.05, h), (0, -d / 2 + 0.05, h + 0.16), 0.015, METAL, segments=10)
    m.cylinder((0, -d / 2 + 0.05, h + 0.15), (0, 0.0, h + 0.13), 0.012, METAL, segments=10)
    return m.build()


def bathtub(rng: np.random.Generator, main: Material) -> Mesh:
    """A long tub with an open inside."""
    w, d, h = rng.uniform(1.5, 1.7), rng.uniform(0.7, 0.78), rng.uniform(0.52, 0.58)
    t = 0.07
    m = MeshBuilder()
    m.box((0, 0, 0.06), (w, d, 0.12), main)
    for s in (-1, 1):
        m.box((0, s * (d - t) / 2, h / 2), (w, t, h), main)
        m.box((s * (w - t) / 2, 0, h / 2), (t, d, h), main)
    m.cylinder((w / 2 - 0.04, 0, h), (w / 2 - 0.04, 0, h + 0.14), 0.016, METAL, segments=10)
    m.cylinder((w / 2 - 0.04, 0, h + 0.13), (w / 2 - 0.2, 0, h + 0.11), 0.013, METAL, segments=10)
    return m.build()


def stove(rng: np.random.Generator, main: Material) -> Mesh:
    """A cooker: four plates, an oven window, knobs."""
    w, d, h = rng.uniform(0.58, 0.64), rng.uniform(0.58, 0.62), rng.uniform(0.86, 0.9)
    m = MeshBuilder()
    m.box((0, 0, h / 2), (w, d, h), main)
    m.box((0, -d / 2 + 0.02, h + 0.05), (w, 0.03, 0.12), main)
    for x in (-1, 1):
        for y in (-1, 1):
            at = (x * w * 0.24, y * d * 0.22 + 0.03)
            m.cylinder((*at, h), (*at, h + 0.012), 0.09, BLACK_PLASTIC, segments=20)
    m.box((0, d / 2, h * 0.42), (w * 0.8, 0.014, h * 0.4), SCREEN)
    m.box((0, d / 2 + 0.03, h * 0.68), (w * 0.8, 0.02, 0.025), METAL)
    for i in range(4):
        m.cylinder(
            (-0.2 + i * 0.13, d / 2, h * 0.88),
            (-0.2 + i * 0.13, d / 2 + 0.03, h * 0.88),
            0.025,
            BLACK_PLASTIC,
            segments=10,
        )
    return m.build()


def washing_machine(rng: np.random.Generator, main: Material) -> Mesh:
    """A cube with a round glass door and a panel."""
    w, d, h = 0.6, rng.uniform(0.55, 0.6), rng.uniform(0.82, 0.88)
    m = MeshBuilder()
    m.box((0, 0, h / 2), (w, d, h), main)
    m.cylinder((0, d / 2, h * 0.45), (0, d / 2 + 0.03, h * 0.45), 0.2, METAL, 0.18, 28)
    m.cylinder((0, d / 2 + 0.02, h * 0.45), (0, d / 2 + 0.04, h * 0.45), 0.15, SCREEN, 0.13, 24)
    m.box((0, d / 2, h - 0.07), (w - 0.06, 0.012, 0.09), METAL)
    m.cylinder(
        (0.2, d / 2, h - 0.07), (0.2, d / 2 + 0.035, h - 0.07), 0.03, BLACK_PLASTIC, segments=12
    )
    return m.build()


def ladder(rng: np.random.Generator, main: Material) -> Mesh:
    """A folding step ladder, open."""
    h, spread = rng.uniform(1.1, 1.5), 0.26
    m = MeshBuilder()
    tilt = np.arctan2(spread, h)
    length = float(np.hypot(h, spread))
    for x in (-1, 1):
        for y in (-1, 1):
            m.box(
                (x * 0.2, y * spread / 2, h / 2),
                (0.04, 0.04, length),
                main,
                rotation_about("x", y * tilt),
            )
    for i in range(1, 5):
        z = h * i / 4.6
        m.box((0, spread * (1 - z / h), z), (0.4, 0.09, 0.03), main)
    m.box((0, 0, h), (0.42, 0.14, 0.03), main)
    return m.build()
