"""Checkpoints that are whole or do not count: sealed last, looked through before going on.

A run may be killed at any moment, also while it writes. The seal is a small file that lists what
the checkpoint holds; it is written when all the rest is on disk.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path

from ..examples.errors import TrainingError

SEAL = "sealed.json"
_NAME = re.compile(r"checkpoint-(\d+)")


def seal(checkpoint: Path) -> None:
    """Declare a checkpoint whole; its files reach the disk before the seal does."""
    sizes = {}
    for path in sorted(checkpoint.rglob("*")):
        if path.is_file() and path.name != SEAL:
            with path.open("rb") as file:
                os.fsync(file.fileno())
            sizes[path.relative_to(checkpoint).as_posix()] = path.stat().st_size
    partial = checkpoint / f".{SEAL}.partial"
    with partial.open("w", encoding="utf-8") as out:
        json.dump({"files": sizes}, out)
        out.flush()
        os.fsync(out.fileno())
    partial.rename(checkpoint / SEAL)


def is_whole(checkpoint: Path) -> bool:
    """Whether a checkpoint is sealed and every file still has the size it had then."""
    try:
        sizes = json.loads((checkpoint / SEAL).read_text(encoding="utf-8"))["files"]
        return all((checkpoint / name).stat().st_size == size for name, size in sizes.items())
    except (OSError, ValueError, KeyError):
        return False


def whole_checkpoints(out: Path) -> list[Path]:
    """The whole checkpoints of a run, oldest first."""
    return [path for _, path in _numbered(out) if is_whole(path)]


def remove_partial(out: Path) -> list[Path]:
    """Remove checkpoints that a killed run left unfinished; returns what was removed."""
    removed = [path for _, path in _numbered(out) if not is_whole(path)]
    for path in removed:
        shutil.rmtree(path, ignore_errors=True)
    return removed


def remove_old(out: Path, keep: int) -> None:
    """Remove all but the newest ``keep`` whole checkpoints."""
    for path in whole_checkpoints(out)[:-keep]:
        shutil.rmtree(path, ignore_errors=True)


def check_space(out: Path, needed: int) -> None:
    """Return if a checkpoint of ``needed`` bytes fits.

    Raises:
        TrainingError: saying how much is free, and that the last good one stays.
    """
    free = shutil.disk_usage(out).free
    if free < needed:
        last = whole_checkpoints(out)
        raise TrainingError(
            f"the disk of {out} is full: a checkpoint takes {needed / 1e6:.0f} MB, "
            f"{free / 1e6:.0f} MB are free. {_stays(last)}"
        )


def disk_sentence(out: Path, error: Exception) -> str:
    """What to say when a checkpoint could not be written."""
    return f"a checkpoint could not be written to {out}: {error}. {_stays(whole_checkpoints(out))}"


def _stays(checkpoints: list[Path]) -> str:
    if not checkpoints:
        return "There is no earlier checkpoint."
    return f"Free some space and run again: it goes on from {checkpoints[-1]}."


def _numbered(out: Path) -> list[tuple[int, Path]]:
    found = ((_NAME.fullmatch(path.name), path) for path in out.glob("checkpoint-*"))
    return sorted((int(match[1]), path) for match, path in found if match and path.is_dir())
