"""Auxiliary losses for a model that learns to see from nothing, and their targets.

Plain cross-entropy on coordinates teaches a small new model next to nothing about where things
are. Two heads, which exist in training only, tell it densely:

* dense: every merged token of the vision tower, is it on an object, on which kind, of which colour,
  in which box (from the token's own place: the tower knows only how tokens lie to each other);
* pointing: every image token as a layer in the middle of the language model leaves it, is it on the
  object that is asked for, and that object's box. It can only fall if the query is read, and what
  it finds can be read by the layers that follow.

    loss = w_d (bce + ce + ce + l1) + w_p (bce + l1),  l1 and ce over tokens on an object
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from scene_r1_ros.errors import ConfigError
from scene_r1_ros.reasoning.sampling import Size

from ..examples.colors import BASIC_COLORS
from .settings import AuxConfig


@dataclass(frozen=True, eq=False)
class TokenTargets:
    """Of all image tokens of a batch, in order: ``asked`` (N,) and ``asked_box`` (N, 4) of the
    target, ``kind`` (N,) of the object at the token (-1: none), its ``color`` (N,) (-1: unknown)
    and its ``box`` (N, 4); boxes are x0, y0, x1, y1 as shares of the image, ``box`` from the
    token's own centre."""

    asked: Tensor
    asked_box: Tensor
    kind: Tensor
    color: Tensor
    box: Tensor


def token_targets(
    rows: Sequence[Mapping[str, Any]], factor: int, labels: Mapping[str, int]
) -> TokenTargets:
    """Targets of rendered rows; a token is on a box if its centre is, the smallest box wins."""
    parts: list[tuple[Tensor, ...]] = []
    for row in rows:
        boxes = list(row["boxes"]) or [None] * row["views"]
        frames = zip(boxes, row["around"], row["image_sizes"], row["model_sizes"], strict=True)
        for asked, around, size, seen in frames:
            centers = _centers(seen, factor)
            kind = torch.full((len(centers),), -1, dtype=torch.long)
            color = torch.full((len(centers),), -1, dtype=torch.long)
            box = torch.zeros(len(centers), 4)
            by_area = sorted(around, key=lambda item: -_area(item[1]))
            for name, corners, named in by_area:
                share, on = _on(corners, size, centers)
                kind[on], box[on] = labels[name], share - centers[on].repeat(1, 2)
                color[on] = BASIC_COLORS.index(named) if named else -1
            asked_on = torch.zeros(len(centers))
            asked_box = torch.zeros(len(centers), 4)
            if asked is not None:
                share, on = _on(asked, size, centers)
                asked_on[on], asked_box[on] = 1.0, share
            parts.append((asked_on, asked_box, kind, color, box))
    return TokenTargets(*(torch.cat(column) for column in zip(*parts, strict=True)))


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
        loss = _token_loss(out[:, 0], out[:, 1:5], (kind >= 0).float(), box, positive)
        for logits, truth in ((out[:, first:], kind), (out[:, 5:first], color)):
            known = truth >= 0
            if bool(known.any()):
                loss = loss + nn.functional.cross_entropy(logits[known], truth[known])
        return loss

    def pointing_loss(self, tokens: Tensor, targets: TokenTargets, positive: float) -> Tensor:
        """``tokens`` (N, hidden) of a layer of the language model at the image positions."""
        out = self.pointing(tokens.float())
        asked, box = targets.asked.to(out.device), targets.asked_box.to(out.device)
        return _token_loss(out[:, 0], out[:, 1:5].sigmoid(), asked, box, positive)


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
    wanted = bool(config.pointing or config.dense or config.soft_boxes)
    if wanted and processes > 1:
        raise ConfigError("the auxiliary losses (aux.*) run in one process; there are more.")
    return wanted


def _token_loss(logit: Tensor, said: Tensor, on: Tensor, box: Tensor, positive: float) -> Tensor:
    weight = torch.where(on > 0, positive, 1.0)
    loss = nn.functional.binary_cross_entropy_with_logits(logit, on, weight=weight)
    found = on > 0
    if bool(found.any()):
        loss = loss + (said[found] - box[found]).abs().mean()
    return loss


def _centers(seen: Size, factor: int) -> Tensor:
    """Centres (N, 2) of an image's merged tokens, row by row, as shares of the image."""
    columns, rows = seen[0] // factor, seen[1] // factor
    y, x = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
    return torch.stack([(x + 0.5) / columns, (y + 0.5) / rows], dim=-1).reshape(-1, 2)


def _on(box: Sequence[float], size: Size, centers: Tensor) -> tuple[Tensor, Tensor]:
    share = torch.tensor(box, dtype=torch.float32) / torch.tensor([*size, *size])
    on = ((centers >= share[:2]) & (centers < share[2:])).all(dim=1)
    if not bool(on.any()):  # smaller than a token: the token nearest to its middle
        on[(centers - (share[:2] + share[2:]) / 2).norm(dim=1).argmin()] = True
    return share, on


def _area(box: Sequence[float]) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])
