"""The recording that is shown: the user's, or a synthetic room made on the spot."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

SEED = 2_000_009
"""Room of the demonstration: a living room from the range that is never trained on."""
WIDTH, HEIGHT, FPS = 400, 300, 4.0


@dataclass(frozen=True)
class DemoSource:
    """``path`` of the recording; ``made`` says that it was rendered just now."""

    path: Path
    synthetic: bool
    made: bool = False


def demo_source(
    given: Path | None,
    out: Path,
    on_progress: Callable[[int, int], None] | None = None,
    *,
    seed: int = SEED,
    seconds: float = 12.0,
) -> DemoSource:
    """The given recording, or the synthetic one below ``out``, rendered if it is not there yet.

    ``on_progress`` is told how many frames of how many are rendered.

    Raises:
        RecordingError: if it cannot be written.
    """
    if given is not None:
        return DemoSource(given, synthetic=False)
    path = out / f"synthetic_{seed}"
    if (path / "objects.json").is_file():
        return DemoSource(path, synthetic=True)
    from ..synthetic import demo_recording

    demo_recording(
        path,
        seed,
        seconds=seconds,
        fps=FPS,
        width=WIDTH,
        height=HEIGHT,
        overwrite=True,
        on_progress=on_progress,
    )
    return DemoSource(path, synthetic=True, made=True)
