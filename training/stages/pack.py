"""A checkpoint stored in half the space: weights in 16 bits that are 32 again once loaded.

float16 has three bits of mantissa more than bfloat16, and weights lie far inside its range; the
config goes on saying float32, so that the library computes as it did before.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import torch

from scene_r1_ros.recordings.atomic import written_atomically

from ..examples.errors import TrainingError
from .weights import WEIGHTS, weight_files


def pack(checkpoint: Path, out: Path) -> int:
    """Write ``checkpoint`` with weights of 16 bits to ``out``; returns the bytes of its weights.

    Raises:
        ModelAbsentError: if ``checkpoint`` is no folder of a checkpoint.
        RecordingError: if ``out`` holds something already.
        TrainingError: if its weights are not those of one float32 checkpoint in safetensors, a
            weight does not fit, or something cannot be read or written.
    """
    files = weight_files(checkpoint)
    said = json.loads((checkpoint / "config.json").read_text(encoding="utf-8")).get("dtype")
    if said != "float32":
        raise TrainingError(
            f"{checkpoint} is a checkpoint of {said}; only one of float32 is made smaller by this."
        )
    with written_atomically(out) as partial:
        try:
            shutil.copytree(checkpoint, partial, ignore=shutil.ignore_patterns(WEIGHTS))
            for path in files:
                _halve(path, partial / path.name)
        except TrainingError:
            raise
        except Exception as error:  # safetensors has errors of its own
            raise TrainingError(
                f"{checkpoint} cannot be packed into {out}: {error}. It is as it was."
            ) from error
    return sum((out / path.name).stat().st_size for path in files)


def _halve(path: Path, out: Path) -> None:
    from safetensors import safe_open
    from safetensors.torch import save_file

    small: dict[str, torch.Tensor] = {}
    with safe_open(path, "pt") as weights:
        about = weights.metadata()
        for name in weights.keys():  # noqa: SIM118 - no mapping
            plain = weights.get_tensor(name)
            small[name] = plain.half() if plain.dtype == torch.float32 else plain
            if not bool(torch.isfinite(small[name]).all()):
                raise TrainingError(
                    f"{path}: {name} has weights up to {float(plain.abs().max()):g}, which float16 "
                    "cannot hold."
                )
    save_file(small, out, metadata=about)
