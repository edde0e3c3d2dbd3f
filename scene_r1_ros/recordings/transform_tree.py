"""The tree of frames that a bag's ``/tf`` and ``/tf_static`` describe, looked up at any time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

import numpy as np

from ..errors import RecordingFormatError
from ..geometry import Float64, invert
from .trajectory import Trajectory

Row = tuple[float, float, float, float, float, float, float]
"""tx ty tz qx qy qz qw, as in a Transform message: takes child points to the parent."""


class TransformTree:
    """Transforms by child frame; add all of them first, then look up."""

    def __init__(self) -> None:
        self._parents: dict[str, str] = {}
        self._static: set[str] = set()
        self._stamps: defaultdict[str, list[int]] = defaultdict(list)
        self._rows: defaultdict[str, list[Row]] = defaultdict(list)
        self._trajectories: dict[str, Trajectory] = {}

    def add(self, parent: str, child: str, stamp_ns: int, row: Row, *, static: bool) -> None:
        """Take in one transform.

        Raises:
            RecordingFormatError: if ``child`` has another parent already.
        """
        parent, child = parent.lstrip("/"), child.lstrip("/")
        if self._parents.setdefault(child, parent) != parent:
            raise RecordingFormatError(
                f"tf gives frame {child} two parents, {self._parents[child]} and {parent}; the "
                "pose of the camera is not defined."
            )
        if static:
            self._static.add(child)
        self._stamps[child].append(stamp_ns)
        self._rows[child].append(row)
        self._trajectories.pop(child, None)

    def ancestors(self, frame: str) -> list[str]:
        """``frame`` and the frames above it, up to the root."""
        chain = [frame.lstrip("/")]
        while (parent := self._parents.get(chain[-1])) is not None:
            if parent in chain:
                raise RecordingFormatError(f"tf has a loop: {' -> '.join([*chain, parent])}.")
            chain.append(parent)
        return chain

    def connected(self, a: str, b: str) -> bool:
        """Whether there is a way from ``a`` to ``b``."""
        return self.ancestors(a)[-1] == self.ancestors(b)[-1]

    def moves(self, ancestor: str, frame: str) -> bool:
        """Whether a transform that changes with time lies between ``frame`` and ``ancestor``."""
        return any(child not in self._static for child in self._links(frame, ancestor))

    def lookup(
        self, target: str, source: str, stamp_ns: int, max_difference_ns: int, max_gap_ns: int
    ) -> Float64 | None:
        """``T_target_source`` (4, 4), or None where a transform is not known at that time.

        The frames must be connected. The tolerances are those of :meth:`.Trajectory.at`.
        """
        shared = next(f for f in self.ancestors(source) if f in self.ancestors(target))
        up = self._chain(shared, source, stamp_ns, max_difference_ns, max_gap_ns)
        down = self._chain(shared, target, stamp_ns, max_difference_ns, max_gap_ns)
        return None if up is None or down is None else invert(down) @ up

    def _links(self, frame: str, ancestor: str) -> Iterator[str]:
        for child in self.ancestors(frame):
            if child == ancestor:
                return
            yield child

    def _chain(
        self, ancestor: str, frame: str, stamp_ns: int, max_difference_ns: int, max_gap_ns: int
    ) -> Float64 | None:
        T = np.eye(4)
        for child in self._links(frame, ancestor):
            trajectory = self._trajectory(child)
            if child in self._static:
                # Static transforms hold at all times; a later one replaces those before.
                link = trajectory.at(int(trajectory.stamps_ns[-1]), 0) if len(trajectory) else None
            else:
                link = trajectory.at(stamp_ns, max_difference_ns, max_gap_ns)
            if link is None:
                return None
            T = link @ T
        return T

    def _trajectory(self, child: str) -> Trajectory:
        if child not in self._trajectories:
            rows = np.array(self._rows[child], dtype=np.float64)
            self._trajectories[child] = Trajectory(self._stamps[child], rows)
        return self._trajectories[child]
