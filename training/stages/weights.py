"""The files that hold a checkpoint's weights."""

from __future__ import annotations

from pathlib import Path

from scene_r1_ros.reasoning.backends.checkpoint import TransformersConfig, check_name

from ..examples.errors import TrainingError

WEIGHTS = "*.safetensors"


def weight_files(checkpoint: Path) -> list[Path]:
    """The files of a checkpoint's weights, in order.

    Raises:
        ModelAbsentError: if ``checkpoint`` is no folder of a checkpoint.
        TrainingError: if it has no weights in safetensors.
    """
    check_name(TransformersConfig(model=str(checkpoint)))
    files = sorted(checkpoint.glob(WEIGHTS))
    if not files:
        raise TrainingError(f"{checkpoint} holds no {WEIGHTS}: there are no weights.")
    return files
