"""The tracker for depth and poses: RGB-D segmentation of the box, found again in every view.

Geometry alone needs no weights; a small network of masks, if one is given, draws what geometry
found once more.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..config import Config, option
from ..control import Control
from ..errors import EmptyMaskError
from ..frames import RgbdFrame, WindowSnapshot
from ..geometry import BoxXyxy, checked_box
from .anchor_segmentation import AnchorSegment, segment_box
from .anchor_view import view_anchor
from .depth_surface import depth_noise
from .frame_mask import final_mask
from .mask_network import MaskNetwork, load_mask_network, mask_network_folder
from .object_model import VoxelModel
from .propagation import Observation, observe, vote
from .redrawing import STAGE, masks_agreed, masks_drawn, segment_drawn
from .silhouette import Silhouette, silhouette
from .track import FrameMask, MaskTrack


@dataclass(frozen=True)
class GeometricTrackerConfig(Config):
    """Settings of the geometric tracker; the defaults are for a hand-held RGB-D camera."""

    anchor_pixels: int = option(
        40_000, "Pixels looked at in the anchor frame.", minimum=2_000, maximum=1_000_000
    )
    frame_pixels: int = option(
        20_000, "Pixels looked at in each other frame.", minimum=1_000, maximum=1_000_000
    )
    voxel_share: float = option(
        0.018,
        "Voxel of the object model, as a share of the object's diagonal.",
        minimum=0.003,
        maximum=0.1,
    )
    min_voxel: float = option(0.004, "Smallest voxel.", minimum=0.001, maximum=0.1, unit="m")
    max_voxel: float = option(0.03, "Largest voxel.", minimum=0.002, maximum=0.5, unit="m")
    silhouette_margin: float = option(
        0.015,
        "The object may reach this far over its outline in the anchor frame.",
        minimum=0.0,
        maximum=0.2,
        unit="m",
    )
    mask_network: str = option(
        "shipped",
        "Network that draws the masks once more: shipped (checkpoints/masks), a folder, or none "
        "for geometry alone.",
    )
    seed: int = option(0, "Seed of the plane search; equal input gives equal masks.", minimum=0)


class GeometricTracker:
    """Tracks a boxed rigid, resting object through a window with depth and poses.

    The object is segmented in the anchor frame, becomes a voxel model, and is found again in
    every frame by projecting the model; surface that comes into view and adjoins it is taken in
    as far as the anchor's silhouette allows. In the end all views vote on every voxel.
    """

    name = "geometric"

    def __init__(self, config: GeometricTrackerConfig | None = None) -> None:
        self.config = config or GeometricTrackerConfig()

    def track(
        self,
        window: WindowSnapshot,
        anchor_stamp_ns: int,
        box_xyxy: BoxXyxy,
        control: Control,
    ) -> MaskTrack:
        """Masks in every frame that shows the object; see :class:`~.track.Tracker`.

        Raises:
            CheckpointError: if the network of masks that is set cannot be read.
            NoSuchFrameError: if no frame has the anchor's stamp.
            BoxError: if the box is empty or outside the image.
            NoDepthError: if the box holds too few depth readings.
            EmptyMaskError: if nothing in the box stands out.
        """
        anchor_index = window.index_of(anchor_stamp_ns)
        anchor = window.frames[anchor_index]
        box = checked_box(box_xyxy, anchor.intrinsics.width, anchor.intrinsics.height)
        control.check(STAGE)
        control.progress(STAGE, 0.0, "segmenting the box")
        network = self._network()
        segment = self._segment(anchor, box, network)
        model = self._first_model(anchor, segment)
        outline = silhouette(anchor, segment, self._margin_pixels(anchor, segment))
        observations = self._grow(window, anchor_index, segment, model, outline, control)
        control.progress(STAGE, 0.8, "comparing the views")
        vote(model, observations, outline)
        masks = self._masks(observations, model, control)
        if network is not None:
            masks = masks_drawn(window, masks, anchor_stamp_ns, box, network, control)
            masks = masks_agreed(masks, observations, model, outline)
        if not any(item.stamp_ns == anchor_stamp_ns for item in masks):
            raise EmptyMaskError(
                f"the views of {len(observations)} frames agree on no object in the box "
                f"{[round(v) for v in box]}; are the poses right and the object at rest?"
            )
        control.progress(STAGE, 1.0, f"seen in {len(masks)} of {len(window.frames)} frames")
        return MaskTrack(anchor_stamp_ns, tuple(masks))

    def _network(self) -> MaskNetwork | None:
        chosen = self.config.mask_network
        if chosen == "none":
            return None
        return load_mask_network(mask_network_folder(chosen))

    def _segment(
        self, anchor: RgbdFrame, box: BoxXyxy, network: MaskNetwork | None
    ) -> AnchorSegment:
        rng = np.random.default_rng(self.config.seed)
        view = view_anchor(anchor, box, self.config.anchor_pixels, rng)
        return (
            segment_box(view, anchor) if network is None else segment_drawn(view, anchor, network)
        )

    def _first_model(self, anchor: RgbdFrame, segment: AnchorSegment) -> VoxelModel:
        points = segment.surface.points[segment.mask]
        depth = float(np.median(segment.surface.depth[segment.mask]))
        low, high = np.percentile(points, [1, 99], axis=0)
        diagonal = float(np.linalg.norm(high - low))
        pixel = depth / anchor.intrinsics.fx * segment.surface.grid.stride
        voxel = float(
            np.clip(
                max(
                    self.config.voxel_share * diagonal,
                    0.9 * pixel,
                    depth_noise(depth, segment.surface.noise_scale),
                ),
                self.config.min_voxel,
                self.config.max_voxel,
            )
        )
        model = VoxelModel(points, voxel, reach=max(0.1, 1.2 * diagonal))
        model.add(model.index(points))
        return model

    def _margin_pixels(self, anchor: RgbdFrame, segment: AnchorSegment) -> int:
        depth = float(np.median(segment.surface.depth[segment.mask]))
        metric = self.config.silhouette_margin * anchor.intrinsics.fx / depth
        return max(1, round(metric), segment.surface.grid.stride)

    def _grow(
        self,
        window: WindowSnapshot,
        anchor_index: int,
        segment: AnchorSegment,
        model: VoxelModel,
        outline: Silhouette,
        control: Control,
    ) -> list[Observation]:
        observations = []
        margin = 0.0 if segment.flat is not None else self.config.silhouette_margin
        core = model.near(model.voxel + margin)
        order = sorted(range(len(window.frames)), key=lambda i: abs(i - anchor_index))
        for done, i in enumerate(order):
            control.check(STAGE)
            control.progress(STAGE, 0.1 + 0.7 * done / len(order))
            item = observe(
                window.frames[i],
                model,
                core,
                outline,
                segment,
                self.config.frame_pixels,
            )
            if item is not None:
                observations.append(item)
                model.add(model.index(item.view.points[item.mask]), least=2)
        return observations

    def _masks(
        self, observations: list[Observation], model: VoxelModel, control: Control
    ) -> list[FrameMask]:
        near = model.near(model.voxel)
        masks = []
        for item in observations:
            control.check(STAGE)
            mask = final_mask(item, model, near)
            if mask is not None:
                masks.append(FrameMask(item.view.frame.stamp_ns, mask, item.agreement))
        return masks
