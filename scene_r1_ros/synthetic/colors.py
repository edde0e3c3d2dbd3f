"""Named colours: the eleven basic colour terms, kept far enough apart to be told apart by name.

The terms are those of Berlin and Kay, "Basic Color Terms" (1969). Each name owns a small region
of HSV space; two samples of different names never meet.
"""

from __future__ import annotations

import colorsys

import numpy as np

Rgb = tuple[float, float, float]
"""Reflectance per channel in 0..1, as stored in the image (no gamma is modelled)."""

# name: (hue low, hue high), (saturation low, high), (value low, high); hue in degrees
_REGIONS: dict[str, tuple[tuple[float, float], tuple[float, float], tuple[float, float]]] = {
    "red": ((-6, 4), (0.82, 0.92), (0.70, 0.82)),
    "orange": ((22, 27), (0.85, 0.95), (0.92, 1.0)),
    "yellow": ((49, 55), (0.75, 0.90), (0.90, 0.98)),
    "green": ((110, 140), (0.60, 0.75), (0.42, 0.60)),
    "blue": ((212, 226), (0.72, 0.88), (0.58, 0.80)),
    "purple": ((268, 282), (0.58, 0.72), (0.48, 0.62)),
    "pink": ((328, 340), (0.36, 0.48), (0.92, 1.0)),
    "brown": ((20, 28), (0.58, 0.72), (0.34, 0.46)),
    "black": ((0, 360), (0.0, 0.10), (0.06, 0.12)),
    "white": ((30, 60), (0.0, 0.05), (0.92, 0.98)),
    "gray": ((0, 360), (0.0, 0.05), (0.44, 0.56)),
}

COLOR_NAMES: tuple[str, ...] = tuple(_REGIONS)


def sample_color(name: str, rng: np.random.Generator) -> Rgb:
    """One shade of the named colour; ``KeyError`` for a name that is not in ``COLOR_NAMES``."""
    hue, saturation, value = (rng.uniform(*limits) for limits in _REGIONS[name])
    r, g, b = colorsys.hsv_to_rgb((hue % 360) / 360, saturation, value)
    return (r, g, b)


def contrasting(color: Rgb, amount: float = 0.35) -> Rgb:
    """A lighter shade of a dark colour, a darker one of a light colour."""
    if max(color) > 0.75 or sum(color) > 1.5:
        return _mix(color, (0.0, 0.0, 0.0), amount)
    return _mix(color, (1.0, 1.0, 1.0), amount)


def _mix(a: Rgb, b: Rgb, share: float) -> Rgb:
    mixed = [x + (y - x) * share for x, y in zip(a, b, strict=True)]
    return (mixed[0], mixed[1], mixed[2])
