"""Attention of a vision tower over images of one size as one batch.

The tower of Qwen2.5-VL takes the patches of all images as one long row, and outside flash attention
cuts it and attends image by image. Images of a video, or of a batch in training, are nearly always
of one size: then the row is a batch, and one call does what one call an image did.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

from torch import Tensor
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS
from transformers.models.qwen2_5_vl import modeling_qwen2_5_vl as qwen
from transformers.utils.generic import is_flash_attention_requested

_read: tuple[Callable[[], Tensor | None], int] = (lambda: None, 0)
"""The bounds read last and what they said: reading them waits for a GPU, and all layers share
them."""


class EqualImages(qwen.Qwen2_5_VLVisionAttention):  # type: ignore[misc]
    """Attention over a row of images; the row is cut at ``cu_seqlens``."""

    def forward(
        self,
        hidden_states: Tensor,
        cu_seqlens: Tensor,
        position_embeddings: tuple[Tensor, Tensor] | None = None,
        **kwargs: Any,
    ) -> Tensor:
        """(N, D) to (N, D), for images of one size in one call."""
        flash = is_flash_attention_requested(self.config)  # it takes the row as it is
        length = 0 if flash else common_length(cu_seqlens)
        if not length or position_embeddings is None:
            return super().forward(
                hidden_states, cu_seqlens, position_embeddings=position_embeddings, **kwargs
            )  # type: ignore[no-any-return]
        kwargs.pop("max_seqlen", None)
        rows = len(hidden_states)
        parts = self.qkv(hidden_states).reshape(rows, 3, self.num_heads, -1).permute(1, 0, 2, 3)
        query, key, value = parts.unbind(0)
        query, key = qwen.apply_rotary_pos_emb_vision(query, key, *position_embeddings)
        attend = ALL_ATTENTION_FUNCTIONS.get_interface(
            self.config._attn_implementation, qwen.eager_attention_forward
        )
        images = [
            part.reshape(-1, length, self.num_heads, part.shape[-1]).transpose(1, 2)
            for part in (query, key, value)
        ]
        seen, _ = attend(
            self, *images, attention_mask=None, scaling=self.scaling,
            dropout=self.attention_dropout if self.training else 0.0, is_causal=False, **kwargs,
        )  # fmt: skip
        return self.proj(seen.reshape(rows, -1).contiguous())  # type: ignore[no-any-return]


def attend_equal_images_together(model: Any) -> int:
    """Let every vision attention of ``model`` that can do so; weights and names stay as they are.
    Returns how many there are."""
    found = 0
    for module in model.modules():
        if type(module) is qwen.Qwen2_5_VLVisionAttention:
            module.__class__ = EqualImages
            found += 1
    return found


def common_length(bounds: Tensor) -> int:
    """The length of all parts between ``bounds`` (parts + 1,); 0 if they differ."""
    global _read
    read, length = _read  # as one: another model may run in another thread
    if read() is not bounds:
        lengths = bounds.diff().tolist()
        length = int(lengths[0]) if len(set(lengths)) == 1 else 0
        _read = (weakref.ref(bounds), length)
    return length
