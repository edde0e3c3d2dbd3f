"""Benchmarks side by side with what a user would otherwise take, as ratios.

Each module of :data:`BENCHES` has ``ABOUT`` (one line) and
``run(quick: bool, control: Control) -> BenchResult``.
"""

from __future__ import annotations

import importlib
import importlib.util
from typing import Any

from ..errors import RequestError
from .records import BenchResult, Row

BENCHES = (
    "transport",
    "ingest",
    "lift",
    "cloud_msg",
    "window",
    "box",
    "query",
    "synth",
    "sam2",
)

__all__ = ["BENCHES", "BenchResult", "Row", "available", "bench_module"]


def available() -> list[str]:
    """The benchmarks that this installation has."""
    return [name for name in BENCHES if importlib.util.find_spec(f"{__name__}.{name}")]


def bench_module(name: str) -> Any:
    """The module of a benchmark.

    Raises:
        RequestError: naming the benchmarks that there are.
    """
    if name not in available():
        raise RequestError(
            f"there is no benchmark {name!r}; choose one of {', '.join(available())}."
        )
    return importlib.import_module(f"{__name__}.{name}")
