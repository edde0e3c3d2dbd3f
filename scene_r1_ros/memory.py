"""The objects grounded so far: stable ids, merging of repeated sightings, forgetting, a file."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import threading
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .config import Config, option
from .errors import MemoryFileError, UnknownObjectError
from .geometry import Box3D, box3d_iou
from .lifting import LiftedObject
from .reasoning import Grounding

FILE_VERSION = 1


@dataclass(frozen=True)
class MemoryConfig(Config):
    """When two sightings are one object, and when an object is stale."""

    same_object_iou: float = option(
        0.25, "3D overlap from which sightings with fitting labels are one object.",
        minimum=0.01, maximum=1.0,
    )  # fmt: skip
    other_label_iou: float = option(
        0.5, "3D overlap from which they are one object whatever their labels.",
        minimum=0.01, maximum=1.0,
    )  # fmt: skip
    stale_after: float = option(
        600.0, "An object not seen for this long is marked stale; 0 = never.", minimum=0.0, unit="s"
    )


@dataclass(frozen=True, eq=False)
class GroundedObject:
    """One object in the fixed frame, as the memory holds it.

    ``points`` (N, 3) float32 metres, ``colors`` (N, 3) uint8 RGB; stamps in nanoseconds.
    ``number`` is the integer behind ``object_id``, for consumers that need one (markers).
    """

    object_id: str
    number: int
    query_id: str
    label: str
    query: str
    box: Box3D
    points: NDArray[np.float32]
    colors: NDArray[np.uint8]
    views: int
    confidence: float
    first_seen_ns: int
    last_seen_ns: int
    rationale: str = ""
    stale: bool = False


class ObjectMemory:
    """Objects by id, in the order in which they came. Safe to use from several threads."""

    def __init__(self, config: MemoryConfig | None = None) -> None:
        self.config = config or MemoryConfig()
        self._lock = threading.Lock()
        self._objects: dict[str, GroundedObject] = {}
        self._next = 1

    def update(self, lifted: LiftedObject, grounding: Grounding, query_id: str) -> GroundedObject:
        """Take in a sighting: the object it belongs to is updated, otherwise a new one is added.

        A known object keeps its id, its first stamp and its label if the new one is empty.
        """
        rationale = "\n".join(
            part for part in (grounding.rationale_temporal, grounding.rationale_image) if part
        )
        with self._lock:
            known = self._find(lifted.box, grounding.label)
            number = known.number if known else self._next
            self._next = max(self._next, number + 1)
            label = grounding.label or (known.label if known else "")
            first, last = min(lifted.stamps_ns), max(lifted.stamps_ns)
            item = GroundedObject(
                object_id=known.object_id if known else f"{_slug(label)}_{number}",
                number=number,
                query_id=query_id,
                label=label,
                query=grounding.query or (known.query if known else ""),
                box=lifted.box,
                points=lifted.points,
                colors=lifted.colors,
                views=lifted.views,
                confidence=min(grounding.confidence, lifted.confidence),
                first_seen_ns=min(first, known.first_seen_ns) if known else first,
                last_seen_ns=max(last, known.last_seen_ns) if known else last,
                rationale=rationale,
            )
            self._objects[item.object_id] = item
            return item

    def objects(self, label: str = "", include_stale: bool = True) -> list[GroundedObject]:
        """The objects, optionally only those with ``label`` (any case) or those not stale."""
        with self._lock:
            items = list(self._objects.values())
        wanted = label.strip().casefold()
        return [
            item
            for item in items
            if (not wanted or item.label.casefold() == wanted) and (include_stale or not item.stale)
        ]

    def get(self, object_id: str) -> GroundedObject:
        """Raises UnknownObjectError, naming the ids there are."""
        with self._lock:
            return self._get(object_id)

    def forget(self, object_id: str) -> GroundedObject:
        """Remove one object and return it; raises as :meth:`get`."""
        with self._lock:
            item = self._get(object_id)
            del self._objects[object_id]
            return item

    def forget_all(self) -> int:
        """Remove every object; returns how many there were. Ids are not used again."""
        with self._lock:
            count = len(self._objects)
            self._objects.clear()
            return count

    def mark_stale(self, now_ns: int) -> int:
        """Mark what was last seen more than ``stale_after`` ago; returns how many changed."""
        if self.config.stale_after <= 0:
            return 0
        oldest = now_ns - round(self.config.stale_after * 1e9)
        with self._lock:
            changed = [
                item
                for item in self._objects.values()
                if item.stale != (item.last_seen_ns < oldest)
            ]
            for item in changed:
                self._objects[item.object_id] = dataclasses.replace(item, stale=not item.stale)
        return len(changed)

    def save(self, path: str | Path) -> None:
        """Write everything to ``path`` (.npz), atomically.

        Raises:
            MemoryFileError: if the file cannot be written; the old one is intact then.
        """
        path = Path(path)
        with self._lock:
            items, following = list(self._objects.values()), self._next
        arrays: dict[str, NDArray[Any]] = {}
        records = []
        for i, item in enumerate(items):
            record = {f.name: getattr(item, f.name) for f in dataclasses.fields(item)}
            arrays[f"points_{i}"] = record.pop("points")
            arrays[f"colors_{i}"] = record.pop("colors")
            record["box"] = dataclasses.asdict(item.box)
            records.append(record)
        header = json.dumps({"version": FILE_VERSION, "next": following, "objects": records})
        part = path.with_name(path.name + ".part")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with part.open("wb") as file:
                np.savez_compressed(file, header=np.array(header), **arrays)  # type: ignore[arg-type]
            os.replace(part, path)
        except OSError as error:
            raise MemoryFileError(f"cannot save objects to {path}: {error}.") from error

    def load(self, path: str | Path) -> int:
        """Replace everything by what :meth:`save` wrote; returns the number of objects.

        Raises:
            MemoryFileError: if the file is missing, damaged or from another version; the memory
                is unchanged then.
        """
        path = Path(path)
        try:
            with np.load(path, allow_pickle=False) as file:
                header = json.loads(str(file["header"]))
                if header["version"] != FILE_VERSION:
                    raise MemoryFileError(
                        f"{path} has version {header['version']}, this program reads version "
                        f"{FILE_VERSION}."
                    )
                objects = {}
                for i, record in enumerate(header["objects"]):
                    box = Box3D(**record.pop("box"))
                    item = GroundedObject(
                        box=box, points=file[f"points_{i}"], colors=file[f"colors_{i}"], **record
                    )
                    objects[item.object_id] = item
        except (OSError, EOFError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
            raise MemoryFileError(
                f"cannot read objects from {path}: {error}. Delete the file or give another one."
            ) from error
        with self._lock:
            self._objects, self._next = objects, int(header["next"])
        return len(objects)

    def _get(self, object_id: str) -> GroundedObject:
        if object_id not in self._objects:
            known = ", ".join(self._objects) or "none"
            wanted = repr(object_id if len(object_id) <= 80 else object_id[:77] + "...")
            raise UnknownObjectError(f"no object has the id {wanted}; known ids: {known}.")
        return self._objects[object_id]

    def _find(self, box: Box3D, label: str) -> GroundedObject | None:
        best, best_iou = None, 0.0
        for item in self._objects.values():
            iou = box3d_iou(item.box, box)
            fits = not label or not item.label or item.label.casefold() == label.casefold()
            needed = self.config.same_object_iou if fits else self.config.other_label_iou
            if iou >= needed and iou > best_iou:
                best, best_iou = item, iou
        return best


def _slug(label: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", label.casefold()).strip("_") or "object"
