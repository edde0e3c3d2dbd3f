"""What is known about one frame: its parent and its pose in it over time."""

from __future__ import annotations

from bisect import bisect_right
from typing import NamedTuple

from tf2_py.exceptions import ExtrapolationException
from tf2_py.rotations import Quaternion, Vector, lerp, slerp


class Sample(NamedTuple):
    """Pose of a frame in its parent at one time; ``stamp`` in nanoseconds."""

    stamp: int
    parent: str
    translation: Vector
    rotation: Quaternion


def display(stamp: int) -> str:
    """Seconds with microseconds, as tf2's messages show times."""
    return f"{stamp / 1e9:.6f}"


class StaticCache:
    """A pose that holds at every time."""

    is_static = True
    latest_stamp = 0
    oldest_stamp = 0

    def __init__(self) -> None:
        self._sample: Sample | None = None

    def __len__(self) -> int:
        return 1

    def insert(self, sample: Sample) -> bool:
        """Replace the pose; its stamp becomes 0, which stands for any time."""
        self._sample = sample._replace(stamp=0)
        return True

    def clear(self) -> None:
        """Keep the pose: a static transform is sent once and outlives a jump of time."""

    def latest(self) -> Sample | None:
        """Return the pose."""
        return self._sample

    def at(self, stamp: int) -> Sample:
        """Return the pose."""
        assert self._sample is not None, "a static cache is filled as soon as it is made"
        return self._sample


class TimeCache:
    """Poses of the last ``max_age`` nanoseconds, interpolated in between."""

    is_static = False

    def __init__(self, max_age: int) -> None:
        self._max_age = max_age
        self._stamps: list[int] = []
        self._samples: list[Sample] = []

    def __len__(self) -> int:
        return len(self._samples)

    @property
    def latest_stamp(self) -> int:
        """Newest stamp, 0 where there is none."""
        return self._stamps[-1] if self._stamps else 0

    @property
    def oldest_stamp(self) -> int:
        """Oldest stamp, 0 where there is none."""
        return self._stamps[0] if self._stamps else 0

    def insert(self, sample: Sample) -> bool:
        """Take in a pose, in any order of time; False where it is older than the cache reaches.

        Poses with equal stamps are both kept, the later come counting as the newer; the very same
        pose again changes nothing.
        """
        if self._stamps:
            horizon = self._stamps[-1] - self._max_age
            if self._stamps[0] < horizon:
                keep = next(i for i, stamp in enumerate(self._stamps) if stamp >= horizon)
                del self._stamps[:keep]
                del self._samples[:keep]
            if sample.stamp < horizon:
                return False
        index = bisect_right(self._stamps, sample.stamp)
        same = index
        while same > 0 and self._stamps[same - 1] == sample.stamp:
            same -= 1
            if self._samples[same] == sample:
                return True
        self._stamps.insert(index, sample.stamp)
        self._samples.insert(index, sample)
        return True

    def clear(self) -> None:
        """Forget all poses."""
        self._stamps.clear()
        self._samples.clear()

    def latest(self) -> Sample | None:
        """Return the newest pose, None where there is none."""
        return self._samples[-1] if self._samples else None

    def at(self, stamp: int) -> Sample:
        """Return the pose at a time; stamp 0 asks for the newest.

        Between two poses the translation is interpolated linearly and the rotation spherically.
        Where the parent changed in between, the older pose is returned.

        :raises ExtrapolationException: the time lies outside the poses.
        """
        stamps = self._stamps
        if not stamps:
            raise ExtrapolationException(
                f"Lookup would require extrapolation at time {display(stamp)}, "
                "but no data is in the buffer"
            )
        if stamp == 0:
            return self._samples[-1]
        index = bisect_right(stamps, stamp) - 1
        if index >= 0 and stamps[index] == stamp:
            return self._samples[index]
        if len(stamps) == 1:
            raise ExtrapolationException(
                f"Lookup would require extrapolation at time {display(stamp)}, "
                f"but only time {display(stamps[0])} is in the buffer"
            )
        if index < 0:
            raise ExtrapolationException(
                "Lookup would require extrapolation into the past.  Requested time "
                f"{display(stamp)} but the earliest data is at time {display(stamps[0])}"
            )
        if index == len(stamps) - 1:
            raise ExtrapolationException(
                "Lookup would require extrapolation into the future.  Requested time "
                f"{display(stamp)} but the latest data is at time {display(stamps[-1])}"
            )
        older, newer = self._samples[index], self._samples[index + 1]
        if older.parent != newer.parent:
            return older
        ratio = (stamp - older.stamp) / (newer.stamp - older.stamp)
        return Sample(
            stamp,
            older.parent,
            lerp(older.translation, newer.translation, ratio),
            slerp(older.rotation, newer.rotation, ratio),
        )


Cache = TimeCache | StaticCache
