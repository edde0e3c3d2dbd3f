"""GRPO on TRL's trainer, with what it lacks: groups without variance are left out, epochs are
shuffled the same after a resume, completions are kept for the report, shuffled groups."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from trl import GRPOTrainer
from trl.data_utils import prepare_multimodal_messages
from trl.trainer.utils import RepeatSampler

from ..rewards.texts import texts
from .guarded import Guarded

COMPLETIONS_FILE = "completions.jsonl"


class GroundingGrpoTrainer(Guarded, GRPOTrainer):
    """GRPO on rows of prompt, images and reward columns.

    ``filter_groups``: groups whose completions all earned the same have no advantage; left in
    they would still pull towards the reference and thin out the loss of the others (DAPO, arXiv
    2503.14476, section 3.2; here they are left out of loss and average, not sampled again).
    ``shuffle_frames``: each prompt is answered a second time with its frames shuffled, for the
    reward ``shuffled``.
    """

    filter_groups: bool = True
    shuffle_frames: bool = False
    keep_every: int = 0

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # TRL pads prompts on the left, but which tokens are images it asks the processor, which
        # pads as the checkpoint says: positions of all shorter prompts would be wrong.
        self._tokenizer.padding_side = "left"

    def _get_train_sampler(self, dataset: Any = None) -> Any:
        of = dataset if dataset is not None else self.train_dataset
        return _EpochSampler(
            self,
            data_source=of,
            mini_repeat_count=self.num_generations,
            batch_size=self.args.generation_batch_size // self.num_generations,
            repeat_count=self.num_iterations * self.args.steps_per_generation,
            shuffle=self.shuffle_dataset,
            seed=self.args.seed,
        )

    def _generate_and_score_completions(self, inputs: list[dict[str, Any]]) -> dict[str, Any]:
        for i, row in enumerate(inputs):
            row["group"] = i // self.num_generations
        batch = super()._generate_and_score_completions(inputs)
        if self.filter_groups and self.model.training:
            self._leave_out_flat_groups(batch)
        return batch

    def _leave_out_flat_groups(self, batch: dict[str, Any]) -> None:
        # In a group with any variance a single advantage may be zero, never all of them.
        every = self.accelerator.gather(batch["advantages"])
        groups = every.view(-1, self.num_generations)
        flat = (groups == 0).all(dim=1, keepdim=True).expand_as(groups).reshape(-1)
        size = len(batch["advantages"])
        first = self.accelerator.process_index * size
        keep = (~flat[first : first + size]).to(batch["completion_mask"].dtype).unsqueeze(1)
        # TRL multiplies its loss, and nothing else, with this mask.
        batch["tool_mask"] = keep.expand_as(batch["completion_mask"]).clone()
        counted = (batch["completion_mask"] * keep).sum()
        batch["num_items_in_batch"] = self.accelerator.gather(counted).sum()
        self._metrics["train"]["groups_left_out"].append(float(flat.float().mean()))

    def _calculate_rewards(
        self, inputs: Any, prompts: Any, completions: Any, completion_ids_list: Any
    ) -> Any:
        if self.shuffle_frames:
            for row, text in zip(inputs, self._answers_shuffled(inputs), strict=True):
                row["shuffled_completions"] = text
        rewards = super()._calculate_rewards(inputs, prompts, completions, completion_ids_list)
        step = self.state.global_step
        if self.keep_every and self.accelerator.is_main_process and step % self.keep_every == 0:
            first = self.accelerator.process_index * len(inputs)
            self._keep(inputs, completions, rewards[first : first + len(inputs)].tolist())
        return rewards

    def _answers_shuffled(self, inputs: list[dict[str, Any]]) -> list[str]:
        generator = torch.Generator().manual_seed(self.args.seed + self.state.global_step)
        orders: dict[Any, list[int]] = {}
        prompts = []
        for row in inputs:
            count = len(row["images"])
            if row["group"] not in orders:
                orders[row["group"]] = torch.randperm(count, generator=generator).tolist()
            images = [row["images"][i] for i in orders[row["group"]]]
            prompts.append(prepare_multimodal_messages(row["prompt"], images=images))
        ids, images, fields = self._tokenize_prompts(prompts)
        said, _ = self._generate_single_turn(ids, images, fields, self.num_generations)
        return list(self.processing_class.batch_decode(said, skip_special_tokens=True))

    def _keep(self, inputs: Any, completions: Any, rewards: list[list[float]]) -> None:
        """One group of completions with their rewards, for the report."""
        path = Path(self.args.output_dir) / COMPLETIONS_FILE
        with path.open("a", encoding="utf-8") as file:
            for row, text, scores in list(zip(inputs, texts(completions), rewards, strict=True))[
                : self.num_generations
            ]:
                named = dict(zip(self.reward_func_names, scores, strict=True))
                record = {
                    "step": self.state.global_step,
                    "key": row["key"],
                    "query": row["query"],
                    "completion": text,
                    "rewards": {k: None if v != v else round(v, 4) for k, v in named.items()},
                }
                file.write(json.dumps(record) + "\n")


class _EpochSampler(RepeatSampler):
    """Draws each epoch's order from seed and epoch alone, so that a resumed run meets the same."""

    def __init__(self, trainer: Any, **options: Any) -> None:
        super().__init__(**options)
        self._trainer = trainer

    def __iter__(self) -> Iterator[int]:
        epoch = int((self._trainer.state.epoch or 0.0) + 1e-6)
        if self.shuffle:
            self.generator.manual_seed((self.seed or 0) + 1_000_003 * epoch)
        return super().__iter__()
