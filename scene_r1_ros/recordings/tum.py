"""TUM RGB-D sequences: ``rgb.txt``, ``depth.txt`` and ``groundtruth.txt`` (Sturm et al., 2012).

Colour and depth have their own times; each colour image goes with the nearest depth image, no
depth image twice. The pose at the colour image's time is interpolated. Depth is registered to
colour and in 5000 units per metre.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import RecordingFormatError
from ..frames import RgbdFrame, seconds_to_ns
from .association import associate
from .base import FrameSkippedError, Recording
from .calibration import find_intrinsics
from .files import first_header, read_color, read_depth
from .images import depth_to_metres
from .text import checked_pose, read_text, stamp_ns
from .trajectory import Trajectory

DEPTH_SCALE = 5000.0
MAX_DIFFERENCE = 0.02


def is_tum(path: Path) -> bool:
    """Whether ``path`` has a TUM sequence's lists."""
    return (path / "rgb.txt").is_file() or (path / "depth.txt").is_file()


@dataclass(frozen=True)
class _Listed:
    stamp_ns: int
    file: str


class TumRecording(Recording):
    """A TUM RGB-D sequence; see the module. Frames are numbered by their line in ``rgb.txt``.

    ``max_difference`` is the longest time (s) between a colour image and its depth image, and
    between a colour image and the nearest pose.
    """

    kind = "tum"

    def __init__(
        self,
        path: Path,
        *,
        max_difference: float = MAX_DIFFERENCE,
        depth_scale: float = DEPTH_SCALE,
    ) -> None:
        self._max_difference_ns = seconds_to_ns(max_difference)
        self._color = _read_list(path / "rgb.txt")
        listed_depth = _read_list(path / "depth.txt")
        pairs = associate(
            [item.stamp_ns for item in self._color],
            [item.stamp_ns for item in listed_depth],
            self._max_difference_ns,
        )
        self._depth = {i: listed_depth[j] for i, j in pairs.items()}
        self._trajectory = _read_trajectory(path / "groundtruth.txt")
        color = first_header(path / item.file for item in self._color)
        depth = first_header(path / item.file for item in listed_depth)
        if (color.width, color.height) != (depth.width, depth.height):
            raise RecordingFormatError(
                f"{path}: colour is {color.width} x {color.height} and depth {depth.width} x "
                f"{depth.height} pixels; this layout needs depth registered to colour."
            )
        super().__init__(
            path,
            name=path.resolve().name,
            numbers=range(len(self._color)),
            stamps_ns=[item.stamp_ns for item in self._color],
            intrinsics=find_intrinsics((path, path.resolve().parent), color.width, color.height),
            depth_scale=depth_scale,
        )

    def _load(self, index: int) -> RgbdFrame:
        number = self.numbers[index]
        color = self._color[number]
        limit = f"{self._max_difference_ns * 1e-9:g} s"
        pose = self._trajectory.at(color.stamp_ns, self._max_difference_ns)
        if pose is None:
            raise FrameSkippedError(color.file, f"groundtruth.txt has no pose within {limit}")
        depth = self._depth.get(number)
        if depth is None:
            raise FrameSkippedError(color.file, f"depth.txt has no image within {limit}")
        size = (self.intrinsics.height, self.intrinsics.width)
        raw_depth = read_depth(self.path / depth.file, depth.file, size)
        return RgbdFrame(
            stamp_ns=color.stamp_ns,
            color=read_color(self.path / color.file, color.file, size),
            depth_m=depth_to_metres(raw_depth, self.depth_scale),
            intrinsics=self.intrinsics,
            T_world_camera=checked_pose(pose, f"groundtruth.txt for {color.file}"),
        )


def _rows(path: Path, needs: str) -> list[tuple[int, list[str]]]:
    """(line number, words) of the lines that are not empty or comments."""
    lines = read_text(path, needs).splitlines()
    rows = [(i, line.replace(",", " ").split()) for i, line in enumerate(lines, start=1)]
    return [(i, words) for i, words in rows if words and not words[0].startswith("#")]


def _read_list(path: Path) -> list[_Listed]:
    needs = "lines of a time in seconds and a file name"
    items = []
    for line, words in _rows(path, needs):
        if len(words) < 2:
            raise RecordingFormatError(f"{path} line {line} has no file name; it needs {needs}.")
        try:
            items.append(_Listed(stamp_ns(words[0]), words[1]))
        except ValueError as error:
            raise RecordingFormatError(f"{path} line {line}: {error}; it needs {needs}.") from None
    if not items:
        raise RecordingFormatError(f"{path} lists no image; it needs {needs}.")
    return sorted(items, key=lambda item: item.stamp_ns)


def _read_trajectory(path: Path) -> Trajectory:
    needs = "lines of time tx ty tz qx qy qz qw"
    stamps, poses = [], []
    for line, words in _rows(path, needs):
        try:
            if len(words) != 8:
                raise ValueError(f"{len(words)} numbers")
            stamps.append(stamp_ns(words[0]))
            poses.append([float(word) for word in words[1:]])
        except ValueError as error:
            raise RecordingFormatError(f"{path} line {line}: {error}; it needs {needs}.") from None
    trajectory = Trajectory(stamps, np.array(poses, dtype=np.float64).reshape(-1, 7))
    if not len(trajectory):
        raise RecordingFormatError(f"{path} holds no valid pose; it needs {needs}.")
    return trajectory
