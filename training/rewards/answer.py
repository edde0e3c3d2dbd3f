"""Question answering: three measures of a short answer against the accepted ones.

* exact: equal in SQuAD's normal form (Rajpurkar et al., EMNLP 2016).
* token F1: 2PR / (P + R) over the words of that form (same source).
* numeric: mean relative accuracy, the share of confidences c in 0.5, 0.55 .. 0.95 with
  |a - b| / b <= 1 - c (VSI-Bench, arXiv 2412.14171; the function that evaluation uses).

Each takes the best accepted answer.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

from scene_r1_ros.reasoning.parsing import parse_answer

from ..evaluation.answers import normalize_answer, normalized_match
from ..evaluation.vsi import mean_relative_accuracy
from .texts import Completion, Rewards, only_answer, texts

_NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?")


def exact_reward(
    completions: Sequence[Completion], answers: Sequence[Sequence[str]], **columns: Any
) -> Rewards:
    """1.0 if the answer equals an accepted one in normal form.

    >>> exact_reward(["<answer>The red one.</answer>"], answers=[["red one"]])
    [1.0]
    """
    return [
        None if not truths else float(normalized_match(answered_text(text), truths))
        for text, truths in zip(texts(completions), answers, strict=True)
    ]


def f1_reward(
    completions: Sequence[Completion], answers: Sequence[Sequence[str]], **columns: Any
) -> Rewards:
    """Word F1 with the best accepted answer.

    >>> f1_reward(["<answer>red chair</answer>"], answers=[["red"]])
    [0.6666666666666666]
    """
    return [
        None if not truths else max(token_f1(answered_text(text), truth) for truth in truths)
        for text, truths in zip(texts(completions), answers, strict=True)
    ]


def numeric_reward(
    completions: Sequence[Completion], answers: Sequence[Sequence[str]], **columns: Any
) -> Rewards:
    """Mean relative accuracy for rows whose accepted answers are numbers, None for the others.

    >>> numeric_reward(["<answer>4.4</answer>"], answers=[["4"]])
    [0.9]
    """
    rewards: Rewards = []
    for text, truths in zip(texts(completions), answers, strict=True):
        numbers = [t.strip() for t in truths if _NUMBER.fullmatch(t.strip())]
        if not numbers:
            rewards.append(None)
            continue
        said = _NUMBER.findall(answered_text(text))
        # "3 or 4 or 5" names every answer and so none.
        one = said[0] if len(said) == 1 else ""
        rewards.append(max(mean_relative_accuracy(one, n) for n in numbers))
    return rewards


def answered_text(text: str) -> str:
    """The completion's only answer in words, or an empty string."""
    answer = only_answer(text)
    return "" if answer is None else parse_answer(answer) or ""


def token_f1(predicted: str, truth: str) -> float:
    """Harmonic mean of precision and recall over words in normal form."""
    mine, theirs = normalize_answer(predicted).split(), normalize_answer(truth).split()
    shared = sum((Counter(mine) & Counter(theirs)).values())
    return 2.0 * shared / (len(mine) + len(theirs)) if shared else 0.0
