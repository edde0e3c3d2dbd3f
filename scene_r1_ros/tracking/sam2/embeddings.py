"""Image embeddings kept between queries over the same window, bounded in bytes."""

from __future__ import annotations

import random
import threading
from collections.abc import Hashable
from typing import TYPE_CHECKING

from .engine import ImageEmbedding

if TYPE_CHECKING:
    import torch


class EmbeddingCache:
    """Embeddings go, drawn at random, when ``max_bytes`` is reached; 0 keeps none.

    The image encoder is most of SAM 2's time, and a second query over the same frames needs it
    no more. A query walks through its window in order: were the oldest dropped first, a window
    larger than the cache would lose every frame just before it is wanted again. Safe between
    threads.
    """

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self.hits = 0
        self.misses = 0
        self._lock = threading.Lock()
        self._kept: dict[Hashable, ImageEmbedding] = {}
        self._nbytes = 0
        self._random = random.Random(0)

    def get(self, key: Hashable, device: torch.device) -> ImageEmbedding | None:
        """The embedding on ``device``, or None."""
        with self._lock:
            kept = self._kept.get(key)
            if kept is None:
                self.misses += 1
                return None
            self.hits += 1
        return kept.to(device)

    def put(self, key: Hashable, embedding: ImageEmbedding) -> None:
        """Keep an embedding if there is room for it at all."""
        if embedding.nbytes > self.max_bytes:
            return
        with self._lock:
            before = self._kept.pop(key, None)
            self._nbytes += embedding.nbytes - (before.nbytes if before else 0)
            while self._nbytes > self.max_bytes:
                dropped = self._kept.pop(self._random.choice(list(self._kept)))
                self._nbytes -= dropped.nbytes
            self._kept[key] = embedding

    def clear(self) -> None:
        """Drop everything."""
        with self._lock:
            self._kept.clear()
            self._nbytes = 0

    @property
    def nbytes(self) -> int:
        """Memory of the kept embeddings."""
        return self._nbytes

    def __len__(self) -> int:
        return len(self._kept)
