"""The 7-Scenes layout: ``frame-000000.color.png``, ``.depth.png`` and ``.pose.txt`` in a folder.

Depth is in millimetres, registered to colour; 0 and 65535 are no reading. Intrinsics come from a
file in the folder or above it, as other data sets of this layout have, else those published.
"""

from __future__ import annotations

import re
from pathlib import Path

from ..errors import RecordingFormatError
from ..frames import RgbdFrame
from .base import FrameSkippedError, Recording
from .calibration import find_intrinsics
from .files import first_header, read_color, read_depth
from .images import depth_to_metres
from .meta import DEFAULT_RATE_HZ
from .text import read_pose

INVALID_DEPTH = 65535
_FRAME = re.compile(r"frame-(\d+)\.(color\.(?:png|jpe?g)|depth\.png|pose\.txt)$")


def is_seven_scenes(path: Path) -> bool:
    """Whether ``path`` holds frames of this layout."""
    return any(path.glob("frame-*.color.*")) or any(path.glob("frame-*.depth.png"))


class SevenScenesRecording(Recording):
    """A sequence in the 7-Scenes layout; see the module."""

    kind = "7-scenes"

    def __init__(self, path: Path, *, depth_scale: float = 1000.0) -> None:
        self._files: dict[str, dict[int, Path]] = {"color": {}, "depth": {}, "pose": {}}
        for file in path.iterdir():
            match = _FRAME.match(file.name)
            if match:
                self._files[match[2].partition(".")[0]][int(match[1])] = file
        for part, files in self._files.items():
            if not files:
                raise RecordingFormatError(
                    f"{path} holds no frame-N.{part}.*; every frame needs .color.png, .depth.png "
                    "and .pose.txt (4 lines of 4 numbers, camera to world)."
                )
        numbers = sorted(self._files["color"].keys() | self._files["depth"].keys())
        headers = {
            part: first_header(self._files[part][n] for n in sorted(self._files[part]))
            for part in ("color", "depth")
        }
        color, depth = headers["color"], headers["depth"]
        if (color.width, color.height) != (depth.width, depth.height):
            raise RecordingFormatError(
                f"{path}: colour is {color.width} x {color.height} and depth {depth.width} x "
                f"{depth.height} pixels; this layout needs depth registered to colour."
            )
        super().__init__(
            path,
            name=_name(path.resolve()),
            numbers=numbers,
            stamps_ns=[round(n * 1e9 / DEFAULT_RATE_HZ) for n in numbers],
            intrinsics=find_intrinsics((path, path.resolve().parent), color.width, color.height),
            depth_scale=depth_scale,
        )

    def _load(self, index: int) -> RgbdFrame:
        number = self.numbers[index]
        size = (self.intrinsics.height, self.intrinsics.width)
        pose = self._file("pose", number)
        T_world_camera = read_pose(pose, pose.name)
        depth_file, color_file = self._file("depth", number), self._file("color", number)
        depth = read_depth(depth_file, depth_file.name, size)
        return RgbdFrame(
            stamp_ns=int(self.stamps_ns[index]),
            color=read_color(color_file, color_file.name, size),
            depth_m=depth_to_metres(depth, self.depth_scale, INVALID_DEPTH),
            intrinsics=self.intrinsics,
            T_world_camera=T_world_camera,
        )

    def _file(self, part: str, number: int) -> Path:
        file = self._files[part].get(number)
        if file is None:
            raise FrameSkippedError(f"frame-{number:06d}.{part}", "the file is missing")
        return file


def _name(path: Path) -> str:
    return f"{path.parent.name}_{path.name}" if path.name.startswith("seq-") else path.name
