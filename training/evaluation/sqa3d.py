"""SQA3D (Ma et al., ICLR 2023): exact match by the question's first word, and refined match.

``em`` compares answers after LEO's clean-up (Huang et al., ICML 2024), which is how published
generative results are computed; ``em_raw`` is plain string equality, as a classifier over the
answer vocabulary is measured in the original code; ``em_refined`` is LEO's refined match.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .answers import exact_match, refined_match
from .rates import Metrics, mean

QUESTION_TYPES = ("what", "is", "how", "can", "which", "others")


def question_type(question: str) -> str:
    """One of :data:`QUESTION_TYPES`, from how the question begins."""
    start = question.lstrip().lower()
    return next((kind for kind in QUESTION_TYPES[:-1] if start.startswith(kind)), "others")


def sqa3d_metrics(
    predicted: Mapping[str, str],
    answers: Mapping[str, Sequence[str]],
    questions: Mapping[str, str],
) -> Metrics:
    """``em``, ``em_refined`` and ``em_raw``, overall and by question type."""
    scores: dict[str, dict[str, bool]] = {"em": {}, "em_refined": {}, "em_raw": {}}
    for key, truths in answers.items():
        exact, refined = refined_match(predicted[key], truths)
        scores["em"][key], scores["em_refined"][key] = exact, refined
        scores["em_raw"][key] = exact_match(predicted[key], truths)
    kinds = {key: question_type(questions[key]) for key in answers}
    metrics: Metrics = {name: mean(passed.values()) for name, passed in scores.items()}
    for kind in QUESTION_TYPES:
        for name, passed in scores.items():
            metrics[f"{kind}_{name}"] = mean(passed[k] for k in answers if kinds[k] == kind)
    return metrics
