"""VSI-Bench (Yang et al., CVPR 2025, "Thinking in Space"): multiple choice and numeric answers.

Mean relative accuracy: the share of the ten confidences 0.50, 0.55, ..., 0.95 for which the
relative error is within ``1 - confidence``. The paper writes ``<``, the released code computes
``<=``, and that is what published numbers are; but the code's binary fractions decide the ties by
rounding (8 for 10, an error of exactly 0.20, fails at 0.80, while 7.5 passes at 0.75). Here
numbers are decimal fractions and compared exactly.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction

from .rates import Metrics, mean

CONFIDENCES = tuple(Fraction(percent, 100) for percent in range(50, 100, 5))
CHOICE_TYPES = (
    *("object_rel_direction_easy", "object_rel_direction_medium", "object_rel_direction_hard"),
    *("object_rel_distance", "route_planning", "obj_appearance_order"),
)
NUMERIC_TYPES = (
    *("object_abs_distance", "object_counting", "object_size_estimation"),
    "room_size_estimation",
)
_DIRECTIONS = CHOICE_TYPES[:3]


def exact_number(value: float | int | str) -> Fraction | None:
    """The number as a person wrote it in decimals; None if it is none, infinite or NaN."""
    text = value.strip() if isinstance(value, str) else repr(value)
    try:
        return Fraction(text) if math.isfinite(float(text)) and "/" not in text else None
    except (ValueError, ZeroDivisionError, OverflowError):
        return None


def mean_relative_accuracy(
    predicted: float | int | str, true: float | int | str, strict: bool = False
) -> float:
    """MRA in 0..1; ``strict`` compares with ``<`` as the paper writes it.

    A prediction that is no number scores 0. A true value of 0 leaves no relative error: only 0
    is right then.
    """
    mine, truth = exact_number(predicted), exact_number(true)
    if mine is None or truth is None:
        return 0.0
    if truth == 0:
        return float(mine == 0)
    error = abs(mine - truth) / abs(truth)
    passed = sum(error < 1 - c if strict else error <= 1 - c for c in CONFIDENCES)
    return passed / len(CONFIDENCES)


def first_word(answer: str) -> str:
    """The part of an answer that is judged: up to the first space, without a final full stop."""
    return answer.split(" ")[0].rstrip(".").strip()


def choice_score(predicted: str, true: str) -> float:
    """1 if the first word of the prediction is the option's letter, in either case."""
    return float(first_word(predicted).lower() == true.strip().lower())


def vsi_score(question_type: str, predicted: str, true: str) -> float:
    """Score of one answer in 0..1."""
    if question_type in CHOICE_TYPES:
        return choice_score(predicted, true)
    return mean_relative_accuracy(first_word(str(predicted)), true)


def vsi_metrics(scores: Mapping[str, float], question_type: Mapping[str, str]) -> Metrics:
    """Mean score of each type, the three directions as one, and ``overall``: the mean over types.

    The release divides the directions by three even where a subset holds fewer of them; here the
    mean is over those that are there.
    """
    metrics: Metrics = {
        kind: mean(score for key, score in scores.items() if question_type[key] == kind)
        for kind in (*CHOICE_TYPES, *NUMERIC_TYPES)
    }
    directions = [v for kind in _DIRECTIONS if (v := metrics.pop(kind)) is not None]
    types: Metrics = {"object_rel_direction": mean(directions), **metrics}
    choices = ("object_rel_direction", *CHOICE_TYPES[3:])
    summary: Metrics = {
        "overall": mean(v for v in types.values() if v is not None),
        "mca": mean(v for kind in choices if (v := types[kind]) is not None),
        "mra": mean(v for kind in NUMERIC_TYPES if (v := types[kind]) is not None),
    }
    return summary | types
