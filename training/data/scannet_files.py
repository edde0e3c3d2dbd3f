"""Write the files that ScanNet gives for a scene besides its ``.sens``.

Formats: ScanNet's documentation (http://www.scan-net.org, "Data Organization"). Meshes are in
the scan's own world, which is the one of the poses; ``axisAlignment`` takes it to the aligned one.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from scene_r1_ros.frames import CameraIntrinsics
from scene_r1_ros.geometry import Float64

from .nyu40 import PALETTE, nyu40_class

_TYPES = {"f4": "float", "u1": "uchar", "u2": "ushort"}
_EARLIEST = (1980, 1, 1, 0, 0, 0)


def write_scene_info(
    path: Path, axis_alignment: Float64, camera: CameraIntrinsics, frames: int, scene_type: str
) -> None:
    """``<scene>.txt``: ``key = value`` lines; matrices row-major."""
    calibration = {"fx": camera.fx, "fy": camera.fy, "mx": camera.cx, "my": camera.cy}
    lines = {"axisAlignment": _numbers(axis_alignment)}
    for part in ("color", "depth"):
        lines[f"{part}Width"] = str(camera.width)
        lines[f"{part}Height"] = str(camera.height)
        lines |= {f"{key}_{part}": f"{value:.6f}" for key, value in calibration.items()}
    lines["colorToDepthExtrinsics"] = _numbers(np.eye(4))
    lines["numColorFrames"] = lines["numDepthFrames"] = str(frames)
    lines["numIMUmeasurements"] = "0"
    lines["sceneType"] = scene_type
    path.write_text("".join(f"{key} = {value}\n" for key, value in lines.items()))


def write_mesh(
    path: Path,
    vertices: NDArray[np.float32],
    faces: NDArray[np.int32],
    colors: NDArray[np.uint8],
    labels: NDArray[np.uint16] | None = None,
) -> None:
    """Binary PLY with the properties of ``_vh_clean_2.ply`` or, given ``labels`` (V,), of
    ``_vh_clean_2.labels.ply``."""
    fields = [("x", "<f4"), ("y", "<f4"), ("z", "<f4")]
    fields += [(name, "u1") for name in ("red", "green", "blue", "alpha")]
    if labels is not None:
        fields.append(("label", "<u2"))
    table = np.zeros(len(vertices), dtype=fields)
    for i, name in enumerate(("x", "y", "z")):
        table[name] = vertices[:, i]
    for i, name in enumerate(("red", "green", "blue")):
        table[name] = colors[:, i]
    table["alpha"] = 255
    if labels is not None:
        table["label"] = labels
    triangles = np.zeros(len(faces), dtype=[("count", "u1"), ("vertices", "<i4", (3,))])
    triangles["count"], triangles["vertices"] = 3, faces
    header = ["ply", "format binary_little_endian 1.0", f"element vertex {len(vertices)}"]
    header += [f"property {_TYPES[kind.strip('<')]} {name}" for name, kind in fields]
    header += [f"element face {len(faces)}", "property list uchar int vertex_indices", "end_header"]
    path.write_bytes("\n".join(header).encode() + b"\n" + table.tobytes() + triangles.tobytes())


def label_mesh_colors(
    labels_of_instance: Sequence[str], instance_of_vertex: NDArray[np.int64]
) -> tuple[NDArray[np.uint8], NDArray[np.uint16]]:
    """Colours (V, 3) and NYU40 classes (V,) of vertices; ``labels_of_instance[i]`` names i."""
    classes = np.array([0, *(nyu40_class(label) for label in labels_of_instance[1:])], np.uint16)
    of_vertex = classes[instance_of_vertex]
    palette = np.zeros((41, 3), np.uint8)
    for number, color in PALETTE.items():
        palette[number] = color
    return palette[of_vertex], of_vertex


def segments_of(
    faces: NDArray[np.int32], instance_of_vertex: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Segment (V,) of each vertex: connected pieces of the mesh, never across two instances.

    As in ScanNet an object is made of several segments, and a segment is named by one of its
    vertices, so that ids are neither consecutive nor sorted by object.
    """
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    count = len(instance_of_vertex)
    a, b = faces[:, [0, 1]].ravel(), faces[:, [1, 2]].ravel()
    graph = coo_matrix((np.ones(len(a), np.int8), (a, b)), shape=(count, count))
    pieces, piece = connected_components(graph, directed=False)
    name = np.full(pieces, -1, np.int64)
    np.maximum.at(name, piece, np.arange(count))
    return name[piece]


def write_segments(path: Path, scene_id: str, segments: NDArray[np.int64]) -> None:
    """``_vh_clean_2.0.010000.segs.json``."""
    params = {"kThresh": "0.0001", "segMinVerts": "20", "minPoints": "750", "maxPoints": "30000"}
    data = {"params": params, "sceneId": scene_id, "segIndices": segments.tolist()}
    path.write_text(json.dumps(data, separators=(",", ":")) + "\n")


def write_aggregation(
    path: Path,
    scene_id: str,
    labels: Sequence[str],
    segments: NDArray[np.int64],
    instance_of_vertex: NDArray[np.int64],
) -> None:
    """``.aggregation.json``; ``labels[i]`` names the object of instance i + 1, objectId i."""
    groups = []
    for i, label in enumerate(labels):
        own = np.unique(segments[instance_of_vertex == i + 1])
        groups.append({"id": i, "objectId": i, "segments": own.tolist(), "label": label})
    data = {
        "sceneId": f"scannet.{scene_id}",
        "appId": "Aggregator.v2",
        "segGroups": groups,
        "segmentsFile": f"scannet.{scene_id}_vh_clean_2.0.010000.segs.json",
    }
    path.write_text(json.dumps(data, separators=(",", ":")) + "\n")


class InstanceArchive:
    """``<scene>_2d-instance-filt.zip``: an 8-bit image a frame, objectId + 1, 0 for nothing."""

    def __init__(self, path: Path) -> None:
        self._archive = zipfile.ZipFile(path, "w", zipfile.ZIP_STORED)

    def __enter__(self) -> InstanceArchive:
        return self

    def __exit__(self, *unused: object) -> None:
        self._archive.close()

    def add(self, number: int, instances: NDArray[np.uint16]) -> None:
        """Write the image of one frame."""
        ok, data = cv2.imencode(".png", instances.astype(np.uint8))
        assert ok
        # a fixed date, so that the same scene gives the same bytes
        entry = zipfile.ZipInfo(f"instance-filt/{number}.png", _EARLIEST)
        self._archive.writestr(entry, data.tobytes())


def write_lines(path: Path, records: Iterable[object]) -> None:
    """JSON Lines."""
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")


def _numbers(matrix: Float64) -> str:
    return " ".join(f"{float(v):.6f}" for v in matrix.reshape(-1))
