"""The label tables on disk: their columns, said once, with a version that readers check.

Two Parquet tables: ``views`` (one row for each object in each frame that shows it, one file a
scene) and ``annotations`` (one row for each description or question). Every file carries the
version in its metadata, and a document that describes the columns lies beside them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from scene_r1_ros.errors import RecordingFormatError
from scene_r1_ros.recordings.atomic import written_atomically

SCHEMA_VERSION = 1
_META_KEY = b"scene_r1_labels"

_SPANS = pa.list_(pa.struct([("start_ns", pa.int64()), ("end_ns", pa.int64())]))
_BOX = pa.list_(pa.float32(), 4)

# name, type, meaning
_VIEWS: tuple[tuple[str, pa.DataType, str], ...] = (
    ("scene_id", pa.string(), "Scene."),
    ("object_id", pa.int32(), "ScanNet objectId, from 0."),
    ("label", pa.string(), "Name of the object as the scene's aggregation gives it."),
    ("frame", pa.int32(), "Number of the frame: color/N.jpg of the prepared scene."),
    ("stamp_ns", pa.int64(), "Time of the frame in nanoseconds."),
    ("pixels", pa.int32(), "Pixels of the mask."),
    ("percent", pa.float32(), "Share of the surface points that are visible, 0..100; null if there "
     "is no mesh."),
    ("visible", pa.bool_(), "Whether the thresholds of the provenance were reached."),
    ("truncated", pa.bool_(), "The mask touches the border of the image."),
    ("distance", pa.float32(), "Median depth of the mask in metres."),
    ("box", _BOX, "x_min, y_min, x_max, y_max in pixels of the colour image, maximum exclusive."),
    ("mask", pa.string(), "Run lengths of the mask, COCO's compressed form (counts)."),
    ("height", pa.int32(), "Height of the mask's image."),
    ("width", pa.int32(), "Width of the mask's image."),
    ("source", pa.string(), "projected_instances or instance_images."),
)  # fmt: skip
_ANNOTATIONS: tuple[tuple[str, pa.DataType, str], ...] = (
    ("benchmark", pa.string(), "scanrefer, nr3d, multi3dref, scanqa, sqa3d or vsi."),
    ("key", pa.string(), "Key of the annotation within its benchmark."),
    ("scene_id", pa.string(), "Scene."),
    ("text", pa.string(), "The description or question."),
    ("label", pa.string(), "Name of the target."),
    ("kind", pa.string(), "Type of the query where the file says one."),
    ("object_ids", pa.list_(pa.int32()), "Targets; none where nothing fits the description."),
    ("answers", pa.list_(pa.string()), "Accepted answers of a question."),
    ("spans", _SPANS, "Times at which any target is visible."),
    ("visible_frames", pa.int32(), "Frames that show a target."),
    ("frames", pa.int32(), "Frames of the scene."),
    ("best_frame", pa.int32(), "Frame that shows most of the first target; null if none does."),
    ("best_box", _BOX, "Its box there."),
    ("spans_source", pa.string(), "How the masks behind the spans came about."),
)  # fmt: skip
TABLES: Mapping[str, tuple[tuple[str, pa.DataType, str], ...]] = {
    "views": _VIEWS,
    "annotations": _ANNOTATIONS,
}


def schema_of(table: str) -> pa.Schema:
    """Arrow schema of ``views`` or ``annotations``."""
    return pa.schema([pa.field(name, kind) for name, kind, _ in TABLES[table]])


def write_table(
    path: Path, table: str, rows: Sequence[Mapping[str, Any]], provenance: Mapping[str, Any]
) -> None:
    """Write rows whole or not at all; ``provenance`` says what they were made from and how."""
    note = json.dumps({"version": SCHEMA_VERSION, "table": table, "provenance": dict(provenance)})
    schema = schema_of(table).with_metadata({_META_KEY: note.encode()})
    with written_atomically(path, overwrite=True) as partial:
        pq.write_table(pa.Table.from_pylist(list(rows), schema=schema), partial)


def read_table(path: Path, table: str) -> pa.Table:
    """Read a table back.

    Raises:
        RecordingFormatError: if it is missing, no label file, another table, or of another version.
    """
    note = read_provenance(path, table)
    assert note is not None
    return pq.read_table(path)


def read_provenance(path: Path, table: str) -> dict[str, Any]:
    """What a table was made from and how; raises as :func:`read_table`."""
    try:
        metadata = pq.read_schema(path).metadata or {}
    except FileNotFoundError:
        raise RecordingFormatError(
            f"there are no labels at {path}; make them with scene-r1 prepare labels."
        ) from None
    except (OSError, pa.ArrowInvalid) as error:
        raise RecordingFormatError(f"labels {path} cannot be read: {error}.") from error
    if _META_KEY not in metadata:
        raise RecordingFormatError(f"{path} is Parquet but holds no labels of this project.")
    note = json.loads(metadata[_META_KEY])
    if note["version"] != SCHEMA_VERSION:
        raise RecordingFormatError(
            f"labels {path} have schema version {note['version']}, this program reads "
            f"{SCHEMA_VERSION}; make them again with scene-r1 prepare labels."
        )
    if note["table"] != table:
        raise RecordingFormatError(f"{path} holds the table {note['table']}, not {table}.")
    return dict(note["provenance"])


def schema_document() -> str:
    """The columns of both tables in Markdown."""
    lines = [f"# 2D labels, schema version {SCHEMA_VERSION}", ""]
    for table, columns in TABLES.items():
        lines += [f"## {table}", "", "| column | type | meaning |", "|---|---|---|"]
        lines += [f"| `{name}` | {kind} | {text} |" for name, kind, text in columns]
        lines.append("")
    lines += [
        "The file metadata key `scene_r1_labels` holds version, table and provenance: the source",
        "of the masks, the thresholds and the annotation files, as JSON.",
        "",
    ]
    return "\n".join(lines)
