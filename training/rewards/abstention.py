"""Right to say not found: for rows whose target is nowhere to be seen.

    1 if the answer is "not found", else 0

Rows with a target do not count here: there the accuracy rewards give a false "not found" nothing.
Without such rows and this reward a model learns never to abstain.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from scene_r1_ros.reasoning.parsing import is_not_found

from .texts import Completion, Rewards, only_answer, texts


def abstention_reward(
    completions: Sequence[Completion], found: Sequence[bool], **columns: Any
) -> Rewards:
    """1.0 or 0.0 for rows without a target, None for the others.

    >>> text = "<think>nowhere</think><answer>not found</answer>"
    >>> abstention_reward([text, text], found=[False, True])
    [1.0, None]
    """
    return [
        None if there else float(says_not_found(text))
        for text, there in zip(texts(completions), found, strict=True)
    ]


def says_not_found(text: str) -> bool:
    """Whether the completion's only answer is that the target is not there."""
    answer = only_answer(text)
    return answer is not None and is_not_found(answer)
