"""What the camera saw: the rolling window of RGB-D frames, and one moment of it."""

from __future__ import annotations

import bisect
import enum
import itertools
import threading
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from .config import Config, option
from .errors import FrameError, NoSuchFrameError, WindowEmptyError
from .geometry import rotation_angle
from .intrinsics import CameraIntrinsics
from .rgbd import RgbdFrame, StampedPose, seconds_to_ns

__all__ = [
    "AddResult",
    "CameraIntrinsics",
    "RgbdFrame",
    "StampedPose",
    "VideoWindow",
    "WindowConfig",
    "WindowSnapshot",
    "seconds_to_ns",
]


@dataclass(frozen=True)
class WindowConfig(Config):
    """How much of the recent video is kept."""

    max_seconds: float = option(
        60.0, "Frames older than this before the newest are dropped.", minimum=1.0, unit="s"
    )
    max_megabytes: float = option(
        768.0, "Pixels are dropped, oldest first, beyond this.", minimum=8.0, unit="MB"
    )
    keyframe_interval: float = option(
        0.25, "At most one moving frame in this time keeps its pixels.", minimum=0.0, unit="s"
    )
    keyframe_translation: float = option(
        0.04, "Motion that makes a new keyframe.", minimum=0.0, unit="m"
    )
    keyframe_rotation: float = option(
        0.06, "Rotation that makes a new keyframe.", minimum=0.0, unit="rad"
    )
    keyframe_max_interval: float = option(
        1.0, "A keyframe is kept this often even when nothing moves.", minimum=0.0, unit="s"
    )
    recent_seconds: float = option(
        1.0, "Every frame keeps its pixels this long, so that a prompt reaches what was just seen.",
        minimum=0.0, unit="s",
    )  # fmt: skip
    reorder_seconds: float = option(
        1.0,
        "A frame older than the newest by up to this is put in its place; older means that the "
        "clock jumped backwards, and the window starts again.",
        minimum=0.0,
        unit="s",
    )


class AddResult(enum.Enum):
    """What :meth:`VideoWindow.add` did with a frame."""

    KEYFRAME = "kept with its pixels"
    POSE_ONLY = "time and pose kept; its pixels only while it is recent"
    REORDERED = "arrived late and was put in its place"
    DUPLICATE = "the stamp is there already; ignored"
    RESET = "the clock jumped backwards; the window starts again with this frame"


@dataclass(frozen=True)
class WindowSnapshot:
    """The window at one moment: immutable, shares its pixels, unaffected by later frames.

    ``frames`` have pixels; ``trajectory`` is every frame's time and pose. Both are in order of
    time, and there is at least one frame.
    """

    frames: tuple[RgbdFrame, ...]
    trajectory: tuple[StampedPose, ...] = ()
    _stamps: tuple[int, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not self.frames:
            raise WindowEmptyError("the window holds no frame yet; is the camera running?")
        stamps = tuple(frame.stamp_ns for frame in self.frames)
        if any(b <= a for a, b in itertools.pairwise(stamps)):
            raise FrameError("frames of a window must be in strictly rising order of time.")
        object.__setattr__(self, "_stamps", stamps)
        if not self.trajectory:
            poses = tuple(StampedPose(f.stamp_ns, f.T_world_camera) for f in self.frames)
            object.__setattr__(self, "trajectory", poses)

    @classmethod
    def of(cls, frames: Iterable[RgbdFrame]) -> WindowSnapshot:
        """A window over all of ``frames``, e.g. a whole recording, in any order."""
        return cls(tuple(sorted(frames, key=lambda frame: frame.stamp_ns)))

    @property
    def start_ns(self) -> int:
        """Stamp of the first frame."""
        return self._stamps[0]

    @property
    def end_ns(self) -> int:
        """Stamp of the last frame."""
        return self._stamps[-1]

    @property
    def seconds(self) -> float:
        """Length from the first frame to the last."""
        return (self.end_ns - self.start_ns) * 1e-9

    def time_of(self, frame: RgbdFrame) -> float:
        """Seconds of ``frame`` after the window's first frame."""
        return (frame.stamp_ns - self.start_ns) * 1e-9

    def index_of(self, stamp_ns: int) -> int:
        """Index of the frame with exactly this stamp.

        Raises:
            NoSuchFrameError: with the nearest stamp there is.
        """
        i = bisect.bisect_left(self._stamps, stamp_ns)
        if i < len(self._stamps) and self._stamps[i] == stamp_ns:
            return i
        nearest = self.nearest(stamp_ns)
        raise NoSuchFrameError(
            f"no frame with pixels at {stamp_ns * 1e-9:.6f} s; the nearest is at "
            f"{nearest.stamp:.6f} s, the window spans {self.start_ns * 1e-9:.6f} to "
            f"{self.end_ns * 1e-9:.6f} s."
        )

    def at(self, stamp_ns: int) -> RgbdFrame:
        """The frame with exactly this stamp; raises as :meth:`index_of`."""
        return self.frames[self.index_of(stamp_ns)]

    def nearest(self, stamp_ns: int) -> RgbdFrame:
        """The frame closest in time."""
        i = bisect.bisect_left(self._stamps, stamp_ns)
        around = self.frames[max(0, i - 1) : i + 1]
        return min(around, key=lambda frame: abs(frame.stamp_ns - stamp_ns))

    def between(self, start_ns: int, end_ns: int) -> WindowSnapshot:
        """The part from ``start_ns`` to ``end_ns``, both included.

        Raises:
            WindowEmptyError: if no frame lies in it.
        """
        low = bisect.bisect_left(self._stamps, start_ns)
        high = bisect.bisect_right(self._stamps, end_ns)
        if low >= high:
            raise WindowEmptyError(
                f"no frame lies between {start_ns * 1e-9:.3f} and {end_ns * 1e-9:.3f} s; the "
                f"window spans {self.start_ns * 1e-9:.3f} to {self.end_ns * 1e-9:.3f} s."
            )
        poses = tuple(p for p in self.trajectory if start_ns <= p.stamp_ns <= end_ns)
        return WindowSnapshot(self.frames[low:high], poses)


def _cell(stamp_ns: int, length_ns: int) -> int:
    return stamp_ns // max(1, length_ns)


class VideoWindow:
    """The rolling window over the recent video, bounded in seconds and in bytes.

    Every frame's time and pose are kept; pixels are kept for keyframes (chosen by time and
    motion), for recent frames and for the newest one. Safe to use from several threads.
    """

    def __init__(self, config: WindowConfig | None = None) -> None:
        self.config = config or WindowConfig()
        self._lock = threading.Lock()
        self._frames: list[RgbdFrame] = []
        self._poses: list[StampedPose] = []
        self._nbytes = 0
        self._passing: deque[int] = deque()  # stamps of frames that are no keyframes, rising
        self._last_keyframe: StampedPose | None = None
        self._received = 0

    def add(self, frame: RgbdFrame) -> AddResult:
        """Take in a frame; says what became of it."""
        with self._lock:
            self._received += 1
            if self._poses and frame.stamp_ns <= self._poses[-1].stamp_ns:
                result = self._add_late(frame)
            else:
                result = self._add_newest(frame)
            self._trim()
            return result

    def snapshot(
        self,
        start_ns: int | None = None,
        end_ns: int | None = None,
        *,
        passing: Literal["none", "newest", "recent"] = "newest",
    ) -> WindowSnapshot:
        """The window as it is now, or its part between two stamps; copies no pixels.

        It holds the keyframes, and of the frames that lose their pixels in a moment none (for
        work that takes long), the newest, or all recent ones.

        Raises:
            WindowEmptyError: if there is no frame in it.
        """
        with self._lock:
            left_out = set() if passing == "recent" else set(self._passing)
            if passing == "newest" and self._frames:
                left_out.discard(self._frames[-1].stamp_ns)
            frames = tuple(frame for frame in self._frames if frame.stamp_ns not in left_out)
            poses = tuple(self._poses)
        whole = WindowSnapshot(frames, poses)
        if start_ns is None and end_ns is None:
            return whole
        return whole.between(
            whole.start_ns if start_ns is None else start_ns,
            whole.end_ns if end_ns is None else end_ns,
        )

    def keep(self, stamp_ns: int) -> bool:
        """Make the frame at this stamp a keyframe: somebody works on it. False if it is gone."""
        with self._lock:
            if stamp_ns in self._passing:
                self._passing.remove(stamp_ns)
                return True
            return any(frame.stamp_ns == stamp_ns for frame in self._frames)

    def reconfigure(self, config: WindowConfig) -> None:
        """Take on other bounds; they hold from the next frame on."""
        with self._lock:
            self.config = config

    def clear(self) -> int:
        """Forget everything; returns how many frames had pixels."""
        with self._lock:
            count = len(self._frames)
            self._reset()
            return count

    def __len__(self) -> int:
        return len(self._frames)

    @property
    def nbytes(self) -> int:
        """Memory held by pixels."""
        return self._nbytes

    @property
    def received(self) -> int:
        """Frames handed to :meth:`add` since the start."""
        return self._received

    def _add_newest(self, frame: RgbdFrame) -> AddResult:
        pose = StampedPose(frame.stamp_ns, frame.T_world_camera)
        keyframe = self._last_keyframe is None or self._is_keyframe(pose, self._last_keyframe)
        self._poses.append(pose)
        self._frames.append(frame)
        self._nbytes += frame.nbytes
        if not keyframe:
            self._passing.append(frame.stamp_ns)
            return AddResult.POSE_ONLY
        self._last_keyframe = pose
        return AddResult.KEYFRAME

    def _add_late(self, frame: RgbdFrame) -> AddResult:
        newest = self._poses[-1].stamp_ns
        if newest - frame.stamp_ns > seconds_to_ns(self.config.reorder_seconds):
            self._reset()
            self._add_newest(frame)
            return AddResult.RESET
        i = bisect.bisect_left(self._poses, frame.stamp_ns, key=lambda pose: pose.stamp_ns)
        if self._poses[i].stamp_ns == frame.stamp_ns:
            return AddResult.DUPLICATE
        pose = StampedPose(frame.stamp_ns, frame.T_world_camera)
        self._poses.insert(i, pose)
        j = bisect.bisect_left(self._frames, frame.stamp_ns, key=lambda kept: kept.stamp_ns)
        kept = (f for f in reversed(self._frames[:j]) if f.stamp_ns not in self._passing)
        before = next(kept, None)
        self._frames.insert(j, frame)
        self._nbytes += frame.nbytes
        if before is not None and not self._is_keyframe(
            pose, StampedPose(before.stamp_ns, before.T_world_camera)
        ):
            bisect.insort(self._passing, frame.stamp_ns)
        return AddResult.REORDERED

    def _is_keyframe(self, frame: StampedPose, last: StampedPose) -> bool:
        # Time is cut into cells that every process cuts alike; the first frame of a long cell is
        # always kept, so windows of several processes agree on their keyframes after one cell.
        long_cell = seconds_to_ns(self.config.keyframe_max_interval)
        if _cell(frame.stamp_ns, long_cell) != _cell(last.stamp_ns, long_cell):
            return True
        short_cell = seconds_to_ns(self.config.keyframe_interval)
        if _cell(frame.stamp_ns, short_cell) == _cell(last.stamp_ns, short_cell):
            return False
        a, b = frame.T_world_camera, last.T_world_camera
        return bool(
            np.linalg.norm(a[:3, 3] - b[:3, 3]) >= self.config.keyframe_translation
            or rotation_angle(a, b) >= self.config.keyframe_rotation
        )

    def _trim(self) -> None:
        oldest = self._poses[-1].stamp_ns - seconds_to_ns(self.config.max_seconds)
        limit = self.config.max_megabytes * 1e6
        stale = bisect.bisect_left(self._poses, oldest, key=lambda pose: pose.stamp_ns)
        del self._poses[:stale]
        self._drop_passing(limit)
        drop = bisect.bisect_left(self._frames, oldest, key=lambda kept: kept.stamp_ns)
        nbytes = self._nbytes - sum(frame.nbytes for frame in self._frames[:drop])
        while nbytes > limit and drop < len(self._frames) - 1:
            nbytes -= self._frames[drop].nbytes
            drop += 1
        del self._frames[:drop]
        self._nbytes = nbytes
        while self._passing and self._passing[0] < self._frames[0].stamp_ns:
            self._passing.popleft()

    def _drop_passing(self, limit: float) -> None:
        """Drop frames that are no keyframes and not recent, or too many; never the newest."""
        newest = self._frames[-1].stamp_ns
        recent = newest - seconds_to_ns(self.config.recent_seconds)
        while self._passing and self._passing[0] < newest:
            if self._passing[0] >= recent and self._nbytes <= limit:
                return
            stamp = self._passing.popleft()
            i = bisect.bisect_left(self._frames, stamp, key=lambda kept: kept.stamp_ns)
            self._nbytes -= self._frames.pop(i).nbytes

    def _reset(self) -> None:
        self._frames.clear()
        self._poses.clear()
        self._nbytes = 0
        self._passing.clear()
        self._last_keyframe = None
