"""What the camera saw: intrinsics, one RGB-D frame with its pose, and the rolling window.

Stamps are integer nanoseconds, exactly as ROS carries them; ``stamp`` is the same in seconds.
"""

from __future__ import annotations

import bisect
import enum
import itertools
import math
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .config import Config, option
from .errors import FrameError, NoSuchFrameError, WindowEmptyError
from .geometry import Float64, rigid_transform, rotation_angle


def seconds_to_ns(seconds: float) -> int:
    """Seconds as integer nanoseconds."""
    return round(seconds * 1e9)


@dataclass(frozen=True)
class CameraIntrinsics:
    """A pinhole camera without distortion; pixels. Pixel (0, 0) is the centre of the first one.

    Raises:
        FrameError: if a size or focal length is not positive or anything is not finite.
    """

    width: int
    height: int
    fx: float
    fy: float
    cx: float
    cy: float

    def __post_init__(self) -> None:
        numbers = (self.fx, self.fy, self.cx, self.cy)
        if self.width <= 0 or self.height <= 0:
            raise FrameError(f"camera image of {self.width} x {self.height} pixels is empty.")
        if not all(math.isfinite(v) for v in numbers) or self.fx <= 0 or self.fy <= 0:
            raise FrameError(
                f"camera intrinsics fx={self.fx:g} fy={self.fy:g} cx={self.cx:g} cy={self.cy:g}: "
                "focal lengths must be positive and finite; is the camera calibrated?"
            )

    @classmethod
    def from_matrix(cls, K: NDArray[Any], width: int, height: int) -> CameraIntrinsics:
        """From a camera matrix of shape (3, 3) or larger."""
        return cls(width, height, float(K[0, 0]), float(K[1, 1]), float(K[0, 2]), float(K[1, 2]))

    @property
    def K(self) -> Float64:
        """(3, 3) camera matrix."""
        return np.array([[self.fx, 0, self.cx], [0, self.fy, self.cy], [0, 0, 1.0]])

    def scaled(self, width: int, height: int) -> CameraIntrinsics:
        """The same camera with its image resized to ``width`` x ``height`` pixels."""
        sx, sy = width / self.width, height / self.height
        return CameraIntrinsics(
            width,
            height,
            self.fx * sx,
            self.fy * sy,
            (self.cx + 0.5) * sx - 0.5,
            (self.cy + 0.5) * sy - 0.5,
        )

    def project(self, points: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Pixels (N, 2) and z-depths (N,) of camera-frame points (N, 3).

        Points at or behind the camera get NaN pixels.
        """
        z = points[:, 2]
        with np.errstate(divide="ignore", invalid="ignore"):
            inverse = np.where(z > 0, 1.0 / z, np.nan).astype(points.dtype, copy=False)
        u = points[:, 0] * inverse * self.fx + self.cx
        v = points[:, 1] * inverse * self.fy + self.cy
        return np.stack([u, v], axis=1).astype(points.dtype, copy=False), z

    def backproject(
        self, depth_m: NDArray[np.float32], mask: NDArray[np.bool_] | None = None
    ) -> NDArray[np.float32]:
        """Camera-frame points (N, 3), float32, of the pixels with depth (and inside ``mask``).

        Raises:
            FrameError: if depth is not of this camera's size.
        """
        if depth_m.shape != (self.height, self.width):
            raise FrameError(
                f"depth has shape {depth_m.shape}; this camera's is {(self.height, self.width)}."
            )
        valid = depth_m > 0 if mask is None else mask & (depth_m > 0)
        pixels = np.flatnonzero(valid)
        ray_x, ray_y = _rays(self)
        points = np.empty((pixels.size, 3), np.float32)
        points[:, 2] = z = depth_m.ravel().take(pixels)
        np.multiply(ray_x.take(pixels), z, out=points[:, 0])
        np.multiply(ray_y.take(pixels), z, out=points[:, 1])
        return points


@lru_cache(maxsize=4)
def _rays(camera: CameraIntrinsics) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """x and y at depth 1 of every pixel, (height * width,) each."""
    x = (np.arange(camera.width) - camera.cx) / camera.fx
    y = (np.arange(camera.height) - camera.cy) / camera.fy
    return (
        np.tile(x.astype(np.float32), camera.height),
        np.repeat(y.astype(np.float32), camera.width),
    )


@dataclass(frozen=True, eq=False)
class RgbdFrame:
    """One registered RGB-D image with its pose; its arrays are read-only views.

    ``color`` is (H, W, 3) uint8 RGB, ``depth_m`` (H, W) float32 metres with NaN where there is
    no reading, ``T_world_camera`` (4, 4) takes optical-frame points to the fixed frame.

    Raises:
        FrameError: if shapes or types do not fit each other or the intrinsics.
    """

    stamp_ns: int
    color: NDArray[np.uint8]
    depth_m: NDArray[np.float32]
    intrinsics: CameraIntrinsics
    T_world_camera: Float64
    frame_id: str = "camera"

    def __post_init__(self) -> None:
        color, depth, camera = self.color, self.depth_m, self.intrinsics
        if color.dtype != np.uint8 or color.ndim != 3 or color.shape[2] != 3:
            raise FrameError(
                f"colour image is {color.dtype} {color.shape}; needs uint8 (height, width, 3)."
            )
        if depth.dtype != np.float32 or depth.ndim != 2:
            raise FrameError(
                f"depth image is {depth.dtype} {depth.shape}; needs float32 (height, width)."
            )
        if color.shape[:2] != depth.shape:
            raise FrameError(
                f"colour is {color.shape[1]} x {color.shape[0]} but depth is {depth.shape[1]} x "
                f"{depth.shape[0]} pixels; register depth to colour first."
            )
        if depth.shape != (camera.height, camera.width):
            raise FrameError(
                f"image is {depth.shape[1]} x {depth.shape[0]} pixels but its intrinsics are for "
                f"{camera.width} x {camera.height}."
            )
        object.__setattr__(self, "stamp_ns", int(self.stamp_ns))
        object.__setattr__(self, "color", _read_only(color))
        object.__setattr__(self, "depth_m", _read_only(depth))
        object.__setattr__(self, "T_world_camera", rigid_transform(self.T_world_camera))

    @property
    def stamp(self) -> float:
        """Seconds."""
        return self.stamp_ns / 1e9

    @property
    def nbytes(self) -> int:
        """Memory of the pixels."""
        return self.color.nbytes + self.depth_m.nbytes


def _read_only(array: NDArray[Any]) -> NDArray[Any]:
    view = array.view()
    view.flags.writeable = False
    return view


@dataclass(frozen=True)
class StampedPose:
    """Where the camera was: ``T_world_camera`` (4, 4) at ``stamp_ns``."""

    stamp_ns: int
    T_world_camera: Float64


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
    POSE_ONLY = "time and pose kept; its pixels last until the next frame"
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
    motion) and for the newest frame. Safe to use from several threads.
    """

    def __init__(self, config: WindowConfig | None = None) -> None:
        self.config = config or WindowConfig()
        self._lock = threading.Lock()
        self._frames: list[RgbdFrame] = []
        self._poses: list[StampedPose] = []
        self._nbytes = 0
        self._newest_is_keyframe = True
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

    def snapshot(self, start_ns: int | None = None, end_ns: int | None = None) -> WindowSnapshot:
        """The window as it is now, or its part between two stamps; copies no pixels.

        Raises:
            WindowEmptyError: if there is no frame in it.
        """
        with self._lock:
            frames, poses = tuple(self._frames), tuple(self._poses)
        whole = WindowSnapshot(frames, poses)
        if start_ns is None and end_ns is None:
            return whole
        return whole.between(
            whole.start_ns if start_ns is None else start_ns,
            whole.end_ns if end_ns is None else end_ns,
        )

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
        if self._frames and not self._newest_is_keyframe:
            self._nbytes -= self._frames.pop().nbytes
        keyframe = not self._frames or self._is_keyframe(frame, self._frames[-1])
        self._poses.append(StampedPose(frame.stamp_ns, frame.T_world_camera))
        self._frames.append(frame)
        self._nbytes += frame.nbytes
        self._newest_is_keyframe = keyframe
        return AddResult.KEYFRAME if keyframe else AddResult.POSE_ONLY

    def _add_late(self, frame: RgbdFrame) -> AddResult:
        behind = self._poses[-1].stamp_ns - frame.stamp_ns
        if behind > seconds_to_ns(self.config.reorder_seconds):
            self._reset()
            self._add_newest(frame)
            return AddResult.RESET
        i = bisect.bisect_left(self._poses, frame.stamp_ns, key=lambda pose: pose.stamp_ns)
        if self._poses[i].stamp_ns == frame.stamp_ns:
            return AddResult.DUPLICATE
        self._poses.insert(i, StampedPose(frame.stamp_ns, frame.T_world_camera))
        j = bisect.bisect_left(self._frames, frame.stamp_ns, key=lambda kept: kept.stamp_ns)
        if j == 0 or self._is_keyframe(frame, self._frames[j - 1]):
            self._frames.insert(j, frame)
            self._nbytes += frame.nbytes
        return AddResult.REORDERED

    def _is_keyframe(self, frame: RgbdFrame, last: RgbdFrame) -> bool:
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
        drop = bisect.bisect_left(self._frames, oldest, key=lambda kept: kept.stamp_ns)
        nbytes = self._nbytes - sum(frame.nbytes for frame in self._frames[:drop])
        while nbytes > limit and drop < len(self._frames) - 1:
            nbytes -= self._frames[drop].nbytes
            drop += 1
        del self._frames[:drop]
        self._nbytes = nbytes

    def _reset(self) -> None:
        self._frames.clear()
        self._poses.clear()
        self._nbytes = 0
        self._newest_is_keyframe = True
