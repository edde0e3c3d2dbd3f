"""Supervised cold start: TRL's SFTTrainer with the loss on the completion only."""

from __future__ import annotations

from typing import Any

from trl import SFTTrainer

from .guarded import Guarded


class ColdStartTrainer(Guarded, SFTTrainer):
    """SFT on rows of prompt, images and completion; the loss is a mean over all their tokens.

    Qwen2.5-VL tells the library that its own loss takes no count of tokens, and then each process
    and each part of an accumulated batch would be averaged by itself: the same rows would weigh
    differently on two processes than on one. TRL computes the loss here, and can count.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.model_accepts_loss_kwargs = True
