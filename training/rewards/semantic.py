"""Semantic similarity of an answer: cosine of text embeddings, by any local encoder.

    max over accepted answers of max(0, cos(f(answer), f(truth)))

3D-R1 (arXiv 2507.23478, section 3.3) uses CLIP's text tower; any encoder of the transformers
library does here: ``get_text_features`` where a model has it, else the masked mean of its last
hidden states (Sentence-BERT, Reimers and Gurevych, EMNLP 2019).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scene_r1_ros.errors import ConfigError

from .answer import answered_text
from .texts import Completion, Rewards, texts

Encode = Callable[[Sequence[str]], NDArray[np.float32]]
"""Texts to (N, D) vectors of any length."""


def semantic_reward(encode: Encode) -> Callable[..., Rewards]:
    """A reward from an encoder; 0 for an empty answer, None for rows without accepted ones.

    >>> import numpy as np
    >>> letters = lambda ts: np.array([[t.count(c) for c in "abc"] for t in ts], np.float32)
    >>> semantic_reward(letters)(["<answer>ab</answer>"], answers=[["ba", "c"]])
    [1.0]
    """

    def reward(
        completions: Sequence[Completion], answers: Sequence[Sequence[str]], **columns: Any
    ) -> Rewards:
        said = [answered_text(text) for text in texts(completions)]
        words = list(dict.fromkeys([*said, *(t for truths in answers for t in truths)]))
        vectors = _unit(np.asarray(encode(words), dtype=np.float64)) if words else np.zeros((0, 1))
        at = {word: i for i, word in enumerate(words)}
        out: Rewards = []
        for mine, truths in zip(said, answers, strict=True):
            if not truths:
                out.append(None)
            elif not mine:
                out.append(0.0)
            else:
                cosines = [float(vectors[at[mine]] @ vectors[at[truth]]) for truth in truths]
                out.append(round(min(1.0, max(0.0, *cosines)), 9))
        return out

    reward.__name__ = "semantic_reward"
    return reward


def local_encoder(folder: str | Path, device: str = "cpu") -> Encode:
    """An encoder from a folder with a model and its tokenizer, or a name in the local cache.

    Raises:
        ConfigError: if nothing can be loaded from there.
    """
    import torch
    from transformers import AutoModel, AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(folder)
        model = AutoModel.from_pretrained(folder).eval().to(device)
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"the text encoder {folder} cannot be loaded ({error}); give a folder with a model "
            "and its tokenizer."
        ) from error
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token

    def encode(words: Sequence[str]) -> NDArray[np.float32]:
        batch = tokenizer(
            list(words), padding=True, truncation=True, max_length=77, return_tensors="pt"
        ).to(device)
        batch.pop("token_type_ids", None)
        with torch.inference_mode():
            if hasattr(model, "get_text_features"):
                out = model.get_text_features(**batch)
                vectors = getattr(out, "pooler_output", out)
            else:
                hidden = model(**batch).last_hidden_state
                mask = batch["attention_mask"].unsqueeze(-1)
                vectors = (hidden * mask).sum(1) / mask.sum(1).clamp(min=1)
        return np.asarray(vectors.float().cpu().numpy(), dtype=np.float32)

    return encode


def _unit(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    norm = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.divide(vectors, norm, out=np.zeros_like(vectors), where=norm > 0)
