"""What a tracker gives back, and what one is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..control import Control
from ..errors import TrackingError
from ..frames import WindowSnapshot
from ..geometry import BoxXyxy


@dataclass(frozen=True, eq=False)
class FrameMask:
    """Where the object is in one frame: ``mask`` (H, W) bool, ``score`` 0..1."""

    stamp_ns: int
    mask: NDArray[np.bool_]
    score: float = 1.0

    def __post_init__(self) -> None:
        if self.mask.dtype != np.bool_ or self.mask.ndim != 2:
            raise TrackingError(
                f"mask is {self.mask.dtype} {self.mask.shape}; needs bool (height, width)."
            )
        view = self.mask.view()
        view.flags.writeable = False
        object.__setattr__(self, "mask", view)


@dataclass(frozen=True, eq=False)
class MaskTrack:
    """One object's masks through the window, in order of time; frames without it are left out."""

    anchor_stamp_ns: int
    masks: tuple[FrameMask, ...]

    def __post_init__(self) -> None:
        ordered = tuple(sorted(self.masks, key=lambda item: item.stamp_ns))
        object.__setattr__(self, "masks", ordered)

    def at(self, stamp_ns: int) -> FrameMask | None:
        """The mask of one frame, or None where the object was not seen."""
        return next((item for item in self.masks if item.stamp_ns == stamp_ns), None)


class Tracker(Protocol):
    """Turns a box in one frame into masks through the window."""

    name: str

    def track(
        self,
        window: WindowSnapshot,
        anchor_stamp_ns: int,
        box_xyxy: BoxXyxy,
        control: Control,
    ) -> MaskTrack:
        """Masks forwards and backwards from the anchor frame.

        ``box_xyxy`` is in pixels of the anchor frame.

        Raises:
            NoSuchFrameError: if no frame has the anchor's stamp.
            BoxError: if the box is empty or outside the image.
            TrackingError: if nothing can be segmented in the box.
        """
        ...
