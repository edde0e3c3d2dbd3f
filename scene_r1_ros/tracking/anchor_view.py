"""What the rules of the anchor frame look at: surface, colours and planes in and around the box."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..errors import NoDepthError
from ..frames import RgbdFrame
from ..geometry import BoxXyxy, box_iou
from .background_planes import ScenePlane, scene_planes
from .depth_surface import DepthSurface, PixelGrid, fit_surface
from .regions import MIN_REGION

Bool = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class AnchorView:
    """The part of a frame in and around the prompt ``box`` (pixels of the image).

    ``color`` (h, w, 3) RGB and ``in_box`` (h, w) are on ``surface.grid``; ``planes`` are those
    seen there, each judged.
    """

    surface: DepthSurface
    color: NDArray[np.uint8]
    box: BoxXyxy
    in_box: Bool
    planes: tuple[ScenePlane, ...]

    @property
    def grid(self) -> PixelGrid:
        """The pixels of the image that are looked at."""
        return self.surface.grid

    @property
    def background(self) -> tuple[ScenePlane, ...]:
        """The planes that are not the object's own."""
        return tuple(item for item in self.planes if item.background)

    def without(self, plane: ScenePlane) -> AnchorView:
        """The same view, one of its planes left out."""
        return replace(self, planes=tuple(item for item in self.planes if item is not plane))

    def bounds_fit(self, mask: Bool) -> float:
        """IoU of the box with the bounds of ``mask`` (h, w): how well it fills the box."""
        return box_iou(mask_bounds(mask, self.grid), self.box)


def view_anchor(
    frame: RgbdFrame, box: BoxXyxy, max_pixels: int, rng: np.random.Generator
) -> AnchorView:
    """Look at the box grown by a half, in at most ``max_pixels`` pixels.

    Raises:
        NoDepthError: if the box holds too few depth readings.
    """
    grid = PixelGrid.around(box, 0.5, frame.intrinsics.width, frame.intrinsics.height, max_pixels)
    surface = fit_surface(frame, grid)
    in_box = grid.inside(box, surface.valid.shape)
    readings, total = int((surface.valid & in_box).sum()), int(in_box.sum())
    needed = max(MIN_REGION, round(0.02 * total))
    if readings < needed:
        raise NoDepthError(
            f"box {box_text(box)} holds {readings} depth readings in {total} pixels looked at; at "
            f"least {needed} are needed. Choose a frame in which the object is within the depth "
            "sensor's range and not shiny or transparent."
        )
    planes = tuple(scene_planes(surface, box, rng))
    color = np.ascontiguousarray(frame.color[grid.slices])
    return AnchorView(surface, color, box, in_box, planes)


def box_text(box: BoxXyxy) -> str:
    """A box as people write it."""
    return "[" + ", ".join(f"{v:g}" for v in box) + "]"


def mask_bounds(mask: Bool, grid: PixelGrid, stray: float = 0.5) -> BoxXyxy:
    """Image box of a grid mask that leaves ``stray`` per cent of it out on each side."""
    rows, cols = np.nonzero(mask)
    x0, x1 = np.percentile(cols, [stray, 100 - stray])
    y0, y1 = np.percentile(rows, [stray, 100 - stray])
    s = grid.stride
    return grid.x0 + s * x0, grid.y0 + s * y0, grid.x0 + s * (x1 + 1), grid.y0 + s * (y1 + 1)
