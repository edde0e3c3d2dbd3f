"""Ranking the frames of a span by how well they are likely to show what happens in it.

What the span is about is not boxed yet, but what most of its frames see is a good guess: points
seen in many of the frames weigh more. A frame is good if it sees much of that weight, from
close by, sharply, and with the camera at rest. Each part is 0..1, relative to the best frame.
"""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from ..frames import RgbdFrame, StampedPose, WindowSnapshot
from ..geometry import invert, rotation_angle, transform_points

MAX_RANKED = 48
"""Longer spans are thinned to this many frames before they are scored."""

_GRID = (16, 12)
_MAX_SOURCES = 16
_EXPOSURE_S = 0.01
"""Assumed shutter time; turns camera speed into pixels of blur."""


@dataclass(frozen=True)
class ViewWeights:
    """How much each part of the score counts, and how strongly look-alike views are avoided."""

    visibility: float = 0.4
    sharpness: float = 0.2
    motion: float = 0.15
    distance: float = 0.25
    diversity: float = 0.3


@dataclass(frozen=True)
class ViewScore:
    """A frame's score and its parts, each 0..1."""

    stamp_ns: int
    score: float
    visibility: float
    sharpness: float
    motion: float
    distance: float

    def parts(self) -> dict[str, float]:
        """For the trace."""
        return {k: round(v, 4) for k, v in asdict(self).items() if k != "stamp_ns"}


def rank_views(
    window: WindowSnapshot,
    frames: Sequence[RgbdFrame],
    weights: ViewWeights | None = None,
) -> list[ViewScore]:
    """``frames`` of ``window``, best first; each next one is also unlike those before it."""
    weights = weights or ViewWeights()
    frames = _thinned(frames)
    visibility, distance = _common_view(frames)
    sharpness = _relative([_sharpness(frame) for frame in frames])
    motion = np.array([_stillness(window.trajectory, frame) for frame in frames])
    total = weights.visibility + weights.sharpness + weights.motion + weights.distance
    score = (
        weights.visibility * visibility
        + weights.sharpness * sharpness
        + weights.motion * motion
        + weights.distance * distance
    ) / max(total, 1e-9)
    scored = [
        ViewScore(f.stamp_ns, *(float(v) for v in row))
        for f, row in zip(
            frames, np.c_[score, visibility, sharpness, motion, distance], strict=True
        )
    ]
    order = _diverse(frames, score, weights.diversity)
    return [scored[i] for i in order]


def view_looks(
    ranked: Sequence[RgbdFrame], count: int, looks: int
) -> tuple[tuple[RgbdFrame, ...], ...]:
    """Up to ``looks`` sets of ``count`` frames each, best first; fewer where there are no more."""
    best = tuple(ranked[: count * looks])
    return tuple(best[i : i + count] for i in range(0, len(best), count))


def _thinned(frames: Sequence[RgbdFrame]) -> list[RgbdFrame]:
    if len(frames) <= MAX_RANKED:
        return list(frames)
    picked = np.unique(np.linspace(0, len(frames) - 1, MAX_RANKED).round().astype(int))
    return [frames[i] for i in picked]


def _common_view(frames: Sequence[RgbdFrame]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Visibility and nearness of what the frames have in common; zeros without depth."""
    step = max(1, len(frames) // _MAX_SOURCES)
    points = np.concatenate([_surface(frame) for frame in frames[::step]])
    if len(points) == 0:
        return np.zeros(len(frames)), np.zeros(len(frames))
    seen = [_sees(frame, points) for frame in frames]
    visible = np.array([flags for flags, _ in seen], dtype=np.float64)
    depth = np.array([depths for _, depths in seen])
    weight = visible.mean(axis=0) ** 2
    share = visible @ weight
    mean_depth = np.divide(
        (visible * depth) @ weight,
        share,
        out=np.full(len(frames), np.inf),
        where=share > 0,
    )
    nearest = mean_depth.min()
    nearness = nearest / mean_depth if np.isfinite(nearest) else np.zeros(len(frames))
    return _relative(share), nearness


def _surface(frame: RgbdFrame) -> NDArray[np.float32]:
    """World points (N, 3) on a coarse grid of the frame's pixels."""
    height, width = frame.depth_m.shape
    mask = np.zeros((height, width), dtype=bool)
    rows = ((np.arange(_GRID[1]) + 0.5) * height / _GRID[1]).astype(int)
    cols = ((np.arange(_GRID[0]) + 0.5) * width / _GRID[0]).astype(int)
    mask[np.ix_(rows, cols)] = True
    return transform_points(frame.T_world_camera, frame.intrinsics.backproject(frame.depth_m, mask))


def _sees(
    frame: RgbdFrame, points: NDArray[np.float32]
) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
    """Which world points the frame sees unoccluded, and their depth in it (0 if unseen)."""
    local = transform_points(invert(frame.T_world_camera), points)
    pixels, z = frame.intrinsics.project(local)
    height, width = frame.depth_m.shape
    with np.errstate(invalid="ignore"):
        inside = (
            (z > 0.05)
            & (pixels >= -0.5).all(axis=1)
            & (pixels[:, 0] < width - 0.5)
            & (pixels[:, 1] < height - 0.5)
        )
    nearest = pixels[inside].round().astype(int)
    measured = frame.depth_m[nearest[:, 1], nearest[:, 0]]
    visible = np.zeros(len(points), dtype=bool)
    with np.errstate(invalid="ignore"):
        visible[inside] = np.abs(measured - z[inside]) < np.maximum(0.05, 0.03 * z[inside])
    return visible, np.where(visible, z, 0.0).astype(np.float32)


def _sharpness(frame: RgbdFrame) -> float:
    """Variance of the Laplacian (Pech-Pacheco et al. 2000) of a small grey image."""
    import cv2

    grey = cv2.cvtColor(frame.color, cv2.COLOR_RGB2GRAY)
    height, width = grey.shape
    scale = min(1.0, 320 / width)
    small = cv2.resize(grey, (max(1, int(width * scale)), max(1, int(height * scale))))
    return float(cv2.Laplacian(small, cv2.CV_64F).var())


def _stillness(trajectory: Sequence[StampedPose], frame: RgbdFrame) -> float:
    """1 / (1 + pixels of motion blur), from the poses around the frame."""
    i = bisect.bisect_left(trajectory, frame.stamp_ns, key=lambda pose: pose.stamp_ns)
    before = trajectory[max(0, i - 1)]
    after = trajectory[min(len(trajectory) - 1, i + 1)]
    elapsed = (after.stamp_ns - before.stamp_ns) * 1e-9
    if elapsed <= 0:
        return 1.0
    a, b = before.T_world_camera, after.T_world_camera
    depth = frame.depth_m[::16, ::16]
    depth = depth[depth > 0]
    typical = float(np.median(depth)) if depth.size else 2.0
    moved = float(np.linalg.norm(a[:3, 3] - b[:3, 3])) / max(typical, 0.1)
    speed = (rotation_angle(a, b) + moved) / elapsed
    return 1.0 / (1.0 + frame.intrinsics.fx * speed * _EXPOSURE_S)


def _diverse(frames: Sequence[RgbdFrame], score: NDArray[np.float64], strength: float) -> list[int]:
    """Greedy order: the score less its likeness to what was taken (maximal marginal relevance)."""
    left, order = list(range(len(frames))), []
    likeness = np.zeros(len(frames))
    while left:
        best = max(left, key=lambda i: (score[i] - strength * likeness[i], -i))
        left.remove(best)
        order.append(best)
        for i in left:
            likeness[i] = max(likeness[i], _likeness(frames[best], frames[i]))
    return order


def _likeness(a: RgbdFrame, b: RgbdFrame) -> float:
    """1 for the same viewpoint, falling over 20 degrees and half a metre."""
    turned = rotation_angle(a.T_world_camera, b.T_world_camera) / 0.35
    moved = float(np.linalg.norm(a.T_world_camera[:3, 3] - b.T_world_camera[:3, 3])) / 0.5
    return float(np.exp(-(turned**2) - moved**2))


def _relative(values: Sequence[float] | NDArray[np.float64]) -> NDArray[np.float64]:
    array = np.asarray(values, dtype=np.float64)
    top = array.max() if array.size else 0.0
    return array / top if top > 0 else np.zeros_like(array)
