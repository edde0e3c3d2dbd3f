"""Things to put things in. Front is +y; backs stand at walls."""

from __future__ import annotations

import numpy as np

from ..colors import contrasting
from ..materials import DARK_METAL, METAL, Material
from ..mesh import Mesh, MeshBuilder

_SPINES = (
    ((0.70, 0.18, 0.15), (0.16, 0.30, 0.55)),
    ((0.85, 0.78, 0.60), (0.20, 0.42, 0.30)),
    ((0.30, 0.30, 0.34), (0.88, 0.62, 0.25)),
)


def bookshelf(rng: np.random.Generator, main: Material) -> Mesh:
    """Open shelves with rows of books and gaps."""
    w, d, h = rng.uniform(0.75, 1.05), rng.uniform(0.28, 0.34), rng.uniform(1.6, 2.0)
    t, rows = 0.03, int(rng.integers(4, 6))
    m = MeshBuilder()
    for x in (-1, 1):
        m.box((x * (w - t) / 2, 0, h / 2), (t, d, h), main)
    m.box((0, -(d - 0.01) / 2, h / 2), (w - 2 * t, 0.01, h), main)
    gap = (h - 0.08 - t) / rows
    for i in range(rows + 1):
        z = 0.06 + t / 2 + i * gap
        m.box((0, 0.0, z), (w - 2 * t, d, t), main)
        if i == rows:
            break
        fill = rng.uniform(0.25, 0.95) * (w - 2 * t)
        start = -(w - 2 * t) / 2 if rng.random() < 0.6 else (w - 2 * t) / 2 - fill
        first, second = _SPINES[int(rng.integers(len(_SPINES)))]
        books = Material(first, second, "books", 0.7)
        tall = gap * rng.uniform(0.6, 0.82)
        m.box((start + fill / 2, -0.03, z + t / 2 + tall / 2), (fill, d * 0.66, tall), books)
    return m.build()


def cabinet(rng: np.random.Generator, main: Material) -> Mesh:
    """A closed body on a plinth with two doors and knobs."""
    w, d, h = rng.uniform(0.75, 1.1), rng.uniform(0.38, 0.48), rng.uniform(0.8, 1.2)
    m = MeshBuilder()
    _carcass(m, w, d, h, main)
    _fronts(m, w, d, 0.09, h - 0.04, 2, 1, main)
    return m.build()


def dresser(rng: np.random.Generator, main: Material) -> Mesh:
    """A wide body with rows of drawers."""
    w, d, h = rng.uniform(0.9, 1.3), rng.uniform(0.42, 0.5), rng.uniform(0.75, 0.95)
    m = MeshBuilder()
    _carcass(m, w, d, h, main)
    _fronts(m, w, d, 0.09, h - 0.04, 2, int(rng.integers(3, 5)), main, handles=True)
    return m.build()


def nightstand(rng: np.random.Generator, main: Material) -> Mesh:
    """A small body with two drawers."""
    w, d, h = rng.uniform(0.4, 0.5), rng.uniform(0.36, 0.44), rng.uniform(0.46, 0.58)
    m = MeshBuilder()
    _carcass(m, w, d, h, main)
    _fronts(m, w, d, 0.08, h - 0.04, 1, 2, main, handles=True)
    return m.build()


def wardrobe(rng: np.random.Generator, main: Material) -> Mesh:
    """A tall body with two doors and long handles."""
    w, d, h = rng.uniform(1.0, 1.4), rng.uniform(0.55, 0.62), rng.uniform(1.9, 2.1)
    m = MeshBuilder()
    _carcass(m, w, d, h, main)
    _fronts(m, w, d, 0.09, h - 0.04, 2, 1, main)
    for x in (-1, 1):
        m.box((x * 0.05, d / 2 + 0.03, h * 0.52), (0.02, 0.03, 0.32), METAL)
    return m.build()


def refrigerator(rng: np.random.Generator, main: Material) -> Mesh:
    """A tall smooth body, a freezer door above, bar handles on one side."""
    w, d, h = rng.uniform(0.6, 0.72), rng.uniform(0.6, 0.68), rng.uniform(1.65, 1.85)
    m = MeshBuilder()
    split = h * 0.68
    m.box((0, -0.03, 0.03), (w - 0.06, d - 0.1, 0.06), DARK_METAL)
    m.box((0, -0.03, 0.06 + (h - 0.06) / 2), (w, d - 0.06, h - 0.06), main)
    for low, high in ((0.07, split - 0.01), (split + 0.01, h - 0.01)):
        m.box((0, d / 2 - 0.035, (low + high) / 2), (w - 0.01, 0.05, high - low), main)
        m.box(
            (-w / 2 + 0.07, d / 2 + 0.015, (low + high) / 2),
            (0.025, 0.03, (high - low) * 0.5),
            METAL,
        )
    m.box((0, d / 2 - 0.03, split), (w - 0.02, 0.03, 0.02), DARK_METAL)
    return m.build()


def shoe_rack(rng: np.random.Generator, main: Material) -> Mesh:
    """A low open rack with slanted shelves."""
    w, d, h = rng.uniform(0.65, 0.85), 0.3, rng.uniform(0.5, 0.65)
    m = MeshBuilder()
    for x in (-1, 1):
        m.box((x * (w - 0.03) / 2, 0, h / 2), (0.03, d, h), main)
    for z in (0.1, h / 2 + 0.04, h - 0.015):
        m.box((0, 0, z), (w - 0.06, d, 0.03), main)
    return m.build()


def _carcass(m: MeshBuilder, w: float, d: float, h: float, main: Material) -> None:
    m.box((0, -0.03, 0.03), (w - 0.06, d - 0.1, 0.06), DARK_METAL)
    m.box((0, -0.01, 0.06 + (h - 0.09) / 2), (w, d - 0.02, h - 0.09), main)
    m.box((0, 0, h - 0.015), (w + 0.02, d + 0.02, 0.03), main)


def _fronts(
    m: MeshBuilder,
    w: float,
    d: float,
    low: float,
    high: float,
    columns: int,
    rows: int,
    main: Material,
    handles: bool = False,
) -> None:
    """Doors or drawers on the front, a shade off the body so that the joints show."""
    shade = Material(
        contrasting(main.color, 0.10), contrasting(main.second, 0.10), main.texture, main.scale
    )
    cell_w, cell_h = w / columns, (high - low) / rows
    for i in range(columns):
        for j in range(rows):
            x, z = -w / 2 + (i + 0.5) * cell_w, low + (j + 0.5) * cell_h
            m.box((x, d / 2 - 0.012, z), (cell_w - 0.03, 0.02, cell_h - 0.025), shade)
            if handles:
                m.box((x, d / 2 + 0.012, z), (0.12, 0.022, 0.022), METAL)
            else:
                side = 1 if i < columns / 2 else -1
                knob = (x + side * (cell_w / 2 - 0.06), d / 2 + 0.012, z + 0.1 * cell_h)
                m.ellipsoid(knob, (0.018, 0.018, 0.018), METAL, segments=8)
