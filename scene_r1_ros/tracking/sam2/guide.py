"""What depth and pose say about a tracked object: where it must be, and whether a mask is on it.

The object's points in the world are gathered from accepted masks. Projected into the next frame
and held against its depth they give a prompt (box and points); a mask's own depth readings,
taken to the world, tell whether it left the object. Both assume that the object stands still.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...frames import RgbdFrame
from ...geometry import BoxXyxy, Float64, invert, transform_points
from ..depth_surface import depth_noise
from .prompts import Point, Prompt

# Fewer readings than this decide nothing.
MIN_READINGS = 30
_MAX_POINTS = 4000
_MAX_ADDED = 1500


def depth_tolerance(z: NDArray[np.floating]) -> NDArray[np.float64]:
    """Metres by which two readings of one surface may differ at depth ``z``.

    Three standard deviations of the sensor, and 3 cm for errors of pose and registration.
    """
    return np.asarray(0.03 + 3.0 * depth_noise(z), dtype=np.float64)


@dataclass(frozen=True, eq=False)
class Proposal:
    """The object as geometry expects it in a frame.

    ``in_view`` counts its points in the image, ``visible`` those that the depth image agrees
    with, ``hidden`` those behind something nearer, ``gone`` those where the camera looks through
    to something farther. ``pixels`` (visible, 2) are where the visible ones lie.
    """

    in_view: int
    visible: int
    hidden: int
    gone: int
    pixels: NDArray[np.float64]

    @property
    def expected(self) -> bool:
        """Whether enough of the object must be visible for a prompt."""
        judged = self.visible + self.hidden + self.gone
        return self.visible >= MIN_READINGS and self.visible >= 0.25 * judged

    def prompt(self, width: int, height: int) -> Prompt | None:
        """Box and three points for SAM 2, or None if the object is not expected."""
        if not self.expected:
            return None
        low, high = np.percentile(self.pixels, [1, 99], axis=0)
        x0, y0 = np.maximum(low - 1, 0)
        x1, y1 = np.minimum(high + 2, (width, height))
        if x1 - x0 < 2 or y1 - y0 < 2:
            return None
        return Prompt(box_xyxy=(x0, y0, x1, y1), points=_spread_points(self.pixels, 3))


@dataclass(frozen=True)
class Verdict:
    """How a mask fits the object: shares in 0..1, None where there was too little to judge.

    ``inside``: share of the mask's depth readings that lie on the object as known so far.
    ``cover``: share of the object's visible points that the mask covers.
    """

    inside: float | None
    cover: float | None

    def vetoed(self, min_inside: float, min_cover: float) -> bool:
        """Whether the mask left the object."""
        low_inside = self.inside is not None and self.inside < min_inside
        low_cover = self.cover is not None and self.cover < min_cover
        return low_inside or low_cover

    def confirmed(self, min_inside: float, min_cover: float) -> bool:
        """Whether geometry speaks for the mask, not merely not against it."""
        known = self.inside is not None and self.cover is not None
        return known and not self.vetoed(min_inside, min_cover)


class ObjectModel:
    """A bounded cloud of one object's points in the fixed frame."""

    def __init__(self) -> None:
        self._points: Float64 = np.zeros((0, 3))
        self._rng = np.random.default_rng(0)

    def __len__(self) -> int:
        return len(self._points)

    def add(self, frame: RgbdFrame, mask: NDArray[np.bool_]) -> None:
        """Learn from an accepted mask: its readings away from the outline, where depth is sure."""
        points = _world_points(frame, _core(mask))
        if len(points) < MIN_READINGS:
            return
        if len(points) > _MAX_ADDED:
            points = points[self._rng.choice(len(points), _MAX_ADDED, replace=False)]
        merged = np.vstack([self._points, points])
        if len(merged) > _MAX_POINTS:
            merged = merged[self._rng.choice(len(merged), _MAX_POINTS, replace=False)]
        self._points = merged

    def propose(self, frame: RgbdFrame) -> Proposal:
        """Where the object must be in ``frame``."""
        camera = frame.intrinsics
        local = transform_points(invert(frame.T_world_camera), self._points)
        with np.errstate(invalid="ignore"):
            uv, z = camera.project(local)
            inside = (
                (z > 0.05)
                & (uv[:, 0] >= -0.5)
                & (uv[:, 0] < camera.width - 0.5)
                & (uv[:, 1] >= -0.5)
                & (uv[:, 1] < camera.height - 0.5)
            )
        uv, z = uv[inside], z[inside]
        cols, rows = np.rint(uv).astype(int).T if len(uv) else (np.zeros(0, int),) * 2
        readings = frame.depth_m[rows, cols]
        known = readings > 0
        apart = np.where(known, readings - z, 0.0)
        tolerance = depth_tolerance(z)
        visible = known & (np.abs(apart) <= tolerance)
        return Proposal(
            in_view=len(uv),
            visible=int(visible.sum()),
            hidden=int((known & (apart < -tolerance)).sum()),
            gone=int((known & (apart > tolerance)).sum()),
            pixels=np.asarray(uv[visible], dtype=np.float64),
        )

    def judge(self, frame: RgbdFrame, mask: NDArray[np.bool_], proposal: Proposal) -> Verdict:
        """How ``mask`` fits the object as known so far."""
        if len(self._points) < MIN_READINGS:
            return Verdict(None, None)
        inside = cover = None
        points = _world_points(frame, _core(mask))
        if len(points) >= MIN_READINGS:
            if len(points) > _MAX_ADDED:
                points = points[self._rng.choice(len(points), _MAX_ADDED, replace=False)]
            low, high = np.percentile(self._points, [1, 99], axis=0)
            # Sides come into view that no accepted mask showed yet.
            margin = max(0.05, 0.2 * float((high - low).max()))
            near = (points >= low - margin) & (points <= high + margin)
            inside = float(near.all(axis=1).mean())
        if proposal.visible >= MIN_READINGS:
            cols, rows = np.rint(proposal.pixels).astype(int).T
            cover = float(mask[rows, cols].mean())
        return Verdict(inside, cover)


def _world_points(frame: RgbdFrame, mask: NDArray[np.bool_]) -> Float64:
    local = frame.intrinsics.backproject(frame.depth_m, mask)
    return transform_points(frame.T_world_camera, local.astype(np.float64))


def _core(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    import cv2

    eroded = cv2.erode(mask.astype(np.uint8), np.ones((5, 5), np.uint8), borderValue=0) > 0
    return eroded if eroded.any() else mask


def _spread_points(pixels: NDArray[np.float64], count: int) -> list[Point]:
    """Points well inside the object: its middle, then others far from those taken before."""
    low, high = np.percentile(pixels, [20, 80], axis=0)
    inner = pixels[((pixels >= low) & (pixels <= high)).all(axis=1)]
    if len(inner) == 0:
        inner = pixels
    taken = [inner[np.argmin(np.linalg.norm(inner - np.median(inner, axis=0), axis=1))]]
    while len(taken) < count:
        distance = np.min([np.linalg.norm(inner - point, axis=1) for point in taken], axis=0)
        taken.append(inner[np.argmax(distance)])
    return [(max(0.0, float(x)), max(0.0, float(y))) for x, y in taken]


def mask_overlap(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float:
    """Share of the smaller mask that lies in the other; 0 if either is empty."""
    smaller = min(int(a.sum()), int(b.sum()))
    return float((a & b).sum()) / smaller if smaller else 0.0


def mask_to_box(mask: NDArray[np.bool_]) -> BoxXyxy | None:
    """The tight box around the mask's largest part, or None if it is empty or one pixel thin."""
    import cv2

    _, _, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    if len(stats) < 2:
        return None
    x, y, w, h = (float(v) for v in stats[1 + int(np.argmax(stats[1:, 4]))][:4])
    return (x, y, x + w, y + h) if w >= 2 and h >= 2 else None
