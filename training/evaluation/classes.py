"""The benchmark classes that ScanRefer's unique/multiple split is counted in.

ScanRefer maps an object's name to one of the 18 ScanNet benchmark classes through the file
``scannetv2-labels.combined.tsv`` of the ScanNet release (``raw_category`` to ``nyu40class``);
everything else falls in one class "others" (its ``lib/dataset.py``).
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

from scene_r1_ros.errors import RecordingFormatError

OTHERS = "others"
BENCHMARK_CLASSES = (
    *("cabinet", "bed", "chair", "sofa", "table", "door", "window", "bookshelf", "picture"),
    *("counter", "desk", "curtain", "refrigerator", "shower curtain", "toilet", "sink"),
    *("bathtub", OTHERS),
)


class ClassMap:
    """Name of an object to its benchmark class."""

    def __init__(self, raw_to_class: Mapping[str, str] | None = None) -> None:
        self.from_file = raw_to_class is not None
        if raw_to_class is None:
            raw_to_class = {name: name for name in BENCHMARK_CLASSES}
        self._classes = dict(raw_to_class)
        self._otherwise: str | None = OTHERS

    @classmethod
    def from_tsv(cls, path: Path) -> ClassMap:
        """Read ``scannetv2-labels.combined.tsv``.

        Raises:
            RecordingFormatError: if the file or its two columns are missing.
        """
        try:
            with path.open(newline="", encoding="utf-8") as file:
                rows = list(csv.DictReader(file, delimiter="\t"))
            known = set(BENCHMARK_CLASSES)
            mapping = {
                row["raw_category"]: row["nyu40class"] if row["nyu40class"] in known else OTHERS
                for row in rows
            }
        except (OSError, KeyError) as error:
            raise RecordingFormatError(
                f"label map {path} cannot be read ({error}); it needs the columns raw_category and "
                "nyu40class of scannetv2-labels.combined.tsv."
            ) from error
        return cls(mapping)

    @classmethod
    def own_names(cls) -> ClassMap:
        """Every name is a class of its own, for data sets whose labels are exact."""
        classes = cls({})
        classes._otherwise = None
        return classes

    def __call__(self, name: str) -> str:
        """Benchmark class of an object's name, underscores or spaces alike."""
        plain = name.replace("_", " ")
        return self._classes.get(plain, plain if self._otherwise is None else self._otherwise)
