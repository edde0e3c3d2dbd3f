"""One colour for each object, the same in RViz, overlays, reports and plots."""

from __future__ import annotations

import colorsys

Rgb = tuple[int, int, int]


def object_color(number: int) -> Rgb:
    """RGB 0..255 of the object with this number; neighbouring numbers differ strongly."""
    hue = (0.08 + number * 0.61803398875) % 1.0
    red, green, blue = colorsys.hsv_to_rgb(hue, 0.75, 1.0)
    return (round(red * 255), round(green * 255), round(blue * 255))
