"""What is really in a ScanNet scene: its objects with their surfaces and benchmark boxes.

Reads ``<scene>.txt`` (axis alignment), ``<scene>_vh_clean_2.ply``, its ``segs.json`` and
``aggregation.json``. Poses and the mesh share the unaligned world; benchmark boxes are
axis-aligned *after* the alignment, ``p_aligned = A p``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scene_r1_ros.errors import RecordingFormatError
from scene_r1_ros.geometry import Float64, transform_points

from ..evaluation.boxes import Aabb, aabb_of_points


@dataclass(frozen=True, eq=False)
class SceneObject:
    """``object_id`` counts from 0 (an instance image shows it plus one).

    ``aabb`` (6,) is in the aligned frame; ``vertices`` are indices into the scene's mesh.
    """

    object_id: int
    label: str
    aabb: Aabb
    vertices: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Scene:
    """``vertices`` (V, 3) float32 in the unaligned world, ``faces`` (F, 3);

    ``instance_of_vertex`` (V,) int32: object id + 1, 0 for none (the last object wins where two
    claim a segment); ``axis_alignment`` (4, 4).
    """

    scene_id: str
    axis_alignment: Float64
    vertices: NDArray[np.float32]
    faces: NDArray[np.int32]
    instance_of_vertex: NDArray[np.int32]
    objects: tuple[SceneObject, ...]

    def object(self, object_id: int) -> SceneObject:
        """The object with this id.

        Raises:
            RecordingFormatError: if the scene has no such object.
        """
        for item in self.objects:
            if item.object_id == object_id:
                return item
        raise RecordingFormatError(
            f"{self.scene_id} has no object {object_id}; its ids reach "
            f"{max((o.object_id for o in self.objects), default=-1)}."
        )


def scene_folder(root: Path, scene_id: str) -> Path:
    """``root/scans/<scene>`` or ``root/<scene>``.

    Raises:
        RecordingFormatError: if neither is there.
    """
    for folder in (root / "scans" / scene_id, root / scene_id):
        if folder.is_dir():
            return folder
    raise RecordingFormatError(
        f"{root} holds no scene {scene_id}, neither scans/{scene_id} nor it."
    )


def list_scenes(root: Path) -> list[str]:
    """Ids of the scenes below ``root`` that have a ``.sens`` file, in order."""
    base = root / "scans" if (root / "scans").is_dir() else root
    return sorted(
        path.parent.name for path in base.glob("*/*.sens") if path.stem == path.parent.name
    )


def read_scene_info(path: Path) -> dict[str, str]:
    """The ``key = value`` lines of a scene's ``.txt``."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise RecordingFormatError(f"{path} cannot be read: {error}.") from error
    pairs = (line.split("=", 1) for line in lines if "=" in line)
    return {key.strip(): value.strip() for key, value in pairs}


def read_axis_alignment(path: Path) -> Float64:
    """(4, 4) alignment of a scene's ``.txt``; identity where it has none (ScanNet's test scenes).

    Raises:
        RecordingFormatError: if it is there but not 16 finite numbers.
    """
    text = read_scene_info(path).get("axisAlignment")
    if text is None:
        return np.eye(4)
    try:
        matrix = np.array([float(word) for word in text.split()]).reshape(4, 4)
    except ValueError as error:
        raise RecordingFormatError(f"{path}: axisAlignment needs 16 numbers.") from error
    if not np.isfinite(matrix).all():
        raise RecordingFormatError(f"{path}: axisAlignment is not finite.")
    return matrix


def has_ground_truth(folder: Path) -> bool:
    """Whether the scene comes with a mesh and its objects."""
    return (folder / f"{folder.name}_vh_clean_2.ply").is_file() and _aggregation(folder) is not None


def read_scene(folder: Path) -> Scene:
    """Read the objects of the scene in ``folder`` (named like the scene).

    Raises:
        RecordingFormatError: naming the file that is missing, malformed or does not fit.
    """
    import open3d as o3d

    scene_id = folder.name
    ply = folder / f"{scene_id}_vh_clean_2.ply"
    aggregation = _aggregation(folder)
    if not ply.is_file() or aggregation is None:
        missing = ply if not ply.is_file() else folder / f"{scene_id}.aggregation.json"
        raise RecordingFormatError(f"{missing} is missing; without it the objects are not known.")
    mesh = o3d.io.read_triangle_mesh(str(ply))
    vertices = np.asarray(mesh.vertices, dtype=np.float32)
    faces = np.asarray(mesh.triangles, dtype=np.int32)
    groups = _json(aggregation)["segGroups"]
    segs_path = folder / f"{scene_id}_vh_clean_2.0.010000.segs.json"
    segments = np.asarray(_json(segs_path)["segIndices"], dtype=np.int64)
    if len(segments) != len(vertices):
        raise RecordingFormatError(
            f"{segs_path} has {len(segments)} segment indices for {len(vertices)} vertices."
        )
    alignment = read_axis_alignment(folder / f"{scene_id}.txt")
    aligned = transform_points(alignment, vertices.astype(np.float64))
    instance = np.zeros(len(vertices), dtype=np.int32)
    objects = []
    for group in groups:
        chosen = np.flatnonzero(np.isin(segments, np.asarray(group["segments"], dtype=np.int64)))
        if not len(chosen):
            continue
        object_id = int(group["objectId"])
        instance[chosen] = object_id + 1
        box = aabb_of_points(aligned[chosen])
        objects.append(SceneObject(object_id, str(group["label"]), box, chosen))
    objects.sort(key=lambda item: item.object_id)
    return Scene(scene_id, alignment, vertices, faces, instance, tuple(objects))


def _aggregation(folder: Path) -> Path | None:
    names = (f"{folder.name}.aggregation.json", f"{folder.name}_vh_clean.aggregation.json")
    return next((folder / name for name in names if (folder / name).is_file()), None)


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RecordingFormatError(f"{path} cannot be read: {error}.") from error
