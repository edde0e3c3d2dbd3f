"""``query``: where a query's seconds go, over ROS and without it.

The model is replaced by one that knows the answer and gives it at once, so that what is measured
is everything else: prompts, images, ranking of views, the check in other views, services, topics,
trace, tracking and lifting.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..control import Control
from ..errors import SceneR1Error
from ..frames import WindowSnapshot
from .records import BenchResult, Row

NAME = "the same library without ROS"
GOAL = 0.3
"""Seconds that a query may take beside the model and tracking."""

_STAGES = ("temporal", "image", "tracking", "lifting", "total", "model", "cpu")
Seconds = dict[str, float]


def run(quick: bool, control: Control) -> BenchResult:
    """One object of a synthetic room, asked for several times over ROS and without, in turns."""
    with tempfile.TemporaryDirectory() as folder:
        return _run(Path(folder), quick, control)


def _run(folder: Path, quick: bool, control: Control) -> BenchResult:
    from ..reasoning.reasoner import TwoStageReasoner
    from ..reasoning.trace_store import TraceConfig, TraceStore
    from ..ros.bench.composed_graph import composed_graph

    window, backend = _scene(folder / "room", quick, control)
    traces = TraceStore(TraceConfig(folder=str(folder / "traces")))
    reasoner = TwoStageReasoner(backend, traces=traces)
    query = f"the {backend.label}"
    turns = 1 if quick else 9
    samples: tuple[list[Seconds], list[Seconds]] = ([], [])
    with composed_graph(window.frames, reasoner) as client:
        ways: tuple[Callable[[], Seconds], ...] = (
            lambda: _over_ros(client, query),
            lambda: _library(window, reasoner, query),
        )
        for turn in range(-1, turns):
            control.check("query")
            control.progress("asking", (turn + 1) / (turns + 1), query)
            for which, way in enumerate(ways):
                seconds = _clocked(way, backend)
                if turn >= 0:
                    samples[which].append(seconds)
    ours, theirs = (_medians(one) for one in samples)
    # tracking does the same work over ROS, where its CPU time cannot be told from the rest
    rest_cpu = [one["cpu"] - theirs["tracking_cpu"] - one["model"] for one in (ours, theirs)]
    rows = [
        *(Row(_title(stage), "s", ours[stage], theirs[stage], NAME) for stage in _STAGES),
        Row("all but model and tracking", "s", ours["rest"], theirs["rest"], NAME),
        Row("all but model, tracking and lifting", "s", ours["own"], theirs["own"], NAME),
        Row("CPU, all but model and tracking", "s", rest_cpu[0], rest_cpu[1], NAME),
    ]
    camera = window.frames[0].intrinsics
    notes = (
        f"{query!r} in {len(window.frames)} frames of {camera.width}x{camera.height}, {turns} "
        "times; the model answers at once from the truth.",
        f"Goal: all but model and tracking under {GOAL} s. Here {ours['rest']:.3f} s on the clock, "
        f"{rest_cpu[0]:.3f} s of CPU time; they differ where other programs run.",
    )
    return BenchResult("query", tuple(rows), notes, {"goal_s": GOAL, "frames": len(window.frames)})


def _title(stage: str) -> str:
    return {"total": "whole query", "model": "in the model", "cpu": "CPU"}.get(stage, stage)


def _scene(folder: Path, quick: bool, control: Control) -> tuple[WindowSnapshot, Any]:
    """A rendered room, and a backend that knows the object that shows largest."""
    from ..demo.annotations import annotated_objects
    from ..recordings import open_recording
    from ..synthetic import demo_recording
    from .truth_backend import TruthBackend

    def tell(done: int, total: int) -> None:
        control.check("rendering")
        control.progress("rendering", done / total)

    size: dict[str, Any] = {"seconds": 1.0, "width": 160, "height": 120} if quick else {}
    demo_recording(folder, on_progress=tell, **size)
    with open_recording(folder) as recording:
        window = WindowSnapshot.of(recording.frames())
        stamps = dict(zip(recording.numbers, recording.stamps_ns.tolist(), strict=True))
    seconds_of = {n: (stamp - window.start_ns) * 1e-9 for n, stamp in stamps.items()}
    # things that stand free: what the camera sees of a wall's window is no test of lifting
    items = [item for item in annotated_objects(folder) if item.on_floor and item.seen]
    if not items:
        raise SceneR1Error("the synthetic room shows no object to ask for.")
    item = max(items, key=lambda one: max(seen.pixels for seen in one.seen))
    camera = window.frames[0].intrinsics
    return window, TruthBackend(item, seconds_of, (camera.width, camera.height))


def _over_ros(client: Any, query: str) -> Seconds:
    seconds = client.ground_async(query).result().seconds
    return {
        "temporal": seconds.temporal,
        "image": seconds.image,
        "tracking": seconds.tracking,
        "lifting": seconds.lifting,
    }


def _library(window: WindowSnapshot, reasoner: Any, query: str) -> Seconds:
    from ..lifting import lift
    from ..tracking import GeometricTracker

    grounding, trace = reasoner.ground_traced(window, query)
    if not grounding.found:
        raise SceneR1Error(f"nothing was found: {grounding.reason}")
    control = Control()
    begun, cpu = time.perf_counter(), time.process_time()
    track = GeometricTracker().track(window, grounding.anchor_stamp_ns, grounding.prompt, control)
    tracked, tracking_cpu = time.perf_counter(), time.process_time() - cpu
    lift(window, track, control)
    stages = {key: value for key, value in trace.seconds.items() if key != "total"}
    temporal = stages.pop("temporal", 0.0)
    return {
        "temporal": temporal,
        "image": sum(stages.values()),
        "tracking": tracked - begun,
        "lifting": time.perf_counter() - tracked,
        "tracking_cpu": tracking_cpu,
    }


def _clocked(way: Callable[[], Seconds], backend: Any) -> Seconds:
    backend.seconds = 0.0
    begun, cpu = time.perf_counter(), time.process_time()
    seconds = way()
    total = time.perf_counter() - begun
    rest = total - backend.seconds - seconds["tracking"]
    return {
        **seconds,
        "total": total,
        "cpu": time.process_time() - cpu,
        "model": backend.seconds,
        "rest": rest,
        "own": rest - seconds["lifting"],
    }


def _medians(samples: list[Seconds]) -> Seconds:
    return {key: statistics.median(one[key] for one in samples) for key in samples[0]}
