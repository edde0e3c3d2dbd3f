"""Flat things that depth hardly shows (rugs, pictures, doors, windows), cut out by colour."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from .anchor_view import AnchorView
from .background_planes import ScenePlane, plane_tolerance
from .planes import Plane

Bool = NDArray[np.bool_]
RELIEF = 0.12
"""How far a frame, a handle or a sill stands off the plane of its thing, in metres, at most."""
TELLING = 30
"""Pixels of a part that tell its colours."""


@dataclass(frozen=True, eq=False)
class ColorModel:
    """Which colours are more usual in a patch than on its plane beside it: ``own`` (16, 16, 16)
    over CIE L*a*b* in steps of 16."""

    own: Bool

    def alike(self, color: NDArray[np.uint8]) -> Bool:
        """Which pixels of (h, w, 3) ``color`` look like the patch, smoothed over neighbours."""
        lab = cv2.cvtColor(cv2.GaussianBlur(color, (3, 3), 0.8), cv2.COLOR_RGB2LAB) // 16
        own = self.own[lab[..., 0], lab[..., 1], lab[..., 2]]
        return np.asarray(cv2.blur(own.astype(np.float32), (5, 5)) > 0.5)

    @classmethod
    def of(
        cls, color: NDArray[np.uint8], patch: Bool, beside: Bool, times: float = 1.0
    ) -> ColorModel:
        """Learned from the pixels of ``patch`` and ``beside`` (h, w) of ``color`` (h, w, 3); own
        is what is more than so many ``times`` as usual in the patch."""
        a, b = (
            cv2.GaussianBlur(_histogram(color, part).reshape(16, 16, 16), (3, 3), 0.7)
            for part in (patch, beside)
        )
        return cls(np.asarray(a > times * b))


@dataclass(frozen=True, eq=False)
class ColorPatch:
    """A patch (h, w) on the anchor grid, its plane if it lies on one, its colours, and how well
    its bounds match the prompt box (IoU)."""

    mask: Bool
    plane: Plane | None
    colors: ColorModel
    fit: float


def color_patch(view: AnchorView) -> ColorPatch | None:
    """The patch on one of the view's planes whose colours set it off and that fills the box best.

    A box that is drawn around a flat thing ends where the thing's colours end. On each plane that
    takes up a good part of the box the colours in the box are parted from those around it by
    GrabCut (Rother, Kolmogorov and Blake, SIGGRAPH 2004); what is off the plane is left out.
    None if no patch has an outline of its own.
    """
    best = None
    for item in view.planes:
        if (item.inliers & view.in_box).sum() < 0.1 * view.in_box.sum():
            continue
        patch = patch_of(view, _near(view, item), item.plane)
        if patch is not None and (best is None or patch.fit > best.fit):
            best = patch
    return best


def patch_of(view: AnchorView, whole: Bool, plane: Plane | None = None) -> ColorPatch | None:
    """The part of the surface ``whole`` (h, w) in the box, if its colours set it off from the rest.

    So a book on a stool, which depth hardly parts from it, ends where its colour ends.
    """
    mask = _cut(view.color, whole & view.in_box, whole)
    if mask is None or not _set_off(view.color, mask, whole):
        return None
    colors = ColorModel.of(view.color, mask, whole & ~mask)
    return ColorPatch(mask, plane, colors, view.bounds_fit(mask))


def without_wall(view: AnchorView, mask: Bool) -> Bool:
    """``mask`` without the part that depth joined to it and that looks like what is around the box.

    Only if a good part goes and the rest spans the box as before: the wall above a headboard.
    """
    inside = mask & view.in_box
    cut = _cut(view.color, inside, np.ones_like(mask))
    if cut is None or not 0.3 < cut.sum() / inside.sum() < 0.87:
        return mask
    fit, before = view.bounds_fit(cut), view.bounds_fit(inside)
    rest = inside & ~cut
    if fit < max(0.75, before - 0.04) or not _set_off(view.color, cut, rest):
        return mask
    return cut


def _near(view: AnchorView, item: ScenePlane) -> Bool:
    surface = view.surface
    points = surface.points[item.inliers & view.in_box]
    size = float(np.linalg.norm(np.ptp(points[:: max(1, len(points) // 500)], axis=0)))
    tolerance = plane_tolerance(surface.noise)
    distance = np.abs(item.plane.distance(surface.points))
    relief = distance < np.maximum(tolerance, min(RELIEF, 0.08 * size))
    if item.plane.horizontal:
        # a rug has no frame; what rises beside it is the foot of a wall or of another thing
        relief &= surface.normals @ item.plane.normal.astype(np.float32) > 0.7
    return ~surface.valid | (distance < tolerance) | relief


def _cut(color: NDArray[np.uint8], inside: Bool, on_plane: Bool, most: int = 20_000) -> Bool | None:
    """What of ``inside`` GrabCut parts from the rest, in one piece without holes."""
    around = on_plane & ~inside
    if inside.sum() < 60 or around.sum() < 60:
        return None
    step = max(1, int(np.ceil(np.sqrt(color.shape[0] * color.shape[1] / most))))
    state = np.where(inside, cv2.GC_PR_FGD, cv2.GC_BGD).astype(np.uint8)[::step, ::step].copy()
    image = np.ascontiguousarray(cv2.GaussianBlur(color, (3, 3), 0.8)[::step, ::step])
    cv2.setRNGSeed(0)  # its colour clusters start at random
    models = np.zeros((1, 65)), np.zeros((1, 65))
    whole = (0, 0, 0, 0)  # not read: the mask says where to begin
    cv2.grabCut(image, state, whole, *models, 4, cv2.GC_INIT_WITH_MASK)
    cut = (state == cv2.GC_PR_FGD).astype(np.uint8)
    cut = cv2.resize(cut, color.shape[1::-1], interpolation=cv2.INTER_NEAREST)
    cut = cv2.morphologyEx(cut, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    cut = cv2.morphologyEx(cut, cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(cut)
    if count < 2:
        return None
    areas = stats[1:, cv2.CC_STAT_AREA]
    kept = np.isin(labels, 1 + np.flatnonzero(areas > 0.1 * areas.max()))
    outer, _ = cv2.findContours(kept.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    filled = np.zeros(kept.shape, np.uint8)
    cv2.drawContours(filled, outer, -1, 1, cv2.FILLED)
    result: Bool = (filled > 0) & inside
    return result if result.sum() >= 60 else None


def _set_off(color: NDArray[np.uint8], mask: Bool, on_plane: Bool, most_alike: float = 0.5) -> bool:
    """Whether the colours just inside the outline are others than those just outside."""
    kernel = np.ones((9, 9), np.uint8)
    inner = mask & (cv2.erode(mask.astype(np.uint8), kernel, borderValue=1) == 0)
    outer = (cv2.dilate(mask.astype(np.uint8), kernel) > 0) & ~mask & on_plane
    return not look_alike(color, inner, outer, most_alike)


def look_alike(color: NDArray[np.uint8], a: Bool, b: Bool, share: float = 0.5) -> bool:
    """Whether two parts (h, w) of ``color`` (h, w, 3) have that share of their colours in common;
    also if one of them is too small to tell."""
    if a.sum() < TELLING or b.sum() < TELLING:
        return True
    return float(np.minimum(_histogram(color, a), _histogram(color, b)).sum()) >= share


def alike_outside(color: NDArray[np.uint8], mask: Bool, in_box: Bool) -> Bool:
    """The mask, of whose parts outside the box only those stay that look like what is in it: a box
    cuts its object now and then. Parts too small to tell are left out."""
    inside = mask & in_box
    count, labels = cv2.connectedComponents((mask & ~in_box).astype(np.uint8), connectivity=4)
    kept = inside.copy()
    for label in range(1, count):
        part = labels == label
        if part.sum() >= TELLING and look_alike(color, part, inside):
            kept |= part
    return kept


def _histogram(color: NDArray[np.uint8], part: Bool) -> NDArray[np.float32]:
    """Shares (4096,) of the colours of a part, 16 steps for each of L*, a* and b*."""
    lab = (cv2.cvtColor(color, cv2.COLOR_RGB2LAB)[part] // 16).astype(np.int64)
    flat = (lab[:, 0] * 16 + lab[:, 1]) * 16 + lab[:, 2]
    shares = np.bincount(flat, minlength=4096) / max(1, len(flat))
    return np.asarray(shares, dtype=np.float32)
