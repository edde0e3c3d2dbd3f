"""The mean of several checkpoints' weights: one model, no larger and no slower than each.

Runs that went out from the same checkpoint end in the same valley of the loss, and the mean of
where they ended, or of their end and their start, is often better than each: what they have in
common stays, what a short run forgot by chance is halved.

Source: Wortsman et al. 2022, "Model soups"; of a run's end and its start Wortsman et al. 2022,
"Robust fine-tuning of zero-shot models" (both are plain means of weights).
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file

from scene_r1_ros.recordings.atomic import written_atomically

from ..examples.errors import TrainingError
from .weights import WEIGHTS, weight_files

_WORDS = "tokenizer.json"


def average(checkpoints: Sequence[Path], out: Path) -> Path:
    """Write the mean of ``checkpoints`` to ``out``; all but the weights is the last one's.

    It is computed in float32 and stored as the last one's weights are.

    Raises:
        ModelAbsentError: if one of them is no folder of a checkpoint.
        RecordingError: if ``out`` holds something already.
        TrainingError: if there are fewer than two, their weights or words are not of one kind, a
            mean is not finite, or something cannot be read or written.
    """
    if len(checkpoints) < 2:
        raise TrainingError(f"{len(checkpoints)} checkpoint to average: give two or more.")
    files = {checkpoint: weight_files(checkpoint) for checkpoint in checkpoints}
    *others, last = checkpoints
    words = _words(last)
    for other in others:
        if _words(other) != words:
            raise TrainingError(
                f"{other} and {last} have different words ({_WORDS}); only checkpoints that went "
                "out from one model can be averaged."
            )
    with written_atomically(out) as partial:
        try:
            shutil.copytree(last, partial, ignore=shutil.ignore_patterns(WEIGHTS))
            with ExitStack() as opened:
                shelves = [_Shelf(other, files[other], opened) for other in others]
                own = _Shelf(last, files[last], opened)
                for shelf in shelves:
                    _check_same_names(shelf, own)
                for path, weights in own.files.items():
                    means = {name: _mean(name, own, shelves) for name in weights.keys()}  # noqa: SIM118 - no mapping
                    save_file(means, partial / path.name, metadata=weights.metadata())
        except TrainingError:
            raise
        except Exception as error:  # safetensors has errors of its own
            said = ", ".join(str(checkpoint) for checkpoint in checkpoints)
            raise TrainingError(
                f"{said} cannot be averaged into {out}: {error}. They are as they were."
            ) from error
    return out


class _Shelf:
    """The weights of one checkpoint by name, whatever file they are in."""

    def __init__(self, checkpoint: Path, files: Sequence[Path], opened: ExitStack) -> None:
        self.checkpoint = checkpoint
        self.files = {path: opened.enter_context(safe_open(path, "pt")) for path in files}
        self._file_of: dict[str, Any] = {}
        for weights in self.files.values():
            self._file_of |= dict.fromkeys(weights.keys(), weights)

    @property
    def names(self) -> set[str]:
        return set(self._file_of)

    def weight(self, name: str) -> torch.Tensor:
        weight: torch.Tensor = self._file_of[name].get_tensor(name)
        return weight


def _check_same_names(one: _Shelf, last: _Shelf) -> None:
    for has, lacks in ((last, one), (one, last)):
        for name in sorted(has.names - lacks.names):
            raise TrainingError(
                f"{has.checkpoint} has {name}, which {lacks.checkpoint} has not; only checkpoints "
                "of one model can be averaged."
            )


def _mean(name: str, last: _Shelf, others: Sequence[_Shelf]) -> torch.Tensor:
    own = last.weight(name)
    total = own.float()
    for other in others:
        weight = other.weight(name)
        if weight.shape != own.shape:
            raise TrainingError(
                f"{name} is {tuple(weight.shape)} in {other.checkpoint} and {tuple(own.shape)} in "
                f"{last.checkpoint}; only checkpoints of one model can be averaged."
            )
        total = total + weight.float()
    mean = (total / (len(others) + 1)).to(own.dtype)
    if not bool(torch.isfinite(mean).all()):
        raise TrainingError(f"the mean of {name} is not finite.")
    return mean


def _words(checkpoint: Path) -> Any:
    """Which word is which number; how a batch is padded is no part of it."""
    path = checkpoint / _WORDS
    if not path.is_file():
        return None
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        return said["model"], said["added_tokens"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TrainingError(f"{path} cannot be read: {error!r}.") from error
