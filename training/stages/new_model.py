"""A new small model of the Qwen2.5-VL architecture, with a vocabulary of the words it will need.

It knows nothing. It is loaded like any checkpoint of that family.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scene_r1_ros.config import Config, option
from scene_r1_ros.errors import ConfigError
from scene_r1_ros.recordings.atomic import written_atomically

from .vocabulary import NUMBERS, tokenizer_of, vocabulary

_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
    "{% if message['content'] is string %}{{ message['content'] }}{% else %}"
    "{% for part in message['content'] %}{% if part['type'] in ('image', 'image_url') %}"
    "<|vision_start|><|image_pad|><|vision_end|>"
    "{% elif 'text' in part %}{{ part['text'] }}{% endif %}{% endfor %}{% endif %}"
    "<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


@dataclass(frozen=True)
class NewModelConfig(Config):
    """Size of a new model."""

    width: int = option(
        128, "Hidden size of both parts; a multiple of 32.", minimum=32, maximum=4096
    )
    layers: int = option(4, "Layers of the language model.", minimum=1, maximum=80)
    heads: int = option(4, "Attention heads of both parts.", minimum=1, maximum=64)
    vision_layers: int = option(4, "Layers of the vision tower.", minimum=1, maximum=80)
    patch: int = option(14, "Side of a patch; two by two make a token.", minimum=4, maximum=32)
    rope_theta: float = option(
        50.0, "Base of the rotary positions. Columns of an image turn the slowest: with the "
        "10,000 of large models a grid of eight would look like one.", minimum=1.0,
    )  # fmt: skip
    min_count: int = option(1, "Words seen less often are unknown.", minimum=1)
    max_pixels: int = option(200_704, "Larger images are shrunk by the processor.", minimum=784)
    seed: int = option(0, "Seed of the weights.", minimum=0)


def new_model(out: Path, texts: Iterable[str], config: NewModelConfig | None = None) -> int:
    """Write checkpoint, tokenizer and processor to ``out``; returns the number of parameters.

    Raises:
        ConfigError: if the sizes do not fit each other.
        RecordingError: if ``out`` holds something already.
    """
    import torch
    from transformers import (
        Qwen2_5_VLConfig,
        Qwen2_5_VLForConditionalGeneration,
        Qwen2_5_VLProcessor,
        Qwen2VLImageProcessor,
        Qwen2VLVideoProcessor,
    )

    config = config or NewModelConfig()
    side = config.width // config.heads
    if config.width % config.heads or side % 8:
        raise ConfigError(
            f"width = {config.width} and heads = {config.heads}: a head needs a whole multiple of "
            "8 of the width."
        )
    tokenizer = tokenizer_of(vocabulary(texts, config.min_count))
    # a quarter for time, the rest for height and width; together half of the head
    time = max(2, side // 8)
    rest = side // 2 - time
    sections = [time, rest // 2, rest - rest // 2]
    ids = {
        f"{name}_token_id": tokenizer.convert_tokens_to_ids(f"<|{token}|>")
        for name, token in (
            *(("image", "image_pad"), ("video", "video_pad")),
            *(("vision_start", "vision_start"), ("vision_end", "vision_end")),
        )
    }
    settings = Qwen2_5_VLConfig(
        text_config={
            "vocab_size": len(tokenizer),
            "hidden_size": config.width,
            "intermediate_size": 3 * config.width,
            "num_hidden_layers": config.layers,
            "num_attention_heads": config.heads,
            "num_key_value_heads": config.heads,
            "max_position_embeddings": 8192,
            "rope_parameters": {
                "rope_type": "default",
                "rope_theta": config.rope_theta,
                "mrope_section": sections,
            },
            "bos_token_id": None,
            "pad_token_id": tokenizer.pad_token_id,
            "eos_token_id": tokenizer.eos_token_id,
            "tie_word_embeddings": True,
        },
        vision_config={
            "depth": config.vision_layers,
            "hidden_size": config.width,
            "intermediate_size": 3 * config.width,
            "num_heads": config.heads,
            "out_hidden_size": config.width,
            "patch_size": config.patch,
            # every layer sees the whole image: small images need no windows
            "fullatt_block_indexes": list(range(config.vision_layers)),
        },
        tie_word_embeddings=True,
        **ids,
    )  # fmt: skip
    torch.manual_seed(config.seed)
    model = Qwen2_5_VLForConditionalGeneration(settings)
    _relate_embeddings(model.get_input_embeddings().weight, tokenizer)
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    side_of_token = 2 * config.patch
    sizes = {"shortest_edge": side_of_token**2, "longest_edge": config.max_pixels}
    vision = {"patch_size": config.patch, "merge_size": 2}
    processor = Qwen2_5_VLProcessor(
        image_processor=Qwen2VLImageProcessor(**vision, size=sizes),
        tokenizer=tokenizer,
        video_processor=Qwen2VLVideoProcessor(**vision),
        chat_template=_TEMPLATE,
    )
    with written_atomically(out) as partial:
        model.save_pretrained(partial)
        processor.save_pretrained(partial)
    return sum(p.numel() for p in model.parameters())


def _relate_embeddings(weight: Any, tokenizer: Any) -> None:
    """Tokens that mean nearly the same begin alike: a word with and without the blank before it,
    and neighbouring numbers (a random projection of sines of many wavelengths)."""
    import torch

    ids = tokenizer.get_vocab()
    deviation = float(weight.detach().std())
    with torch.no_grad():
        for word, number in ids.items():
            bare = ids.get(word[1:]) if word.startswith(" ") else None
            if bare is not None and word.strip():
                weight[number] = weight[bare]
        values = torch.arange(len(NUMBERS), dtype=torch.float32)[:, None]
        waves = torch.logspace(math.log10(4.0), math.log10(2000.0), weight.shape[1] // 2)
        angles = 2 * math.pi * values / waves
        waved = torch.cat([angles.sin(), angles.cos()], dim=1)
        mixed = waved @ torch.randn(waved.shape[1], weight.shape[1])
        rows = torch.tensor([ids[number] for number in NUMBERS])
        weight[rows] = mixed * (deviation / mixed.std())
