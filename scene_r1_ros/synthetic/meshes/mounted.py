"""Things in or on walls. The wall is behind them (-y), they face +y."""

from __future__ import annotations

import numpy as np

from ..colors import contrasting
from ..materials import BLACK_PLASTIC, DARK_WOOD, GLASS, LIGHT_WOOD, METAL, WHITE_PAINT, Material
from ..mesh import Mesh, MeshBuilder


def door(rng: np.random.Generator, main: Material) -> Mesh:
    """A closed leaf with panels and a handle in a white frame."""
    w, h = rng.uniform(0.82, 0.94), rng.uniform(1.98, 2.05)
    m = MeshBuilder()
    for x in (-1, 1):
        m.box((x * (w / 2 + 0.035), 0.005, h / 2 + 0.03), (0.07, 0.07, h + 0.06), WHITE_PAINT)
    m.box((0, 0.005, h + 0.03), (w + 0.14, 0.07, 0.06), WHITE_PAINT)
    m.box((0, 0, h / 2), (w, 0.04, h), main)
    shade = Material(contrasting(main.color, 0.14), main.second, main.texture, main.scale)
    for z, high in ((h * 0.27, h * 0.38), (h * 0.72, h * 0.42)):
        m.box((0, 0.022, z), (w * 0.68, 0.012, high), shade)
    side = 1 if rng.random() < 0.5 else -1
    m.cylinder((side * (w / 2 - 0.07), 0.02, 1.0), (side * (w / 2 - 0.07), 0.07, 1.0), 0.012, METAL)
    m.box((side * (w / 2 - 0.12), 0.07, 1.0), (0.13, 0.02, 0.025), METAL)
    return m.build()


def window(rng: np.random.Generator, main: Material) -> Mesh:
    """A bright pane in a frame with a cross bar and a sill."""
    w, h = rng.uniform(0.9, 1.5), rng.uniform(0.9, 1.2)
    m = MeshBuilder()
    m.box((0, 0, h / 2), (w, 0.03, h), GLASS)
    for x in (-1, 0, 1):
        m.box((x * (w - 0.06) / 2, 0.012, h / 2), (0.06, 0.05, h), main)
    for z in (0.03, h - 0.03):
        m.box((0, 0.012, z), (w, 0.05, 0.06), main)
    m.box((0, 0.05, 0), (w + 0.1, 0.14, 0.03), main)
    return m.build()


def picture(rng: np.random.Generator, main: Material) -> Mesh:
    """A framed painting; the painting carries the colour."""
    w, h = rng.uniform(0.4, 0.9), rng.uniform(0.4, 0.7)
    frame = (DARK_WOOD, LIGHT_WOOD, BLACK_PLASTIC)[int(rng.integers(3))]
    m = MeshBuilder()
    m.box((0, 0, h / 2), (w - 0.05, 0.02, h - 0.05), main)
    for x in (-1, 1):
        m.box((x * (w - 0.04) / 2, 0.004, h / 2), (0.04, 0.035, h), frame)
    for z in (0.02, h - 0.02):
        m.box((0, 0.004, z), (w - 0.08, 0.035, 0.04), frame)
    return m.build()


def curtain(rng: np.random.Generator, main: Material) -> Mesh:
    """A folded cloth hanging from a rod."""
    w, h = rng.uniform(0.5, 0.75), 2.1
    n = 14
    x = np.linspace(-w / 2, w / 2, n + 1)
    y = 0.05 + 0.03 * np.where(np.arange(n + 1) % 2 == 0, 1.0, -1.0)
    m = MeshBuilder()
    for i in range(n):
        edge = (x[i + 1] - x[i], y[i + 1] - y[i], 0.0)
        m.patch((x[i + 1], y[i + 1], 0.06), (-edge[0], -edge[1], 0), (0, 0, h - 0.06), main)
    m.cylinder((-w / 2 - 0.06, 0.05, h), (w / 2 + 0.06, 0.05, h), 0.015, METAL, segments=8)
    return m.build()


def mirror(rng: np.random.Generator, main: Material) -> Mesh:
    """A pale pane in a coloured frame."""
    w, h = rng.uniform(0.45, 0.6), rng.uniform(0.8, 1.2)
    pane = Material((0.74, 0.79, 0.82), (0.86, 0.9, 0.92), "plain", 1.2, 0.05, 0.3)
    m = MeshBuilder()
    m.box((0, 0, h / 2), (w - 0.08, 0.02, h - 0.08), pane)
    for x in (-1, 1):
        m.box((x * (w - 0.06) / 2, 0.006, h / 2), (0.06, 0.04, h), main)
    for z in (0.03, h - 0.03):
        m.box((0, 0.006, z), (w - 0.12, 0.04, 0.06), main)
    return m.build()
