"""Settings of a training of the mask network."""

from __future__ import annotations

from dataclasses import dataclass

from scene_r1_ros.config import Config, option


@dataclass(frozen=True)
class MaskTrainingConfig(Config):
    """What the mask network learns from, and how."""

    rooms: int = option(60, "Synthetic rooms to learn from.", minimum=1, maximum=100_000)
    seed: int = option(20_000, "Seed of the first room, and of all chance.", minimum=0)
    seconds: float = option(12.0, "How long each is filmed, five times a second.", minimum=1.0)
    held_out: int = option(3, "Further rooms, of validation seeds, to measure on.", minimum=0)
    start: str = option(
        "", "Network to go on from: a folder, or shipped (checkpoints/masks); empty for a new one."
    )
    steps: int = option(4_000, "Optimiser steps.", minimum=1)
    batch_size: int = option(64, "Crops a step.", minimum=1, maximum=4096)
    rate: float = option(2e-3, "Highest learning rate.", minimum=0.0, maximum=1.0)
    warmup: int = option(100, "Steps until it is reached; then it falls as a cosine.", minimum=0)
    weight_decay: float = option(0.02, "Decay of AdamW.", minimum=0.0)
    alone: float = option(
        0.5, "Share of the views that are asked by the true box alone too.", minimum=0.0, maximum=1
    )
    dropped: float = option(
        0.15, "Share of the crops whose mask so far is hidden.", minimum=0.0, maximum=1.0
    )
    jitter: float = option(
        0.06, "How far sides of a box may be off, in its width or height.", minimum=0.0, maximum=1
    )
    loose: float = option(
        0.27, "How far out sides of a loose box are, at most.", minimum=0.0, maximum=1.0
    )
    cut: float = option(
        0.25,
        "How far in sides of a box that cuts its object are, at most.",
        minimum=0.0,
        maximum=0.45,
    )
    save_steps: int = option(200, "Steps between checkpoints.", minimum=1)
