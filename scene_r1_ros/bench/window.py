"""``window``: memory over ten minutes of video, against keeping every frame of the same seconds.

Each way runs in a process of its own, ``python -m scene_r1_ros.bench.window KIND ...``, so that
its resident memory is its own.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections import deque
from pathlib import Path
from typing import Any

from ..control import Control
from ..errors import SceneR1Error
from ..frames import RgbdFrame, VideoWindow, WindowConfig
from . import pixels
from .records import BenchResult, Row

NAME = "a deque of every frame"
_FPS = 30
_FULL_SIZE_NEEDS = 8e9
"""Bytes of free memory from which the run is made at 640x480: the deque takes 4e9 there."""


def run(quick: bool, control: Control) -> BenchResult:
    """A moving camera at 30 Hz; both ways see the same frames."""
    seconds, kept = (30, 10.0) if quick else (600, WindowConfig().max_seconds)
    large = not quick and _available() >= _FULL_SIZE_NEEDS
    width, height = (640, 480) if large else (320, 240)
    ours, theirs = (
        _in_a_process(kind, seconds, kept, width, height, control) for kind in ("window", "deque")
    )
    rows = (
        Row("peak memory (RSS) above the start", "MB", ours["peak"], theirs["peak"], NAME),
        Row("growth of RSS once full, to the end", "MB", ours["growth"]),
        Row("pixels held at the end", "MB", ours["held"], theirs["held"], NAME),
        Row("median time to add a frame", "us", ours["add_us"], theirs["add_us"], NAME),
        Row("median time of a snapshot", "us", ours["snapshot_us"], theirs["snapshot_us"], NAME),
    )
    note = (
        f"{seconds} simulated seconds at {_FPS} Hz, {width}x{height}, a camera that moves all the "
        f"time, {kept:.0f} s kept: pixels of {ours['frames']} frames (every pose) against "
        f"{theirs['frames']}."
    )
    details = {"width": width, "height": height, "seconds": seconds, "kept_seconds": kept}
    return BenchResult("window", rows, (note,), {**details, "window": ours, "deque": theirs})


def _in_a_process(
    kind: str, seconds: int, kept: float, width: int, height: int, control: Control
) -> dict[str, Any]:
    numbers = [str(value) for value in (seconds, kept, width, height)]
    process = subprocess.Popen(
        [sys.executable, "-m", "scene_r1_ros.bench.window", kind, *numbers],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,  # Ctrl-C reaches this process, which ends that one
    )
    try:
        assert process.stdout is not None
        line = ""
        for line in process.stdout:
            control.check("window")
            if line.startswith("at "):
                control.progress(kind, float(line[3:]) / seconds)
        process.wait()
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()
    if process.returncode != 0:
        raise SceneR1Error(f"the process that fills a {kind} ended with {process.returncode}.")
    measured: dict[str, Any] = json.loads(line)
    return measured


# -- in that process


def fill(kind: str, seconds: int, kept_seconds: float, width: int, height: int) -> dict[str, Any]:
    """Feed frames for simulated ``seconds``; memory in MB, times in microseconds."""
    color, depth = pixels.color_image(width, height), pixels.depth_image(width, height)
    camera = pixels.camera(width, height)
    window = VideoWindow(WindowConfig(max_seconds=kept_seconds))
    frames: deque[RgbdFrame] = deque(maxlen=int(kept_seconds * _FPS))
    keep = window.add if kind == "window" else frames.append
    start = _rss()
    added, snapshots, rss = [], [], []
    for number in range(seconds * _FPS):
        stamp_ns = number * 1_000_000_000 // _FPS
        pose = pixels.pose_at(stamp_ns * 1e-9)
        frame = RgbdFrame(stamp_ns, color.copy(), depth.copy(), camera, pose)
        begun = time.perf_counter()
        keep(frame)
        added.append(time.perf_counter() - begun)
        if number % _FPS == _FPS - 1:
            begun = time.perf_counter()
            held = window.snapshot().frames if kind == "window" else tuple(frames)
            snapshots.append(time.perf_counter() - begun)
            rss.append((_rss() - start) / 1e6)
            print(f"at {len(rss)}", flush=True)
    return {
        "peak": max(rss),
        "growth": _growth(rss, kept_seconds),
        "held": sum(frame.nbytes for frame in held) / 1e6,
        "frames": len(held),
        "add_us": statistics.median(added) * 1e6,
        "snapshot_us": statistics.median(snapshots) * 1e6,
        "rss_by_minute": [round(value, 1) for value in rss[:: max(1, len(rss) // 10)]],
    }


def _growth(rss: list[float], kept_seconds: float) -> float:
    """Peak of the last third less peak of the first third, of the time after filling."""
    full = rss[int(kept_seconds) :]
    third = max(1, len(full) // 3)
    return max(full[-third:]) - max(full[:third])


def _rss() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def _available() -> int:
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return 0


def _main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", choices=("window", "deque"))
    parser.add_argument("seconds", type=int)
    parser.add_argument("kept", type=float)
    parser.add_argument("width", type=int)
    parser.add_argument("height", type=int)
    args = parser.parse_args()
    print(json.dumps(fill(args.kind, args.seconds, args.kept, args.width, args.height)))
    return 0


if __name__ == "__main__":
    sys.exit(_main())
