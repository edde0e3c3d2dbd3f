"""Masks and boxes drawn over an image, the same in topics, reports and viewers."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from .geometry import BoxXyxy
from .palette import Rgb

DEFAULT_COLOR: Rgb = (255, 140, 0)


def draw_mask(
    color: NDArray[np.uint8],
    mask: NDArray[np.bool_],
    rgb: Rgb = DEFAULT_COLOR,
    opacity: float = 0.45,
) -> NDArray[np.uint8]:
    """A copy of the (H, W, 3) RGB image with the mask tinted and outlined."""
    out = np.array(color)
    tint = np.asarray(rgb, np.float32) * opacity
    out[mask] = (out[mask] * (1.0 - opacity) + tint).astype(np.uint8)
    contours, _ = cv2.findContours(mask.view(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    thickness = max(1, round(color.shape[1] / 320))
    cv2.drawContours(out, contours, -1, rgb, thickness, cv2.LINE_AA)
    return out


def draw_box(
    color: NDArray[np.uint8], box: BoxXyxy, rgb: Rgb = (255, 255, 255), label: str = ""
) -> NDArray[np.uint8]:
    """A copy of the (H, W, 3) RGB image with the box, and its label above it."""
    out = np.array(color)
    thickness = max(1, round(color.shape[1] / 320))
    x0, y0, x1, y1 = (round(v) for v in box)
    cv2.rectangle(out, (x0, y0), (x1 - 1, y1 - 1), rgb, thickness, cv2.LINE_AA)
    if label:
        scale = max(0.4, color.shape[1] / 1200)
        (width, height), base = cv2.getTextSize(label, cv2.FONT_HERSHEY_SIMPLEX, scale, 1)
        top = max(height + base, y0)
        cv2.rectangle(out, (x0, top - height - base), (x0 + width, top), rgb, cv2.FILLED)
        ink = (0, 0, 0) if sum(rgb) > 380 else (255, 255, 255)
        place = (x0, top - base + 1)
        cv2.putText(out, label, place, cv2.FONT_HERSHEY_SIMPLEX, scale, ink, 1, cv2.LINE_AA)
    return out
