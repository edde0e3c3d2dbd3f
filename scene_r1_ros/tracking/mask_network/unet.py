"""The network: a U-Net over pixels two by two, with one layer at full resolution.

After Ronneberger, Fischer and Brox, "U-Net" (MICCAI 2015), in small. That depth and a crop are
enough to part an object from its surroundings, and that synthetic rooms are enough to learn it
from, is known from Xie et al., "Unseen Object Instance Segmentation for Robotic Environments"
(T-RO 2021).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional


class MaskUNet(nn.Module):
    """Crops (N, channels, size, size) to logits (N, size, size); size a multiple of 16.

    ``widths`` are the features at a half of the resolution, a quarter, and so on.
    """

    def __init__(self, channels: int, widths: Sequence[int]) -> None:
        super().__init__()
        self.fine = nn.Sequential(*_layer(channels, 8))
        inputs = [4 * channels, *widths[:-1]]
        self.down = nn.ModuleList(_block(i, o) for i, o in zip(inputs, widths, strict=True))
        self.up = nn.ModuleList(_block(deep + wide, wide) for wide, deep in pairwise(widths))
        self.last = nn.Conv2d(widths[0] // 4 + 8, 12, 3, padding=1)
        self.out = nn.Conv2d(12, 1, 1)

    def forward(self, crops: Tensor) -> Tensor:
        """Logits of the object's pixels."""
        x, passed = functional.pixel_unshuffle(crops, 2), []
        for i, block in enumerate(self.down):
            x = block(x if i == 0 else functional.max_pool2d(x, 2))
            passed.append(x)
        for block, wide in zip(reversed(self.up), reversed(passed[:-1]), strict=True):
            x = block(torch.cat([functional.interpolate(x, scale_factor=2.0), wide], dim=1))
        x = torch.cat([functional.pixel_shuffle(x, 2), self.fine(crops)], dim=1)
        logits: Tensor = self.out(functional.relu(self.last(x)))[:, 0]
        return logits


def _layer(inputs: int, outputs: int) -> list[nn.Module]:
    conv = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
    return [conv, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)]


def _block(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(*_layer(inputs, outputs), *_layer(outputs, outputs))
