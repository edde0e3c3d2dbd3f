"""The object's surface as voxels, with the views that speak for and against each."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Bool = NDArray[np.bool_]


class VoxelModel:
    """A dense block of cubic voxels around the object, in the world frame.

    ``occupied`` (nx, ny, nz) is the object's surface as known so far. Points outside the block
    belong to no voxel (index -1).
    """

    def __init__(
        self, points: NDArray[np.float32], voxel: float, reach: float, max_cells: int = 6_000_000
    ) -> None:
        low = points.min(axis=0).astype(np.float64) - reach
        high = points.max(axis=0).astype(np.float64) + reach
        cells = np.prod((high - low) / voxel + 1)
        self.voxel = float(voxel * max(1.0, (cells / max_cells) ** (1 / 3)))
        self.origin = low
        nx, ny, nz = (int(n) for n in np.ceil((high - low) / self.voxel) + 1)
        self.shape = (nx, ny, nz)
        self.occupied = np.zeros(self.shape, dtype=bool)

    def index(self, points: NDArray[np.float32]) -> NDArray[np.int64]:
        """Flat voxel index (N,) of (N, 3) points; -1 outside the block."""
        cell = np.floor((points - self.origin.astype(np.float32)) / np.float32(self.voxel))
        cell = cell.astype(np.int64)
        inside = ((cell >= 0) & (cell < np.array(self.shape))).all(axis=1)
        flat = (cell[:, 0] * self.shape[1] + cell[:, 1]) * self.shape[2] + cell[:, 2]
        return np.where(inside, flat, -1)

    def add(self, index: NDArray[np.int64], least: int = 1) -> None:
        """Occupy the voxels that at least ``least`` of the flat indices name."""
        voxels, counts = np.unique(index[index >= 0], return_counts=True)
        self.occupied.ravel()[voxels[counts >= least]] = True

    def centers(self) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """World points (N, 3) of the occupied voxels and their flat indices (N,)."""
        flat = np.flatnonzero(self.occupied)
        cell = np.stack(np.unravel_index(flat, self.shape), axis=1)
        points = self.origin + (cell + 0.5) * self.voxel
        return points.astype(np.float32), flat

    def near(self, distance: float) -> Bool:
        """The block's voxels within ``distance`` of an occupied one, flat."""
        steps = max(1, round(distance / self.voxel))
        grown = self.occupied
        box = ndimage.generate_binary_structure(3, 1)
        low, high = _bounds(self.occupied, steps)
        part = grown[low[0] : high[0], low[1] : high[1], low[2] : high[2]]
        out = np.zeros(self.shape, dtype=bool)
        out[low[0] : high[0], low[1] : high[1], low[2] : high[2]] = ndimage.binary_dilation(
            part, box, iterations=steps
        )
        return out.ravel()

    def keep(self, flat: NDArray[np.int64]) -> None:
        """Forget all voxels but these."""
        self.occupied[...] = False
        self.occupied.ravel()[flat] = True


def _bounds(occupied: Bool, margin: int) -> tuple[list[int], list[int]]:
    low, high = [], []
    for axis in range(3):
        other = tuple(a for a in range(3) if a != axis)
        used = np.flatnonzero(occupied.any(axis=other))
        first, last = (int(used[0]), int(used[-1])) if used.size else (0, 0)
        low.append(max(0, first - margin))
        high.append(min(occupied.shape[axis], last + margin + 1))
    return low, high
