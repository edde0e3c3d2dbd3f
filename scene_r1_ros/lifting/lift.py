"""Masks, depth and poses become one object: its cloud, its box, and how sure that is."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from ..control import Control
from ..errors import TooFewPointsError
from ..frames import WindowSnapshot
from ..geometry import Box3D
from ..tracking.track import MaskTrack
from .alignment import aligned_views
from .ball_fit import ball_box
from .box_fit import fit_box
from .completion import far_side, on_wall, with_far_side
from .confidence import box_evidence
from .config import LiftConfig
from .denoise import main_clusters, statistical_inliers
from .flat import flat_box
from .floating import floating_foot
from .floor import Floor
from .fusion import FusedCloud, fuse, thinned, with_visibility
from .hidden_foot import hidden_foot
from .hidden_side import with_hidden_side
from .hidden_top import hidden_top
from .lifted import LiftedObject
from .outline_height import with_outline_height
from .outline_radius import outline_radius
from .panel_foot import with_panel_foot
from .round_fit import round_body, with_round_body
from .support import distant_support, support_height
from .views import ObjectView, object_view
from .wall import against_wall
from .wall_direction import wall_direction

STAGE = "lifting"
# A surface seen at a flat angle has its readings this many times farther apart than one that
# faces the camera.
_SPARSE = 5.0
# From so many views on, what one alone shows is not believed, and nearly all may agree.
_MANY = 5


def lift(
    window: WindowSnapshot,
    track: MaskTrack,
    control: Control | None = None,
    config: LiftConfig = LiftConfig(),  # noqa: B008 - frozen
) -> LiftedObject:
    """Lift a track to 3D, in the window's fixed frame.

    Frames whose pixels the window no longer holds are passed over.

    Raises:
        TooFewPointsError: if the masks hold too few trusted readings for a box.
    """
    control = control or Control()
    views = _views(window, track, control, config)
    voxel = _voxel(views, config)
    control.progress(STAGE, 0.5, f"fusing {len(views)} views")
    if config.align_views:
        control.check(STAGE)
        views = aligned_views(views, config.max_shift)
    cloud = fuse(views, voxel)
    if config.fuse_by_visibility:
        control.check(STAGE)
        cloud = with_visibility(cloud, views, voxel)
        agreed = cloud.supporting > cloud.opposing
        if len(views) >= _MANY:
            agreed &= cloud.supporting >= 2
        cloud = _kept(cloud, agreed, config, "the views agree on")
    if config.thin_surface:
        cloud = _kept(
            cloud, thinned(cloud, 2.5 * voxel, config.thin_share), config, "thinning leaves"
        )
    control.check(STAGE)
    if config.remove_outliers:
        inliers = statistical_inliers(
            cloud.points, config.outlier_neighbours, config.outlier_deviations
        )
        cloud = _kept(cloud, inliers, config, "outlier removal leaves")
    if config.cluster:
        gap = max(2.5 * voxel, 0.02, _SPARSE * _pixel_size(views))
        agreement = cloud.agreement if config.fuse_by_visibility and len(views) >= _MANY else None
        clusters = main_clusters(cloud.points, gap, config.cluster_share, agreement)
        cloud = _kept(cloud, clusters, config, "the main cluster holds")
    control.progress(STAGE, 0.8, "fitting the box")
    box = _box(cloud, views, window, config)
    evidence = box_evidence(box, views)
    control.progress(STAGE, 1.0)
    return LiftedObject(
        box,
        cloud.points,
        cloud.colors,
        tuple(view.frame.stamp_ns for view in views),
        evidence.confidence,
        evidence,
    )


def _views(
    window: WindowSnapshot, track: MaskTrack, control: Control, config: LiftConfig
) -> list[ObjectView]:
    frames = {frame.stamp_ns: frame for frame in window.frames}
    present = [item for item in track.masks if item.stamp_ns in frames]
    most = max(100, min(config.max_view_points, config.max_points // max(1, len(present))))
    views = []
    for done, item in enumerate(present):
        control.check(STAGE)
        control.progress(STAGE, 0.5 * done / len(present))
        view = object_view(frames[item.stamp_ns], item.mask, config, most)
        if len(view.points) > 0:
            views.append(replace(view, prompted=item.stamp_ns == track.anchor_stamp_ns))
    total = sum(len(view.points) for view in views)
    if total < config.min_points:
        raise TooFewPointsError(
            f"{len(present)} masks hold {total} trusted depth readings; a box needs at least "
            f"{config.min_points}. Prompt in a frame that shows the object larger, nearer, or "
            "with depth on it."
        )
    return views


def _voxel(views: list[ObjectView], config: LiftConfig) -> float:
    points = np.concatenate([view.points for view in views])
    low, high = np.percentile(points, [2, 98], axis=0)
    diagonal = float(np.linalg.norm(high - low))
    return float(np.clip(config.voxel_share * diagonal, config.min_voxel, config.max_voxel))


def _pixel_size(views: list[ObjectView]) -> float:
    """Metres between neighbouring pixels of a surface that faces the camera, median of views."""
    sizes = []
    for view in views:
        if len(view.points):
            T = view.frame.T_world_camera
            depth = np.median((view.points - T[:3, 3]) @ T[:3, 2])
            sizes.append(depth / view.frame.intrinsics.fx)
    return float(np.median(sizes))


def _kept(cloud: FusedCloud, kept: np.ndarray, config: LiftConfig, what: str) -> FusedCloud:
    if kept.sum() < config.min_points:
        raise TooFewPointsError(
            f"{what} {int(kept.sum())} of {len(cloud)} points; a box needs at least "
            f"{config.min_points}. Are the poses right, and is the object at rest?"
        )
    return cloud.select(kept)


def _box(
    cloud: FusedCloud, views: list[ObjectView], window: WindowSnapshot, config: LiftConfig
) -> Box3D:
    # one vote per voxel: a leg that few views show is as much a part as a top that all show
    weights = np.ones(len(cloud))
    trim = config.trim_share if config.trim_extents else 0.0
    walls = wall_direction(window) if config.fit_yaw and config.align_walls else None
    fitted = fit_box(cloud.points, weights, trim, config.fit_yaw, walls)
    box, support, flat = _shape(fitted, cloud, views, walls, config)
    floor = Floor(window)
    if support is None and config.reach_floor:
        support = hidden_foot(fitted, views, floor)
        if support is not None:
            box, _, flat = _shape(fitted.reaching(bottom=support), cloud, views, walls, config)
            box = box.reaching(bottom=support)  # the outline of a sheet ends where it is hidden
    if support is None and config.reach_down and not flat:
        support = floating_foot(box, views, floor)
        box = box.reaching(bottom=support)
    if config.reach_outline:
        box = with_outline_height(box, views, stands=support is not None)
    if support is not None and not flat:
        box = with_panel_foot(box, floor)
    if config.reach_top:
        box = box.reaching(top=hidden_top(box, views, floor, flat))
        if flat:
            box = with_hidden_side(box, views, floor)
    return box


class _Shape(NamedTuple):
    """A box, the height of what it was seen to stand on, and whether it is flat and on a wall or a
    larger surface."""

    box: Box3D
    support: float | None
    flat: bool


def _shape(
    box: Box3D,
    cloud: FusedCloud,
    views: list[ObjectView],
    walls: float | None,
    config: LiftConfig,
) -> _Shape:
    """The fitted ``box`` made whole."""
    if config.reach_wall:
        sheet = flat_box(box, cloud.points, views, walls)
        if sheet is not None:
            return _Shape(sheet, None, flat=True)
    side = far_side(box, views)
    flat_on_wall = on_wall(box, side)
    height = None
    if config.reach_support:
        height = support_height(box, views)
        if height is None and config.reach_down and not flat_on_wall:
            height = distant_support(box, views)
        box = box.reaching(bottom=height)
    if config.reach_wall:
        mounted = against_wall(box, cloud.points, views)
        if mounted is not None:
            return _Shape(mounted, height, flat=True)
    if config.complete_round:
        cameras = np.array([view.frame.T_world_camera[:3, 3] for view in views])
        ball = ball_box(box, cloud.points, cameras)
        if ball is not None:
            return _Shape(ball, height, flat=False)
        body = round_body(cloud.points, cameras)
        if body is not None:
            if config.reach_outline:
                radius = outline_radius(body.center, box.bottom, box.top, views)
                body = body.widened(radius, cameras)
            if (closed := with_round_body(box, body)) is not box:
                return _Shape(closed, height, flat=False)
    if config.complete_far_side and side is not None and not flat_on_wall:
        box = with_far_side(box, cloud.points, side, views, config.far_side_share)
    return _Shape(box, height, flat=flat_on_wall)
