"""Settings as the argument classes of TRL take them."""

from __future__ import annotations

import os
from typing import Any

from scene_r1_ros.errors import ConfigError

from .precision import chosen_precision
from .settings import TrainSettings


def common_arguments(settings: TrainSettings) -> dict[str, Any]:
    """What SFTConfig and GRPOConfig share."""
    import torch

    optim, run = settings.optim, settings.run
    gpu = torch.cuda.is_available()
    precision = chosen_precision(optim.precision)
    recompute = gpu if optim.checkpointing == "auto" else optim.checkpointing == "on"
    # The variable is where newer versions of the library look for the place of TensorBoard's files.
    os.environ["TENSORBOARD_LOGGING_DIR"] = str(settings.out / "tensorboard")
    return {
        "output_dir": str(settings.out),
        "seed": run.seed,
        "data_seed": run.seed,
        "max_steps": optim.steps or -1,
        "num_train_epochs": optim.epochs,
        "per_device_train_batch_size": optim.batch_size,
        "gradient_accumulation_steps": optim.accumulation,
        "learning_rate": optim.rate,
        "lr_scheduler_type": optim.schedule,
        "warmup_steps": optim.warmup,
        "weight_decay": optim.weight_decay,
        "adam_beta1": optim.beta1,
        "adam_beta2": optim.beta2,
        "max_grad_norm": optim.clip,
        "bf16": precision == "bf16",
        "fp16": precision == "fp16",
        "activation_checkpointing": recompute,
        "dataloader_num_workers": optim.workers,
        "dataloader_pin_memory": gpu,
        "use_cpu": not gpu,
        "save_strategy": "steps",
        "save_steps": run.save_steps,
        # Unsealed ones must not push out whole ones; the trainer removes old ones itself.
        "save_total_limit": None,
        "logging_steps": run.log_steps,
        "logging_nan_inf_filter": False,
        "report_to": ["tensorboard"] if run.tensorboard else [],
        "remove_unused_columns": False,
        "disable_tqdm": None,
    }


def sft_arguments(settings: TrainSettings) -> Any:
    """TRL's SFTConfig."""
    from trl import SFTConfig

    return SFTConfig(
        **common_arguments(settings),
        max_length=settings.optim.max_length or None,
        completion_only_loss=True,
    )


def grpo_arguments(settings: TrainSettings, weights: list[float]) -> Any:
    """TRL's GRPOConfig.

    Raises:
        ConfigError: if batches, groups and checkpoints do not fit each other.
    """
    from trl import GRPOConfig

    grpo, optim, run = settings.grpo, settings.optim, settings.run
    world = int(os.environ.get("WORLD_SIZE", "1"))
    completions = optim.batch_size * optim.accumulation * world
    if completions % grpo.generations:
        raise ConfigError(
            f"optim.batch_size x optim.accumulation x processes = {completions} completions are "
            f"no multiple of grpo.generations = {grpo.generations}."
        )
    if run.save_steps % grpo.iterations:
        raise ConfigError(
            f"run.save_steps = {run.save_steps} is no multiple of grpo.iterations = "
            f"{grpo.iterations}: a checkpoint would lie between two updates from the same "
            "completions, and could not be gone on from."
        )
    vllm: dict[str, Any] = {"use_vllm": grpo.vllm != "off"}
    if grpo.vllm != "off":
        vllm |= {
            "vllm_mode": grpo.vllm,
            "vllm_server_host": grpo.vllm_host,
            "vllm_server_port": grpo.vllm_port,
            "vllm_gpu_memory_utilization": grpo.vllm_memory,
            "vllm_tensor_parallel_size": grpo.vllm_tensor_parallel,
        }
    return GRPOConfig(
        **common_arguments(settings),
        **vllm,
        num_generations=grpo.generations,
        max_completion_length=grpo.max_new_tokens,
        temperature=grpo.temperature,
        top_p=grpo.top_p,
        top_k=grpo.top_k,
        beta=grpo.kl,
        num_iterations=grpo.iterations,
        epsilon=grpo.clip_low,
        epsilon_high=grpo.clip_high,
        loss_type=grpo.loss,
        scale_rewards=grpo.scale,
        reward_weights=weights,
        log_completions=False,
    )
