"""The exported ScanNet folder: ``color/N.jpg depth/N.png pose/N.txt intrinsic/*.txt``.

Depth that comes from its own camera (another size, other intrinsics, or extrinsics) is registered
to colour. An extrinsic matrix takes points of its camera to the frame whose pose is recorded.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ..errors import FrameError, RecordingFormatError
from ..frames import CameraIntrinsics, RgbdFrame
from ..geometry import Float64, invert, rigid_transform
from .base import FrameSkippedError, Recording
from .files import first_header, read_color, read_depth
from .images import ImageHeader, depth_to_metres
from .meta import FolderMeta, read_meta
from .registration import DepthRegistration
from .text import checked_pose, natural_number, read_intrinsics, read_matrix, read_pose

COLOR_SUFFIXES = (".jpg", ".jpeg", ".png")
DEPTH_SUFFIXES = (".png",)


def is_folder_recording(path: Path) -> bool:
    """Whether ``path`` has the layout of an exported folder."""
    return (path / "color").is_dir() or all((path / name).is_dir() for name in ("depth", "pose"))


class FolderRecording(Recording):
    """An exported folder; see the module.

    Raises:
        RecordingFormatError: if there are no frames, or intrinsics are missing or do not fit.
    """

    kind = "scannet-folder"

    def __init__(self, path: Path) -> None:
        self._color = _numbered(path / "color", COLOR_SUFFIXES)
        self._depth = _numbered(path / "depth", DEPTH_SUFFIXES)
        self._pose = _numbered(path / "pose", (".txt",))
        numbers = sorted(self._color.keys() | self._depth.keys())
        for folder, files, kinds in (
            ("color", self._color, "N.jpg or N.png"),
            ("depth", self._depth, "N.png"),
        ):
            if not files:
                raise RecordingFormatError(
                    f"{path / folder} holds no image; it needs {kinds}, N counting the frames."
                )
        self._meta: FolderMeta = read_meta(path / "meta.json", numbers)
        if not self._pose and not self._meta.poses:
            raise RecordingFormatError(
                f"{path / 'pose'} holds no pose; it needs N.txt, each 4 lines of 4 numbers, the "
                "camera-to-world transform of frame N."
            )
        color_header = first_header(_in_order(self._color))
        depth_header = first_header(_in_order(self._depth))
        intrinsics = read_intrinsics(
            path / "intrinsic" / "intrinsic_color.txt", color_header.width, color_header.height
        )
        self._depth_size = (depth_header.height, depth_header.width)
        E_color = _extrinsic(path / "intrinsic" / "extrinsic_color.txt")
        E_depth = _extrinsic(path / "intrinsic" / "extrinsic_depth.txt")
        self._E_color = E_color
        self._register = DepthRegistration(
            _depth_camera(path, intrinsics, depth_header), intrinsics, invert(E_color) @ E_depth
        )
        super().__init__(
            path,
            name=self._meta.name or path.resolve().name,
            numbers=numbers,
            stamps_ns=[self._meta.stamp_ns(number) for number in numbers],
            intrinsics=intrinsics,
            depth_scale=self._meta.depth_scale,
        )

    def _load(self, index: int) -> RgbdFrame:
        number = self.numbers[index]
        # The pose first: where tracking was lost no image need be decoded.
        T_world_rig = self._pose_of(number)
        depth_path, color_path = self._file(self._depth, number), self._file(self._color, number)
        depth = read_depth(depth_path, self._relative(depth_path), self._depth_size)
        size = (self.intrinsics.height, self.intrinsics.width)
        color = read_color(color_path, self._relative(color_path), size)
        return RgbdFrame(
            stamp_ns=int(self.stamps_ns[index]),
            color=color,
            depth_m=self._register(depth_to_metres(depth, self.depth_scale)),
            intrinsics=self.intrinsics,
            T_world_camera=T_world_rig @ self._E_color,
        )

    def _pose_of(self, number: int) -> Float64:
        path = self._pose.get(number)
        if path is not None:
            return read_pose(path, self._relative(path))
        if number in self._meta.poses:
            return checked_pose(self._meta.poses[number], f"meta.json pose of frame {number}")
        raise FrameSkippedError(f"pose/{number}.txt", "the file is missing")

    def _file(self, files: Mapping[int, Path], number: int) -> Path:
        path = files.get(number)
        if path is None:
            folder = "color" if files is self._color else "depth"
            raise FrameSkippedError(f"{folder}/{number}", "the image is missing")
        return path

    def _relative(self, path: Path) -> str:
        return str(path.relative_to(self.path))


def _numbered(folder: Path, suffixes: tuple[str, ...]) -> dict[int, Path]:
    files: dict[int, Path] = {}
    if not folder.is_dir():
        return files
    for path in folder.iterdir():
        number = natural_number(path.stem)
        if number is None or path.suffix.lower() not in suffixes:
            continue
        if number in files:
            raise RecordingFormatError(
                f"{files[number]} and {path.name} are both frame {number}; remove one."
            )
        files[number] = path
    return files


def _in_order(files: Mapping[int, Path]) -> list[Path]:
    return [files[number] for number in sorted(files)]


def _depth_camera(path: Path, color: CameraIntrinsics, header: ImageHeader) -> CameraIntrinsics:
    file = path / "intrinsic" / "intrinsic_depth.txt"
    if file.is_file():
        return read_intrinsics(file, header.width, header.height)
    if (header.width, header.height) != (color.width, color.height):
        raise RecordingFormatError(
            f"{file} is missing: depth is {header.width} x {header.height} and colour "
            f"{color.width} x {color.height} pixels, so depth needs its own intrinsics to be "
            "registered to colour."
        )
    return color


def _extrinsic(path: Path) -> Float64:
    if not path.is_file():
        return np.eye(4)
    matrix = read_matrix(path)
    try:
        return rigid_transform(matrix, str(path))
    except FrameError as error:
        raise RecordingFormatError(str(error)) from error
