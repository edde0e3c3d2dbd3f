"""From settings to a loaded engine."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from ...errors import CheckpointError, ConfigError
from .checkpoints import find_checkpoint, read_weights
from .config import Sam2Config
from .convert import load_strictly, to_transformers
from .engine import Engine
from .models import ModelSpec, build_package_model, build_transformers_model, spec_of_weights

if TYPE_CHECKING:
    import torch
    from torch import Tensor

logger = logging.getLogger(__name__)


def load_engine(config: Sam2Config) -> Engine:
    """The engine that ``config`` names, with its checkpoint, on its device.

    Raises:
        CheckpointError: if the checkpoint is absent, damaged, or does not fit.
        ConfigError: if the device is not there.
    """
    path = find_checkpoint(config.checkpoint, download=config.download)
    weights = read_weights(path)
    spec = spec_of_weights({key: tuple(value.shape) for key, value in weights.items()})
    if config.model not in ("auto", spec.name):
        raise CheckpointError(
            f"{path} holds {spec.name}, but model = {config.model}; set model = auto or give the "
            "checkpoint of that model."
        )
    return engine_from_weights(config, spec, weights, path)


def engine_from_weights(
    config: Sam2Config, spec: ModelSpec, weights: dict[str, Tensor], source: Path | str = "weights"
) -> Engine:
    """The engine of ``config`` for weights in the release's naming; raises as above."""
    device = torch_device(config.device)
    if device.type == "cpu" and config.image_size > 512:
        logger.warning(
            "SAM 2 runs on the CPU at image_size %d, which takes seconds a frame; 512 takes about "
            "a seventh of 1024, 256 a thirtieth, with coarser masks.",
            config.image_size,
        )
    if config.sam2_engine == "package":
        from .package_engine import PackageEngine

        model = build_package_model(spec, config.image_size)
        load_strictly(model, weights, str(source))
        return PackageEngine(model.to(device), config.precision, config.compile)
    from .transformers_engine import TransformersEngine

    model = build_transformers_model(spec, config.image_size)
    load_strictly(model, to_transformers(weights), str(source))
    return TransformersEngine(model.to(device), config.precision, config.compile)


def torch_device(name: str) -> torch.device:
    """``auto`` is CUDA where there is one.

    Raises:
        ConfigError: if ``cuda`` is asked for and there is none.
    """
    import torch

    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name == "cuda" and not torch.cuda.is_available():
        raise ConfigError("device = cuda, but torch sees no CUDA GPU; set device = auto or cpu.")
    return torch.device(name)
