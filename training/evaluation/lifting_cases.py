"""Prompts with known answers: objects of synthetic rooms, boxed where they are seen best."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scene_r1_ros.frames import RgbdFrame, WindowSnapshot
from scene_r1_ros.geometry import Box3D, BoxXyxy, invert, mask_box, transform_points
from scene_r1_ros.tracking import FrameMask, MaskTrack

SMALLEST_SHARE = 200 / (640 * 480)
"""Share of the image that an object must cover to count as visible in a frame."""


@dataclass(frozen=True)
class LiftingScene:
    """One room to measure in: its seed, how it is filmed, and how noisy depth is.

    ``noise`` scales the sensor's axial noise; 0 is a perfect sensor (no holes either).
    """

    seed: int
    seconds: float = 12.0
    fps: float = 5.0
    width: int = 320
    height: int = 240
    noise: float = 1.0


@dataclass(frozen=True, eq=False)
class LiftingCase:
    """One object: true boxes and masks (by stamp, visible frames only), and the prompt.

    ``seen_iou`` is the IoU of the true box with the box, turned alike, around the surface that the
    visible frames show: about what lifting could reach without guessing what nobody saw.
    ``truncated``: the object touches the image's border in the prompt frame. ``distance`` is its
    median depth there in metres.
    """

    instance: int
    kind: str
    mounted: bool
    box: Box3D
    aligned_box: Box3D
    masks: Mapping[int, NDArray[np.bool_]]
    anchor_stamp_ns: int
    anchor_box: BoxXyxy
    truncated: bool
    distance: float
    seen_iou: float

    @property
    def true_track(self) -> MaskTrack:
        """The track of a perfect tracker."""
        masks = tuple(FrameMask(stamp, mask) for stamp, mask in self.masks.items())
        return MaskTrack(self.anchor_stamp_ns, masks)


def lifting_cases(
    scene: LiftingScene, min_frames: int = 5, limit: int = 0
) -> tuple[WindowSnapshot, list[LiftingCase]]:
    """Render a room; its window, and a case for each object seen in ``min_frames`` or more.

    ``limit`` keeps so many of them, spread evenly over the instances; 0 keeps all.
    """
    from scene_r1_ros.synthetic import (
        SensorConfig,
        default_camera,
        make_room,
        make_trajectory,
        render,
    )

    room = make_room(scene.seed)
    poses = make_trajectory(room, scene.seed, scene.seconds, scene.fps)
    if scene.noise > 0:
        sensor = SensorConfig(depth_noise_scale=scene.noise)
    else:
        sensor = SensorConfig.perfect()
    camera = default_camera(scene.width, scene.height)
    smallest = SMALLEST_SHARE * scene.width * scene.height
    frames: list[RgbdFrame] = []
    masks: dict[int, dict[int, NDArray[np.bool_]]] = {item.instance: {} for item in room.objects}
    extents = {item.instance: _Extent(item.box) for item in room.objects}
    for rendered in render(room, poses, camera, sensor, nthreads=1):
        frames.append(rendered.frame)
        counts = np.bincount(rendered.instances.ravel())
        for instance in np.flatnonzero(counts >= smallest).tolist():
            if instance in masks:
                mask = rendered.instances == instance
                masks[instance][rendered.frame.stamp_ns] = mask
                extents[instance].add(rendered.frame, rendered.true_depth_m, mask)
    window = WindowSnapshot.of(frames)
    cases = [
        _case(window, item, masks[item.instance], extents[item.instance].iou)
        for item in room.objects
        if len(masks[item.instance]) >= min_frames
    ]
    if limit and len(cases) > limit:
        cases = [cases[i * len(cases) // limit] for i in range(limit)]
    return window, cases


class _Extent:
    """How far the seen surface reaches along the axes of the true box."""

    def __init__(self, box: Box3D) -> None:
        self.half = np.asarray(box.size) / 2
        self.T_box_world = invert(box.T_world_box)
        self.low, self.high = np.full(3, np.inf), np.full(3, -np.inf)

    def add(
        self, frame: RgbdFrame, true_depth_m: NDArray[np.float32], mask: NDArray[np.bool_]
    ) -> None:
        """Take in what one frame shows of the object, by perfect depth."""
        points = frame.intrinsics.backproject(true_depth_m, mask)
        if len(points):
            T = self.T_box_world @ frame.T_world_camera
            local = transform_points(T, points.astype(np.float64))
            self.low = np.minimum(self.low, local.min(axis=0))
            self.high = np.maximum(self.high, local.max(axis=0))

    @property
    def iou(self) -> float:
        """Share of the true box that the seen extent fills."""
        low, high = np.maximum(self.low, -self.half), np.minimum(self.high, self.half)
        return float(np.prod(np.clip(high - low, 0.0, None) / (2 * self.half)))


def _case(
    window: WindowSnapshot, item: object, masks: dict[int, NDArray[np.bool_]], seen_iou: float
) -> LiftingCase:
    def quality(stamp: int) -> float:
        return float(masks[stamp].sum()) * (0.3 if _touches_border(masks[stamp]) else 1.0)

    anchor = max(masks, key=quality)
    box = mask_box(masks[anchor])
    assert box is not None
    depth = window.at(anchor).depth_m[masks[anchor]]
    depth = depth[depth > 0]
    return LiftingCase(
        instance=item.instance,  # type: ignore[attr-defined]
        kind=item.kind,  # type: ignore[attr-defined]
        mounted=item.mounted,  # type: ignore[attr-defined]
        box=item.box,  # type: ignore[attr-defined]
        aligned_box=item.aligned_box,  # type: ignore[attr-defined]
        masks=masks,
        anchor_stamp_ns=anchor,
        anchor_box=box,
        truncated=_touches_border(masks[anchor]),
        distance=float(np.median(depth)) if len(depth) else float("nan"),
        seen_iou=seen_iou,
    )


def _touches_border(mask: NDArray[np.bool_]) -> bool:
    edges = (mask[0], mask[-1], mask[:, 0], mask[:, -1])
    return any(bool(edge.any()) for edge in edges)
