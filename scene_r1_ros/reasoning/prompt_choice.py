"""Of boxes in several frames that mean one thing, the one from which masks go out.

A box that is a little off, or a view in which the thing melts into what is behind it, gives masks
that leak or miss a part; the boxes that the model said in other frames tell so. Each box in turn is
the prompt of the tracker that needs no weights, and how well it does is::

    fit(i) = mean over frames j of IoU(bounds of the mask in frame j, box said in frame j)

Related: Huang et al. 2019, "Mask Scoring R-CNN", where a head learns to tell how good a mask is;
here the boxes of other views tell, and nothing is learnt.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..control import Control
from ..errors import DeadlineError, TrackingError
from ..frames import WindowSnapshot
from ..geometry import BoxXyxy, box_iou, mask_box
from .sampling import sample_frames

if TYPE_CHECKING:
    from ..tracking import MaskTrack, Tracker

THROUGH = 30
"""Frames of the window that are tracked through, beside those with a box."""
SHARE = 0.3
"""Share of the time until the deadline that may be spent on it: the answer is known already."""


@dataclass(frozen=True)
class PromptFit:
    """How well the masks from a prompt fit, 0..1, and the box around the mask in the prompt's own
    frame, in its pixels; None where there is none. ``shown`` (stamp -> pixels) is how large the
    mask is in each frame that was tracked through, 0 where there is none."""

    fit: float
    bounds: BoxXyxy | None = None
    shown: Mapping[int, int] = field(default_factory=dict)


def prompt_fits(
    window: WindowSnapshot,
    boxes: Mapping[int, BoxXyxy],
    tried: int,
    tracker: Tracker,
    control: Control | None = None,
) -> dict[int, PromptFit]:
    """Stamp of each of the first ``tried`` of ``boxes`` (stamp -> pixels of that frame, in order of
    preference) -> its fit; 0 where nothing can be tracked from it.

    It takes at most :data:`SHARE` of the time that is left until the deadline; what was not tried
    until then has no fit.

    Raises:
        DeadlineError, CancelledError: as ``control`` says.
    """
    control = control or Control()
    left = control.remaining()
    ends = None if left is None else time.monotonic() + SHARE * left
    alone = Control(ends, None, control)  # it tells no progress of a stage to come
    some = {frame.stamp_ns for frame in sample_frames(window, THROUGH)} | set(boxes)
    thinned = WindowSnapshot.of([frame for frame in window.frames if frame.stamp_ns in some])
    fits: dict[int, PromptFit] = {}
    for stamp_ns in list(boxes)[:tried]:
        control.check("the choice of a prompt")
        try:
            track = tracker.track(thinned, stamp_ns, boxes[stamp_ns], alone)
        except TrackingError:
            fits[stamp_ns] = PromptFit(0.0)
        except DeadlineError:
            break
        else:
            fits[stamp_ns] = _fit(track, thinned, stamp_ns, boxes)
    control.check("the choice of a prompt")
    return fits


def _fit(
    track: MaskTrack, window: WindowSnapshot, stamp_ns: int, boxes: Mapping[int, BoxXyxy]
) -> PromptFit:
    bounds = {item.stamp_ns: mask_box(item.mask) for item in track.masks if item.stamp_ns in boxes}
    overlaps = (box_iou(bound, boxes[s]) for s, bound in bounds.items() if bound is not None)
    shown = {frame.stamp_ns: 0 for frame in window.frames}
    shown |= {item.stamp_ns: int(item.mask.sum()) for item in track.masks}
    return PromptFit(sum(overlaps) / len(boxes), bounds.get(stamp_ns), shown)
