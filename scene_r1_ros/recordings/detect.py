"""Find out what a path is and open it with the reader for its layout."""

from __future__ import annotations

import os
from pathlib import Path

from ..errors import RecordingFormatError
from .bag_reader import is_bag
from .bag_topics import BagOptions
from .base import Recording
from .folder import FolderRecording, is_folder_recording
from .sens import SensReader
from .seven_scenes import SevenScenesRecording, is_seven_scenes
from .tum import TumRecording, is_tum

KNOWN_LAYOUTS = (
    "an exported ScanNet folder (color/N.jpg depth/N.png pose/N.txt "
    "intrinsic/intrinsic_color.txt), a ScanNet .sens file, a TUM RGB-D folder (rgb.txt depth.txt "
    "groundtruth.txt), a 7-Scenes style folder (frame-000000.color.png .depth.png .pose.txt), or a "
    "ROS 2 bag (.mcap, .db3, or a folder with metadata.yaml)"
)


def open_recording(path: str | os.PathLike[str], options: BagOptions | None = None) -> Recording:
    """Open the recording at ``path``, whatever its layout; ``options`` are for bags.

    Raises:
        RecordingFormatError: if nothing is there, the layout is unknown (the message lists the
            known ones and what was found) or the recording is malformed.
    """
    path = Path(path).expanduser()
    if not path.exists():
        raise RecordingFormatError(f"{path} does not exist; a recording is {KNOWN_LAYOUTS}.")
    if path.suffix == ".sens" and path.is_file():
        return SensReader(path)
    if path.is_dir() and is_folder_recording(path):
        return FolderRecording(path)
    if path.is_dir() and is_tum(path):
        return TumRecording(path)
    if path.is_dir() and is_seven_scenes(path):
        return SevenScenesRecording(path)
    if is_bag(path):
        from .bag import BagRecording  # rosbags is only needed here

        return BagRecording(path, options)
    raise RecordingFormatError(
        f"{path} is no recording of a known layout: it {_found(path)}. Known are {KNOWN_LAYOUTS}."
    )


def _found(path: Path) -> str:
    if not path.is_dir():
        return f"is a file of {path.stat().st_size} bytes named {path.name}"
    names = sorted(item.name + ("/" if item.is_dir() else "") for item in path.iterdir())
    if not names:
        return "is an empty folder"
    shown = ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
    return f"holds {shown}"
