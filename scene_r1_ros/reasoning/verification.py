"""Checking a box in other views: is it the same place in 3D, and how sure does that make us?"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from ..control import Control
from ..errors import UnparsableAnswerError
from ..frames import RgbdFrame, WindowSnapshot
from ..geometry import Box3D, BoxXyxy
from .box_lift import BoxLift, agreement, should_see
from .trace import QueryTrace

AskBox = Callable[[RgbdFrame], BoxXyxy | None]
"""The model's box in one frame, or None for not found; UnparsableAnswerError if unusable."""


@dataclass(frozen=True)
class CheckedView:
    """One view's say. ``lifted`` is its box in 3D (None: not found, or no depth); ``counts`` is
    False where nothing can be told from it; ``agreement`` (0..1) is with the view that most agree
    with."""

    stamp_ns: int
    box: BoxXyxy | None
    lifted: Box3D | None
    outcome: str
    counts: bool
    agreement: float = 0.0


@dataclass(frozen=True)
class Verification:
    """The view and box to go on with, that box in 3D (None: no depth), what the other views said,
    and the confidence; ``bounds`` is the box around the mask that comes of ``box`` in its view, and
    ``shown`` (stamp -> pixels) how large the masks are in the frames tracked through, if it was
    tried."""

    anchor_stamp_ns: int
    box: BoxXyxy
    lifted: Box3D | None
    views: tuple[CheckedView, ...]
    confidence: float
    bounds: BoxXyxy | None = None
    shown: Mapping[int, int] | None = None


def seen_from(result: Verification, stamp_ns: int) -> Verification:
    """The same result gone on with from another of its views, which must have a box in 3D.

    What each view says of the place stays as it was told; the view gone on with before says what
    that other one did.
    """
    chosen = next(view for view in result.views if view.stamp_ns == stamp_ns)
    assert chosen.box is not None
    before = replace(chosen, stamp_ns=result.anchor_stamp_ns, box=result.box, lifted=result.lifted)
    others = (view for view in (before, *result.views) if view is not chosen)
    views = tuple(sorted(others, key=lambda view: view.stamp_ns))
    return Verification(stamp_ns, chosen.box, chosen.lifted, views, result.confidence)


def confidence_of(agreements: Sequence[float]) -> float:
    """Rule of succession: ``(1 + sum) / (2 + n)``; 0.5 when nothing was checked."""
    return (1.0 + sum(agreements)) / (2.0 + len(agreements))


def verify(
    window: WindowSnapshot,
    anchor: RgbdFrame,
    box: BoxXyxy,
    others: Sequence[RgbdFrame],
    count: int,
    ask: AskBox,
    lift: BoxLift,
    control: Control,
    consensus: bool = True,
) -> Verification:
    """Ask for the box in up to ``count`` of ``others`` (best first) and compare in 3D.

    Only frames are asked that should see the object. With ``consensus`` the view whose 3D box
    agrees best with all the others is taken, otherwise always the anchor.
    """
    lifted = lift(window, anchor.stamp_ns, box)
    first = CheckedView(anchor.stamp_ns, box, lifted, "the chosen view", True)
    if lifted is None or count == 0:
        return Verification(anchor.stamp_ns, box, lifted, (), confidence_of(()))
    candidates = [f for f in others if f.stamp_ns != anchor.stamp_ns]
    seeing = [f for f in candidates if should_see(window, f.stamp_ns, lifted)][:count]
    said = [first]
    for frame in seeing:
        control.check("verification")
        said.append(_asked(window, frame, ask, lift))
    taken = _most_agreed(said) if consensus else 0
    reference = said[taken]
    assert reference.lifted is not None
    assert reference.box is not None
    judged = tuple(
        CheckedView(
            v.stamp_ns, v.box, v.lifted, v.outcome, v.counts, view_agreement(reference.lifted, v)
        )
        for i, v in enumerate(said)
        if i != taken
    )
    return Verification(
        reference.stamp_ns,
        reference.box,
        reference.lifted,
        judged,
        confidence_of([v.agreement for v in judged if v.counts]),
    )


def note_anchor(trace: QueryTrace, window: WindowSnapshot, result: Verification, why: str) -> None:
    """Write into the trace which view is gone on with, and what the others said."""
    seconds = window.time_of(window.at(result.anchor_stamp_ns))
    said = [
        {
            "time": round(window.time_of(window.at(v.stamp_ns)), 3),
            "said": v.outcome,
            "counts": v.counts,
            "agreement": round(v.agreement, 4),
            "center": [round(c, 3) for c in v.lifted.center] if v.lifted else None,
        }
        for v in result.views
    ]
    chosen = f"{seconds:.2f} s, confidence {result.confidence:.2f}"
    trace.add_choice("anchor", chosen, "geometry", why, said)


def view_agreement(reference: Box3D, view: CheckedView) -> float:
    """How well what ``view`` boxed agrees with ``reference`` in 3D, 0..1; 0 if it boxed nothing."""
    return agreement(reference, view.lifted) if view.lifted is not None else 0.0


def checked_view(
    window: WindowSnapshot, frame: RgbdFrame, box: BoxXyxy | None, lift: BoxLift
) -> CheckedView:
    """What ``frame`` says with the model's ``box`` in it, None for not found."""
    if box is None:
        return CheckedView(frame.stamp_ns, None, None, "not found in this view", counts=True)
    lifted = lift(window, frame.stamp_ns, box)
    if lifted is None:
        return CheckedView(frame.stamp_ns, box, None, "no depth in the box", counts=False)
    return CheckedView(frame.stamp_ns, box, lifted, "boxed", counts=True)


def _asked(window: WindowSnapshot, frame: RgbdFrame, ask: AskBox, lift: BoxLift) -> CheckedView:
    try:
        return checked_view(window, frame, ask(frame), lift)
    except UnparsableAnswerError:
        return CheckedView(frame.stamp_ns, None, None, "no usable answer", counts=False)


def _most_agreed(views: Sequence[CheckedView]) -> int:
    totals = [
        -1.0 if v.lifted is None else sum(view_agreement(v.lifted, w) for w in views if w is not v)
        for v in views
    ]
    # The model's own choice stands unless another view is clearly better supported.
    best = max(range(len(views)), key=lambda i: totals[i])
    return best if totals[best] > totals[0] + 0.5 else 0
