"""Many frames say, each by itself, where the thing is; what they mean in 3D decides.

A small model boxes well in a view that shows the thing, and boxes something in many that do not.
Those errors seldom meet in one place, so places are elected, not replies::

    score(i) = sum_j w_j a_ij  -  OPPOSED * sum_j w_j (1 - a_ij)
               every box j        every opposing j whose frame should see what frame i boxed

where ``a_ij`` is the agreement of two boxes in 3D (:func:`.box_lift.agreement`) and the weight
``w`` the eighth power of the reply's probability (its tokens' geometric mean). Related: voting of
sampled answers (Wang et al. 2023, "Self-Consistency Improves Chain of Thought Reasoning"); here
the samples are views, and a vote is counted where it lies in the room.

Boxes that agree make a place. The box that stands for it is not the one with the highest score but
one that shows it whole and as large as all of them mean it. What else is known of places, such as
how far a relation holds for each, comes in as a judge's degree 0..1: it scales their confidences,
down to ``DOUBT`` of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..frames import WindowSnapshot
from ..geometry import Box3D, Float64, box3d_iou
from .box_lift import agreement, should_see
from .verification import CheckedView, Verification, view_agreement

AGREEING = 0.5
"""From this agreement in 3D on, two frames boxed the same thing."""
OPPOSED = 0.5
"""What a box elsewhere takes away, where one in the same place adds 1."""
SHARPNESS = 8
"""Power of a reply's probability; unsure replies are those that are wrong most often."""
WHOLE = 0.2
"""What a box that the frame's edge does not cut is worth, beside its IoU with the median box."""
EDGE_PX = 2.0
"""So near to the frame's edge a box counts as cut."""
DOUBT = 0.2
"""What stays of a confidence that a judge speaks against: boxes are rough, and so is what follows
of them."""


@dataclass(frozen=True)
class Vote:
    """What one frame says, and how sure the model was of its words (0..1; 1 where unknown)."""

    view: CheckedView
    probability: float = 1.0
    opposes: bool = True
    """Whether it speaks against other places: of several things that fit, a frame boxes one."""

    @property
    def weight(self) -> float:
        """How much it counts."""
        return self.probability**SHARPNESS


@dataclass(frozen=True)
class Place:
    """Votes that agree: the one that shows the thing best, the median box of all, and the
    confidence ``s / (1 + s)`` of the highest score ``s`` above 0 of theirs: one sure vote that
    nothing confirms or opposes has 0.5."""

    vote: Vote
    box: Box3D
    confidence: float


Judge = Callable[[Sequence[Place]], Float64]
"""Places -> degree 0..1 of each, shape (n,)."""


def elect(
    window: WindowSnapshot, votes: Sequence[Vote], judge: Judge | None = None
) -> Verification | None:
    """The box that stands for the place taken, and what the others say of it; None if no box
    could be lifted. Of several votes of one frame that one is told which agrees best.
    """
    places = places_of(window, votes)
    if not places:
        return None
    confidences = np.array([place.confidence for place in places])
    if judge is not None:
        confidences *= DOUBT + (1.0 - DOUBT) * judge(places)
    taken = int(np.argmax(confidences))
    chosen = places[taken].vote.view
    assert chosen.box is not None
    assert chosen.lifted is not None
    told: dict[int, CheckedView] = {}
    for vote in votes:
        view = replace(vote.view, agreement=view_agreement(chosen.lifted, vote.view))
        known = told.get(view.stamp_ns)
        if view.stamp_ns != chosen.stamp_ns and (known is None or view.agreement > known.agreement):
            told[view.stamp_ns] = view
    views = tuple(told[stamp] for stamp in sorted(told))
    confidence = float(confidences[taken])
    return Verification(chosen.stamp_ns, chosen.box, chosen.lifted, views, confidence)


def places_of(window: WindowSnapshot, votes: Sequence[Vote]) -> list[Place]:
    """The places that ``votes`` mean, that with the highest score first."""
    boxed = [vote for vote in votes if vote.view.lifted is not None]
    boxes = [vote.view.lifted for vote in boxed]
    if not boxes:
        return []
    agreements = np.array([[agreement(a, b) for b in boxes] for a in boxes])  # type: ignore[arg-type]
    weights = np.array([vote.weight for vote in boxed])
    opposing = np.array([vote.opposes for vote in boxed])
    opponents = [vote for vote in boxed if vote.opposes]
    opposed = _should_see(window, boxed, opponents) * (1.0 - agreements[:, opposing])
    scores = agreements @ weights - OPPOSED * (opposed @ weights[opposing])
    places, left = [], np.ones(len(boxed), dtype=bool)
    while left.any():
        best = int(np.argmax(np.where(left, scores, -np.inf)))
        meant = agreements[best] >= AGREEING
        score = max(0.0, float(scores[best]))
        agreeing = [vote for vote, same in zip(boxed, meant, strict=True) if same]
        box = _median([vote.view.lifted for vote in agreeing if vote.view.lifted is not None])
        shown = max(agreeing, key=lambda vote: _shows(window, vote.view, box))
        places.append(Place(shown, box, score / (1.0 + score)))
        left &= ~meant
    return places


def _shows(window: WindowSnapshot, view: CheckedView, box: Box3D) -> float:
    """How well a view shows what is in ``box``: as large as all see it together, and whole."""
    assert view.box is not None
    assert view.lifted is not None
    camera = window.at(view.stamp_ns).intrinsics
    (left, top, right, bottom), edge = view.box, EDGE_PX
    whole = min(left, top) > edge and right < camera.width - edge and bottom < camera.height - edge
    return box3d_iou(view.lifted, box) + WHOLE * whole


def _median(boxes: Sequence[Box3D]) -> Box3D:
    center = np.median([box.center for box in boxes], axis=0)
    size = np.median([box.size for box in boxes], axis=0)
    return Box3D(tuple(center.tolist()), tuple(size.tolist()))


def _should_see(
    window: WindowSnapshot, boxed: Sequence[Vote], opponents: Sequence[Vote]
) -> Float64:
    """Whether the opponent's frame of column j should see what the frame of row i boxed."""
    return np.array(
        [
            [should_see(window, b.view.stamp_ns, a.view.lifted) for b in opponents]  # type: ignore[arg-type]
            for a in boxed
        ],
        dtype=np.float64,
    )
