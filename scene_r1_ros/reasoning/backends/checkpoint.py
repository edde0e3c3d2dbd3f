"""Loading an image-text-to-text checkpoint; every way in which that fails is one sentence."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...config import Config, option
from ...errors import ModelAbsentError
from .background import Tell, one_line

EXAMPLE = "Qwen/Qwen2.5-VL-3B-Instruct"


@dataclass(frozen=True)
class TransformersConfig(Config):
    """A checkpoint in this process."""

    model: str = option("", "Checkpoint: a folder, or a name on the Hugging Face hub.")
    adapter: str = option("", "Folder of a LoRA adapter to put on it.")
    revision: str = option("", "Revision of a named checkpoint; empty is its newest.")
    dtype: str = option(
        "auto", "Precision; auto is the checkpoint's own.",
        choices=("auto", "float32", "bfloat16", "float16"),
    )  # fmt: skip
    device_map: str = option(
        "auto",
        "Where it runs: auto (all GPUs, else the CPU), cpu, cuda, cuda:1, none (in training).",
    )
    attention: str = option(
        "auto", "Attention implementation; auto is the library's choice.",
        choices=("auto", "sdpa", "eager", "flash_attention_2"),
    )  # fmt: skip
    box_frame: str = option(
        "auto", "Frame of the model's boxes; auto knows it from the model's family.",
        choices=("auto", "resized_pixels", "thousandths", "unit"),
    )  # fmt: skip
    min_pixels: int = option(
        0, "Smaller images are enlarged by the processor; 0: its own limit.", minimum=0, unit="px"
    )
    max_pixels: int = option(
        0, "Larger images are shrunk by the processor; 0: its own limit.", minimum=0, unit="px"
    )
    trust_remote_code: bool = option(
        False, "Run Python code that the checkpoint brings along. Only for authors you trust."
    )
    offline: bool = option(False, "Never ask the network, even for a checkpoint by name.")


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A loaded model with its processor."""

    model: Any
    processor: Any
    model_type: str


def load_checkpoint(config: TransformersConfig, tell: Tell) -> Checkpoint:
    """Load model, processor and adapter.

    Raises:
        ModelAbsentError: one sentence that says why it cannot be had.
    """
    check_name(config)
    tell(0.02, "importing the libraries")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    import transformers

    from .equal_images import attend_equal_images_together
    from .patch_product import embed_patches_by_product

    source: dict[str, Any] = {
        "trust_remote_code": config.trust_remote_code,
        "local_files_only": config.offline,
    }
    if config.revision:
        source["revision"] = config.revision
    if not config.offline and not Path(config.model).is_dir():
        tell(0.05, "asking the Hugging Face hub")
        source["local_files_only"] = not _hub_has(config)
    tell(0.1, "reading its config")
    settings = _config(config.model, source)
    tell(0.15, "reading its processor")
    processor = _processor(config, source)
    tell(0.2, "loading its weights")
    options: dict[str, Any] = {"dtype": config.dtype}
    if config.attention != "auto":
        options["attn_implementation"] = config.attention
    device_map = _device_map(config.device_map)
    if device_map is not None:
        options["device_map"] = device_map
    try:
        model, info = transformers.AutoModelForImageTextToText.from_pretrained(
            config.model, config=settings, output_loading_info=True, **options, **source
        )
    except Exception as error:
        raise ModelAbsentError(_weights_sentence(config, error)) from error
    missing = sorted(info.get("missing_keys") or ())
    if missing:
        raise ModelAbsentError(
            f"the weights of {config.model} are incomplete: {len(missing)} tensors are missing, "
            f"the first is {missing[0]}; download it again."
        )
    if config.adapter:
        tell(0.9, "loading its adapter")
        model = _with_adapter(model, config)
    model.eval()
    embed_patches_by_product(model)
    attend_equal_images_together(model)
    tell(0.99, "ready")
    return Checkpoint(model, processor, settings.model_type)


def check_name(config: TransformersConfig) -> None:
    """Raises ModelAbsentError if ``config`` names no model, or a folder that can be none."""
    name = config.model
    if not name:
        raise ModelAbsentError(
            f"no model is configured; set model to a checkpoint's folder or name, e.g. {EXAMPLE}."
        )
    path = Path(name).expanduser()
    looks_like_path = name.startswith(("/", ".", "~")) or name.count("/") > 1
    if path.is_dir():
        if not (path / "config.json").is_file():
            raise ModelAbsentError(f"the folder {name} holds no config.json: it is no checkpoint.")
    elif path.exists():
        raise ModelAbsentError(f"{name} is a file; model takes a checkpoint's folder or name.")
    elif looks_like_path:
        raise ModelAbsentError(f"the model folder {name} does not exist.")
    if config.adapter:
        adapter = Path(config.adapter).expanduser()
        if not adapter.is_dir():
            raise ModelAbsentError(f"the adapter folder {config.adapter} does not exist.")
        if not (adapter / "adapter_config.json").is_file():
            raise ModelAbsentError(
                f"the folder {config.adapter} holds no adapter_config.json: it is no LoRA adapter."
            )


def _hub_has(config: TransformersConfig) -> bool:
    """True if the hub has the model, False if it cannot be asked but a copy is in the cache.

    Asked once here, because without a network the library would retry every file for half a
    minute, even those that it has.
    """
    import huggingface_hub
    from huggingface_hub.errors import RepositoryNotFoundError, RevisionNotFoundError

    name, revision = config.model, config.revision or None
    try:
        huggingface_hub.HfApi().model_info(name, revision=revision, timeout=10.0)
        return True
    except (RepositoryNotFoundError, RevisionNotFoundError) as error:
        raise ModelAbsentError(
            f"the Hugging Face hub has no model {name} {revision or ''}".rstrip()
            + "; is the name right, and if it is private, are you logged in?"
        ) from error
    except Exception as error:
        cached = huggingface_hub.try_to_load_from_cache(name, "config.json", revision=revision)
        if isinstance(cached, str):
            return False
        raise ModelAbsentError(
            f"the model {name} is no folder here, and the Hugging Face hub cannot be reached "
            f"({one_line(error, 120)}); is there a network?"
        ) from error


def _config(name: str, source: dict[str, Any]) -> Any:
    import transformers
    from transformers.models.auto.modeling_auto import MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING

    try:
        settings = transformers.AutoConfig.from_pretrained(name, **source)
    except Exception as error:
        raise ModelAbsentError(_config_sentence(name, source, error)) from error
    remote = "AutoModelForImageTextToText" in (getattr(settings, "auto_map", None) or {})
    if type(settings) not in MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING and not remote:
        raise ModelAbsentError(
            f"{name} is a {settings.model_type} model, which does not take images and text; "
            f"choose an image-text-to-text checkpoint such as {EXAMPLE}."
        )
    return settings


def _config_sentence(name: str, source: dict[str, Any], error: Exception) -> str:
    if "trust_remote_code" in str(error):
        return (
            f"{name} brings Python code of its own, which is not run unless trust_remote_code is "
            "set; set it only if you trust its author."
        )
    if Path(name).is_dir():
        return f"the config.json of {name} cannot be used: {one_line(error)}"
    if source["local_files_only"]:
        return (
            f"the model {name} is neither a folder here nor downloaded before, and the network "
            "must not be asked (offline is set)."
        )
    return f"the config.json of {name} cannot be used: {one_line(error)}"


def _processor(config: TransformersConfig, source: dict[str, Any]) -> Any:
    import transformers

    limits = {}
    if config.min_pixels:
        limits["min_pixels"] = config.min_pixels
    if config.max_pixels:
        limits["max_pixels"] = config.max_pixels
    try:
        processor = transformers.AutoProcessor.from_pretrained(config.model, **limits, **source)
    except Exception as error:
        raise ModelAbsentError(
            f"the processor of {config.model} cannot be loaded: {one_line(error)}"
        ) from error
    if getattr(processor, "image_processor", None) is None:
        raise ModelAbsentError(f"{config.model} comes without an image processor.")
    if not getattr(processor, "chat_template", None):
        raise ModelAbsentError(
            f"{config.model} comes without a chat template; choose an instruction-tuned checkpoint."
        )
    return processor


def _device_map(wanted: str) -> str | None:
    import torch

    if wanted == "none":  # whoever trains places the weights
        return None
    if wanted == "auto":
        return "auto" if torch.cuda.is_available() else None
    if wanted.startswith("cuda") and not torch.cuda.is_available():
        raise ModelAbsentError(
            f"device_map = {wanted!r}, but torch sees no CUDA device; use cpu, or mend the driver."
        )
    return wanted


def _weights_sentence(config: TransformersConfig, error: Exception) -> str:
    if "out of memory" in str(error).lower():
        return (
            f"{config.model} does not fit into the memory of {config.device_map}; take a smaller "
            "checkpoint, dtype bfloat16, or another device_map."
        )
    return f"the weights of {config.model} cannot be loaded: {one_line(error)}"


def _with_adapter(model: Any, config: TransformersConfig) -> Any:
    """``model`` with its LoRA adapter, every tensor of which must have found its place."""
    import peft
    from peft.utils.save_and_load import load_peft_weights

    try:
        adapted = peft.PeftModel.from_pretrained(model, config.adapter)
        given = set(load_peft_weights(config.adapter, device="cpu"))
        wanted = set(peft.get_peft_model_state_dict(adapted))
    except Exception as error:
        raise ModelAbsentError(
            f"the adapter {config.adapter} does not fit {config.model}: {one_line(error)}"
        ) from error
    stray = sorted(given ^ wanted)
    if stray:
        raise ModelAbsentError(
            f"the adapter {config.adapter} does not fit {config.model}: {len(stray)} of its "
            f"tensors have no counterpart, the first is {stray[0]}."
        )
    return adapted
