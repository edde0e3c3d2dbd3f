"""``meta.json`` of an exported folder: depth scale, times and, if there are no files, poses."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import RecordingFormatError
from ..frames import seconds_to_ns
from ..geometry import Float64

DEFAULT_DEPTH_SCALE = 1000.0
DEFAULT_RATE_HZ = 30


@dataclass(frozen=True)
class FolderMeta:
    """What an exported folder says about itself; everything has a default.

    ``depth_scale`` is in units per metre; ``stamps_ns`` and ``poses`` are by frame number.
    """

    name: str = ""
    depth_scale: float = DEFAULT_DEPTH_SCALE
    stamps_ns: dict[int, int] = field(default_factory=dict)
    poses: dict[int, Float64] = field(default_factory=dict)

    def stamp_ns(self, number: int) -> int:
        """Time of frame ``number``; without one, number / 30 seconds."""
        stamp = self.stamps_ns.get(number)
        return round(number * 1_000_000_000 / DEFAULT_RATE_HZ) if stamp is None else stamp


def read_meta(path: Path, numbers: Sequence[int]) -> FolderMeta:
    """Read ``path`` for the frames ``numbers`` (rising); without the file, the defaults.

    Entries of ``frames`` say which frame they are for with ``index``. Entries without it are
    taken in order if there is one for each frame, else the N-th is for frame N.

    Raises:
        RecordingFormatError: naming the file and the entry that is wrong.
    """
    if not path.is_file():
        return FolderMeta()
    try:
        meta = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RecordingFormatError(f"{path} is no readable JSON: {error}.") from error
    if not isinstance(meta, dict):
        raise RecordingFormatError(f"{path} holds a {type(meta).__name__}; it needs an object.")
    scale = meta.get("depth_scale", DEFAULT_DEPTH_SCALE)
    if not _is_number(scale) or scale <= 0:
        raise RecordingFormatError(
            f"{path}: depth_scale = {scale!r}; it needs the depth units per metre, such as 1000."
        )
    entries = meta.get("frames", [])
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise RecordingFormatError(f"{path}: frames must be a list of objects.")
    stamps: dict[int, int] = {}
    poses: dict[int, Float64] = {}
    for position, entry in enumerate(entries):
        number = _number_of(entry, position, entries, numbers, path)
        stamp = _stamp_of(entry, f"{path}: frames[{position}]")
        if stamp is not None:
            stamps[number] = stamp
        if entry.get("pose") is not None:
            poses[number] = _pose_of(entry["pose"], f"{path}: frames[{position}].pose")
    untimed = [number for number in numbers if number not in stamps]
    if stamps and untimed:
        raise RecordingFormatError(
            f"{path} has times, but none for frame {untimed[0]} ({len(untimed)} of {len(numbers)} "
            "frames have none); give every frame one, or none at all (then it is number / 30 s)."
        )
    return FolderMeta(str(meta.get("name") or ""), float(scale), stamps, poses)


def _number_of(
    entry: dict[str, Any],
    position: int,
    entries: list[dict[str, Any]],
    numbers: Sequence[int],
    path: Path,
) -> int:
    if "index" in entry:
        if not isinstance(entry["index"], int) or isinstance(entry["index"], bool):
            raise RecordingFormatError(
                f"{path}: frames[{position}].index = {entry['index']!r}; it needs the number in "
                "the frame's file name."
            )
        return entry["index"]
    return numbers[position] if len(entries) == len(numbers) else position


def _stamp_of(entry: dict[str, Any], what: str) -> int | None:
    exact = entry.get("stamp_ns")
    if isinstance(exact, int) and not isinstance(exact, bool):
        return exact
    seconds = entry.get("timestamp")
    if seconds is None:
        return None
    if not _is_number(seconds):
        raise RecordingFormatError(f"{what}.timestamp = {seconds!r}; it needs seconds.")
    return seconds_to_ns(seconds)


def _pose_of(value: Any, what: str) -> Float64:
    try:
        matrix = np.array(value, dtype=np.float64).reshape(4, 4)
    except (TypeError, ValueError, OverflowError):
        raise RecordingFormatError(f"{what}: it needs 16 numbers, a 4 x 4 matrix.") from None
    return matrix


def _is_number(value: Any) -> bool:
    """Whether ``value`` is a finite number of a size that measures something."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e30
