"""A result on disk, whole enough to be looked at again: frames, masks, poses, cloud, numbers.

``result.json`` holds the record and the list of frames; ``frames/N.jpg`` and ``masks/N.png`` (white
is the object) are the pictures; ``object.ply`` is the cloud.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ..errors import RequestError
from ..frames import CameraIntrinsics, RgbdFrame, WindowSnapshot
from ..geometry import Box3D, Float64
from ..lifting import LiftedObject
from ..pipeline import PipelineResult
from ..recordings.images import encode_color
from .pictures import evenly

RESULT_FILE = "result.json"
CLOUD_FILE = "object.ply"
MOST_FRAMES = 80
_VERSION = 1


@dataclass(frozen=True, eq=False)
class ResultFrame:
    """One frame of a saved result: ``color`` (H, W, 3) RGB, ``mask`` (H, W) bool or None."""

    stamp_ns: int
    color: NDArray[np.uint8]
    mask: NDArray[np.bool_] | None
    intrinsics: CameraIntrinsics
    T_world_camera: Float64


@dataclass(frozen=True, eq=False)
class SavedResult:
    """What :func:`load_result` found; ``points`` and ``colors`` are (N, 3), empty if not found."""

    record: dict[str, Any]
    frames: tuple[ResultFrame, ...]
    points: NDArray[np.float32]
    colors: NDArray[np.uint8]

    @property
    def box(self) -> Box3D | None:
        """The 3D box that was found."""
        return _box(self.record.get("object"))

    @property
    def truth(self) -> Box3D | None:
        """The annotated 3D box, if one was known."""
        return _box(self.record.get("truth"))


def save_result(
    out: Path, window: WindowSnapshot, result: PipelineResult, record: dict[str, Any]
) -> None:
    """Write the folder's parts beside the page; replaces those of an earlier result.

    At most :data:`MOST_FRAMES` frames are kept, evenly spread, the anchor among them.
    """
    for name in ("frames", "masks"):
        (out / name).mkdir(parents=True, exist_ok=True)
        for old in (out / name).glob("*.*"):
            old.unlink()
    entries = []
    for number, frame in enumerate(_kept(window, result)):
        (out / "frames" / f"{number}.jpg").write_bytes(encode_color(frame.color, ".jpg", 90))
        mask = result.track.at(frame.stamp_ns) if result.track else None
        if mask is not None:
            cv2.imwrite(str(out / "masks" / f"{number}.png"), mask.mask.view(np.uint8) * 255)
        entries.append(
            {
                "stamp_ns": frame.stamp_ns,
                "mask": mask is not None,
                "T_world_camera": frame.T_world_camera.tolist(),
                "intrinsics": vars(frame.intrinsics),
            }
        )
    text = json.dumps({"version": _VERSION, **record, "frames": entries}, indent=1)
    (out / RESULT_FILE).write_text(text + "\n", encoding="utf-8")
    (out / CLOUD_FILE).unlink(missing_ok=True)
    if result.lifted is not None:
        write_ply(out / CLOUD_FILE, result.lifted)


def load_result(folder: Path) -> SavedResult:
    """Read what :func:`save_result` wrote.

    Raises:
        RequestError: if the folder holds no result, or a damaged one.
    """
    path = folder / RESULT_FILE
    if not path.is_file():
        raise RequestError(
            f"{folder} holds no {RESULT_FILE}; give a folder that `scene-r1 demo --out` or "
            "`scene-r1 ground --report` wrote."
        )
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        frames = tuple(_frame(folder, i, entry) for i, entry in enumerate(record.pop("frames")))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RequestError(f"{path} is damaged: {error}; write the result again.") from error
    points, colors = _read_ply(folder / CLOUD_FILE)
    return SavedResult(record, frames, points, colors)


def write_ply(path: Path, lifted: LiftedObject) -> None:
    """The object's points, coloured, as binary PLY in metres of the fixed frame.

    Raises:
        RequestError: if ``path`` cannot be written.
    """
    vertices = np.empty(len(lifted.points), _VERTEX)
    for i, name in enumerate("xyz"):
        vertices[name] = lifted.points[:, i]
    for i, name in enumerate(("red", "green", "blue")):
        vertices[name] = lifted.colors[:, i]
    properties = "".join(f"property float {name}\n" for name in "xyz")
    properties += "".join(f"property uchar {name}\n" for name in ("red", "green", "blue"))
    header = f"ply\nformat binary_little_endian 1.0\nelement vertex {len(vertices)}\n{properties}"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(header.encode() + b"end_header\n" + vertices.tobytes())
    except OSError as error:
        raise RequestError(f"the points cannot be written to {path}: {error}.") from error


_VERTEX = np.dtype(
    [("x", "<f4"), ("y", "<f4"), ("z", "<f4"), ("red", "u1"), ("green", "u1"), ("blue", "u1")]
)


def _read_ply(path: Path) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Inverse of :func:`write_ply`; empty without a file."""
    if not path.is_file():
        return np.empty((0, 3), np.float32), np.empty((0, 3), np.uint8)
    header, end, body = path.read_bytes().partition(b"end_header\n")
    if not end or b"binary_little_endian" not in header or len(body) % _VERTEX.itemsize:
        raise RequestError(f"{path} is not a cloud that this program wrote.")
    vertices = np.frombuffer(body, _VERTEX)
    points = np.stack([vertices[name] for name in "xyz"], axis=1)
    colors = np.stack([vertices[name] for name in ("red", "green", "blue")], axis=1)
    return points, colors


def _kept(window: WindowSnapshot, result: PipelineResult) -> list[RgbdFrame]:
    chosen = {frame.stamp_ns: frame for frame in evenly(window.frames, MOST_FRAMES)}
    if result.grounding.found:
        anchor = window.at(result.grounding.anchor_stamp_ns)
        chosen[anchor.stamp_ns] = anchor
    return [chosen[stamp] for stamp in sorted(chosen)]


def _frame(folder: Path, number: int, entry: dict[str, Any]) -> ResultFrame:
    image = folder / "frames" / f"{number}.jpg"
    pixels = cv2.imread(str(image), cv2.IMREAD_COLOR)
    if pixels is None:
        raise ValueError(f"{image} cannot be read")
    mask = None
    if entry["mask"]:
        mask_file = folder / "masks" / f"{number}.png"
        values = cv2.imread(str(mask_file), cv2.IMREAD_GRAYSCALE)
        if values is None:
            raise ValueError(f"{mask_file} cannot be read")
        mask = np.asarray(values > 127)
    return ResultFrame(
        int(entry["stamp_ns"]),
        np.asarray(pixels[..., ::-1], np.uint8),
        mask,
        CameraIntrinsics(**entry["intrinsics"]),
        np.array(entry["T_world_camera"], dtype=np.float64),
    )


def _box(item: dict[str, Any] | None) -> Box3D | None:
    if not item:
        return None
    return Box3D(tuple(item["center"]), tuple(item["size"]), item["yaw"])
