"""What a benchmark gives back: rows of ours against an alternative, and the machine it ran on."""

from __future__ import annotations

import math
import os
import platform
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import SceneR1Error


@dataclass(frozen=True)
class Row:
    """One quantity, measured for both in the same run.

    ``better`` is "lower" or "higher". ``alternative`` is None where there is nothing to compare
    with.

    Raises:
        SceneR1Error: if a value is not finite.
    """

    what: str
    unit: str
    ours: float
    alternative: float | None = None
    alternative_name: str = ""
    better: str = "lower"

    def __post_init__(self) -> None:
        values = [self.ours] if self.alternative is None else [self.ours, self.alternative]
        if not all(math.isfinite(value) for value in values):
            raise SceneR1Error(
                f"benchmark row {self.what!r} measured {values}; the run gave nothing to go by."
            )

    @property
    def ratio(self) -> float | None:
        """ours / alternative; None without one, or where it is 0."""
        return self.ours / self.alternative if self.alternative else None

    def to_json(self) -> dict[str, Any]:
        """The row with its ratio."""
        return {
            "what": self.what,
            "unit": self.unit,
            "ours": self.ours,
            "alternative": self.alternative,
            "alternative_name": self.alternative_name,
            "ratio": self.ratio,
            "better": self.better,
        }


@dataclass(frozen=True)
class BenchResult:
    """One benchmark's rows; ``notes`` are sentences for a person, ``details`` more numbers."""

    name: str
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()
    details: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> BenchResult:
        """Inverse of :meth:`to_json`; rows without ``better`` count as lower is better."""
        rows = tuple(
            Row(
                row["what"],
                row["unit"],
                float(row["ours"]),
                None if row["alternative"] is None else float(row["alternative"]),
                row["alternative_name"],
                row.get("better", "lower"),
            )
            for row in record["rows"]
        )
        notes = tuple(record.get("notes", ()))
        known = ("name", "rows", "notes")
        details = {key: value for key, value in record.items() if key not in known}
        return cls(record["name"], rows, notes, details)

    def to_json(self) -> dict[str, Any]:
        """``{name, rows, notes, ...details}``."""
        return {
            "name": self.name,
            "rows": [row.to_json() for row in self.rows],
            "notes": list(self.notes),
            **self.details,
        }


def machine() -> dict[str, Any]:
    """Where the figures come from: cores usable here, their load, CPU model, Python, middleware."""
    return {
        "cores": len(os.sched_getaffinity(0)),
        "load": round(os.getloadavg()[0], 2),
        "cpu": _cpu_model(),
        "python": platform.python_version(),
        "rmw": os.environ.get("RMW_IMPLEMENTATION", "default"),
        "ros_distro": os.environ.get("ROS_DISTRO", ""),
    }


def machine_text(values: dict[str, Any]) -> str:
    """:func:`machine` as one line."""
    ros = f"{values['ros_distro'] or 'no ROS'}, rmw {values['rmw']}"
    cores = f"{values['cores']} x {values['cpu']}, load {values['load']:.1f}"
    return f"{cores}, Python {values['python']}, {ros}"


def _cpu_model() -> str:
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()
