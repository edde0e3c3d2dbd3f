"""Coordinates learnt with soft labels: a number near the true one is nearly right.

Cross-entropy calls 101 as wrong as 7 where 100 is true. Here the target of a coordinate is a
Gaussian over the numbers around it, as label distribution learning has it (Geng, TKDE 2016):

    t(m) ~ exp(-(m - n)^2 / (2 s^2)),  loss = -sum_m t(m) log p(m)

It needs a tokenizer with one token for each number, such as that of ``new-model``.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from scene_r1_ros.errors import ConfigError

from .vocabulary import BOX_CLOSES, BOX_OPENS, NUMBERS

IGNORED = -100


class SoftBoxes:
    """The loss of coordinates; ``deviation`` (s above) in pixels of the model's image."""

    def __init__(self, tokenizer: Any, deviation: float) -> None:
        """Raises ConfigError if the tokenizer spells numbers in several tokens."""
        known = tokenizer.get_vocab()
        absent = [t for t in (BOX_OPENS, BOX_CLOSES, *NUMBERS) if t not in known]
        if absent:
            raise ConfigError(
                f"aux.soft_boxes needs a tokenizer with a token for each number (that of scene-r1 "
                f"train new-model); this one has none for {absent[0]!r}."
            )
        self.opens, self.closes = known[BOX_OPENS], known[BOX_CLOSES]
        self.numbers = torch.tensor([known[n] for n in NUMBERS])
        self.value = torch.full((max(known.values()) + 1,), -1)
        self.value[self.numbers] = torch.arange(len(NUMBERS))
        self.deviation = deviation

    def where(self, labels: Tensor) -> Tensor:
        """Which of ``labels`` (B, T) are coordinates: the numbers between the box's brackets."""
        inside = (labels == self.opens).cumsum(1) > (labels == self.closes).cumsum(1)
        return inside & (self._values(labels) >= 0)

    def loss(self, hidden: Tensor, head: nn.Module, labels: Tensor, at: Tensor) -> Tensor:
        """Mean over the coordinates ``at`` (B, T); ``hidden`` (B, T, D) precedes by one token."""
        if not bool(at.any()):
            return hidden.sum() * 0.0
        logits = head(hidden[:, :-1][at[:, 1:]]).float()
        truth = self._values(labels)[at].to(logits.device)
        values = torch.arange(len(NUMBERS), device=logits.device)
        distance = (values[None] - truth[:, None]).float() / self.deviation
        target = torch.softmax(-0.5 * distance**2, dim=1)
        log_p = logits.log_softmax(dim=1)[:, self.numbers.to(logits.device)]
        return -(target * log_p).sum(1).mean()

    def _values(self, labels: Tensor) -> Tensor:
        values = self.value.to(labels.device)[labels.clamp(min=0)]
        return torch.where(labels >= 0, values, -1)
