"""What both trainers share: losses that must be finite, checkpoints that are whole, a learning rate
of its own for the vision tower, and one look at each image where the tower is frozen."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from scene_r1_ros.errors import ConfigError

from ..examples.errors import TrainingError
from .checkpoints import check_space, disk_sentence, remove_old, seal
from .loading import is_vision, vision_tower
from .muon import MuonWithAdamW, muon_group, suits_muon
from .seen_once import SeenOnce


class Guarded:
    """Mixin before a TRL trainer; the rates and ``keep`` are set after construction."""

    vision_rate: float = 0.0
    muon_rate: float = 0.0
    keep: int = 2
    on_step: Callable[[int], None] | None = None

    def see_once(self, gib: float) -> None:
        """Keep what the vision tower says of an image, if it is frozen, whole, and of a kind that
        is known, in at most ``gib`` GiB."""
        tower = vision_tower(self.accelerator.unwrap_model(self.model))  # type: ignore[attr-defined]
        cut = self.is_fsdp_enabled or self.is_deepspeed_enabled  # type: ignore[attr-defined]
        if tower is None or cut or not gib:
            return
        if not any(parameter.requires_grad for parameter in tower.parameters()):
            SeenOnce(tower, int(gib * 2**30))

    def training_step(self, *args: Any, **kwargs: Any) -> Any:
        """One forward and backward pass.

        Raises:
            TrainingError: if the loss is not finite.
        """
        loss = super().training_step(*args, **kwargs)  # type: ignore[misc]
        self._check_finite(loss, "loss")
        return loss

    def _check_finite(self, value: Any, what: str) -> None:
        if not bool(torch.isfinite(value).all()):
            from .checkpoints import whole_checkpoints

            args, state = self.args, self.state  # type: ignore[attr-defined]
            last = whole_checkpoints(Path(args.output_dir))
            intact = f"The last good checkpoint is {last[-1]}." if last else "None was saved yet."
            raise TrainingError(
                f"the {what} became {float(value):g} at step {state.global_step + 1}: lower "
                f"optim.rate (now {args.learning_rate:g}) or optim.clip, or train in float32. "
                f"{intact}"
            )

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Figures without those that no row of the batch had."""
        metrics = self._metrics["train" if self.model.training else "eval"]  # type: ignore[attr-defined]
        for name in [n for n, values in metrics.items() if all(v != v for v in values)]:
            del metrics[name]
        super().log(logs, start_time)  # type: ignore[misc]

    def create_optimizer(self, model: Any = None) -> Any:
        """AdamW with the vision tower in groups of its own where it learns at another rate, and
        with Muon for the hidden matrices where ``muon_rate`` is given.

        Raises:
            ConfigError: if the weights are in parts, of which Muon can make nothing.
        """
        if self.optimizer is not None or not (self.vision_rate or self.muon_rate):
            return super().create_optimizer(model)  # type: ignore[misc]
        cut = self.is_fsdp_enabled or self.is_deepspeed_enabled  # type: ignore[attr-defined]
        if self.muon_rate and cut:
            raise ConfigError(
                f"optim.muon_rate = {self.muon_rate:g} needs whole matrices, and FSDP and "
                "DeepSpeed cut them: set it to 0, or train with plain data parallelism."
            )
        of = self.model if model is None else model  # type: ignore[attr-defined]
        args = self.args  # type: ignore[attr-defined]
        decayed = set(self.get_decay_parameter_names(of))  # type: ignore[attr-defined]
        groups: dict[tuple[bool, bool], list[Any]] = {}
        matrices: list[Any] = []
        for name, parameter in of.named_parameters():
            if parameter.requires_grad:
                if self.muon_rate and suits_muon(name, parameter):
                    matrices.append(parameter)
                else:
                    groups.setdefault((is_vision(name), name in decayed), []).append(parameter)
        parameters = [
            {
                "params": members,
                "weight_decay": args.weight_decay if decay else 0.0,
                **({"lr": self.vision_rate} if vision and self.vision_rate else {}),
            }
            for (vision, decay), members in sorted(groups.items())
        ]
        kind, options = self.get_optimizer_cls_and_kwargs(args, of)  # type: ignore[attr-defined]
        if not self.muon_rate:
            self.optimizer = kind(parameters, **options)
            return self.optimizer
        parameters.insert(0, muon_group(matrices, self.muon_rate, args.weight_decay))
        self.optimizer = MuonWithAdamW(
            parameters, args.learning_rate, (args.adam_beta1, args.adam_beta2), args.adam_epsilon
        )
        return self.optimizer

    optimizer: Any = None

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        """Weights of a checkpoint into the model in hand.

        transformers saves models such as Qwen2.5-VL under the names of their first release and
        renames them in from_pretrained only; its trainer would load none of them, and go on with
        the weights it began with.

        Raises:
            TrainingError: if the weights are of another model.
        """
        of = self.accelerator.unwrap_model(model or self.model)  # type: ignore[attr-defined]
        if self.is_fsdp_enabled or hasattr(of, "peft_config"):  # type: ignore[attr-defined]
            super()._load_from_checkpoint(resume_from_checkpoint, model)  # type: ignore[misc]
            return
        saved = type(of).from_pretrained(resume_from_checkpoint, dtype=of.dtype)
        try:
            of.load_state_dict(saved.state_dict(), strict=True)
        except RuntimeError as error:
            raise TrainingError(
                f"{resume_from_checkpoint} is a checkpoint of another model: {error}"
            ) from error

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        args, state = self.args, self.state  # type: ignore[attr-defined]
        out = Path(args.output_dir)
        folder = out / f"checkpoint-{state.global_step}"
        for parameter in self.model.parameters():  # type: ignore[attr-defined]
            # A step with an infinite gradient ruins the weights before any loss shows it.
            if parameter.requires_grad:
                self._check_finite(parameter.detach().float().sum(), "sum of some weights")
        if args.should_save:
            check_space(out, self._checkpoint_bytes())
        try:
            super()._save_checkpoint(model, trial)  # type: ignore[misc]
            self.accelerator.wait_for_everyone()  # type: ignore[attr-defined]
            if args.should_save:
                self.save_more(folder)
                seal(folder)
                remove_old(out, self.keep)
        except Exception as error:
            # safetensors and torch raise errors of their own on a full disk
            if isinstance(error, TrainingError):
                raise
            shutil.rmtree(folder, ignore_errors=True)
            raise TrainingError(disk_sentence(out, error)) from error

    def save_more(self, folder: Path) -> None:
        """What a trainer keeps beside its model, in a checkpoint's folder or the run's."""

    def _checkpoint_bytes(self) -> int:
        """Weights that are saved, and two moments of those that learn."""
        model = self.model  # type: ignore[attr-defined]
        learning = [p for p in model.parameters() if p.requires_grad]
        saved = learning if hasattr(model, "peft_config") else list(model.parameters())
        weights = sum(p.numel() * p.element_size() for p in saved)
        return weights + 2 * sum(p.numel() * p.element_size() for p in learning)
