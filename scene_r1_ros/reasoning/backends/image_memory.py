"""Images that were seen before are not seen anew: what the vision tower made of them is kept.

The tower of Qwen2.5-VL reads every image by itself, before any word, so its tokens do not depend on
what is asked. The frames of a window are asked about several times: for a query and for each thing
that it names, and for the next query over the same window.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from typing import Any

import torch
from torch import Tensor
from transformers.modeling_outputs import BaseModelOutputWithPooling
from transformers.models.qwen2_5_vl import modeling_qwen2_5_vl as qwen

KEPT_BYTES = 64 << 20
"""What is kept at most: of 192 tokens, 546 images of the checkpoint that ships, 48 of a 7 B one."""


class ImageMemory:
    """Image tokens by the hash of their pixels; what was not used for longest goes first."""

    def __init__(self, kept_bytes: int = KEPT_BYTES) -> None:
        self.kept_bytes = kept_bytes
        self.used_bytes = 0
        self._tokens: OrderedDict[bytes, Tensor] = OrderedDict()

    def get(self, key: bytes) -> Tensor | None:
        """The tokens of an image, None if they are not kept."""
        tokens = self._tokens.get(key)
        if tokens is not None:
            self._tokens.move_to_end(key)
        return tokens

    def put(self, key: bytes, tokens: Tensor) -> None:
        """Keep the tokens of an image that is not kept yet."""
        self._tokens[key] = tokens
        self.used_bytes += tokens.nbytes
        while self.used_bytes > self.kept_bytes:
            _, oldest = self._tokens.popitem(last=False)
            self.used_bytes -= oldest.nbytes


class RememberingModel(qwen.Qwen2_5_VLModel):  # type: ignore[misc]
    """Qwen2.5-VL whose weights do not change; ``image_memory`` is its :class:`ImageMemory`."""

    image_memory: ImageMemory

    def get_image_features(
        self, pixel_values: Tensor, image_grid_thw: Tensor | None = None, **kwargs: Any
    ) -> Any:
        """As the plain model, in inference mode without looking twice."""
        if image_grid_thw is None or not torch.is_inference_mode_enabled():
            return super().get_image_features(pixel_values, image_grid_thw, **kwargs)
        images = pixel_values.split(image_grid_thw.prod(-1).tolist())
        keys = [_key(*pair) for pair in zip(images, image_grid_thw.tolist(), strict=True)]
        known = {key: self.image_memory.get(key) for key in keys}
        new = {key: number for number, key in enumerate(keys) if known[key] is None}
        if new:
            chosen = list(new.values())
            seen = super().get_image_features(
                torch.cat([images[i] for i in chosen]), image_grid_thw[chosen], **kwargs
            )
            for key, tokens in zip(new, seen.pooler_output, strict=True):
                known[key] = tokens
                self.image_memory.put(key, tokens.clone())  # else it keeps its whole batch alive
        return BaseModelOutputWithPooling(pooler_output=tuple(known[key] for key in keys))


def remember_images(model: Any) -> int:
    """Let every Qwen2.5-VL in ``model`` remember images; returns how many there are."""
    found = 0
    for module in model.modules():
        if type(module) is qwen.Qwen2_5_VLModel:
            module.__class__ = RememberingModel
            module.image_memory = ImageMemory()
            found += 1
    return found


def _key(pixels: Tensor, grid: list[int]) -> bytes:
    data = pixels.detach().cpu().contiguous().view(torch.uint8).numpy()
    return hashlib.blake2b(data.data, key=str(grid).encode(), digest_size=16).digest()
