"""What lifting gives back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import LiftingError
from ..geometry import Box3D
from .confidence import BoxEvidence


@dataclass(frozen=True, eq=False)
class LiftedObject:
    """An object in the fixed frame.

    ``points`` (N, 3) float32 metres and ``colors`` (N, 3) uint8 RGB are its fused surface,
    ``box`` encloses it, ``stamps_ns`` are the frames that contributed, and ``confidence`` (0..1)
    the chance that the box overlaps the object's own by half or more; ``evidence`` is what it was
    told from, where it was lifted in this process.
    """

    box: Box3D
    points: NDArray[np.float32]
    colors: NDArray[np.uint8]
    stamps_ns: tuple[int, ...]
    confidence: float
    evidence: BoxEvidence | None = None

    def __post_init__(self) -> None:
        if self.points.ndim != 2 or self.points.shape[1] != 3:
            raise LiftingError(f"points have shape {self.points.shape}; need (N, 3).")
        if self.colors.shape != self.points.shape:
            raise LiftingError(f"{self.colors.shape[0]} colours for {self.points.shape[0]} points.")

    @property
    def views(self) -> int:
        """Number of frames that contributed."""
        return len(self.stamps_ns)
