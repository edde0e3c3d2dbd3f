"""Supervised cold start: TRL's SFTTrainer with the loss on the completion only."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from trl import SFTTrainer

from .auxiliary import Heads, check_auxiliary, load_heads, pointing_layer
from .grouping import GroupedSampler
from .guarded import Guarded
from .loading import language_model, vision_tower
from .looking import looking_layer, looking_loss
from .settings import AuxConfig
from .soft_boxes import IGNORED, SoftBoxes
from .token_targets import TokenTargets, token_targets

HEADS_FILE = "auxiliary_heads.pt"
_TARGETS = "token_targets"


class ColdStartTrainer(Guarded, SFTTrainer):
    """SFT on rows of prompt, images and completion; the loss is a mean over all their tokens.

    Qwen2.5-VL tells the library that its own loss takes no count of tokens, and then each process
    and each part of an accumulated batch would be averaged by itself: the same rows would weigh
    differently on two processes than on one. TRL computes the loss here, and can count.

    With ``aux`` the losses of :mod:`.auxiliary` are added; their heads are saved beside each
    checkpoint, never in the model.
    """

    heads: Heads | None = None
    soft: SoftBoxes | None = None
    lengths: Sequence[int] = ()
    """Tokens of each row, about; where they are given, rows of similar length share a batch."""

    def __init__(
        self, *args: Any, aux: AuxConfig | None = None, labels: Sequence[str] = (), **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.model_accepts_loss_kwargs = True
        self.aux = aux or AuxConfig()
        if check_auxiliary(self.aux, self.accelerator.num_processes):
            image = self.processing_class.image_processor
            factor = int(image.patch_size) * int(image.merge_size)
            kinds = {name: i for i, name in enumerate(labels)}
            collator: Any = self.data_collator  # type: ignore[has-type]
            self.data_collator = _WithTargets(collator, factor, kinds)
            hidden = self.model.config.get_text_config().hidden_size
            self.heads = Heads(hidden, len(kinds), self.args.seed).to(self.args.device)
            if self.aux.heads:
                load_heads(self.heads, Path(self.aux.heads))
            if self.aux.soft_boxes:
                tokenizer = self.processing_class.tokenizer
                self.soft = SoftBoxes(tokenizer, self.aux.deviation)
            self._hidden: dict[str, Any] = {}
            language = language_model(self.model)
            vision_tower(self.model).register_forward_hook(self._keep("visual"))
            language.register_forward_hook(self._keep("language"))
            pointing = pointing_layer(self.aux.pointing_layer, len(language.layers))
            language.layers[pointing - 1].register_forward_hook(self._keep("pointing"))
            if self.aux.looking:
                looking = looking_layer(self.model, language.layers, pointing, self.aux)
                looking.register_forward_hook(self._keep("looking"))

    def compute_loss(
        self,
        model: Any,
        inputs: Any,
        return_outputs: bool = False,
        num_items_in_batch: Any = None,
    ) -> Any:
        """The loss of the completion, with what the heads add."""
        targets = inputs.pop(_TARGETS, None)
        if targets is None or self.heads is None:
            return super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
        if self.aux.vision_only:
            visual = vision_tower(model)
            with self.accelerator.autocast():  # only the whole model has it of its own
                visual(inputs["pixel_values"], grid_thw=inputs["image_grid_thw"])
            return self._auxiliary(inputs, targets, 0.0) / self._accumulated()
        labels = inputs["labels"]
        coordinates = self.soft.where(labels) if self.soft is not None else None
        if coordinates is not None:
            inputs["labels"] = labels.masked_fill(coordinates, IGNORED)
        loss = super().compute_loss(model, inputs, False, num_items_in_batch)
        if self.soft is not None:
            head = self.accelerator.unwrap_model(model).get_output_embeddings()
            soft = self.soft.loss(self._hidden["language"], head, labels, coordinates)
            self._metrics["train"]["soft_boxes"].append(soft.item())
            loss = loss + self.aux.soft_boxes * soft / self._accumulated()
        if self.aux.looking:
            images = inputs["input_ids"] == self.model.config.image_token_id
            look = looking_loss(self._hidden["looking"], images, targets, coordinates)
            self._metrics["train"]["aux_looking"].append(look.item())
            loss = loss + self.aux.looking * look / self._accumulated()
        return loss + self._auxiliary(inputs, targets, self.aux.pointing) / self._accumulated()

    def _get_train_sampler(self, train_dataset: Any = None) -> Any:
        if not self.lengths:
            return super()._get_train_sampler(train_dataset)
        args = self.args
        batch = args.train_batch_size * args.gradient_accumulation_steps * args.world_size
        return GroupedSampler(self.lengths, batch, args.seed, lambda: self.state.epoch or 0.0)

    def create_optimizer(self, model: Any = None) -> Any:
        """The optimiser of the model, with the heads in a group of their own."""
        fresh = self.optimizer is None
        optimizer = super().create_optimizer(model)
        if fresh and self.heads is not None:
            heads = self.heads
            optimizer.add_param_group({"params": list(heads.parameters()), "weight_decay": 0.0})
            # The library clears the gradients of its model only.
            optimizer.register_step_post_hook(lambda *_: heads.zero_grad())
        return optimizer

    def _auxiliary(self, inputs: Any, targets: TokenTargets, pointing: float) -> Any:
        assert self.heads is not None
        total = torch.zeros((), device=inputs["input_ids"].device)
        if self.aux.dense:
            tokens = self._hidden["visual"]
            loss = self.heads.dense_loss(tokens, targets, self.aux.positive)
            self._metrics["train"]["aux_dense"].append(loss.item())
            total = total + self.aux.dense * loss
        if pointing:
            at = inputs["input_ids"] == self.model.config.image_token_id
            tokens = self._hidden["pointing"][at]
            loss = self.heads.pointing_loss(tokens, targets, self.aux.positive)
            self._metrics["train"]["aux_pointing"].append(loss.item())
            total = total + pointing * loss
        self._hidden.clear()
        return total

    def _accumulated(self) -> int:
        return max(1, getattr(self, "current_gradient_accumulation_steps", 1))

    def _keep(self, name: str) -> Any:
        def hook(module: Any, inputs: Any, output: Any) -> None:
            if name == "visual":
                output = getattr(output, "pooler_output", output)
            elif name == "looking":
                output = output[1]
            else:
                output = getattr(output, "last_hidden_state", output)
            self._hidden[name] = torch.cat(output) if isinstance(output, list | tuple) else output

        return hook

    def save_more(self, folder: Path) -> None:
        if self.heads is not None:
            torch.save(self.heads.state_dict(), folder / HEADS_FILE)

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        super()._load_from_checkpoint(resume_from_checkpoint, model)
        path = Path(resume_from_checkpoint) / HEADS_FILE
        if self.heads is not None and path.is_file():
            self.heads.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))


class _WithTargets:
    """A collator that adds the targets of the image tokens."""

    def __init__(self, collator: Any, factor: int, labels: dict[str, int]) -> None:
        self._collator, self._factor, self._labels = collator, factor, labels

    def __call__(self, rows: list[dict[str, Any]]) -> dict[str, Any]:
        targets = token_targets(rows, self._factor, self._labels)
        return {**self._collator(rows), _TARGETS: targets}
