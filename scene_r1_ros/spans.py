"""Spans of frames that show a thing: what the labels, the lessons and the robot agree on."""

from __future__ import annotations

from collections.abc import Sequence

MAX_GAP = 1.0
"""Seconds out of view that do not end a span."""


def run_around(
    stamps_ns: Sequence[int], seen: Sequence[bool], index: int, max_gap: float = MAX_GAP
) -> tuple[int, int]:
    """Stamps of the first and last frame of the run of ``seen`` frames that holds ``index``.

    Gaps of up to ``max_gap`` seconds do not end it, and neighbours are never apart: a window may
    keep few frames. The frame at ``index`` counts as seen. ``stamps_ns`` must rise.
    """
    gap_ns = round(max_gap * 1e9)

    def reach(step: int) -> int:
        last = i = index
        while 0 <= i + step < len(stamps_ns):
            i += step
            if seen[i] and (i == last + step or abs(stamps_ns[i] - stamps_ns[last]) <= gap_ns):
                last = i
            elif abs(stamps_ns[i] - stamps_ns[last]) > gap_ns:
                break
        return last

    return stamps_ns[reach(-1)], stamps_ns[reach(1)]
