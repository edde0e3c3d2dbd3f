"""Shuffled-frame bonus: reward answers that need the frames in order (T-GRPO).

A second group answers the same prompt with its frames shuffled. If the share p of right answers
in order is at least mu times the share p' of right ones shuffled, every right ordered answer
earns the bonus (Video-R1, arXiv 2503.21776, equation 1: alpha 0.3, mu 0.8):

    r = alpha if right and p >= mu p' and p > 0 else 0
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .texts import Completion, Rewards

Reward = Callable[..., Rewards]


def shuffled_reward(accuracy: Sequence[Reward], mu: float = 0.8, threshold: float = 0.5) -> Reward:
    """1.0 or 0.0 (the weight is alpha); needs the columns ``group`` and ``shuffled_completions``.

    ``group`` tells which rows answer one prompt, ``shuffled_completions`` is for each row one
    answer of the second group. Rows without a shuffled answer get None.

    >>> from .answer import exact_reward
    >>> bonus = shuffled_reward([exact_reward])
    >>> bonus(["<answer>red</answer>"] * 2, group=[0, 0], answers=[["red"]] * 2,
    ...       shuffled_completions=["<answer>blue</answer>"] * 2)
    [1.0, 1.0]
    """

    def reward(
        completions: Sequence[Completion],
        group: Sequence[Any] = (),
        shuffled_completions: Sequence[Completion | None] = (),
        **columns: Any,
    ) -> Rewards:
        if not shuffled_completions:
            return [None] * len(completions)
        others = [c if c is not None else "" for c in shuffled_completions]
        right = _right(accuracy, completions, threshold, columns)
        right_shuffled = _right(accuracy, others, threshold, columns)
        out: Rewards = []
        for i, key in enumerate(group):
            members = [j for j, other in enumerate(group) if other == key]
            share = sum(right[j] for j in members) / len(members)
            shuffled = sum(right_shuffled[j] for j in members) / len(members)
            if shuffled_completions[i] is None:
                out.append(None)
            else:
                out.append(float(right[i] and share >= mu * shuffled))
        return out

    reward.__name__ = "shuffled_reward"
    return reward


def _right(
    accuracy: Sequence[Reward],
    completions: Sequence[Completion],
    threshold: float,
    columns: dict[str, Any],
) -> list[bool]:
    scores = [one(completions, **columns) for one in accuracy]
    return [any((s[i] or 0.0) >= threshold for s in scores) for i in range(len(completions))]
