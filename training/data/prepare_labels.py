"""Labels of prepared scenes: the views of each scene, then the annotations over all of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scene_r1_ros.errors import RecordingFormatError
from scene_r1_ros.recordings.folder import FolderRecording

from .labels_annotations import annotation_rows
from .labels_scene import has_ground_truth, read_scene
from .labels_schema import read_provenance, read_table, schema_document, write_table
from .labels_views import instance_images, view_rows
from .labels_visibility import VisibilityConfig
from .prepare_annotations import Annotation
from .prepare_scene import prepared_folder, read_scene_file

LABELS = "labels"
ANNOTATIONS_FILE = "annotations.parquet"


@dataclass(frozen=True)
class LabelTask:
    """Label one prepared scene; ``use_given`` takes 2D instance images where a scene has them."""

    out: Path
    scene_id: str
    config: VisibilityConfig
    use_given: bool = True


@dataclass(frozen=True)
class LabelReport:
    """Rows of a scene's views, how many of them visible, and where the masks came from."""

    scene_id: str
    rows: int
    visible: int
    sources: tuple[str, ...]
    done_before: bool = False


def views_path(out: Path, scene_id: str) -> Path:
    """The table of views of one scene."""
    return out / LABELS / "views" / f"{scene_id}.parquet"


def label_scene(task: LabelTask) -> LabelReport:
    """Write the views of one prepared scene, unless an earlier run did with the same settings.

    Raises:
        RecordingError: naming what is missing or malformed.
    """
    path = views_path(task.out, task.scene_id)
    provenance = {
        "config": dataclasses.asdict(task.config),
        "use_given": task.use_given,
        "scene": task.scene_id,
    }
    if path.is_file() and read_provenance(path, "views") == provenance:
        rows = read_table(path, "views").to_pylist()
        return _report(task.scene_id, rows, done_before=True)
    folder = prepared_folder(task.out, task.scene_id)
    about = read_scene_file(folder)
    source = Path(about["source"])
    scene = read_scene(source) if has_ground_truth(source) else None
    labels = {item["object_id"]: item["label"] for item in about["objects"]}
    given = instance_images(source) if task.use_given else None
    with FolderRecording(folder) as recording:
        rows = view_rows(recording, scene, labels, task.config, given)
    write_table(path, "views", rows, provenance)
    return _report(task.scene_id, rows)


def write_annotations(
    out: Path, annotations: Sequence[Annotation], config: VisibilityConfig, source: Path
) -> tuple[int, list[str]]:
    """Join annotations with the views of their scenes, and write the table and the document.

    Returns the number of rows and the scenes that were annotated but are not labelled.
    """
    by_scene: dict[str, list[Annotation]] = {}
    for item in annotations:
        by_scene.setdefault(item.scene_id, []).append(item)
    rows: list[dict[str, Any]] = []
    absent = []
    for scene_id, items in sorted(by_scene.items()):
        path = views_path(out, scene_id)
        folder = prepared_folder(out, scene_id)
        if not path.is_file() or not folder.is_dir():
            absent.append(scene_id)
            continue
        views = read_table(path, "views").to_pylist()
        with FolderRecording(folder) as recording:
            stamps = [int(stamp) for stamp in recording.stamps_ns]
        rows += annotation_rows(items, views, stamps, config)
    if not rows:
        raise RecordingFormatError(
            f"none of the {len(by_scene)} annotated scenes is labelled in {out}; the first is "
            f"{min(by_scene, default='none')}."
        )
    provenance = {"config": dataclasses.asdict(config), "annotations": str(source)}
    write_table(out / LABELS / ANNOTATIONS_FILE, "annotations", rows, provenance)
    (out / LABELS / "SCHEMA.md").write_text(schema_document(), encoding="utf-8")
    return len(rows), absent


def load_labels(
    out: Path, scenes: Sequence[str] | None = None
) -> tuple[list[dict[str, Any]], dict[str, list[dict[str, Any]]]]:
    """Rows of the annotations, and rows of the views by scene, of all or the given scenes.

    Raises:
        RecordingFormatError: if the labels are missing or of another version.
    """
    annotations = read_table(out / LABELS / ANNOTATIONS_FILE, "annotations").to_pylist()
    wanted = set(scenes) if scenes is not None else {row["scene_id"] for row in annotations}
    annotations = [row for row in annotations if row["scene_id"] in wanted]
    ids = sorted({row["scene_id"] for row in annotations})
    views = {scene: read_table(views_path(out, scene), "views").to_pylist() for scene in ids}
    return annotations, views


def _report(scene_id: str, rows: list[dict[str, Any]], done_before: bool = False) -> LabelReport:
    sources = tuple(sorted({row["source"] for row in rows}))
    visible = sum(row["visible"] for row in rows)
    return LabelReport(scene_id, len(rows), visible, sources, done_before)
