"""Patches embedded by a matrix product are those of the convolution."""

from __future__ import annotations

import pytest
import torch
from tiny_models import build_qwen2_5_vl, build_qwen3_vl
from torch import nn

from scene_r1_ros.reasoning.backends.checkpoint import TransformersConfig, load_checkpoint
from scene_r1_ros.reasoning.backends.patch_product import PatchProduct, embed_patches_by_product

PATCH = (2, 14, 14)


def convolution(**changes: object) -> nn.Conv3d:
    torch.manual_seed(0)
    return nn.Conv3d(3, 8, **({"kernel_size": PATCH, "stride": PATCH, "bias": True} | changes))


def test_values_and_gradients_are_those_of_the_convolution() -> None:
    plain, product = convolution(), convolution()
    assert embed_patches_by_product(nn.ModuleList([product])) == 1
    patches = torch.randn(5, 3, *PATCH)
    expected, got = plain(patches), product(patches)
    assert got.shape == expected.shape == (5, 8, 1, 1, 1)
    torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-5)
    expected.square().sum().backward()
    got.square().sum().backward()
    torch.testing.assert_close(product.weight.grad, plain.weight.grad, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(product.bias.grad, plain.bias.grad, rtol=1e-4, atol=1e-4)


def test_larger_inputs_are_convolved_as_ever() -> None:
    plain, product = convolution(), convolution()
    embed_patches_by_product(nn.ModuleList([product]))
    clip = torch.randn(1, 3, 4, 28, 28)
    torch.testing.assert_close(product(clip), plain(clip))


@pytest.mark.parametrize(
    "changes", [{"stride": (1, 14, 14)}, {"padding": (0, 1, 1)}, {"dilation": (1, 2, 2)}]
)
def test_convolutions_that_overlap_or_pad_are_left_alone(changes: dict[str, object]) -> None:
    module = convolution(**changes)
    assert embed_patches_by_product(nn.ModuleList([module])) == 0
    assert type(module) is nn.Conv3d


@pytest.mark.parametrize("build", [build_qwen2_5_vl, build_qwen3_vl])
def test_loaded_checkpoints_embed_by_product_and_keep_their_names(
    build: object, tmp_path: object
) -> None:
    folder = build(tmp_path / "tiny")  # type: ignore[operator]
    config = TransformersConfig(model=str(folder), device_map="none")
    model = load_checkpoint(config, lambda fraction, text: None).model
    assert any(type(module) is PatchProduct for module in model.modules())
    shapes = {n: p.shape for n, p in model.named_parameters() if "patch_embed.proj.weight" in n}
    assert [len(shape) for shape in shapes.values()] == [5]
