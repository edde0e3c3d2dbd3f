"""Masks that geometry found, drawn once more by a network that has learnt how objects look."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ..control import Control
from ..errors import EmptyMaskError
from ..frames import RgbdFrame, WindowSnapshot
from ..geometry import BoxXyxy, mask_box
from .anchor_segmentation import AnchorSegment, segment_box, segment_mask
from .anchor_view import AnchorView
from .mask_network import MaskNetwork, MaskPrompt
from .object_model import VoxelModel
from .propagation import Observation, vote
from .silhouette import Silhouette
from .track import FrameMask

STAGE = "tracking"
_SMALLEST = 8
_AT_ONCE = 16


def segment_drawn(view: AnchorView, frame: RgbdFrame, network: MaskNetwork) -> AnchorSegment:
    """The object in the view's box as the network draws it, with what geometry knows of it.

    Raises:
        EmptyMaskError: if neither finds anything.
    """
    nothing: EmptyMaskError | None = None
    found, prior = None, None
    try:
        found = segment_box(view, frame)
        prior = view.grid.full_size(found.mask, frame.depth_m.shape)
    except EmptyMaskError as error:
        nothing = error
    drawn = network.masks([MaskPrompt(frame, view.box, prior)])[0]
    segment = segment_mask(view, drawn[view.grid.slices], found) or found
    if segment is None:
        assert nothing is not None
        raise nothing
    return segment


def masks_drawn(
    window: WindowSnapshot,
    masks: Sequence[FrameMask],
    anchor_stamp_ns: int,
    box: BoxXyxy,
    network: MaskNetwork,
    control: Control,
) -> list[FrameMask]:
    """Every mask once more: the anchor's in its prompt ``box``, others in the boxes around them.

    Where the network sees nothing, the mask stays as it was.
    """
    out: list[FrameMask] = []
    for start in range(0, len(masks), _AT_ONCE):
        control.check(STAGE)
        part = masks[start : start + _AT_ONCE]
        prompts = [
            MaskPrompt(
                window.at(item.stamp_ns),
                box if item.stamp_ns == anchor_stamp_ns else mask_box(item.mask) or box,
                item.mask,
            )
            for item in part
        ]
        for item, drawn in zip(part, network.masks(prompts), strict=True):
            kept = drawn if drawn.sum() >= _SMALLEST else item.mask
            out.append(FrameMask(item.stamp_ns, kept, item.score))
    return out


def masks_agreed(
    masks: Sequence[FrameMask],
    observations: Sequence[Observation],
    model: VoxelModel,
    silhouette: Silhouette,
) -> list[FrameMask]:
    """The masks without readings that most views, by their own masks, see as something else.

    ``observations`` are those that geometry made; ``model`` gives their block of voxels, and is
    afterwards what the masks agree on. Pixels without a reading stay.
    """
    seen = {item.view.frame.stamp_ns: item for item in observations}
    model.keep(np.zeros(0, dtype=np.int64))
    drawn = []
    for item in masks:
        view = seen[item.stamp_ns].view
        mask = item.mask[view.grid.slices] & view.valid
        drawn.append(replace(seen[item.stamp_ns], mask=mask))
        model.add(model.index(view.points[mask]))
    vote(model, drawn, silhouette)
    near = model.near(model.voxel)
    out = []
    for item, observed in zip(masks, drawn, strict=True):
        view = observed.view
        index = model.index(view.points[observed.mask])
        strays = observed.mask.copy()
        strays[observed.mask] = (index < 0) | ~near[index]
        kept = item.mask & ~view.grid.full_size(strays, item.mask.shape)
        if kept.sum() >= _SMALLEST:
            out.append(FrameMask(item.stamp_ns, kept, item.score))
    return out
