"""3D boxes drawn over the images that show them."""

from __future__ import annotations

import itertools

import cv2
import numpy as np
from numpy.typing import NDArray

from ..frames import RgbdFrame
from ..geometry import Box3D, Float64, invert, transform_points
from ..palette import Rgb

FOUND_COLOR: Rgb = (255, 45, 135)
TRUTH_COLOR: Rgb = (0, 150, 136)
_NEAR = 0.05
# Corners in the order of Box3D.corners: 0-3 below, 4-7 above them.
_FACES = (
    (0, 1, 2, 3),
    (4, 5, 6, 7),
    (0, 1, 5, 4),
    (1, 2, 6, 5),
    (2, 3, 7, 6),
    (3, 0, 4, 7),
)
EDGES: tuple[tuple[int, int], ...] = tuple(
    sorted(
        {(min(a, b), max(a, b)) for face in _FACES for a, b in itertools.pairwise((*face, face[0]))}
    )
)


def draw_box3d(
    color: NDArray[np.uint8], frame: RgbdFrame, box: Box3D, rgb: Rgb
) -> NDArray[np.uint8]:
    """A copy of the frame's image with the box's edges; those behind the box are faint.

    ``color`` is (H, W, 3) RGB at the frame's own size. What lies behind the camera is cut off.
    """
    corners = transform_points(invert(frame.T_world_camera), box.corners())
    front = _edges_in_front(corners)
    out = np.array(color)
    thickness = max(1, round(color.shape[1] / 280))
    faint: NDArray[np.uint8] = out.copy()
    for edge in EDGES:
        if edge not in front:
            _line(faint, frame, corners[list(edge)], rgb, max(1, thickness - 1))
    out = np.asarray(cv2.addWeighted(faint, 0.45, out, 0.55, 0.0), dtype=np.uint8)
    for edge in front:
        _line(out, frame, corners[list(edge)], rgb, thickness)
    return out


def center_in_view(frame: RgbdFrame, box: Box3D) -> bool:
    """Whether the box's centre projects into the image."""
    center = transform_points(invert(frame.T_world_camera), np.array([box.center]))
    pixels, z = frame.intrinsics.project(center)
    u, v = pixels[0]
    camera = frame.intrinsics
    return bool(z[0] > _NEAR and 0 <= u < camera.width and 0 <= v < camera.height)


def _edges_in_front(corners: Float64) -> set[tuple[int, int]]:
    """Edges of the faces that look at the camera, which is at the origin."""
    center = corners.mean(axis=0)
    seen: set[tuple[int, int]] = set()
    for face in _FACES:
        middle = corners[list(face)].mean(axis=0)
        if np.dot(middle - center, -middle) > 0:
            seen |= {(min(a, b), max(a, b)) for a, b in itertools.pairwise((*face, face[0]))}
    return seen


def _line(
    image: NDArray[np.uint8], frame: RgbdFrame, ends: Float64, rgb: Rgb, thickness: int
) -> None:
    a, b = ends
    if a[2] < _NEAR and b[2] < _NEAR:
        return
    if a[2] < _NEAR or b[2] < _NEAR:
        share = (_NEAR - a[2]) / (b[2] - a[2])
        cut = a + share * (b - a)
        a, b = (cut, b) if a[2] < _NEAR else (a, cut)
    pixels, _ = frame.intrinsics.project(np.stack([a, b]))
    # Far outside the image OpenCV's fixed-point coordinates would overflow.
    if np.abs(pixels).max() > 30_000:
        return
    (u0, v0), (u1, v1) = (np.round(pixels * 16).astype(int)).tolist()
    cv2.line(image, (u0, v0), (u1, v1), rgb, thickness, cv2.LINE_AA, shift=4)
