"""A frozen vision tower looks at each image of a GRPO step once.

Every completion of a group brings the images of its prompt again, to generation and to the loss.
With ``generations`` of 8 the tower would see each of them sixteen times, and say the same.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

Key = tuple[Any, ...]
Features = tuple[Tensor, ...]


class SeenOnce:
    """Takes the place of the ``forward`` of ``tower``, a frozen one.

    ``tower`` is that of Qwen2.5-VL or Qwen3-VL: it takes the patches (N, ...) of all images, one
    after the other, with ``grid_thw`` (images, 3), and gives merged tokens. What it gave is kept
    until :meth:`forget`. ``looked`` counts the images that it really saw.
    """

    def __init__(self, tower: Any) -> None:
        self._plain = tower.forward
        self._merge = int(tower.spatial_merge_size) ** 2
        self._kept: dict[Key, list[tuple[Tensor, Features]]] = {}
        self._answer: Any = None
        self.looked = 0
        tower.forward = self

    def forget(self) -> None:
        """Begin anew: other images come."""
        self._kept.clear()

    def __call__(self, hidden_states: Tensor, grid_thw: Tensor, **options: Any) -> Any:
        """As the tower's own ``forward``, without ``last_hidden_state``."""
        images = hidden_states.split(grid_thw.prod(-1).tolist())
        keys = [_key(image, grid) for image, grid in zip(images, grid_thw, strict=True)]
        new: list[int] = []
        for i, (key, image) in enumerate(zip(keys, images, strict=True)):
            before = [images[j] for j in new if keys[j] == key]
            if self._features(key, image) is None and not _any_equal(image, before):
                new.append(i)
        if new:
            seen = self._plain(torch.cat([images[i] for i in new]), grid_thw[new], **options)
            self.looked += len(new)
            self._answer = type(seen)
            sizes = (grid_thw[new].prod(-1) // self._merge).tolist()
            each = zip(*(column.detach().split(sizes) for column in _columns(seen)), strict=True)
            for i, features in zip(new, each, strict=True):
                self._kept.setdefault(keys[i], []).append((images[i].detach().clone(), features))
        found = [self._features(key, image) for key, image in zip(keys, images, strict=True)]
        tokens, *deep = (torch.cat(column) for column in zip(*(f for f in found if f), strict=True))
        return self._answer(pooler_output=tokens, **({"deepstack_features": deep} if deep else {}))

    def _features(self, key: Key, image: Tensor) -> Features | None:
        for known, features in self._kept.get(key, ()):
            if torch.equal(known, image):
                return features
        return None


def _columns(seen: Any) -> list[Tensor]:
    return [seen.pooler_output, *(getattr(seen, "deepstack_features", None) or [])]


def _any_equal(image: Tensor, others: list[Tensor]) -> bool:
    return any(torch.equal(image, other) for other in others)


def _key(image: Tensor, grid: Tensor) -> Key:
    """The same for equal images in the same precision, and rarely for others."""
    device = image.device.type
    precision = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else None
    few = image.reshape(-1)[:: max(1, image.numel() // 64)]
    return tuple(grid.tolist()), precision, tuple(few.tolist())
