"""Batches of crops, changed at random: mirrored, other colours, some without the mask so far."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from scene_r1_ros.tracking.mask_network.crops import CHANNELS, mirrored

from .samples import MaskSamples
from .settings import MaskTrainingConfig

_INSIDE = CHANNELS.index("inside")
_PRIOR, _HAS_PRIOR = CHANNELS.index("prior"), CHANNELS.index("has_prior")
_BRIGHTEST = 1.5


def batch(samples: MaskSamples, step: int, config: MaskTrainingConfig) -> tuple[Tensor, Tensor]:
    """Crops (B, channel, size, size) and labels (B, size, size) of a step.

    They depend on the step and the seed alone, so that a run that goes on sees what one that was
    never stopped would have seen.
    """
    rng = np.random.default_rng([config.seed, step])
    chosen = rng.integers(0, len(samples.kinds), config.batch_size)
    planes = samples.planes[chosen].astype(np.float32)
    labels = samples.labels[chosen].astype(np.float32)
    turned = rng.random(len(chosen)) < 0.5
    planes[turned] = mirrored(planes[turned])
    labels[turned] = labels[turned, :, ::-1]
    planes[:, :3] = _other_colors(planes[:, :3], rng) * planes[:, _INSIDE, None]
    hidden = rng.random(len(chosen)) < config.dropped
    planes[hidden, _PRIOR] = planes[hidden, _HAS_PRIOR] = 0.0
    crops = torch.from_numpy(planes).contiguous(memory_format=torch.channels_last)
    return crops, torch.from_numpy(labels)


def _other_colors(rgb: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Other gains and exposures, colours that have changed places; one in ten gray or dark."""
    count = len(rgb)
    gain = 1 + 0.25 * rng.standard_normal((count, 3, 1, 1))
    offset = 0.2 * rng.standard_normal((count, 3, 1, 1))
    order = rng.permuted(np.tile(np.arange(3), (count, 1)), axis=1)
    changed = np.take_along_axis(rgb * gain + offset, order[:, :, None, None], axis=1)
    gray = rng.random(count) < 0.1
    light = (rng.random(count) < 0.5)[:, None, None, None]
    changed[gray] = (changed.mean(axis=1, keepdims=True) * light)[gray]
    return np.clip(changed, -_BRIGHTEST, _BRIGHTEST).astype(np.float32)
