"""``transport``: camera images between two processes, by Fast DDS with and without our profile."""

from __future__ import annotations

import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ..control import Control
from ..errors import SceneR1Error
from .records import BenchResult, Row

NAME = "Fast DDS without a profile"
_MODULE = "scene_r1_ros.ros.bench.image_peers"
Latencies = dict[str, list[float]]
"""Milliseconds of every image that arrived, by topic."""


def run(quick: bool, control: Control) -> BenchResult:
    """640x480 rgb8 at 30 Hz, both ways in turns."""
    frames, rounds = (5, 1) if quick else (150, 3)
    ways = {"ours": _environment(True), "alternative": _environment(False)}
    got: dict[str, list[Latencies]] = {way: [] for way in ways}
    for turn in range(rounds):
        for step, (way, environment) in enumerate(ways.items()):
            done = (turn + step / 2) / rounds
            got[way].append(_exchange(frames, environment, control, done))
    rows: list[Row] = []
    for topic in ("best_effort", "reliable"):
        ours, theirs = ([one[topic] for one in got[way]] for way in ways)
        rows += _rows(topic, ours, theirs, frames)
    note = (
        f"{rounds} x {frames} images a row, 640x480 rgb8 at 30 Hz, rclpy to rclpy; latency is from "
        "before publish() to the callback and counts what arrived."
    )
    return BenchResult("transport", tuple(rows), (note,), {"frames": frames, "rounds": rounds})


def _rows(
    topic: str, ours: list[list[float]], theirs: list[list[float]], frames: int
) -> Iterator[Row]:
    qos = topic.replace("_", " ")
    yield Row(
        f"delivered, {qos}",
        "share",
        statistics.median(len(one) / frames for one in ours),
        statistics.median(len(one) / frames for one in theirs),
        NAME,
        better="higher",
    )
    mine, other = [v for one in ours for v in one], [v for one in theirs for v in one]
    if not mine:
        raise SceneR1Error(
            f"no image arrived over the shipped profile ({qos}); see `scene-r1 doctor`."
        )
    for what, percentile in (("median latency", 50), ("p95 latency", 95)):
        yield Row(
            f"{what}, {qos}",
            "ms",
            float(np.percentile(mine, percentile)),
            float(np.percentile(other, percentile)) if other else None,
            NAME,
        )


def _environment(profile: bool) -> dict[str, str]:
    from ..resources import config_file
    from ..ros.private_domain import use_private_domain
    from ..ros.transport import PROFILE_VARIABLES

    environment = dict(os.environ)
    environment.pop("ROS_DOMAIN_ID", None)
    use_private_domain(environment)
    environment["RMW_IMPLEMENTATION"] = "rmw_fastrtps_cpp"
    for variable in PROFILE_VARIABLES:
        environment.pop(variable, None)
        if profile:
            environment[variable] = str(config_file("fastdds_shm.xml"))
    return environment


def _exchange(frames: int, environment: dict[str, str], control: Control, done: float) -> Latencies:
    """One publisher and one reader from start to end."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        reader = stack.enter_context(_peer(["read"], environment, folder))
        publisher = stack.enter_context(_peer(["publish", str(frames)], environment, folder))
        deadline = time.monotonic() + 60.0 + frames / 10
        while publisher.poll() is None:
            control.check("transport")
            control.progress("transport", done, "images between two processes")
            if time.monotonic() > deadline or reader.poll() is not None:
                break
            time.sleep(0.05)
        if publisher.poll() != 0:
            raise SceneR1Error(f"the publishing process failed: {_said(folder, 'publish')}")
        output, _ = reader.communicate(timeout=20.0)
        if reader.returncode != 0:
            raise SceneR1Error(f"the reading process failed: {_said(folder, 'read')}")
        latencies: Latencies = json.loads(output.splitlines()[-1])
        return latencies


@contextlib.contextmanager
def _peer(
    args: list[str], environment: dict[str, str], folder: Path
) -> Iterator[subprocess.Popen[str]]:
    with (folder / args[0]).open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", _MODULE, *args],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            start_new_session=True,  # Ctrl-C reaches this process, which ends that one
        )
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()
            process.communicate()


def _said(folder: Path, name: str) -> str:
    lines = (folder / name).read_text(errors="replace").strip().splitlines()[-3:]
    return " ".join(lines) or "it printed nothing."
