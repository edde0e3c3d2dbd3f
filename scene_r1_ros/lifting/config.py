"""Settings of lifting; every step has a switch, so that its worth can be measured."""

from __future__ import annotations

from dataclasses import dataclass

from ..config import Config, option


@dataclass(frozen=True)
class LiftConfig(Config):
    """How masks become a cloud and a box. Lengths are metres unless a unit says otherwise."""

    # which steps are done
    erode: bool = option(True, "Take off the border of each mask, where depth is mixed.")
    largest_components: bool = option(True, "Keep only the large pieces of each mask.")
    reject_depth_edges: bool = option(True, "Drop readings at jumps in depth.")
    fuse_by_visibility: bool = option(
        True, "Keep the surface that most of the views seeing it call the object."
    )
    align_views: bool = option(True, "Shift each view by up to a little to agree with all.")
    thin_surface: bool = option(True, "Keep the middle of a surface that the views spread.")
    remove_outliers: bool = option(True, "Drop points that are far from their neighbours.")
    cluster: bool = option(True, "Keep the main body of points and what is comparable.")
    fit_yaw: bool = option(True, "Turn the box to fit; off gives an axis-aligned box.")
    align_walls: bool = option(
        True, "Turn a box to the room's walls where it fits about as well so."
    )
    trim_extents: bool = option(True, "Fit the box to the bulk of the points, not to all.")
    reach_support: bool = option(True, "Let the box end on the surface that the object stands on.")
    reach_down: bool = option(
        True, "Where nothing is close below and no wall behind, go down to the next surface."
    )
    reach_floor: bool = option(
        True, "Where no view shows how a thing ends below, let it go on to the floor."
    )
    reach_top: bool = option(
        True, "Where no view shows how high a thing is, or how wide a door or picture, guess it."
    )
    reach_outline: bool = option(
        True, "Let a box be as high, and a round thing as wide, as the outlines of its masks show."
    )
    complete_far_side: bool = option(True, "Give depth to a box whose far side no view shows.")
    complete_round: bool = option(True, "Close round things that are seen from one side.")
    reach_wall: bool = option(
        True, "Give a flat thing on a wall, a floor or a table the outline that its masks "
        "vote for, and let it end on what it is on."
    )  # fmt: skip

    # how they are done
    erosion_pixels: int = option(
        1, "Width taken off a mask.", minimum=1, maximum=20, unit="pixels at 640 wide"
    )
    component_share: float = option(
        0.03,
        "Pieces of a mask smaller than this share of its largest are dropped.",
        minimum=0.0,
        maximum=1.0,
    )
    max_view_points: int = option(
        6000, "Most readings used of one view.", minimum=100, maximum=1_000_000
    )
    max_points: int = option(
        150_000, "Most readings used of all views.", minimum=1000, maximum=10_000_000
    )
    voxel_share: float = option(
        0.012,
        "Voxel of the fused cloud, as a share of the object's diagonal.",
        minimum=0.002,
        maximum=0.1,
    )
    min_voxel: float = option(0.004, "Smallest voxel.", minimum=0.001, maximum=0.1, unit="m")
    max_voxel: float = option(0.03, "Largest voxel.", minimum=0.002, maximum=0.5, unit="m")
    max_shift: float = option(0.03, "Largest shift of a view.", minimum=0.0, maximum=0.2, unit="m")
    thin_share: float = option(
        0.35, "Share of the best neighbour's hits that keeps a point.", minimum=0.0, maximum=1.0
    )
    outlier_neighbours: int = option(
        12, "Neighbours whose mean distance is judged.", minimum=2, maximum=100
    )
    outlier_deviations: float = option(
        6.0, "Standard deviations of that distance that make an outlier.", minimum=0.5, maximum=10
    )
    cluster_share: float = option(
        0.15,
        "A cluster smaller than this share of the largest is dropped.",
        minimum=0.0,
        maximum=1.0,
    )
    trim_share: float = option(
        0.003, "Share of the points trimmed at each end of an axis.", minimum=0.0, maximum=0.2
    )
    far_side_share: float = option(
        0.75,
        "Depth of a thing seen from one side, as a share of its width or height.",
        minimum=0.0,
        maximum=1.0,
    )
    min_points: int = option(20, "Fewest points that make a box.", minimum=4, maximum=10_000)
