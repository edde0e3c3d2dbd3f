"""Temporal IoU: overlap over union of the answered and a true interval.

    iou = |A n B| / |A u B|        (TimeZero, arXiv 2503.13377: its accuracy reward)

The hull variant subtracts the gap between disjoint intervals from zero, so that a near miss is
better than a far one (generalised IoU of Rezatofighi et al., CVPR 2019, in one dimension):

    giou = iou - (|hull| - |A u B|) / |hull|        in -1..1
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from scene_r1_ros.reasoning.parsing import is_not_found, parse_span

from ..evaluation.spans import Span, best_span_iou
from .texts import Completion, Rewards, only_answer, texts


def temporal_iou_reward(
    completions: Sequence[Completion],
    spans: Sequence[Sequence[Span]],
    seconds: Sequence[float],
    **columns: Any,
) -> Rewards:
    """IoU with the best of a row's true ``spans`` (seconds in the window); None if it has none.

    ``seconds`` is the length of each window: what lies outside is cut off, a span that lies
    outside altogether earns 0, as does a completion without exactly one answer.

    >>> text = "<think>seen</think><answer>1.0 to 3.0</answer>"
    >>> temporal_iou_reward([text], spans=[[(2.0, 4.0)]], seconds=[10.0])
    [0.3333333333333333]
    """
    return [
        None if not truths else _iou(answered_span(text, length), truths)
        for text, truths, length in zip(texts(completions), spans, seconds, strict=True)
    ]


def temporal_giou_reward(
    completions: Sequence[Completion],
    spans: Sequence[Sequence[Span]],
    seconds: Sequence[float],
    **columns: Any,
) -> Rewards:
    """The hull variant, -1..1; no usable answer is as bad as the farthest one.

    >>> text = "<think>seen</think><answer>1.0 to 2.0</answer>"
    >>> temporal_giou_reward([text], spans=[[(3.0, 5.0)]], seconds=[10.0])
    [-0.25]
    """
    rewards: Rewards = []
    for text, truths, length in zip(texts(completions), spans, seconds, strict=True):
        span = answered_span(text, length)
        if not truths:
            rewards.append(None)
        elif span is None:
            rewards.append(-1.0)
        else:
            rewards.append(max(span_giou(span, (t[0], t[1])) for t in truths))
    return rewards


def answered_span(text: str, seconds: float) -> Span | None:
    """The span of the completion's only answer, cut to the window; None if it gives none."""
    answer = only_answer(text)
    if answer is None or is_not_found(answer):
        return None
    span = parse_span(answer)
    if span is None or span[1] < span[0] or span[1] < 0.0 or span[0] > seconds:
        return None
    return max(0.0, span[0]), min(seconds, span[1])


def span_giou(a: Span, b: Span) -> float:
    """Generalised IoU of two closed intervals."""
    hull = max(a[1], b[1]) - min(a[0], b[0])
    gap = max(0.0, max(a[0], b[0]) - min(a[1], b[1]))
    return best_span_iou(a, [b]) - (gap / hull if hull > 0 else 0.0)


def _iou(span: Span | None, truths: Sequence[Span]) -> float:
    return 0.0 if span is None else best_span_iou(span, [(t[0], t[1]) for t in truths])
