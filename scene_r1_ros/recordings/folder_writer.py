"""Write frames as an exported folder, which :class:`.folder.FolderRecording` reads back."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import RecordingError
from ..frames import CameraIntrinsics, RgbdFrame
from .ahead import map_ahead
from .atomic import written_atomically
from .images import encode_color, encode_depth, metres_to_depth


def write_folder(
    out: str | os.PathLike[str],
    frames: Iterable[RgbdFrame],
    *,
    name: str = "",
    depth_scale: float = 1000.0,
    color_suffix: str = ".jpg",
    jpeg_quality: int = 95,
    overwrite: bool = False,
    workers: int = 2,
) -> int:
    """Write ``frames`` (registered, all of one camera) to the folder ``out``; returns how many.

    The folder appears when it is whole. Depth is rounded to 1 / ``depth_scale`` metres; readings
    beyond 65535 of these are written as none. ``meta.json`` keeps exact stamps (``stamp_ns``)
    beside ``timestamp`` in seconds.

    Raises:
        RecordingError: if ``out`` exists (and not ``overwrite``), cannot be written, ``frames``
            is empty, or a frame has other intrinsics than the first.
    """
    out = Path(out)
    if color_suffix not in (".jpg", ".png"):
        raise RecordingError(f"color_suffix = {color_suffix!r}: choose .jpg or .png.")
    with written_atomically(out, overwrite) as folder:
        for part in ("color", "depth", "pose", "intrinsic"):
            (folder / part).mkdir(parents=True)

        def write_one(numbered: tuple[int, RgbdFrame]) -> RgbdFrame:
            number, frame = numbered
            color = encode_color(frame.color, color_suffix, jpeg_quality)
            depth = encode_depth(metres_to_depth(frame.depth_m, depth_scale))
            (folder / "color" / f"{number}{color_suffix}").write_bytes(color)
            (folder / "depth" / f"{number}.png").write_bytes(depth)
            (folder / "pose" / f"{number}.txt").write_text(matrix_text(frame.T_world_camera))
            return frame

        entries: list[dict[str, Any]] = []
        camera: CameraIntrinsics | None = None
        for number, frame in enumerate(map_ahead(write_one, enumerate_frames(frames), workers)):
            camera = camera or frame.intrinsics
            if frame.intrinsics != camera:
                raise RecordingError(
                    f"frame {number} has other intrinsics than the first ({frame.intrinsics}, "
                    f"{camera}); a folder holds one camera."
                )
            stamp = {"timestamp": frame.stamp_ns / 1e9, "stamp_ns": frame.stamp_ns}
            entries.append({"index": number, **stamp})
        if camera is None:
            raise RecordingError(f"there is no frame to write to {out}.")
        _write_intrinsics(folder / "intrinsic", camera)
        meta = {
            "name": name or out.name,
            "width": camera.width,
            "height": camera.height,
            "depth_scale": depth_scale,
            "frames": entries,
        }
        (folder / "meta.json").write_text(json.dumps(meta, indent=1) + "\n", encoding="utf-8")
    return len(entries)


def enumerate_frames(frames: Iterable[RgbdFrame]) -> Iterable[tuple[int, RgbdFrame]]:
    """``enumerate`` that also checks that times rise.

    Raises:
        RecordingError: naming the first frame that is not later than the one before.
    """
    last: int | None = None
    for number, frame in zip(itertools.count(), frames):
        if last is not None and frame.stamp_ns <= last:
            raise RecordingError(
                f"frame {number} at {frame.stamp:.6f} s is not later than the one before; sort "
                "the frames by time."
            )
        last = frame.stamp_ns
        yield number, frame


def matrix_text(matrix: NDArray[np.float64]) -> str:
    """Lines of numbers that read back as exactly the same values."""
    return "".join(" ".join(repr(float(v)) for v in row) + "\n" for row in matrix)


def _write_intrinsics(folder: Path, camera: CameraIntrinsics) -> None:
    K = np.eye(4)
    K[:3, :3] = camera.K
    for part in ("color", "depth"):
        (folder / f"intrinsic_{part}.txt").write_text(matrix_text(K))
        (folder / f"extrinsic_{part}.txt").write_text(matrix_text(np.eye(4)))
