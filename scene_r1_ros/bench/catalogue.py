"""The benchmarks by name."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from typing import Any

from ..control import Control
from ..errors import RequestError
from .records import BenchResult

Run = Callable[[bool, Control], BenchResult]
"""(quick, control) -> result; ``quick`` shows that it runs, not how fast."""

ABOUT = {
    "transport": "camera images between two processes: shipped Fast DDS profile, Fast DDS default",
    "ingest": "camera messages to a frame in the window: ours, cv_bridge and numpy",
    "lift": "masked depth to world points: ours, Open3D create_from_rgbd_image",
    "cloud_msg": "points to PointCloud2: ours, sensor_msgs_py's create_cloud and tuples",
    "window": "memory over ten minutes of video: the window, a deque of every frame",
    "box": "a box prompt to a 3D box: tracker and lifting, back-projection of the box",
    "query": "a query's seconds: each stage, and the overhead that is not the model's",
    "synth": "rendering of synthetic rooms, frames per second",
    "sam2": "SAM 2 over a long video: memory, seconds a frame, time to first mask",
}


def available() -> list[str]:
    """The benchmarks that this installation has."""
    return [name for name in ABOUT if importlib.util.find_spec(f"{__package__}.{name}")]


def bench(name: str) -> Run:
    """The benchmark of this name.

    Raises:
        RequestError: naming the benchmarks that there are.
    """
    if name not in available():
        raise RequestError(
            f"there is no benchmark {name!r}; choose one of {', '.join(available())}, or all."
        )
    if name in _ADAPTED:
        return _ADAPTED[name]
    run: Run = importlib.import_module(f"{__package__}.{name}").run
    return run


def _sam2(quick: bool, control: Control) -> BenchResult:
    from .sam2 import bench_sam2

    def tell(text: str) -> None:
        control.check("sam2")
        control.progress("sam2", 0.0, text)

    size: dict[str, Any] = {"frames": 12, "queries": 2, "image_size": 128} if quick else {}
    return BenchResult.from_json(bench_sam2(**size, progress=tell))


_ADAPTED: dict[str, Run] = {"sam2": _sam2}
