"""What a chain of thought must be like to be learnt from, and what asking for one may cost."""

from __future__ import annotations

from dataclasses import dataclass

from scene_r1_ros.config import Config, option


@dataclass(frozen=True)
class CotConfig(Config):
    """Filters of chains of thought; after Scene-30K (3D-R1, arXiv 2507.23478, section 3.2)."""

    min_words: int = option(15, "Words of the reasoning, at least.", minimum=1)
    max_words: int = option(250, "Words of the reasoning, at most.", minimum=1)
    min_steps: int = option(2, "Sentences of the reasoning, at least.", minimum=1)
    final_steps: int = option(
        2, "The target must be named (or its absence said) in the last so many.", minimum=1
    )
    reanswer: bool = option(
        True, "Answer again from the reasoning alone, and compare: by the model that wrote it, or "
        "without one by reading the answer out of the reasoning."
    )  # fmt: skip
    span_iou: float = option(
        0.5, "Least overlap of two spans that agree.", minimum=0.0, maximum=1.0
    )
    box_iou: float = option(0.5, "Least overlap of two boxes that agree.", minimum=0.0, maximum=1.0)
    tries: int = option(1, "Times a model may try one example.", minimum=1, maximum=32)
    temperature: float = option(0.7, "Of the model's sampling.", minimum=0.0, maximum=2.0)
    max_new_tokens: int = option(512, "Tokens of one chain.", minimum=8, maximum=32_768)
    timeout: float = option(120.0, "Longest wait for one reply.", minimum=0.1, unit="s")
    price_in: float = option(0.0, "Price of a million tokens read, for the sum.", minimum=0.0)
    price_out: float = option(0.0, "Price of a million tokens written.", minimum=0.0)
    max_cost: float = option(0.0, "Stop before the sum exceeds this; 0: no limit.", minimum=0.0)
