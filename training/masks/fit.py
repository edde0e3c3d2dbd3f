"""The training loop of the mask network; it goes on from its last checkpoint."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from scene_r1_ros.recordings.atomic import written_atomically
from scene_r1_ros.tracking.mask_network import MaskNetwork

from ..examples.errors import TrainingError
from .batches import batch
from .samples import MaskSamples
from .settings import MaskTrainingConfig

Figures = list[tuple[float, float]]
"""Loss and mask IoU of every step."""
_SMOOTHED = 50


def fit(
    network: MaskNetwork,
    samples: MaskSamples,
    path: Path,
    config: MaskTrainingConfig,
    on_step: Callable[[int, str], None],
) -> tuple[int, Figures]:
    """Train ``network`` in place; the step it went on from, and the figures of all steps.

    ``path`` is the checkpoint: what it holds is taken up, and it is written every
    ``config.save_steps`` steps.

    Raises:
        TrainingError: if the checkpoint cannot be read or the loss is no number any more.
    """
    net = network.net
    optimizer = torch.optim.AdamW(net.parameters(), weight_decay=config.weight_decay)
    begun, figures = 0, Figures()
    if path.exists():
        state = _read(path)
        net.load_state_dict(state["network"])
        optimizer.load_state_dict(state["optimizer"])
        figures = [(loss, iou) for loss, iou in state["figures"]]
        begun = len(figures)
    net.train()
    for step in range(begun, config.steps):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, config)
        crops, labels = batch(samples, step, config)
        logits = net(crops)
        loss = mask_loss(logits, labels)
        value = float(loss.detach())
        if not math.isfinite(value):
            kept = f"{path} is intact" if path.exists() else "none was saved yet"
            raise TrainingError(
                f"the loss became {value:g} at step {step + 1}: lower masks.rate (now "
                f"{config.rate:g}). The last checkpoint: {kept}."
            )
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        found, right = (logits.detach() > 0).numpy(), (labels > 0.5).numpy()
        figures.append((value, float(crop_iou(found, right).mean())))
        on_step(step + 1, f"IoU {np.mean([iou for _, iou in figures[-_SMOOTHED:]]):.3f}")
        if (step + 1) % config.save_steps == 0 or step + 1 == config.steps:
            state = {"network": net.state_dict(), "optimizer": optimizer.state_dict()}
            with written_atomically(path, overwrite=True) as partial:
                torch.save(state | {"figures": figures}, partial)
    return begun, figures


def mask_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy of the pixels of (N, size, size) and the soft Dice loss of each crop, so that
    small things count.

    Dice after Milletari, Navab and Ahmadi, "V-Net" (3DV 2016), without the squares.
    """
    likely = torch.sigmoid(logits)
    common = (likely * labels).sum((1, 2))
    dice = 1 - (2 * common + 1) / (likely.sum((1, 2)) + labels.sum((1, 2)) + 1)
    return functional.binary_cross_entropy_with_logits(logits, labels) + dice.mean()


def learning_rate(step: int, config: MaskTrainingConfig) -> float:
    """Risen over ``config.warmup`` steps, fallen as a cosine to a fiftieth."""
    warm = min(1.0, (step + 1) / max(1, config.warmup))
    return config.rate * warm * (0.02 + 0.49 * (1 + math.cos(math.pi * step / config.steps)))


def crop_iou(found: NDArray[np.bool_], right: NDArray[np.bool_]) -> NDArray[np.float64]:
    """IoU (N,) of masks (N, size, size); 0 where both are empty."""
    common, union = (found & right).sum((1, 2)), (found | right).sum((1, 2))
    return np.asarray(common / np.maximum(union, 1))


def curves(figures: Figures) -> list[dict[str, Any]]:
    """The figures as a log: means of so many steps each."""
    log = []
    for start in range(0, len(figures), _SMOOTHED):
        loss, iou = np.mean(figures[start : start + _SMOOTHED], axis=0)
        step = min(start + _SMOOTHED, len(figures))
        log.append({"step": step, "loss": float(loss), "mask_iou": float(iou)})
    return log


def _read(path: Path) -> dict[str, Any]:
    try:
        state: dict[str, Any] = torch.load(path, weights_only=True)
    except Exception as error:  # torch raises what the damage happens to be
        reason = f"{type(error).__name__}: {str(error).splitlines()[0]}"
        raise TrainingError(
            f"{path} cannot be read ({reason}); remove it to begin the training again."
        ) from error
    return state
