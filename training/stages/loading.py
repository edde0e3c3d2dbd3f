"""The model that learns: checkpoint, adapter, what is frozen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from scene_r1_ros.reasoning.backends.checkpoint import TransformersConfig, load_checkpoint

from ..examples.errors import TrainingError
from ..examples.render import ModelView
from .settings import LoraSettings, ModelConfig

_TAGS = "<think>a</think><answer>b</answer>"


@dataclass(frozen=True, eq=False)
class Learner:
    """A model ready to train, its processor, and how it sees images."""

    model: Any
    processor: Any
    view: ModelView
    lora: Any | None


def load_learner(config: ModelConfig, lora: LoraSettings, *, adapter: str = "") -> Learner:
    """Load and prepare; ``lora`` comes back as PEFT's config for the trainer to apply.

    Raises:
        ModelAbsentError: if it cannot be loaded, or an adapter does not fit.
        TrainingError: if its tokenizer would lose the tags of an answer.
    """
    loaded = load_checkpoint(
        TransformersConfig(
            model=config.checkpoint,
            dtype=config.dtype,
            attention=config.attention,
            device_map="none",
            box_frame=config.box_frame,
            min_pixels=config.min_pixels,
            max_pixels=config.max_pixels,
            offline=config.offline,
        ),
        lambda fraction, text: None,
    )
    view = ModelView.of(loaded.processor, loaded.model_type, config.box_frame)
    _check_tags(loaded.processor.tokenizer, config.checkpoint)
    model = loaded.model
    adapter = adapter or config.adapter
    peft_config = None
    if adapter:
        model = _with_adapter(model, config, adapter)
    elif lora.enabled:
        peft_config = _lora_config(lora)
    for name, parameter in model.named_parameters():
        if config.freeze_vision and is_vision(name) and not is_projector(name):
            parameter.requires_grad_(False)
        if config.freeze_projector and is_projector(name):
            parameter.requires_grad_(False)
    return Learner(model, loaded.processor, view, peft_config)


def language_model(model: Any) -> Any:
    """The language model of Qwen2.5-VL or Qwen3-VL, under a LoRA adapter too."""
    return _inner(model).language_model


def vision_tower(model: Any) -> Any:
    """The vision tower of Qwen2.5-VL or Qwen3-VL, under a LoRA adapter too; None of others."""
    return getattr(_inner(model), "visual", None)


def _inner(model: Any) -> Any:
    return (model.get_base_model() if hasattr(model, "peft_config") else model).model


def is_vision(name: str) -> bool:
    """Whether a parameter belongs to the vision tower."""
    return ".visual." in f".{name}" or ".vision_tower." in f".{name}"


def is_projector(name: str) -> bool:
    """Whether it joins the tower to the language model."""
    return is_vision(name) and ("merger" in name or "projector" in name)


def _lora_config(lora: LoraSettings) -> Any:
    import peft

    targets = "|".join(part.strip() for part in lora.targets.split(",") if part.strip())
    return peft.LoraConfig(
        r=lora.rank,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        # Layers of the same names in the vision tower stay as they are.
        target_modules=rf"^(?!.*visual).*\.({targets})$",
        task_type="CAUSAL_LM",
    )


def _with_adapter(model: Any, config: ModelConfig, adapter: str) -> Any:
    import peft
    from peft.utils.save_and_load import load_peft_weights

    from scene_r1_ros.errors import ModelAbsentError

    try:
        adapted = peft.PeftModel.from_pretrained(model, adapter, is_trainable=True)
        stray = set(load_peft_weights(adapter, device="cpu")) ^ set(
            peft.get_peft_model_state_dict(adapted)
        )
    except Exception as error:
        raise ModelAbsentError(
            f"the adapter {adapter} does not fit {config.checkpoint}: {error}"
        ) from error
    if stray:
        raise ModelAbsentError(
            f"the adapter {adapter} does not fit {config.checkpoint}: {len(stray)} of its tensors "
            f"have no counterpart, the first is {min(stray)}."
        )
    return adapted


def _check_tags(tokenizer: Any, name: str) -> None:
    """Rewards read completions without special tokens; the tags must survive that."""
    tokens = tokenizer(_TAGS, add_special_tokens=False)["input_ids"]
    back = tokenizer.decode(tokens, skip_special_tokens=True)
    if "<think>" not in back or "</answer>" not in back:
        raise TrainingError(
            f"the tokenizer of {name} gives {_TAGS!r} back as {back!r}: every answer would lose "
            "its tags. Add them as ordinary tokens, not as special ones."
        )
