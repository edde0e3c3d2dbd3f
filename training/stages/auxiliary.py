"""Auxiliary losses for a model that learns to see from nothing.

Plain cross-entropy on coordinates teaches a small new model next to nothing about where things
are. Two heads, which exist in training only, tell it densely:

* dense: every merged token of the vision tower, is it on a thing, on which kind, of which colour,
  in which box (from the token's own place: the tower knows only how tokens lie to each other);
* pointing: every image token as a layer in the middle of the language model leaves it, is it on the
  object that is asked for, and that object's box. It can only fall if the query is read, and what
  it finds can be read by the layers that follow.

    loss = w_d (bce + ce + ce + box) + w_p (bce + box),  box and ce over tokens on an object
    box  = 5 l1 + 2 (1 - giou)

with DETR's weights (arXiv 2005.12872); the generalised IoU (arXiv 1902.09630) sees small boxes as
well as large ones, of which l1 alone thinks more. Boxes are counted in lengths of eight tokens:
about the shares of an image that DETR has, and the same for images of any size.
"""

from __future__ import annotations

import pickle
from pathlib import Path

import torch
from torch import Tensor, nn
from torchvision.ops import generalized_box_iou_loss

from scene_r1_ros.errors import ConfigError

from ..examples.colors import BASIC_COLORS
from .settings import AuxConfig
from .token_targets import TokenTargets

_L1, _GIOU = 5.0, 2.0
"""Weights of the two losses of boxes."""
_UNIT = 8.0
"""Tokens that a head's output of 1 means."""


class Heads(nn.Module):
    """The two heads; ``hidden`` is the language model's width, which the tower's output has too."""

    def __init__(self, hidden: int, kinds: int, seed: int) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.pointing = nn.Linear(hidden, 5)
            self.dense = nn.Linear(hidden, 5 + len(BASIC_COLORS) + max(1, kinds))

    def dense_loss(self, tokens: Tensor, targets: TokenTargets, positive: float) -> Tensor:
        """``tokens`` (N, hidden) of the vision tower, in the order of the targets."""
        out = self.dense(tokens.float())
        kind, color = targets.kind.to(out.device), targets.color.to(out.device)
        first = 5 + len(BASIC_COLORS)
        box = targets.box.to(out.device)
        thing = targets.thing.to(out.device)
        loss = _token_loss(out[:, 0], out[:, 1:5], thing, box, positive)
        for logits, truth in ((out[:, first:], kind), (out[:, 5:first], color)):
            known = truth >= 0
            if bool(known.any()):
                loss = loss + nn.functional.cross_entropy(logits[known], truth[known])
        return loss

    def pointing_loss(self, tokens: Tensor, targets: TokenTargets, positive: float) -> Tensor:
        """``tokens`` (N, hidden) of a layer of the language model at the image positions."""
        out = self.pointing(tokens.float())
        asked, box = targets.asked.to(out.device), targets.asked_box.to(out.device)
        return _token_loss(out[:, 0], out[:, 1:5], asked, box, positive)


def load_heads(heads: Heads, path: Path) -> None:
    """Go on with the heads of a run before.

    Raises:
        ConfigError: if the file cannot be read or its heads have other shapes.
    """
    try:
        heads.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    except (OSError, RuntimeError, pickle.UnpicklingError) as error:
        raise ConfigError(
            f"aux.heads = {path} cannot be used ({str(error).splitlines()[-1].strip()}): it needs "
            "the auxiliary_heads.pt of a run of the same model and the same kinds of things."
        ) from error


def pointing_layer(wanted: int, layers: int) -> int:
    """The layer that points, from 1; ``wanted`` 0 is the middle.

    Raises:
        ConfigError: if the language model has no such layer.
    """
    if wanted > layers:
        raise ConfigError(f"aux.pointing_layer = {wanted}: the language model has {layers} layers.")
    return wanted or max(1, layers // 2)


def check_auxiliary(config: AuxConfig, processes: int) -> bool:
    """Whether any auxiliary loss is on.

    Raises:
        ConfigError: if the settings do not fit each other or the run.
    """
    if config.vision_only and not config.dense:
        raise ConfigError("aux.vision_only needs aux.dense above 0: there is no other loss.")
    wanted = any((config.pointing, config.dense, config.soft_boxes, config.looking))
    if wanted and processes > 1:
        raise ConfigError("the auxiliary losses (aux.*) run in one process; there are more.")
    return wanted


def _token_loss(logit: Tensor, said: Tensor, on: Tensor, box: Tensor, positive: float) -> Tensor:
    weight = torch.where(on > 0, positive, 1.0)
    loss = nn.functional.binary_cross_entropy_with_logits(logit, on, weight=weight)
    found = on > 0
    if bool(found.any()):
        loss = loss + _box_loss(said[found], box[found] / _UNIT)
    return loss


def _box_loss(said: Tensor, box: Tensor) -> Tensor:
    first, second = said[:, :2], said[:, 2:]
    ordered = torch.cat([torch.minimum(first, second), torch.maximum(first, second)], dim=1)
    giou = generalized_box_iou_loss(ordered, box, reduction="mean")
    return _L1 * (said - box).abs().mean() + _GIOU * giou
