"""SAM 2 over a long video: this project's sessions beside upstream's video predictor.

Every measurement runs in a process of its own, so that peak memory is that of one way alone.
The weights are a checkpoint's, or random: time and memory do not depend on them.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..errors import SceneR1Error

UPSTREAM = "sam2 init_state + propagate_in_video"
_SETTLED = 0.2  # share of a run after which memory counts as settled


def bench_sam2(
    frames: int = 1000,
    queries: int = 100,
    image_size: int = 128,
    model: str = "sam2.1_hiera_tiny",
    checkpoint: str = "",
    device: str = "auto",
    window: int = 6,
    precision: str = "auto",
    compile_encoder: bool = False,
    progress: Callable[[str], None] | None = None,
) -> dict[str, Any]:
    """Compare over ``frames`` frames and ``queries`` box prompts on a window of ``window`` frames.

    Returns the benchmark form of this project, ``{name, rows, ...}``; in a row ``ratio`` is
    ours / alternative. Memory is the process's peak beyond the loaded model, and on a GPU torch's
    peak there beyond the weights.

    Raises:
        SceneR1Error: if a measurement's process fails.
    """
    with tempfile.TemporaryDirectory() as folder:
        write_frames(Path(folder), frames)
        shared = {
            "folder": folder,
            "frames": frames,
            "image_size": image_size,
            "model": model,
            "checkpoint": checkpoint,
            "device": device,
            "window": window,
            "precision": precision,
            "compile": compile_encoder,
        }
        tell = progress or (lambda text: None)
        results = {}
        for way in ("package", "transformers", "upstream"):
            tell(f"{way}: {frames} frames at {image_size} px")
            results[way] = _measure({**shared, "way": way, "task": "video"})
        tell(f"{queries} queries over {window} frames, with and without cached embeddings")
        asked = {
            cache: _measure(
                {**shared, "way": "package", "task": "queries", "queries": queries, "cache": cache}
            )
            for cache in (1, 0)
        }
    ours, upstream, other = results["package"], results["upstream"], results["transformers"]
    rows = [
        _row(f"peak memory over {frames} frames", "MB", ours, upstream, UPSTREAM, "peak_mb"),
        _row("memory growth per 1000 frames", "MB", ours, upstream, UPSTREAM, "growth_mb"),
        _row("time a frame", "s", ours, upstream, UPSTREAM, "seconds_a_frame"),
        _row("processor time a frame", "s", ours, upstream, UPSTREAM, "cpu_seconds_a_frame"),
        _row("time to the first mask", "s", ours, upstream, UPSTREAM, "first_mask_seconds"),
        _row("time a frame", "s", ours, other, "sam2_engine = transformers", "seconds_a_frame"),
        _row(
            "processor time a frame",
            "s",
            ours,
            other,
            "sam2_engine = transformers",
            "cpu_seconds_a_frame",
        ),
        _row("peak memory", "MB", ours, other, "sam2_engine = transformers", "peak_mb"),
        _row("time to load", "s", ours, other, "sam2_engine = transformers", "load_seconds"),
        _row("time a query", "s", asked[1], asked[0], "no cached embeddings", "query_seconds"),
        _row(
            f"memory growth over {queries} queries",
            "MB",
            asked[1],
            asked[0],
            "no cached embeddings",
            "growth_mb",
        ),
    ]
    return {
        "name": "sam2",
        "rows": rows,
        "frames": frames,
        "image_size": image_size,
        "model": model,
        "device": ours["device"],
        "precision": precision,
        "random_weights": not checkpoint,
        "measured": {**results, "queries_cached": asked[1], "queries_uncached": asked[0]},
    }


def write_frames(folder: Path, count: int, width: int = 320, height: int = 240) -> None:
    """``count`` numbered JPEG files of smooth colours that drift, for every way alike."""
    import numpy as np
    from PIL import Image

    rng = np.random.default_rng(0)
    noise = rng.integers(0, 255, (24, 32, 3), dtype=np.uint8)
    canvas = np.array(Image.fromarray(noise).resize((2 * width, 2 * height)))
    for i in range(count):
        part = np.roll(canvas, (i, 2 * i), (0, 1))[:height, :width]
        Image.fromarray(part).save(folder / f"{i:05d}.jpg", quality=95)


def _row(
    what: str,
    unit: str,
    ours: dict[str, Any],
    alternative: dict[str, Any],
    name: str,
    key: str,
) -> dict[str, Any]:
    a, b = float(ours[key]), float(alternative[key])
    return {
        "what": what,
        "unit": unit,
        "ours": round(a, 4),
        "alternative": round(b, 4),
        "alternative_name": name,
        "ratio": round(a / b, 4) if b > 0 else None,
    }


def _measure(job: dict[str, Any]) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "scene_r1_ros.bench.sam2", json.dumps(job)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise SceneR1Error(f"the measurement of {job['way']} failed: {last}")
    result: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return result


# -- inside a measurement's process


class _Memory:
    """Resident memory of this process, or torch's on a GPU, beyond what it was at the start."""

    def __init__(self, cuda: bool) -> None:
        self._cuda = cuda
        self._start = self._now()
        self.samples: list[float] = []

    def _now(self) -> float:
        if self._cuda:
            import torch

            return torch.cuda.memory_allocated() / 1e6
        import psutil

        return float(psutil.Process().memory_info().rss) / 1e6

    def sample(self) -> None:
        self.samples.append(self._now() - self._start)

    @property
    def peak(self) -> float:
        if self._cuda:
            import torch

            return torch.cuda.max_memory_allocated() / 1e6 - self._start
        return max(self.samples, default=0.0)

    def growth(self, per: int) -> float:
        """Rise of the settled part, between its first and last tenth, per ``per`` samples."""
        settled = self.samples[int(len(self.samples) * _SETTLED) :]
        tenth = max(1, len(settled) // 10)
        rise = statistics.median(settled[-tenth:]) - statistics.median(settled[:tenth])
        return rise * per / max(1, len(settled) - tenth)


class _Clock:
    """Median time of a lap, and processor time, which a busy machine does not stretch as much."""

    def __init__(self) -> None:
        self._laps: list[float] = []
        self._last = time.perf_counter()
        self._cpu = time.process_time()

    def lap(self) -> None:
        now = time.perf_counter()
        self._laps.append(now - self._last)
        self._last = now

    def report(self) -> dict[str, float]:
        return {
            "seconds_a_frame": statistics.median(self._laps),
            "cpu_seconds_a_frame": (time.process_time() - self._cpu) / len(self._laps),
        }


def _worker(job: dict[str, Any]) -> dict[str, Any]:
    if job["task"] == "queries":
        return _queries(job)
    return _upstream_video(job) if job["way"] == "upstream" else _our_video(job)


def _weights(job: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    from ..tracking.sam2.checkpoints import find_checkpoint, read_weights
    from ..tracking.sam2.models import build_package_model, find_spec, spec_of_weights

    if job["checkpoint"]:
        weights = read_weights(find_checkpoint(job["checkpoint"]))
        return spec_of_weights({k: tuple(v.shape) for k, v in weights.items()}), weights
    spec = find_spec(job["model"])
    if spec is None:
        raise SceneR1Error(f"no model {job['model']!r}")
    import torch

    torch.manual_seed(0)
    return spec, build_package_model(spec, job["image_size"]).state_dict()


def _engine(job: dict[str, Any]) -> tuple[Any, float]:
    from ..tracking.sam2.config import Sam2Config
    from ..tracking.sam2.loading import engine_from_weights

    spec, weights = _weights(job)
    config = Sam2Config(
        sam2_engine=job["way"],
        image_size=job["image_size"],
        device=job["device"],
        precision=job["precision"],
        compile=job["compile"],
    )
    started = time.perf_counter()
    engine = engine_from_weights(config, spec, weights)
    return engine, time.perf_counter() - started


def _image(job: dict[str, Any], index: int) -> Any:
    import numpy as np
    from PIL import Image

    return np.asarray(Image.open(Path(job["folder"]) / f"{index:05d}.jpg"))


_BOX = (80.0, 60.0, 200.0, 180.0)


def _our_video(job: dict[str, Any]) -> dict[str, Any]:
    from ..tracking.sam2.prompts import Prompt
    from ..tracking.sam2.session import Sam2Session

    engine, load_seconds = _engine(job)
    memory = _Memory(engine.device.type == "cuda")
    started = time.perf_counter()
    session = Sam2Session(engine)
    first = _image(job, 0)
    session.prompt(0, first, 1, Prompt(box_xyxy=_BOX))
    first_mask = time.perf_counter() - started
    clock = _Clock()
    for index in range(job["frames"]):
        session.step(index, _image(job, index))
        memory.sample()
        clock.lap()
    return {
        "first_mask_seconds": first_mask,
        **clock.report(),
        "load_seconds": load_seconds,
        "peak_mb": memory.peak,
        "growth_mb": memory.growth(1000),
        "device": str(engine.device),
    }


def _upstream_video(job: dict[str, Any]) -> dict[str, Any]:
    from sam2.build_sam import build_sam2_video_predictor

    from ..tracking.sam2.engine import autocast
    from ..tracking.sam2.loading import torch_device

    spec, weights = _weights(job)
    device = torch_device(job["device"])
    started = time.perf_counter()
    predictor = build_sam2_video_predictor(
        spec.yaml,
        device=str(device),
        hydra_overrides_extra=[f"++model.image_size={job['image_size']}"],
    )
    predictor.load_state_dict(weights, strict=True)
    load_seconds = time.perf_counter() - started
    memory = _Memory(device.type == "cuda")
    with autocast(device, job["precision"]):
        started = time.perf_counter()
        state = predictor.init_state(job["folder"])
        predictor.add_new_points_or_box(state, 0, 1, box=_BOX)
        first_mask = time.perf_counter() - started
        memory.sample()
        clock = _Clock()
        for _, _, logits in predictor.propagate_in_video(state):
            (logits > 0).cpu()
            memory.sample()
            clock.lap()
    return {
        "first_mask_seconds": first_mask,
        **clock.report(),
        "load_seconds": load_seconds,
        "peak_mb": memory.peak,
        "growth_mb": memory.growth(1000),
        "device": str(device),
    }


def _queries(job: dict[str, Any]) -> dict[str, Any]:
    import numpy as np

    from ..control import Control
    from ..errors import EmptyMaskError
    from ..frames import CameraIntrinsics, RgbdFrame, WindowSnapshot
    from ..tracking.sam2.config import Sam2Config
    from ..tracking.sam2.tracker import Sam2Tracker

    engine, _ = _engine(job)
    frames = []
    for index in range(job["window"]):
        color = _image(job, index)
        height, width = color.shape[:2]
        camera = CameraIntrinsics(width, height, 300.0, 300.0, width / 2, height / 2)
        depth = np.full((height, width), np.nan, np.float32)
        frames.append(RgbdFrame(index * 100_000_000, color, depth, camera, np.eye(4)))
    window = WindowSnapshot.of(frames)
    config = Sam2Config(embedding_cache_megabytes=256.0 if job["cache"] else 0.0)
    tracker = Sam2Tracker(config, engine=engine)
    memory = _Memory(engine.device.type == "cuda")
    seconds = []
    rng = np.random.default_rng(0)
    for _ in range(job["queries"]):
        x, y = rng.uniform(10, 150), rng.uniform(10, 110)
        started = time.perf_counter()
        try:
            tracker.track(
                window,
                int(rng.choice(job["window"])) * 100_000_000,
                (x, y, x + 120, y + 100),
                Control(),
            )
        except EmptyMaskError:
            # Random weights see nothing in some boxes; a query may end so.
            continue
        finally:
            memory.sample()
        seconds.append(time.perf_counter() - started)
    if not seconds:
        raise SceneR1Error("these weights saw nothing in any box")
    return {
        "query_seconds": statistics.median(seconds),
        "answered": len(seconds),
        "peak_mb": memory.peak,
        "growth_mb": memory.growth(job["queries"]),
        "device": str(engine.device),
    }


if __name__ == "__main__":
    print(json.dumps(_worker(json.loads(sys.argv[1]))))
