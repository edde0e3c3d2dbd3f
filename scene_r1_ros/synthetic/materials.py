"""Surfaces: two colours, a procedural texture that mixes them, and how they meet light and depth.

A texture is a tile of mixing weights (0 = the first colour, 1 = the second) that repeats every
``Material.scale`` metres. Each is kept at several blur levels, and the renderer picks the level
by distance, which stands in for texture filtering.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .colors import Rgb, contrasting

TILE = 128
"""Texels per side of a tile."""
LEVELS = 4
"""Blur levels of a tile; each one halves the finest detail."""

TEXTURES: tuple[str, ...] = ("plain", "wood", "striped", "checkered", "spotted", "grain", "books")


@dataclass(frozen=True)
class Material:
    """How a surface looks; ``color`` and ``second`` are reflectances in 0..1.

    ``emission`` is light that the surface gives off by itself, ``dropout`` the share of depth
    readings that an active sensor loses on it (glass, dark screens).
    """

    color: Rgb
    second: Rgb = (0.0, 0.0, 0.0)
    texture: str = "plain"
    scale: float = 0.5
    emission: float = 0.0
    dropout: float = 0.0

    def __post_init__(self) -> None:
        if self.texture not in TEXTURES:
            raise ValueError(f"texture {self.texture!r}: choose one of {', '.join(TEXTURES)}.")


def plain(color: Rgb, emission: float = 0.0, dropout: float = 0.0) -> Material:
    """One colour with a faint unevenness."""
    return Material(color, contrasting(color, 0.12), "plain", 0.6, emission, dropout)


def textured(color: Rgb, texture: str, scale: float, contrast: float = 0.5) -> Material:
    """A colour patterned with a contrasting shade of itself."""
    return Material(color, contrasting(color, contrast), texture, scale)


METAL = plain((0.62, 0.64, 0.67))
DARK_METAL = plain((0.20, 0.20, 0.22))
BLACK_PLASTIC = plain((0.09, 0.09, 0.10))
WHITE_PAINT = plain((0.93, 0.93, 0.92))
CERAMIC = plain((0.95, 0.95, 0.96))
LIGHT_WOOD = textured((0.72, 0.54, 0.34), "wood", 0.5, 0.25)
DARK_WOOD = textured((0.36, 0.22, 0.13), "wood", 0.5, 0.25)
SOIL = plain((0.20, 0.13, 0.09))
LEAF = textured((0.16, 0.44, 0.16), "grain", 0.2, 0.3)
PAPER = plain((0.94, 0.92, 0.86))
SCREEN = Material((0.05, 0.06, 0.08), (0.10, 0.13, 0.18), "plain", 0.4, 0.0, 0.3)
GLASS = Material((0.70, 0.83, 0.95), (0.80, 0.90, 0.98), "plain", 1.0, 0.55, 0.5)
BULB = plain((1.0, 0.95, 0.80), emission=1.0)


@functools.cache
def texture_tiles() -> NDArray[np.float32]:
    """Every texture at every level: (len(TEXTURES), LEVELS, TILE, TILE) weights in 0..1."""
    rng = np.random.default_rng(20)
    base = {
        "plain": _cloud(rng, 1.8),
        "wood": _wood(rng),
        "striped": _stripes(),
        "checkered": _checks(),
        "spotted": _spots(),
        "grain": _cloud(rng, 0.8),
        "books": _books(rng),
    }
    tiles = np.empty((len(TEXTURES), LEVELS, TILE, TILE), np.float32)
    for i, name in enumerate(TEXTURES):
        for level in range(LEVELS):
            tiles[i, level] = _blurred(base[name], 0.0 if level == 0 else 0.8 * 2.0**level)
    return tiles


def _grid() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    axis = (np.arange(TILE) + 0.5) / TILE
    v, u = np.meshgrid(axis, axis, indexing="ij")
    return u, v


def _cloud(rng: np.random.Generator, power: float) -> NDArray[np.float64]:
    """Tileable noise with a 1 / f**power spectrum."""
    frequency = np.hypot(np.fft.fftfreq(TILE)[:, None], np.fft.fftfreq(TILE)[None, :]) * TILE
    frequency[0, 0] = 1.0
    spectrum = np.fft.fft2(rng.standard_normal((TILE, TILE))) / frequency**power
    spectrum[0, 0] = 0.0
    noise = np.fft.ifft2(spectrum).real
    return np.clip(0.5 + noise / (4 * noise.std()), 0, 1)


def _wood(rng: np.random.Generator) -> NDArray[np.float64]:
    u, v = _grid()
    bend = _cloud(rng, 2.2)
    rings = 0.5 + 0.5 * np.sin(2 * np.pi * (7 * v + 1.6 * bend + 0.1 * np.sin(2 * np.pi * u)))
    return np.asarray(0.75 * rings**2 + 0.25 * _cloud(rng, 1.0))


def _stripes() -> NDArray[np.float64]:
    u, _ = _grid()
    return ((4 * u) % 1.0 < 0.4).astype(np.float64)


def _checks() -> NDArray[np.float64]:
    u, v = _grid()
    return ((np.floor(4 * u) + np.floor(4 * v)) % 2).astype(np.float64)


def _spots() -> NDArray[np.float64]:
    u, v = _grid()
    near = [
        np.hypot((4 * u + shift) % 1.0 - 0.5, (4 * v + shift) % 1.0 - 0.5) for shift in (0.0, 0.5)
    ]
    return (np.minimum(near[0], near[1]) < 0.22).astype(np.float64)


def _books(rng: np.random.Generator) -> NDArray[np.float64]:
    edges = np.sort(rng.choice(np.arange(2, TILE, 3), 24, replace=False))
    values = rng.uniform(0, 1, 25)
    row = values[np.searchsorted(edges, np.arange(TILE), side="right")]
    return np.tile(row, (TILE, 1))


def _blurred(tile: NDArray[np.float64], sigma: float) -> NDArray[np.float64]:
    """Gaussian blur that keeps the tile tileable."""
    f = np.fft.fftfreq(TILE)
    kernel = np.exp(-2 * (np.pi * sigma) ** 2 * (f[:, None] ** 2 + f[None, :] ** 2))
    return np.fft.ifft2(np.fft.fft2(tile) * kernel).real
