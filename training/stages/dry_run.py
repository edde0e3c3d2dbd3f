"""What a run would do: the first prompts as the model meets them, its memory and its time.

Nothing is trained and no weights are loaded. Both figures are estimates: memory from what is
kept (weights, gradients, Adam's moments, activations by Korthikanti et al., MLSys 2023, equation
2 without attention scores), time from floating point operations (6 a parameter and token forwards
and backwards, 2 forwards: Kaplan et al., arXiv 2001.08361) over the speed of a matrix product
that is measured here.
"""

from __future__ import annotations

import re
import time
from typing import Any

from scene_r1_ros.errors import ConfigError, ModelAbsentError
from scene_r1_ros.reasoning.messages import pictures, to_chat

from ..examples.example import Example, evenly
from ..examples.render import ModelView, Renderer
from .loading import is_projector, is_vision
from .precision import chosen_precision
from .run import KINDS, load_examples
from .settings import TrainSettings

SHOWN = 2
_MEASURED = 16
EFFICIENCY = 0.4
"""Share of the measured speed that a training step is taken to reach."""
_BYTES_A_HIDDEN = 34


def dry_run(kind: str, settings: TrainSettings) -> dict[str, Any]:
    """A JSON-ready description; see the module.

    Raises:
        ConfigError, TrainingError, ModelAbsentError: as the run itself would.
    """
    examples = load_examples(kind, settings)
    processor, model = _meta_model(settings)
    view = ModelView.of(processor, model.config.model_type, settings.model.box_frame)
    renderer = Renderer(settings.data, view)
    spread = evenly(examples, _MEASURED)
    lengths = [_length(processor, renderer, example) for example in spread]
    prompts = [p for p, _ in lengths]
    said = settings.grpo.max_new_tokens if KINDS[kind] else max(c for _, c in lengths)
    trained = _trained(model, settings)
    total = sum(p.numel() for p in model.parameters())
    steps = _steps(kind, settings, len(examples))
    mean_tokens = sum(prompts) / len(prompts) + said
    memory = _memory(kind, settings, model, total, trained, max(prompts) + said, said)
    return {
        "stage": kind,
        "examples": len(examples),
        "by_stage": {
            s: sum(e.stage == s for e in examples) for s in sorted({e.stage for e in examples})
        },
        "without_target": sum(not e.found for e in examples),
        "parameters": total,
        "trained_parameters": trained,
        "steps": steps,
        "prompt_tokens": {"mean": round(sum(prompts) / len(prompts)), "max": max(prompts)},
        "memory_bytes": memory,
        "seconds": _seconds(kind, settings, total, mean_tokens, said, steps),
        "prompts": [
            _shown(processor, renderer, e) for e in spread[:: max(1, len(spread) // SHOWN)]
        ][:SHOWN],
    }


def as_text(result: dict[str, Any]) -> str:
    """The description for a person."""
    parts = []
    for number, prompt in enumerate(result["prompts"], start=1):
        images = ", ".join(
            f"{i['original'][0]}x{i['original'][1]} -> {i['seen'][0]}x{i['seen'][1]}"
            for i in prompt["images"][:1]
        )
        parts += [
            f"--- prompt {number} ({prompt['key']}): {len(prompt['images'])} images, {images}, "
            f"{prompt['tokens']} tokens",
            prompt["text"],
        ]
        if prompt["completion"]:
            parts.append(f"--- says: {prompt['completion']}")
    memory, seconds = result["memory_bytes"], result["seconds"]
    by_stage = ", ".join(f"{count} {name}" for name, count in result["by_stage"].items())
    parts += [
        "---",
        f"{result['examples']} examples ({by_stage}; {result['without_target']} without target)",
        f"{result['parameters'] / 1e6:.1f} M parameters, "
        f"{result['trained_parameters'] / 1e6:.1f} M of them learn; prompts of "
        f"{result['prompt_tokens']['mean']} tokens, at most "
        f"{result['prompt_tokens']['max']}",
        "memory, estimated for one device: "
        + ", ".join(f"{name} {size / 1e9:.2f} GB" for name, size in memory.items()),
        f"time, estimated for {result['steps']} steps on this machine: {seconds['step']:.2f} s a "
        f"step, {seconds['total'] / 3600:.2f} h ({seconds['speed'] / 1e12:.3f} TFLOP/s measured, "
        f"{EFFICIENCY:.0%} of it assumed)",
    ]
    return "\n".join(parts)


def _meta_model(settings: TrainSettings) -> tuple[Any, Any]:
    """The processor, and the model without weights."""
    import accelerate
    import transformers

    name = settings.model.checkpoint
    if not name:
        raise ConfigError("give --model, a checkpoint's folder or name.")
    limits = {
        key: value
        for key in ("min_pixels", "max_pixels")
        if (value := getattr(settings.model, key))
    }
    try:
        processor = transformers.AutoProcessor.from_pretrained(
            name, local_files_only=settings.model.offline, **limits
        )
        config = transformers.AutoConfig.from_pretrained(
            name, local_files_only=settings.model.offline
        )
        with accelerate.init_empty_weights():
            model = transformers.AutoModelForImageTextToText.from_config(config)
    except (OSError, ValueError) as error:
        raise ModelAbsentError(f"the checkpoint {name} cannot be read: {error}") from error
    return processor, model


def _length(processor: Any, renderer: Renderer, example: Example) -> tuple[int, int]:
    """Tokens of prompt and completion."""
    messages = renderer.conversation(example)
    text = processor.apply_chat_template(
        to_chat(messages), tokenize=False, add_generation_prompt=True
    )
    tokenizer = processor.tokenizer
    plain = len(tokenizer(text, add_special_tokens=False)["input_ids"])
    width, height = renderer.view.size(renderer.sent_size(example))
    image_tokens = (width // renderer.view.factor) * (height // renderer.view.factor)
    said = renderer.completion(example) if example.completion else ""
    return (
        # each image already counts as one token
        plain + len(example.frames) * (image_tokens - 1),
        len(tokenizer(said, add_special_tokens=False)["input_ids"]) + 1,
    )


def _shown(processor: Any, renderer: Renderer, example: Example) -> dict[str, Any]:
    messages = renderer.conversation(example)
    seen = renderer.view.size(renderer.sent_size(example))
    return {
        "key": example.key,
        "text": processor.apply_chat_template(
            to_chat(messages), tokenize=False, add_generation_prompt=True
        ),
        "completion": renderer.completion(example) if example.completion else "",
        "tokens": _length(processor, renderer, example)[0],
        "images": [
            {"original": list(example.image_size), "sent": [p.image.shape[1], p.image.shape[0]],
             "seen": list(seen)}
            for p in pictures(messages)
        ],
    }  # fmt: skip


def _trained(model: Any, settings: TrainSettings) -> int:
    """How many parameters learn."""
    lora = settings.lora
    if lora.enabled or settings.model.adapter:
        names = "|".join(part.strip() for part in lora.targets.split(","))
        pattern = re.compile(rf"^(?!.*visual).*\.({names})$")
        return sum(
            lora.rank * (module.in_features + module.out_features)
            for name, module in model.named_modules()
            if pattern.match(name) and hasattr(module, "in_features")
        )
    return sum(
        p.numel()
        for name, p in model.named_parameters()
        if not (settings.model.freeze_vision and is_vision(name) and not is_projector(name))
        and not (settings.model.freeze_projector and is_projector(name))
    )


def _steps(kind: str, settings: TrainSettings, examples: int) -> int:
    optim = settings.optim
    if optim.steps:
        return optim.steps
    rows = optim.batch_size * optim.accumulation
    if KINDS[kind]:
        rows = max(1, rows // settings.grpo.generations)
    return max(1, round(optim.epochs * examples / rows))


def _memory(
    kind: str, settings: TrainSettings, model: Any, total: int, trained: int, tokens: int, said: int
) -> dict[str, float]:
    import torch

    gpu = torch.cuda.is_available()
    checkpoint = getattr(model.config, "dtype", None)
    dtype = settings.model.dtype
    half = dtype in ("bfloat16", "float16") or (dtype == "auto" and checkpoint == torch.bfloat16)
    size = 2 if half else 4
    text = model.config.get_text_config()
    rows = settings.optim.batch_size
    recompute = settings.optim.checkpointing == "on" or (
        settings.optim.checkpointing == "auto" and gpu
    )
    kept = 4 if recompute else _BYTES_A_HIDDEN
    computed = 4 if chosen_precision(settings.optim.precision) == "float32" and not half else 2
    layer = tokens * rows * text.hidden_size * computed / 2
    parts = {
        "weights": float(total * size),
        "gradients": float(trained * size),
        "optimiser": float(2 * trained * size),
        "activations": layer * (kept * text.num_hidden_layers + _BYTES_A_HIDDEN),
        # the logits of the completion, their logarithms and gradients
        "logits": float(3 * rows * said * text.vocab_size * 4),
    }
    if KINDS[kind] and settings.grpo.kl and not (settings.lora.enabled or settings.model.adapter):
        parts["reference"] = float(total * size)
    parts["total"] = sum(parts.values())
    return parts


def _seconds(
    kind: str, settings: TrainSettings, total: int, tokens: float, said: int, steps: int
) -> dict[str, float]:
    optim, grpo = settings.optim, settings.grpo
    rows = optim.batch_size * optim.accumulation
    operations = 6.0 * total * tokens * rows
    if KINDS[kind]:
        # sampling passes every token once; the reference once more
        operations += 2.0 * total * tokens * rows * (2 if grpo.kl else 1)
        operations += 6.0 * total * tokens * rows * (grpo.iterations - 1)
    speed = _speed()
    step = operations / (speed * EFFICIENCY)
    return {"step": step, "total": step * steps, "speed": speed}


def _speed() -> float:
    """Floating point operations a second of a square matrix product on this device."""
    import torch

    gpu = torch.cuda.is_available()
    side = 4096 if gpu else 512
    device, dtype = ("cuda", torch.bfloat16) if gpu else ("cpu", torch.float32)
    a = torch.randn(side, side, device=device, dtype=dtype)
    repeats = 20 if gpu else 8
    for counted in (2, repeats):
        if gpu:
            torch.cuda.synchronize()
        started = time.perf_counter()
        for _ in range(counted):
            a @ a
        if gpu:
            torch.cuda.synchronize()
        elapsed = time.perf_counter() - started
    return 2.0 * side**3 * repeats / max(elapsed, 1e-9)
