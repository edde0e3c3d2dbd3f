"""Many frames say, each by itself, where the thing is; what they mean in 3D decides.

A small model boxes well in a view that shows the thing, and boxes something in many that do not.
Those errors seldom meet in one place, so places are elected, not replies::

    score(i) = sum_j w_j a_ij  -  OPPOSED * sum_j w_j (1 - a_ij)
               every box j        every box j whose frame should see what frame i boxed

where ``a_ij`` is the agreement of two boxes in 3D (:func:`.box_lift.agreement`) and the weight
``w`` the eighth power of the reply's probability (its tokens' geometric mean). Related: voting of
sampled answers (Wang et al. 2023, "Self-Consistency Improves Chain of Thought Reasoning"); here
the samples are views, and a vote is counted where it lies in the room.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..frames import WindowSnapshot
from .box_lift import agreement, should_see
from .verification import CheckedView, Verification

AGREEING = 0.5
"""From this agreement in 3D on, two frames boxed the same thing."""
OPPOSED = 0.5
"""What a box elsewhere takes away, where one in the same place adds 1."""
SHARPNESS = 8
"""Power of a reply's probability; unsure replies are those that are wrong most often."""


@dataclass(frozen=True)
class Vote:
    """What one frame says, and how sure the model was of its words (0..1; 1 where unknown)."""

    view: CheckedView
    probability: float = 1.0

    @property
    def weight(self) -> float:
        """How much it counts."""
        return self.probability**SHARPNESS


def elect(window: WindowSnapshot, votes: Sequence[Vote]) -> Verification | None:
    """The box whose place has the highest score; None if no box could be lifted.

    The confidence is ``s / (1 + s)`` of a score ``s`` above 0: one sure vote that nothing
    confirms or opposes has 0.5.
    """
    boxed = [vote for vote in votes if vote.view.lifted is not None]
    if not boxed:
        return None
    agreements = _agreements(boxed)
    weights = np.array([vote.weight for vote in boxed])
    opposed = _should_see(window, boxed) * (1.0 - agreements)
    scores = agreements @ weights - OPPOSED * (opposed @ weights)
    taken = int(np.argmax(scores))
    chosen = boxed[taken].view
    assert chosen.box is not None
    agreed = {v.view.stamp_ns: a for v, a in zip(boxed, agreements[taken].tolist(), strict=True)}
    score = max(0.0, float(scores[taken]))
    return Verification(
        chosen.stamp_ns,
        chosen.box,
        chosen.lifted,
        tuple(
            replace(vote.view, agreement=agreed.get(vote.view.stamp_ns, 0.0))
            for vote in votes
            if vote.view is not chosen
        ),
        score / (1.0 + score),
    )


def _agreements(boxed: Sequence[Vote]) -> NDArray[np.float64]:
    boxes = [vote.view.lifted for vote in boxed]
    return np.array([[agreement(a, b) for b in boxes] for a in boxes])  # type: ignore[arg-type]


def _should_see(window: WindowSnapshot, boxed: Sequence[Vote]) -> NDArray[np.float64]:
    """Whether the frame of column j should see what the frame of row i boxed."""
    return np.array(
        [
            [should_see(window, b.view.stamp_ns, a.view.lifted) for b in boxed]  # type: ignore[arg-type]
            for a in boxed
        ],
        dtype=np.float64,
    )
