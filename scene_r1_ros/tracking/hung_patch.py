"""What hangs on a wall, as the frame shows it in which the box was drawn around it.

Depth hardly parts such a thing from its wall, and colour often does not either: a white frame on a
white wall, a pane that shows what is behind. But a box drawn around it leaves one rectangle on the
wall's plane that it can be.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..frames import RgbdFrame
from .anchor_view import AnchorView
from .background_planes import plane_tolerance
from .color_cut import RELIEF, TELLING, look_alike
from .hung_rectangle import HungRectangle, on_plane, rectangle_in

Bool = NDArray[np.bool_]
Float64 = NDArray[np.float64]
_BAND = 6
"""Pixels on both sides of an edge that are compared."""
_SEEN = 0.6
"""How well a rectangle must be seen: two of three edges, or three of four."""
_STEP = 0.015
"""Metres by which an edge must stand out of the wall to be seen by that alone; more than the noise
of a reading."""
_FACE = 0.07
"""Metres within which most of the thing lies about its plane."""
_GLASS = 0.25
"""Share of pixels without a reading that is a pane of glass, where there are few around it."""


@dataclass(frozen=True, eq=False)
class HungPatch:
    """A rectangle and its pixels (h, w) on the anchor grid that nothing hides.

    ``glass`` says that many of these have no reading; ``seen`` is how well it is seen: the share of
    its edges, 1 more for glass, times the share of its readings on its plane squared.
    """

    rectangle: HungRectangle
    mask: Bool
    glass: bool
    seen: float


def hung_patch(view: AnchorView, frame: RgbdFrame) -> HungPatch | None:
    """The rectangle on one of the view's upright planes that the box is drawn around, if one is
    seen there; else None.

    It is if the wall goes on beside it on two sides, most of it is near the plane, and its edges
    are seen, in colour or in depth, or it is of glass, which leaves no readings.
    """
    found = []
    for item in view.planes:
        if item.plane.upright and (item.inliers & view.in_box).sum() > 0.1 * view.in_box.sum():
            rectangle = rectangle_in(view.box, item.plane, frame)
            patch = rectangle and _seen(view, frame, rectangle)
            if patch:
                found.append(patch)
    return max(found, key=lambda patch: patch.seen, default=None)


def _seen(view: AnchorView, frame: RgbdFrame, rectangle: HungRectangle) -> HungPatch | None:
    """The rectangle as the view sees it; None if not well enough."""
    surface, grid, plane = view.surface, view.grid, rectangle.plane
    rows, cols = np.indices(surface.valid.shape)
    pixels = np.stack([grid.x0 + grid.stride * cols, grid.y0 + grid.stride * rows], axis=-1)
    looked_at = on_plane(plane, rectangle.axes, pixels.reshape(-1, 2).astype(np.float64), frame)
    at = looked_at.reshape(*rows.shape, 2)
    height = plane.distance(surface.points)
    tolerance = plane_tolerance(surface.noise)
    clear = ~surface.valid | (height < RELIEF + 2 * tolerance)
    inside = ((at > rectangle.low) & (at < rectangle.high)).all(axis=-1)
    mask = inside & clear
    if mask.sum() < max(TELLING, 0.4 * inside.sum(), 0.3 * view.in_box.sum()):
        return None
    read = mask & surface.valid
    near = float((np.abs(height[read]) < _FACE + tolerance[read]).mean()) if read.any() else 0.0
    if near < 0.7:
        return None
    edges = _edges(view, rectangle, at, height, clear)
    walls = [edge.wall_height for edge in edges if edge.goes_on]
    if len(walls) < 2:
        return None
    if float(np.median(height[read]) - np.median(np.concatenate(walls))) > _FACE:
        return None  # depth alone parts it from the wall
    missing = float((mask & ~surface.valid).sum() / mask.sum())
    around = ~inside & ~view.in_box
    elsewhere = float((around & ~surface.valid).sum() / max(1, around.sum()))
    glass = missing > max(_GLASS, 4 * elsewhere)
    share = sum(edge.shown for edge in edges) / len(edges)
    patch = HungPatch(rectangle, mask, glass, (share + glass) * near**2)
    return patch if patch.seen >= _SEEN else None


@dataclass(frozen=True, eq=False)
class _Edge:
    """One edge of a rectangle: whether the wall goes on beyond it, ``wall_height`` (N,) above the
    plane, and whether it is shown: by the wall's end, by another colour or by a step."""

    goes_on: bool
    shown: bool
    wall_height: NDArray[np.float32]


def _edges(
    view: AnchorView,
    rectangle: HungRectangle,
    at: Float64,
    height: NDArray[np.float32],
    clear: Bool,
) -> list[_Edge]:
    """The edges that are in the view, not cut off by the border of the image.

    ``at`` (h, w, 2) is where its pixels look on the plane, ``height`` (h, w) how far their readings
    lie before it, ``clear`` (h, w) where nothing hides it.
    """
    valid = view.surface.valid
    on_wall = valid & (np.abs(height) < RELIEF + plane_tolerance(view.surface.noise))
    pixel = float(np.nanmedian(np.linalg.norm(np.diff(at, axis=1), axis=-1)))
    edges = []
    for axis in (0, 1):
        other = at[..., 1 - axis]
        along = clear & (other > rectangle.low[1 - axis]) & (other < rectangle.high[1 - axis])
        low, high = rectangle.low[axis], rectangle.high[axis]
        for cut, inwards in zip(
            rectangle.cut[:, axis], (at[..., axis] - low, high - at[..., axis]), strict=True
        ):
            inner = along & (inwards > 0) & (inwards < _BAND * pixel)
            outer = along & (inwards < 0) & (inwards > -_BAND * pixel)
            if cut or min(inner.sum(), outer.sum()) < TELLING:
                continue
            wall = outer & on_wall
            goes_on = bool(wall.sum() > 0.5 * (outer & valid).sum())
            shown = not goes_on or not look_alike(view.color, inner, wall)
            if not shown and (inner & on_wall).any():
                step = float(np.median(height[inner & on_wall]) - np.median(height[wall]))
                noise = float(np.median(view.surface.noise[wall]))
                shown = step > max(_STEP, noise)
            edges.append(_Edge(goes_on, shown, height[wall]))
    return edges
