"""Poses at given times, interpolated: straight for positions, spherical for rotations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..geometry import Float64


class Trajectory:
    """Stamped rigid transforms in order of time.

    ``poses`` are rows ``tx ty tz qx qy qz qw`` (N, 7). Rows that are not finite or have no
    rotation are left out; of rows with the same stamp the last counts.
    """

    def __init__(self, stamps_ns: Sequence[int], poses: NDArray[Any]) -> None:
        rows = np.asarray(poses, dtype=np.float64).reshape(-1, 7)
        stamps = np.asarray(stamps_ns, dtype=np.int64)
        with np.errstate(invalid="ignore", over="ignore"):
            norms = np.linalg.norm(rows[:, 3:], axis=1)
        good = np.isfinite(rows).all(axis=1) & np.isfinite(norms) & (norms > 1e-6)
        rows, stamps, norms = rows[good], stamps[good], norms[good]
        order = np.argsort(stamps, kind="stable")
        last = np.append(np.diff(stamps[order]) > 0, True)[: order.size]
        order = order[last]
        self.stamps_ns = stamps[order]
        self._positions = rows[order, :3]
        self._quaternions = rows[order, 3:] / norms[order, None]

    def __len__(self) -> int:
        return int(self.stamps_ns.size)

    def at(self, stamp_ns: int, max_difference_ns: int, max_gap_ns: int = 0) -> Float64 | None:
        """The (4, 4) pose at ``stamp_ns``, or None if the trajectory says too little about it.

        It says enough if a pose lies within ``max_difference_ns``, or if the poses before and
        after are at most ``max_gap_ns`` apart. Before the first and after the last pose those
        are taken as they are.
        """
        if not len(self):
            return None
        after = int(np.searchsorted(self.stamps_ns, stamp_ns))
        before = max(0, after - 1)
        after = min(after, len(self) - 1)
        low, high = int(self.stamps_ns[before]), int(self.stamps_ns[after])
        nearest = min(abs(stamp_ns - low), abs(high - stamp_ns))
        bracketed = low <= stamp_ns <= high and high - low <= max_gap_ns
        if nearest > max_difference_ns and not bracketed:
            return None
        share = 0.0 if high == low else min(1.0, max(0.0, (stamp_ns - low) / (high - low)))
        return self._between(before, after, share)

    def _between(self, before: int, after: int, share: float) -> Float64:
        from scipy.spatial.transform import Rotation, Slerp

        pair = Rotation.from_quat(self._quaternions[[before, after]])
        T = np.eye(4)
        T[:3, :3] = Slerp([0.0, 1.0], pair)(share).as_matrix()
        T[:3, 3] = (1.0 - share) * self._positions[before] + share * self._positions[after]
        return T
