"""ScanQA (Azuma et al., CVPR 2022): EM@1 and EM@10, CIDEr, BLEU, METEOR, ROUGE-L.

EM is raw string equality with any of the answers, as in the release's ``scripts/score.py``. Two
lenient forms stand beside it, since generative models write "A chair." for "chair":
``em_1_normalized`` and ``em_1_refined`` (see :mod:`.answers`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .answers import exact_match, normalized_match, refined_match
from .captions import caption_scores
from .rates import Metrics, mean


def question_class(question: str) -> str:
    """The release's classes of questions, found by phrase, in its order and its letter case."""
    phrases = (
        ("place", ("Where",)),
        ("number", ("How many",)),
        ("color", ("What color", "What is the color")),
        ("object_nature", ("What shape", "What type", "What kind")),
        ("object", ("What is",)),
    )
    return next((kind for kind, found in phrases if any(p in question for p in found)), "other")


def scanqa_metrics(
    predicted: Mapping[str, Sequence[str]],
    answers: Mapping[str, Sequence[str]],
    language: bool = True,
) -> tuple[Metrics, list[str]]:
    """Metrics, and notes on what they were computed with.

    ``predicted`` gives up to ten answers a key, the best first. ``em_10`` is None unless some
    key has more than one. ``language`` False leaves out the n-gram metrics.
    """
    first = {key: (tops[0] if tops else "") for key, tops in predicted.items()}
    pairs = [(first[key], truths) for key, truths in answers.items()]
    several = any(len(tops) > 1 for tops in predicted.values())
    metrics: Metrics = {
        "em_1": mean(exact_match(p, t) for p, t in pairs),
        "em_10": mean(any(exact_match(p, t) for p in predicted[k][:10]) for k, t in answers.items())
        if several
        else None,
        "em_1_normalized": mean(normalized_match(p, t) for p, t in pairs),
        "em_1_refined": mean(refined_match(p, t)[1] for p, t in pairs),
    }
    if not language:
        return metrics, []
    scores = caption_scores(answers, first)
    return metrics | scores.metrics, scores.notes
