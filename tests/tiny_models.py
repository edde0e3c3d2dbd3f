"""Tiny random checkpoints of two model families with their real processors, built in seconds.

They load offline like any checkpoint (``AutoModelForImageTextToText``, ``AutoProcessor``) and say
nonsense; what is real is how images are resized, how prompts are tokenised and how text streams.
"""

from __future__ import annotations

from pathlib import Path

WORDS = (
    *("the", "a", "red", "blue", "green", "box", "chair", "table", "lamp", "view", "query", "is"),
    *("question", "answer", "think", "not", "found", "to", "in", "of", "and", "t", "s", "x", "y"),
    *("bbox_2d", "label", "when", "where", "it", "seen", "system", "user", "assistant"),
    *"0123456789",
)
SPECIAL = (
    *("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>"),
    *("<|vision_pad|>", "<|image_pad|>", "<|video_pad|>"),
)
CHAT_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
    "{% if message['content'] is string %}{{ message['content'] }}{% else %}"
    "{% for part in message['content'] %}"
    "{% if part['type'] in ('image', 'image_url') %}"
    "<|vision_start|><|image_pad|><|vision_end|>"
    "{% elif 'text' in part %}{{ part['text'] }}{% endif %}"
    "{% endfor %}{% endif %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


VISION = {
    "depth": 2,
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_heads": 4,
    "out_hidden_size": 64,
}


def build_qwen2_5_vl(folder: Path, seed: int = 0) -> Path:
    """About 0.4 M parameters; answers boxes in pixels of the resized image (patch 14, merge 2)."""
    from transformers import (
        Qwen2_5_VLConfig,
        Qwen2_5_VLForConditionalGeneration,
        Qwen2_5_VLProcessor,
        Qwen2VLImageProcessor,
        Qwen2VLVideoProcessor,
    )

    tokenizer = _tokenizer()
    config = Qwen2_5_VLConfig(
        text_config=_text(tokenizer),
        vision_config={
            **VISION,
            "patch_size": 14,
            "fullatt_block_indexes": [1],
        },
        **_token_ids(tokenizer),
    )
    processor = Qwen2_5_VLProcessor(
        image_processor=Qwen2VLImageProcessor(patch_size=14, merge_size=2),
        tokenizer=tokenizer,
        video_processor=Qwen2VLVideoProcessor(patch_size=14, merge_size=2),
        chat_template=CHAT_TEMPLATE,
    )
    return _save(Qwen2_5_VLForConditionalGeneration, config, processor, folder, seed)


def build_qwen3_vl(folder: Path, seed: int = 0) -> Path:
    """About 0.6 M parameters; answers boxes in thousandths (patch 16, merge 2)."""
    from transformers import (
        Qwen2VLImageProcessor,
        Qwen3VLConfig,
        Qwen3VLForConditionalGeneration,
        Qwen3VLProcessor,
        Qwen3VLVideoProcessor,
    )

    tokenizer = _tokenizer()
    config = Qwen3VLConfig(
        text_config={**_text(tokenizer), "head_dim": 16},
        vision_config={
            **VISION,
            "patch_size": 16,
            "num_position_embeddings": 256,
            "deepstack_visual_indexes": [0],
        },
        **_token_ids(tokenizer),
    )
    processor = Qwen3VLProcessor(
        image_processor=Qwen2VLImageProcessor(patch_size=16, merge_size=2),
        tokenizer=tokenizer,
        video_processor=Qwen3VLVideoProcessor(patch_size=16, merge_size=2),
        chat_template=CHAT_TEMPLATE,
    )
    return _save(Qwen3VLForConditionalGeneration, config, processor, folder, seed)


def build_text_model(folder: Path) -> Path:
    """A language model without eyes."""
    from transformers import LlamaConfig, LlamaForCausalLM

    tokenizer = _tokenizer()
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=32, intermediate_size=64, num_hidden_layers=1,
        num_attention_heads=2, num_key_value_heads=2,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def add_lora_adapter(checkpoint: Path, folder: Path, rank: int = 4, seed: int = 1) -> Path:
    """A LoRA adapter of the language model's attention, with weights that change the output."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForImageTextToText

    model = AutoModelForImageTextToText.from_pretrained(checkpoint)
    config = LoraConfig(r=rank, lora_alpha=32, target_modules=["q_proj", "v_proj"])
    adapted = get_peft_model(model, config)
    torch.manual_seed(seed)
    for name, parameter in adapted.named_parameters():
        if "lora_" in name:
            torch.nn.init.normal_(parameter, std=0.5)
    adapted.save_pretrained(folder)
    return folder


def _tokenizer():
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    vocabulary = ["[UNK]", *SPECIAL, *WORDS, *" \n<>/{}[]()\":,.=?'-"]
    core = Tokenizer(
        models.WordLevel({word: i for i, word in enumerate(vocabulary)}, unk_token="[UNK]")
    )
    # Blanks are tokens too, so that decoding gives back what was encoded.
    core.pre_tokenizer = pre_tokenizers.Split(Regex(r"bbox_2d|\s|[0-9]|[^\w\s]"), "isolated")
    core.decoder = decoders.Fuse()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=core,
        unk_token="[UNK]",
        pad_token="<|endoftext|>",
        eos_token="<|im_end|>",
        additional_special_tokens=list(SPECIAL),
        model_max_length=8192,
    )
    for name in ("image", "video"):
        setattr(tokenizer, f"{name}_token", f"<|{name}_pad|>")
    return tokenizer


def _text(tokenizer) -> dict:
    return {
        "vocab_size": len(tokenizer),
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 8192,
        "rope_parameters": {
            "rope_type": "default",
            "rope_theta": 10000.0,
            "mrope_section": [2, 3, 3],
        },
        "bos_token_id": None,
        "pad_token_id": tokenizer.pad_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "tie_word_embeddings": False,
    }


def _token_ids(tokenizer) -> dict:
    names = {
        "image_token_id": "<|image_pad|>",
        "video_token_id": "<|video_pad|>",
        "vision_start_token_id": "<|vision_start|>",
        "vision_end_token_id": "<|vision_end|>",
    }
    return {key: tokenizer.convert_tokens_to_ids(token) for key, token in names.items()}


def _save(model_class, config, processor, folder: Path, seed: int) -> Path:
    import torch

    torch.manual_seed(seed)
    model = model_class(config).eval()
    model.generation_config.eos_token_id = processor.tokenizer.eos_token_id
    model.generation_config.pad_token_id = processor.tokenizer.pad_token_id
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder
