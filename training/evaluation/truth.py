"""The truth about prepared scenes: boxes in the aligned frame, and when each object is seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from scene_r1_ros.errors import RecordingFormatError
from scene_r1_ros.geometry import Float64, transform_points
from scene_r1_ros.lifting import LiftedObject

from ..data.labels_annotations import view_quality
from ..data.labels_schema import read_table
from ..data.prepare_labels import views_path
from ..data.prepare_scene import prepared_folder, read_scene_file
from .boxes import Aabb, aabb, aabb_of_points

View = Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class SceneTruth:
    """``boxes`` and ``labels`` by object id; ``views`` by object id and stamp (visible or not)."""

    scene_id: str
    axis_alignment: Float64
    boxes: Mapping[int, Aabb]
    labels: Mapping[int, str]
    views: Mapping[int, Mapping[int, View]]

    def seen(self, object_ids: tuple[int, ...]) -> list[View]:
        """Views that count as visible, of any of the objects, in order of time."""
        found = [
            view
            for number in object_ids
            for view in self.views.get(number, {}).values()
            if view["visible"]
        ]
        return sorted(found, key=lambda view: view["stamp_ns"])

    def best_view(self, object_ids: tuple[int, ...]) -> View | None:
        """The view that shows the first target best (any of them, if that one is never seen)."""
        seen = self.seen(object_ids[:1]) or self.seen(object_ids)
        return max(seen, key=view_quality, default=None)

    def aligned_box(self, lifted: LiftedObject) -> Aabb:
        """The axis-aligned box of a lifted object in the scene's aligned frame.

        Across the floor it is the extent of the points inside the object's own box, so that a
        turned box is not inflated; in height it is that box.
        """
        corners = transform_points(self.axis_alignment, lifted.box.corners())
        around = aabb_of_points(corners)
        inside = lifted.points[lifted.box.contains(lifted.points, margin=1e-3)]
        if len(inside) < 4:
            return around
        points = transform_points(self.axis_alignment, inside.astype(np.float64))
        low = np.maximum(points.min(axis=0), around[:3])
        high = np.minimum(points.max(axis=0), around[3:])
        return aabb([*low[:2], around[2]], [*high[:2], around[5]])


def load_truth(data: Path, scene_id: str, need_views: bool = True) -> SceneTruth:
    """The truth about one scene of the prepared data set ``data``.

    Raises:
        RecordingFormatError: if the scene is not prepared, or not labelled though
            ``need_views``.
    """
    folder = prepared_folder(data, scene_id)
    if not folder.is_dir():
        raise RecordingFormatError(
            f"{data} has no prepared scene {scene_id}; make it with scene-r1 prepare scannet."
        )
    about = read_scene_file(folder)
    views: dict[int, dict[int, View]] = {}
    path = views_path(data, scene_id)
    if path.is_file():
        for row in read_table(path, "views").to_pylist():
            views.setdefault(row["object_id"], {})[row["stamp_ns"]] = row
    elif need_views:
        raise RecordingFormatError(
            f"{path} is missing; make the labels with scene-r1 prepare labels."
        )
    return SceneTruth(
        scene_id=scene_id,
        axis_alignment=np.array(about["axis_alignment"], dtype=np.float64),
        boxes={o["object_id"]: aabb(o["aabb"][:3], o["aabb"][3:]) for o in about["objects"]},
        labels={o["object_id"]: o["label"] for o in about["objects"]},
        views=views,
    )
