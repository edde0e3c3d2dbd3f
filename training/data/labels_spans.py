"""Frames in which an object is visible, merged to spans of time."""

from __future__ import annotations

from collections.abc import Sequence

SpanNs = tuple[int, int]


def merge_spans(
    stamps_ns: Sequence[int], visible: Sequence[bool], max_gap: float, min_span: float
) -> list[SpanNs]:
    """Spans (first, last stamp) of visible frames.

    Runs of visible frames whose gap is at most ``max_gap`` seconds are one span; then spans
    shorter than ``min_span`` seconds are dropped. ``stamps_ns`` must rise.
    """
    spans: list[SpanNs] = []
    gap_ns, min_ns = round(max_gap * 1e9), round(min_span * 1e9)
    for stamp, seen in zip(stamps_ns, visible, strict=True):
        if not seen:
            continue
        if spans and stamp - spans[-1][1] <= gap_ns:
            spans[-1] = (spans[-1][0], stamp)
        else:
            spans.append((stamp, stamp))
    return [span for span in spans if span[1] - span[0] >= min_ns]
