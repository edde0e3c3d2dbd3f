"""One ScanNet scene made ready: its ``.sens`` streamed to an exported folder, with the truth.

The folder appears when it is whole. Colour JPEGs are copied as they are unless they are resized;
depth is stored losslessly as PNG. Frames without a valid pose and damaged frames are left out and
counted.
"""

from __future__ import annotations

import json
import shutil
import zlib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from scene_r1_ros.config import Config, option
from scene_r1_ros.errors import RecordingFormatError
from scene_r1_ros.frames import CameraIntrinsics, RgbdFrame
from scene_r1_ros.geometry import Float64
from scene_r1_ros.recordings import FrameSkippedError
from scene_r1_ros.recordings.atomic import written_atomically
from scene_r1_ros.recordings.folder_writer import matrix_text
from scene_r1_ros.recordings.images import encode_color, encode_depth, metres_to_depth
from scene_r1_ros.recordings.sens import SensReader
from scene_r1_ros.recordings.sens_format import ColorCompression, DepthCompression

from .labels_scene import Scene, has_ground_truth, read_axis_alignment, read_scene, scene_folder

SCENE_FILE = "scene.json"
SCENE_VERSION = 1
SCALED_DEPTH = 1000.0
"""Units per metre of depth that was scaled with its colour image."""
_BYTES_OF_TEXT = 420  # a frame's pose and its entry in meta.json


@dataclass(frozen=True)
class PrepareConfig(Config):
    """What is kept of each scene; part of a prepared data set's identity."""

    stride: int = option(20, "Every how many-th frame is kept.", minimum=1)
    max_width: int = option(
        640,
        "Wider colour images are scaled down to this width, depth registered to them; 0 keeps "
        "both images as they are.",
        minimum=0,
        unit="px",
    )
    jpeg_quality: int = option(95, "Of scaled images.", minimum=50, maximum=100)
    allow_truncated: bool = option(
        False, "Keep the whole frames of a file that was cut off, instead of refusing the scene."
    )


@dataclass(frozen=True)
class SceneTask:
    """Prepare ``scene_id`` of the data set at ``root`` into ``out``."""

    root: Path
    scene_id: str
    out: Path
    config: PrepareConfig


@dataclass(frozen=True)
class SceneReport:
    """What became of a scene; ``done_before`` if it had been prepared by an earlier run."""

    scene_id: str
    frames: int
    skipped: dict[str, int]
    bytes: int
    objects: int
    done_before: bool = False


def prepared_folder(out: Path, scene_id: str) -> Path:
    """Where a prepared scene lies."""
    return out / "scenes" / scene_id


def prepare_scene(task: SceneTask) -> SceneReport:
    """Prepare one scene; does nothing if it is there already.

    Raises:
        RecordingError: naming the file that is corrupted, missing or cannot be written.
    """
    folder = prepared_folder(task.out, task.scene_id)
    if (folder / SCENE_FILE).is_file():
        return _report(read_scene_file(folder), folder, done_before=True)
    _remove_partials(folder)
    source = scene_folder(task.root, task.scene_id)
    scene = read_scene(source) if has_ground_truth(source) else None
    with SensReader(source / f"{task.scene_id}.sens") as reader:
        if reader.truncated and not task.config.allow_truncated:
            raise RecordingFormatError(
                f"{reader.path} was cut off: {reader.frame_count} of its "
                f"{reader.header.frame_count} frames are whole. Copy it again, or use what is "
                "there with --allow-truncated."
            )
        with written_atomically(folder, overwrite=True) as partial:
            about = _write_frames(reader, partial, task.config)
            about |= _about_scene(task, scene, source)
            (partial / SCENE_FILE).write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
    return _report(about, folder)


def read_scene_file(folder: Path) -> dict[str, Any]:
    """What ``scene.json`` says about a prepared scene.

    Raises:
        RecordingFormatError: if it is missing, damaged or of another version.
    """
    path = folder / SCENE_FILE
    try:
        about = json.loads(path.read_text(encoding="utf-8"))
        version = about["version"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RecordingFormatError(
            f"{path} cannot be read ({error}); prepare the scene again with scene-r1 prepare."
        ) from error
    if version != SCENE_VERSION:
        raise RecordingFormatError(
            f"{path} has version {version}, this program reads {SCENE_VERSION}; prepare the scene "
            "again."
        )
    return dict(about)


@dataclass(frozen=True, eq=False)
class _Encoded:
    """One frame as it is written: image bytes, the file ending of colour, and the pose."""

    color: bytes
    suffix: str
    depth: bytes
    T_world_camera: Float64


def _encode(reader: SensReader, index: int, config: PrepareConfig) -> _Encoded:
    frame = reader.frame(index)  # decodes and checks everything, also what is copied as it is
    if _scales(reader, config):
        return _scaled(frame, config)
    color, depth, matrix, _, _ = reader.raw(reader.numbers[index])
    jpeg = reader.header.color_compression == ColorCompression.JPEG
    width, height = reader.header.depth_size
    if reader.header.depth_compression == DepthCompression.ZLIB_USHORT:
        depth = zlib.decompress(depth)
    return _Encoded(
        color=color if jpeg else encode_color(frame.color, ".png", config.jpeg_quality),
        suffix=".jpg" if jpeg else ".png",
        depth=encode_depth(np.frombuffer(depth, "<u2").reshape(height, width)),
        T_world_camera=matrix,
    )


def _scaled(frame: RgbdFrame, config: PrepareConfig) -> _Encoded:
    size = _scaled_size(frame.intrinsics, config)
    color = cv2.resize(frame.color, size, interpolation=cv2.INTER_AREA)
    # nearest: an average over an edge is a depth that nothing has
    depth = cv2.resize(frame.depth_m, size, interpolation=cv2.INTER_NEAREST_EXACT)
    return _Encoded(
        color=encode_color(np.asarray(color, dtype=np.uint8), ".jpg", config.jpeg_quality),
        suffix=".jpg",
        depth=encode_depth(metres_to_depth(np.asarray(depth, np.float32), SCALED_DEPTH)),
        T_world_camera=frame.T_world_camera,
    )


def _scales(reader: SensReader, config: PrepareConfig) -> bool:
    return 0 < config.max_width < reader.header.color_size[0]


def _scaled_size(camera: CameraIntrinsics, config: PrepareConfig) -> tuple[int, int]:
    return config.max_width, round(camera.height * config.max_width / camera.width)


def _write_frames(reader: SensReader, out: Path, config: PrepareConfig) -> dict[str, Any]:
    for part in ("color", "depth", "pose", "intrinsic"):
        (out / part).mkdir(parents=True)
    entries: list[dict[str, Any]] = []
    skipped: Counter[str] = Counter()
    chosen = range(0, reader.frame_count, config.stride)
    for index in chosen:
        number = reader.numbers[index]
        try:
            encoded = _encode(reader, index, config)
        except FrameSkippedError as error:
            skipped[error.why] += 1
            continue
        (out / "color" / f"{number}{encoded.suffix}").write_bytes(encoded.color)
        (out / "depth" / f"{number}.png").write_bytes(encoded.depth)
        (out / "pose" / f"{number}.txt").write_text(matrix_text(encoded.T_world_camera))
        stamp_ns = int(reader.stamps_ns[index])
        entries.append({"index": number, "timestamp": stamp_ns * 1e-9, "stamp_ns": stamp_ns})
    if not entries:
        raise RecordingFormatError(
            f"none of the {len(chosen)} frames of {reader.path} can be used: "
            + "; ".join(f"{n} x {why}" for why, n in skipped.most_common())
        )
    _write_intrinsics(reader, out / "intrinsic", config)
    scale = SCALED_DEPTH if _scales(reader, config) else reader.depth_scale
    meta = {"name": reader.name, "depth_scale": scale, "frames": entries}
    (out / "meta.json").write_text(json.dumps(meta, indent=1) + "\n", encoding="utf-8")
    size = sum(path.stat().st_size for path in out.rglob("*") if path.is_file())
    return {"frames": len(entries), "skipped": dict(skipped), "bytes": size}


def _write_intrinsics(reader: SensReader, out: Path, config: PrepareConfig) -> None:
    head = reader.header
    if _scales(reader, config):
        K = np.eye(4)
        K[:3, :3] = reader.intrinsics.scaled(*_scaled_size(reader.intrinsics, config)).K
        matrices = {"intrinsic_color": K, "intrinsic_depth": K}
        matrices |= {"extrinsic_color": np.eye(4), "extrinsic_depth": np.eye(4)}
    else:
        matrices = {
            "intrinsic_color": head.intrinsic_color,
            "intrinsic_depth": head.intrinsic_depth,
            "extrinsic_color": head.extrinsic_color,
            "extrinsic_depth": head.extrinsic_depth,
        }
    for name, matrix in matrices.items():
        (out / f"{name}.txt").write_text(matrix_text(np.asarray(matrix, dtype=np.float64)))


def _about_scene(task: SceneTask, scene: Scene | None, source: Path) -> dict[str, Any]:
    info = source / f"{task.scene_id}.txt"
    alignment = read_axis_alignment(info) if info.is_file() else np.eye(4)
    objects = scene.objects if scene is not None else ()
    return {
        "version": SCENE_VERSION,
        "scene_id": task.scene_id,
        "source": str(source),
        "stride": task.config.stride,
        "axis_alignment": alignment.tolist(),
        "objects": [
            {"object_id": item.object_id, "label": item.label, "aabb": item.aabb.tolist()}
            for item in objects
        ],
    }


def _report(about: dict[str, Any], folder: Path, done_before: bool = False) -> SceneReport:
    return SceneReport(
        scene_id=folder.name,
        frames=about["frames"],
        skipped=about["skipped"],
        bytes=about["bytes"],
        objects=len(about["objects"]),
        done_before=done_before,
    )


def _remove_partials(folder: Path) -> None:
    """What a killed run left behind."""
    if folder.parent.is_dir():
        for path in folder.parent.glob(f".{folder.name}.*.partial"):
            shutil.rmtree(path, ignore_errors=True)


def estimate_bytes(task: SceneTask, samples: int = 4) -> int:
    """Disk space that :func:`prepare_scene` will take, from a few of the frames.

    Raises:
        RecordingError: if the file cannot be read.
    """
    path = scene_folder(task.root, task.scene_id) / f"{task.scene_id}.sens"
    sizes = []
    with SensReader(path) as reader:
        chosen = range(0, reader.frame_count, task.config.stride)
        sampled = dict.fromkeys(k * len(chosen) // samples for k in range(samples))
        for i in sampled:
            try:
                encoded = _encode(reader, chosen[i], task.config)
            except FrameSkippedError:
                continue
            sizes.append(len(encoded.color) + len(encoded.depth) + _BYTES_OF_TEXT)
    return round(sum(sizes) / len(sampled) * len(chosen))
