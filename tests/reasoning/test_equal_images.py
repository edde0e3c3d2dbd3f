"""Images of one size are attended as one batch, and see what they saw one by one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_models import build_qwen2_5_vl
from transformers.models.qwen2_5_vl.modeling_qwen2_5_vl import Qwen2_5_VLVisionAttention

from scene_r1_ros.reasoning.backends import equal_images
from scene_r1_ros.reasoning.backends.checkpoint import TransformersConfig, load_checkpoint


def tower(tmp_path: Path, attention: str) -> Any:
    folder = build_qwen2_5_vl(tmp_path / "tiny")
    config = TransformersConfig(model=str(folder), device_map="none", attention=attention)
    return load_checkpoint(config, lambda fraction, text: None).model.model.visual


def see(visual: Any, grid: list[list[int]], one_by_one: bool) -> tuple[torch.Tensor, torch.Tensor]:
    """Tokens and the gradient of their squares in the first weight of attention."""
    plain = Qwen2_5_VLVisionAttention if one_by_one else equal_images.EqualImages
    for block in visual.blocks:
        block.attn.__class__ = plain
    shape = torch.tensor(grid)
    weight = visual.patch_embed.proj.weight
    torch.manual_seed(0)
    patches = torch.randn(int(shape.prod(1).sum()), weight[0].numel())
    visual.zero_grad()
    tokens = visual(patches, grid_thw=shape).pooler_output
    tokens.square().sum().backward()
    return tokens.detach(), visual.blocks[0].attn.qkv.weight.grad.clone()


@pytest.mark.parametrize("attention", ["eager", "sdpa"])
@pytest.mark.parametrize("grid", [[[1, 4, 6]] * 3, [[1, 4, 4], [1, 4, 6], [1, 4, 4]], [[1, 4, 4]]])
def test_tokens_and_gradients_are_those_of_images_one_by_one(
    grid: list[list[int]], attention: str, tmp_path: Path
) -> None:
    visual = tower(tmp_path, attention)
    expected, got = see(visual, grid, True), see(visual, grid, False)
    for a, b in zip(expected, got, strict=True):
        torch.testing.assert_close(b, a, rtol=1e-4, atol=1e-5)


def test_equal_images_cost_one_call_a_layer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    visual = tower(tmp_path, "sdpa")
    assert all(type(block.attn) is equal_images.EqualImages for block in visual.blocks)
    calls: list[tuple[int, ...]] = []
    plain = torch.nn.functional.scaled_dot_product_attention

    def counted(query: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
        calls.append(tuple(query.shape))
        return plain(query, *args, **kwargs)

    monkeypatch.setattr(torch.nn.functional, "scaled_dot_product_attention", counted)
    see(visual, [[1, 4, 4]] * 5, False)
    assert len(calls) == len(visual.blocks)
    assert all(shape[0] == 5 for shape in calls)


def test_flash_attention_takes_the_row_and_nothing_is_read_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    block = tower(tmp_path, "sdpa").blocks[0].attn
    taken: list[torch.Tensor] = []
    monkeypatch.setattr(equal_images, "is_flash_attention_requested", lambda config: True)
    monkeypatch.setattr(equal_images, "common_length", lambda bounds: pytest.fail("was read"))
    monkeypatch.setattr(
        Qwen2_5_VLVisionAttention, "forward", lambda self, row, *a, **k: taken.append(row)
    )
    row = torch.zeros(8, 4)
    block(row, torch.tensor([0, 4, 8]), position_embeddings=(row, row))
    assert taken[0] is row


def test_bounds_of_another_batch_are_read_anew() -> None:
    assert equal_images.common_length(torch.tensor([0, 4, 8])) == 4
    assert equal_images.common_length(torch.tensor([0, 4, 10])) == 0
    assert equal_images.common_length(torch.tensor([0, 6, 12, 18])) == 6
