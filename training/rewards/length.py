"""Length bonus: a right answer whose reasoning is neither a token nor a novel earns a little more.

    bonus if accuracy >= threshold and low <= words <= high, else 0
    (Video-R1, arXiv 2503.21776, section 3.3: 0.2 for right answers of 320 to 512 tokens)

Only right answers get it, so that it cannot be had by filling pages.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .texts import Completion, Rewards, strict_parts, texts

Reward = Callable[..., Rewards]


def length_reward(
    accuracy: Sequence[Reward], low: int = 15, high: int = 120, threshold: float = 0.5
) -> Reward:
    """The bonus (1.0 or 0.0, weighted by whoever sums) on top of any of the accuracy rewards.

    >>> from .answer import exact_reward
    >>> bonus = length_reward([exact_reward], low=2, high=4)
    >>> bonus(["<think>I see red</think><answer>red</answer>"], answers=[["red"]])
    [1.0]
    """

    def reward(completions: Sequence[Completion], **columns: Any) -> Rewards:
        scores = [one(completions, **columns) for one in accuracy]
        out: Rewards = []
        for i, text in enumerate(texts(completions)):
            best = max((s[i] or 0.0 for s in scores), default=0.0)
            parts = strict_parts(text)
            words = len(parts[0].split()) if parts else 0
            out.append(float(best >= threshold and low <= words <= high))
        return out

    reward.__name__ = "length_reward"
    return reward
