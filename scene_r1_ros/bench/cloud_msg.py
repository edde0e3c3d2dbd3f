"""``cloud_msg``: coloured points to PointCloud2, against the usual recipes in Python."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from ..control import Control
from ..errors import SceneR1Error
from .records import BenchResult, Row
from .timing import interleaved


def run(quick: bool, control: Control) -> BenchResult:
    """Clouds of the size of an object and of a whole image."""
    from ..ros.bench import recipes
    from ..ros.cloud import points_to_cloud
    from ..ros.conversions import header

    ways: dict[str, tuple[Callable, float]] = {
        "create_cloud from an (N, 4) array": (recipes.cloud_from_array, 1.0),
        "create_cloud from a list of tuples": (recipes.cloud_from_tuples, 0.1),
    }
    top = header(1_000_000_000, "map")
    rng = np.random.default_rng(0)
    rows = []
    for count in (2_000,) if quick else (20_000, 300_000):
        points = rng.normal(0, 1, (count, 3)).astype(np.float32)
        colors = rng.integers(0, 256, (count, 3), dtype=np.uint8)
        our_data = points_to_cloud(points, colors, top).data
        for name, (recipe, share) in ways.items():
            if recipe(points, colors, top).data != our_data:
                raise SceneR1Error(f"{name} gives other bytes than ours: no comparison.")
            a, b = interleaved(
                partial(points_to_cloud, points, colors, top),
                partial(recipe, points, colors, top),
                3 if quick else max(5, int(100 * share)),
                control,
                f"{count} points, {name}",
                warm_up=1 if quick else 3,
            )
            rows.append(Row(f"CPU, {count} points", "ms", a.cpu * 1e3, b.cpu * 1e3, name))
    which = (
        "create_cloud is sensor_msgs_py's."
        if recipes.upstream_create_cloud is not None
        else "sensor_msgs_py is not installed here: create_cloud repeats the steps of Jazzy's."
    )
    return BenchResult("cloud_msg", tuple(rows), (f"All give the same bytes. {which}",))
