"""Things to sit on. Front is +y."""

from __future__ import annotations

import math

import numpy as np

from ..materials import BLACK_PLASTIC, DARK_METAL, DARK_WOOD, LIGHT_WOOD, METAL, Material
from ..mesh import Mesh, MeshBuilder, rotation_about


def legs(
    m: MeshBuilder, width: float, depth: float, height: float, thick: float, material: Material
) -> None:
    """Four square legs at the corners of a footprint, from the floor up to ``height``."""
    for x in (-1, 1):
        for y in (-1, 1):
            at = (x * (width - thick) / 2, y * (depth - thick) / 2, height / 2)
            m.box(at, (thick, thick, height), material)


def chair(rng: np.random.Generator, main: Material) -> Mesh:
    """Four legs, a seat and a back of slats or a panel."""
    w, d = rng.uniform(0.42, 0.48), rng.uniform(0.42, 0.48)
    seat, high = rng.uniform(0.44, 0.48), rng.uniform(0.85, 0.98)
    m = MeshBuilder()
    legs(m, w, d, seat - 0.04, 0.045, main)
    m.box((0, 0, seat - 0.02), (w, d, 0.05), main)
    for x in (-1, 1):
        m.box(
            (x * (w - 0.045) / 2, -(d - 0.045) / 2, (seat + high) / 2),
            (0.045, 0.045, high - seat),
            main,
        )
    if rng.random() < 0.5:
        for share in (0.35, 0.65, 0.93):
            z = seat + share * (high - seat)
            m.box((0, -(d - 0.03) / 2, z), (w - 0.05, 0.025, 0.07), main)
    else:
        z = seat + 0.62 * (high - seat)
        m.box((0, -(d - 0.03) / 2, z), (w - 0.05, 0.03, 0.66 * (high - seat)), main)
    return m.build()


def office_chair(rng: np.random.Generator, main: Material) -> Mesh:
    """A padded swivel chair on a five-pointed star with castors."""
    seat, high = rng.uniform(0.46, 0.52), rng.uniform(0.98, 1.1)
    m = MeshBuilder()
    for i in range(5):
        a = 2 * math.pi * i / 5 + 0.3
        tip = (0.28 * math.cos(a), 0.28 * math.sin(a))
        m.cylinder((0, 0, 0.12), (*tip, 0.08), 0.03, DARK_METAL, 0.022, 8)
        m.ellipsoid((*tip, 0.035), (0.035, 0.035, 0.035), BLACK_PLASTIC, segments=8)
    m.cylinder((0, 0, 0.1), (0, 0, seat - 0.06), 0.035, METAL)
    m.ellipsoid((0, 0.01, seat - 0.02), (0.25, 0.24, 0.06), main, 0.45, segments=20)
    tilt = rotation_about("x", 0.12)
    m.box((0, -0.24, seat + 0.06), (0.06, 0.03, 0.28), DARK_METAL, tilt)
    back = (high - seat - 0.1) / 2
    m.ellipsoid((0, -0.26, high - back), (0.23, 0.05, back), main, 0.45, tilt, 20)
    for x in (-1, 1):
        m.box((x * 0.27, -0.02, seat + 0.1), (0.035, 0.05, 0.22), BLACK_PLASTIC)
        m.box((x * 0.27, 0.0, seat + 0.22), (0.07, 0.28, 0.035), BLACK_PLASTIC)
    return m.build()


def stool(rng: np.random.Generator, main: Material) -> Mesh:
    """A round seat on splayed legs, without a back."""
    high, r = rng.uniform(0.45, 0.7), rng.uniform(0.16, 0.2)
    m = MeshBuilder()
    for i in range(4):
        a = math.pi / 4 + i * math.pi / 2
        c, s = math.cos(a), math.sin(a)
        m.cylinder(
            (1.1 * r * c, 1.1 * r * s, 0),
            (0.6 * r * c, 0.6 * r * s, high - 0.05),
            0.02,
            LIGHT_WOOD,
            0.02,
            8,
        )
    m.cylinder((0, 0, high - 0.07), (0, 0, high), r, main, r * 1.02, 20)
    return m.build()


def bench(rng: np.random.Generator, main: Material) -> Mesh:
    """A long seat on two panels, without a back."""
    w, d, h = rng.uniform(1.0, 1.4), rng.uniform(0.34, 0.4), rng.uniform(0.42, 0.47)
    m = MeshBuilder()
    m.box((0, 0, h - 0.025), (w, d, 0.05), main)
    for x in (-1, 1):
        m.box((x * (w / 2 - 0.12), 0, (h - 0.05) / 2), (0.05, d - 0.04, h - 0.05), main)
    m.box((0, 0, 0.16), (w - 0.26, 0.05, 0.07), main)
    return m.build()


def _upholstered(m: MeshBuilder, w: float, d: float, h: float, seats: int, main: Material) -> None:
    arm = 0.16
    for x in (-1, 1):
        for y in (-1, 1):
            m.cylinder(
                (x * (w / 2 - 0.08), y * (d / 2 - 0.08), 0),
                (x * (w / 2 - 0.08), y * (d / 2 - 0.08), 0.1),
                0.025,
                DARK_WOOD,
                0.03,
                8,
            )
    m.box((0, 0, 0.2), (w - 0.04, d - 0.06, 0.2), main)
    m.ellipsoid(
        (0, -d / 2 + 0.13, 0.08 + h / 2),
        (w / 2 - 0.01, 0.13, h / 2 - 0.08),
        main,
        0.25,
        segments=24,
    )
    for x in (-1, 1):
        m.ellipsoid((x * (w - arm) / 2, 0.0, 0.37), (arm / 2, d / 2, 0.27), main, 0.3, segments=20)
    each = (w - 2 * arm) / seats
    for i in range(seats):
        middle = -(w / 2 - arm) + each * (i + 0.5)
        m.ellipsoid(
            (middle, 0.09, 0.36), (each / 2 - 0.005, (d - 0.22) / 2, 0.09), main, 0.3, segments=20
        )
        m.ellipsoid(
            (middle, -d / 2 + 0.27, 0.58),
            (each / 2 - 0.01, 0.08, 0.17),
            main,
            0.35,
            rotation_about("x", 0.15),
            16,
        )


def armchair(rng: np.random.Generator, main: Material) -> Mesh:
    """A padded seat for one with arms."""
    m = MeshBuilder()
    _upholstered(
        m, rng.uniform(0.8, 0.92), rng.uniform(0.78, 0.86), rng.uniform(0.82, 0.92), 1, main
    )
    return m.build()


def sofa(rng: np.random.Generator, main: Material) -> Mesh:
    """A padded seat for two or three with arms."""
    seats = int(rng.integers(2, 4))
    m = MeshBuilder()
    _upholstered(
        m, 0.45 + 0.62 * seats, rng.uniform(0.84, 0.94), rng.uniform(0.78, 0.86), seats, main
    )
    return m.build()
