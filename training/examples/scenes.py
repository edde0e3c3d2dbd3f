"""Prepared scenes as examples need them: frames by number and time, and who is seen where."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scene_r1_ros.errors import RecordingError
from scene_r1_ros.geometry import BoxXyxy
from scene_r1_ros.reasoning.sampling import Size
from scene_r1_ros.recordings.folder import FolderRecording
from scene_r1_ros.spans import MAX_GAP

from ..data.labels_annotations import view_quality
from ..data.labels_schema import read_table
from ..data.prepare_labels import views_path
from ..data.prepare_scene import prepared_folder
from .around import Around, around_of
from .colors import colors_of
from .errors import TrainingError
from .example import Shown


@dataclass(frozen=True, eq=False)
class Scene:
    """Frames of a prepared scene in order; ``views`` by object and frame number, visible
    ones; ``colors`` by object, where descriptions name them."""

    scene_id: str
    image_size: Size
    numbers: tuple[int, ...]
    stamps_ns: tuple[int, ...]
    paths: Mapping[int, Path]
    views: Mapping[int, Mapping[int, Mapping[str, Any]]]
    colors: Mapping[int, str] = field(default_factory=dict)
    _around: dict[int, Around] = field(default_factory=dict, repr=False)

    def shown(self, numbers: Sequence[int]) -> tuple[Shown, ...]:
        """The frames of these numbers as a clip that starts with the first of them.

        Raises:
            TrainingError: naming a frame that is not there.
        """
        at = dict(zip(self.numbers, self.stamps_ns, strict=True))
        missing = [n for n in numbers if n not in at or n not in self.paths]
        if missing:
            raise TrainingError(
                f"scene {self.scene_id} has no frame {missing[0]}; it was prepared with another "
                "stride (scene-r1 prepare scannet --stride 1), or the image is missing."
            )
        start = at[numbers[0]]
        return tuple(
            Shown(self.paths[n], n, at[n], round((at[n] - start) * 1e-9, 3)) for n in numbers
        )

    def box(self, object_ids: Iterable[int], number: int) -> BoxXyxy | None:
        """The box of the target that this frame shows best, in pixels; None if it shows none."""
        seen = [v for i in object_ids if (v := self.views.get(i, {}).get(number)) is not None]
        if not seen:
            return None
        x0, y0, x1, y1 = max(seen, key=view_quality)["box"]
        return float(x0), float(y0), float(x1), float(y1)

    def around(self, number: int) -> Around:
        """Everything that is labelled in this frame; made once a frame."""
        if number not in self._around:
            seen = [by_frame[number] for by_frame in self.views.values() if number in by_frame]
            self._around[number] = around_of(seen, self.colors)
        return self._around[number]

    def seen(self, object_ids: Iterable[int]) -> list[int]:
        """Numbers of the frames that show any of the objects."""
        return sorted({n for i in object_ids for n in self.views.get(i, {})})


def load_scene(data: Path, scene_id: str) -> Scene:
    """A prepared scene with its labels.

    Raises:
        TrainingError: if the scene or an image of it is missing or damaged.
        RecordingFormatError: if its labels are missing or of another version.
    """
    folder = prepared_folder(data, scene_id)
    try:
        with FolderRecording(folder) as recording:
            numbers = tuple(int(n) for n in recording.numbers)
            stamps = tuple(int(s) for s in recording.stamps_ns)
            camera = recording.intrinsics
            size = (int(camera.width), int(camera.height))
    except RecordingError as error:
        raise TrainingError(f"scene {scene_id} of {data} cannot be used: {error}") from error
    paths = {int(p.stem): p for p in (folder / "color").iterdir() if p.stem.isdigit()}
    views: dict[int, dict[int, Mapping[str, Any]]] = {}
    for row in read_table(views_path(data, scene_id), "views").to_pylist():
        if row["visible"]:
            views.setdefault(row["object_id"], {})[row["frame"]] = row
    colors = colors_of(data).get(scene_id, {})
    return Scene(scene_id, size, numbers, stamps, paths, views, colors)


def spans_of(frames: Sequence[Shown], visible: set[int]) -> tuple[tuple[float, float], ...]:
    """Runs of the shown frames that are in ``visible``; short gaps do not break a run."""
    runs: list[list[int]] = []
    for i, frame in enumerate(frames):
        if frame.number not in visible:
            continue
        near = runs and (
            i - runs[-1][-1] == 1 or frame.seconds - frames[runs[-1][-1]].seconds <= MAX_GAP
        )
        if near:
            runs[-1].append(i)
        else:
            runs.append([i])
    return tuple((round(frames[r[0]].seconds, 1), round(frames[r[-1]].seconds, 1)) for r in runs)
