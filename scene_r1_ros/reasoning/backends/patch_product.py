"""Cutting an image into patches as one matrix product.

The towers of the Qwen-VL families embed patches with a three-dimensional convolution whose kernel
is exactly one patch, so that every patch is one product of a row and a matrix. Convolutions of that
shape have no fast path in torch on a CPU: in a small model, forwards and backwards, they were half
of a training step.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


class PatchProduct(nn.Conv3d):
    """A convolution that computes inputs of exactly one kernel as a product, others as ever."""

    def forward(self, input: Tensor) -> Tensor:
        """(N, C, T, H, W) to (N, D, 1, 1, 1) where T, H, W are the kernel's."""
        if tuple(input.shape[2:]) != tuple(self.kernel_size):
            return super().forward(input)
        rows = nn.functional.linear(input.flatten(1), self.weight.flatten(1), self.bias)
        return rows[:, :, None, None, None]


def embed_patches_by_product(model: Any) -> int:
    """Let every convolution of ``model`` that may compute so do it; weights and their names stay
    as they are. Returns how many there are."""
    found = 0
    for module in model.modules():
        if type(module) is nn.Conv3d and _is_one_patch(module):
            module.__class__ = PatchProduct
            found += 1
    return found


def _is_one_patch(convolution: nn.Conv3d) -> bool:
    once = (1, 1, 1)
    return (
        tuple(convolution.stride) == tuple(convolution.kernel_size)
        and tuple(convolution.dilation) == once
        and convolution.padding in (0, (0, 0, 0))
        and convolution.groups == 1
        and convolution.weight.dtype in (torch.float32, torch.bfloat16, torch.float16)
    )
