"""Supervised cold start: TRL's SFTTrainer with the loss on the completion only."""

from __future__ import annotations

from trl import SFTTrainer

from .guarded import Guarded


class ColdStartTrainer(Guarded, SFTTrainer):
    """SFT on rows of prompt, images and completion."""
