"""Which regions of the anchor frame make up the object that the box is drawn around."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from ..geometry import BoxXyxy, box_iou
from .anchor_view import AnchorView
from .depth_surface import DepthSurface
from .regions import MIN_REGION, Labels

Bool = NDArray[np.bool_]
_COLORED = 15.0
"""Chroma from which on a colour has a hue."""
_HUE = math.cos(math.radians(12))
"""Of hues no farther apart than this, two colours are one."""


@dataclass(frozen=True, eq=False)
class Region:
    """A region of the surface: how much of it is in the box, how central, where in space.

    ``color`` is its mean in CIE L*a*b* (8-bit scale), ``upward`` the share that faces up.
    """

    label: int
    pixels: int
    inside: int
    weight: float
    box: BoxXyxy
    points: NDArray[np.float32]
    noise: float
    color: NDArray[np.float64]
    upward: float

    @property
    def share(self) -> float:
        """Share of the region's pixels that lie in the prompt box."""
        return self.inside / self.pixels


@dataclass(frozen=True, eq=False)
class Choice:
    """Regions that together may be the object, and how well they fit the prompt (0..1)."""

    regions: tuple[Region, ...]
    score: float

    @property
    def labels(self) -> list[int]:
        """Labels of the regions."""
        return [region.label for region in self.regions]


def choose_regions(view: AnchorView, labels: Labels, hypotheses: int = 5) -> Choice | None:
    """The best of several hypotheses, each grown from one prominent region; None without any.

    A good hypothesis spans the box, no less and no more, and holds much of what is central in
    it. So a thing that stands before a larger one loses to it if the box is the larger one's.
    ``labels`` (h, w) number the regions from 1.
    """
    regions, box = _regions(view, labels), view.box
    prominent = sorted(regions, key=lambda r: -r.weight * r.share)[:hypotheses]
    prominent = [r for r in prominent if r.inside >= MIN_REGION]
    total = sum(r.weight for r in regions)
    choices = []
    for main in prominent:
        group = _grown(view.surface, main, regions, box)
        held = sum(r.weight * min(1.0, 1.5 * r.share) for r in group) / max(total, 1e-9)
        fit = box_iou(_around(group), box)
        choices.append(Choice(tuple(group), fit * (0.3 + 0.7 * held)))
    return max(choices, key=lambda choice: choice.score, default=None)


def _regions(view: AnchorView, labels: Labels) -> list[Region]:
    surface, grid, in_box = view.surface, view.grid, view.in_box
    lab = cv2.cvtColor(view.color, cv2.COLOR_RGB2LAB).astype(np.float64)
    weight = _centrality(surface, view.box) * in_box
    out = []
    order = np.argsort(labels, axis=None, kind="stable")
    starts = np.searchsorted(labels.ravel()[order], np.arange(1, labels.max() + 2))
    for label in range(1, int(labels.max()) + 1):
        index = order[starts[label - 1] : starts[label]]
        inside = int(in_box.ravel()[index].sum())
        if inside == 0:
            continue
        rows, cols = np.unravel_index(index, labels.shape)
        low = np.percentile(np.stack([cols, rows]), 1, axis=1)
        high = np.percentile(np.stack([cols, rows]), 99, axis=1) + 1
        sample = index[:: max(1, index.size // 1500)]
        out.append(
            Region(
                label,
                index.size,
                inside,
                float(weight.ravel()[index].sum()),
                (
                    grid.x0 + grid.stride * low[0],
                    grid.y0 + grid.stride * low[1],
                    grid.x0 + grid.stride * high[0],
                    grid.y0 + grid.stride * high[1],
                ),
                surface.points.reshape(-1, 3)[sample],
                float(np.median(surface.noise.ravel()[index])),
                lab.reshape(-1, 3)[sample].mean(axis=0),
                float((surface.normals[..., 2].ravel()[sample] > 0.8).mean()),
            )
        )
    return out


def _centrality(surface: DepthSurface, box: BoxXyxy) -> NDArray[np.float64]:
    h, w = surface.valid.shape
    grid = surface.grid
    u = (grid.x0 + grid.stride * np.arange(w) - (box[0] + box[2]) / 2) / (box[2] - box[0])
    v = (grid.y0 + grid.stride * np.arange(h) - (box[1] + box[3]) / 2) / (box[3] - box[1])
    return np.exp(-0.5 * (v[:, None] ** 2 + u[None, :] ** 2) / 0.3**2)


def _grown(
    surface: DepthSurface, main: Region, regions: list[Region], box: BoxXyxy
) -> list[Region]:
    """The main region, those in the box that touch it, and those that an occluder cuts off.

    Also those that make the group fill the box, if there are such: a box that is filled so was
    drawn around these parts too, the foot of a lamp, the pot of a plant, the legs of a stool. A
    loose box is not filled, and says nothing about them.
    """
    touch = _touch(main)

    def belongs(region: Region, tree: cKDTree, group: list[Region], gain: float) -> bool:
        return gain >= -0.05 and _belongs(surface, main, region, tree, touch, _around(group))

    def fills(region: Region, tree: cKDTree, group: list[Region], gain: float) -> bool:
        return _completes(region, group, tree, touch, gain) or belongs(region, tree, group, gain)

    group = _joined([main], regions, box, belongs)
    more = _joined([main], regions, box, fills)
    fit, before = box_iou(_around(more), box), box_iou(_around(group), box)
    return more if fit > max(0.7, before + 0.04) or fit > before + 0.15 else group


def _touch(main: Region) -> float:
    """How near to each other, in metres, things are that touch."""
    return max(0.025, 5 * main.noise, 0.06 * float(np.linalg.norm(np.ptp(main.points, axis=0))))


def _joined(
    start: list[Region],
    regions: list[Region],
    box: BoxXyxy,
    wanted: Callable[[Region, cKDTree, list[Region], float], bool],
) -> list[Region]:
    """``start`` and, one after the other, what is ``wanted`` of the regions mostly in the box.

    ``wanted`` is asked with the region, a tree of the group's points, the group, and by how much
    the region makes the group's bounds fit the box better.
    """
    group = list(start)
    waiting = [r for r in regions if r not in group and r.share > 0.6 and r.inside >= MIN_REGION]
    grew = True
    while grew and waiting:
        grew = False
        tree = cKDTree(np.concatenate([r.points for r in group]))
        for region in list(waiting):
            gain = box_iou(_around([*group, region]), box) - box_iou(_around(group), box)
            if wanted(region, tree, group, gain):
                waiting.remove(region)
                group.append(region)
                grew = True
    return group


def _completes(
    region: Region, group: list[Region], tree: cKDTree, touch: float, gain: float
) -> bool:
    """Whether a region in the box touches the group, or stands straight above or below it, or is
    near and of its colour, and the group fits the box better with it."""
    if region.share < 0.85 or gain < 0.04:
        return False
    distance, _ = tree.query(region.points)
    if np.count_nonzero(distance < touch) >= 3:
        return True
    reach = 0.3 * float(np.linalg.norm(np.ptp(tree.data, axis=0)))
    if (
        gain > 0.08
        and distance.min() < reach
        and any(of_one_hue(region.color, r.color) for r in group)
    ):
        return True
    low, high = tree.data[:, :2].min(axis=0) - touch, tree.data[:, :2].max(axis=0) + touch
    over = ((region.points[:, :2] > low) & (region.points[:, :2] < high)).all(axis=1)
    return bool(gain > 0.12 and over.mean() > 0.8)


def _belongs(
    surface: DepthSurface,
    main: Region,
    region: Region,
    tree: cKDTree,
    touch: float,
    group_box: BoxXyxy,
) -> bool:
    """Whether a region is of one body with the group whose points are in ``tree``.

    It must touch the group. In another colour it must also be a large part that touches broadly,
    or lie within the group's outline without standing on it: a mug is no part of a table, the
    legs are. Or it is of the group's colour and nearly touches it, or is parted from it only by
    something nearer.
    """
    distance, nearest = tree.query(region.points)
    contacts = np.count_nonzero(distance < touch)
    alike = _alike(region, main)
    if contacts >= 3:
        broad = contacts > 1.5 * np.sqrt(len(region.points))
        if alike or (broad and region.pixels > 0.3 * main.pixels):
            return True
        return _covered(region.box, group_box) > 0.8 and not _stands_on(region, main)
    i = int(distance.argmin())
    if alike and region.share > 0.9 and distance[i] < 2 * touch:
        return True
    reach = 0.5 * float(np.linalg.norm(np.ptp(tree.data, axis=0)))
    if not alike or distance[i] > reach:
        return False
    return _hidden(surface, tree.data[nearest[i]], region.points[i])


def _alike(a: Region, b: Region) -> bool:
    return bool(np.linalg.norm(a.color - b.color) < 25)


def of_one_hue(a: NDArray[np.float64], b: NDArray[np.float64]) -> bool:
    """Whether two colours (L*a*b*, 8-bit scale) are alike but for light and shade, which scale
    chroma with lightness and leave the hue as it is."""
    if np.linalg.norm((a - b) * (0.5, 1.0, 1.0)) < 20:
        return True
    one, other = a[1:] - 128, b[1:] - 128
    chroma = np.linalg.norm(one), np.linalg.norm(other)
    if min(chroma) < _COLORED:
        return False
    return bool(one @ other > _HUE * chroma[0] * chroma[1])


def _stands_on(region: Region, main: Region) -> bool:
    """Whether a region rises from the top of one that is mostly horizontal."""
    top = float(np.percentile(main.points[:, 2], 80))
    return main.upward > 0.7 and float(np.percentile(region.points[:, 2], 10)) > top - 0.05


def _covered(box: BoxXyxy, by: BoxXyxy) -> float:
    w = min(box[2], by[2]) - max(box[0], by[0])
    h = min(box[3], by[3]) - max(box[1], by[1])
    return max(0.0, w) * max(0.0, h) / ((box[2] - box[0]) * (box[3] - box[1]))


def _hidden(surface: DepthSurface, start: NDArray[np.float64], end: NDArray[np.float32]) -> bool:
    """Whether something nearer than both covers most of the straight way between two points."""
    flat = surface.points.reshape(-1, 3)
    pixels = [
        np.unravel_index(int(np.abs(flat - p).sum(axis=1).argmin()), surface.valid.shape)
        for p in (start.astype(np.float32), end)
    ]
    steps = np.linspace(0, 1, 24)[2:-2]
    rows, cols = (
        np.rint(pixels[0][k] + steps * (pixels[1][k] - pixels[0][k])).astype(int) for k in (0, 1)
    )
    nearer_end = min(surface.depth[pixels[0]], surface.depth[pixels[1]])
    margin = 0.03 + 4 * surface.noise[pixels[0]]
    covered = surface.valid[rows, cols] & (surface.depth[rows, cols] < nearer_end - margin)
    return bool(covered.mean() > 0.6)


def _around(regions: list[Region]) -> BoxXyxy:
    boxes = np.array([region.box for region in regions])
    return (
        float(boxes[:, 0].min()),
        float(boxes[:, 1].min()),
        float(boxes[:, 2].max()),
        float(boxes[:, 3].max()),
    )
