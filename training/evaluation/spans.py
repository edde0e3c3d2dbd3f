"""Intervals in time: overlap over union, as in temporal grounding (Gao et al., ICCV 2017, TALL)."""

from __future__ import annotations

from collections.abc import Sequence

Span = tuple[float, float]


def span_iou(a: Span, b: Span) -> float:
    """Overlap over union of two closed intervals in seconds.

    Two equal instants overlap fully; an instant and a longer interval share nothing.
    """
    if a == b:
        return 1.0
    overlap = min(a[1], b[1]) - max(a[0], b[0])
    union = max(a[1] - a[0], 0.0) + max(b[1] - b[0], 0.0) - max(overlap, 0.0)
    return max(overlap, 0.0) / union if union > 0 else 0.0


def best_span_iou(span: Span, truths: Sequence[Span]) -> float:
    """IoU with the best of several true intervals: an object may be seen more than once."""
    return max((span_iou(span, truth) for truth in truths), default=0.0)
