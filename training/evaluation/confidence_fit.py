"""Fit how sure lifting is of a box: ``python -m scene_r1_training.evaluation.confidence_fit``.

Objects of training rooms are tracked from their true boxes and lifted from all frames and from
few; a logistic regression tells from the evidence which boxes overlap the true one by half or
more. Prints the weights for :mod:`scene_r1_ros.lifting.confidence`, and how well they hold in rooms
that they were not fitted on.
"""

from __future__ import annotations

import argparse
import json
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit
from tqdm import tqdm

from scene_r1_ros.control import Control
from scene_r1_ros.errors import SceneR1Error
from scene_r1_ros.geometry import box3d_iou
from scene_r1_ros.lifting import lift
from scene_r1_ros.tracking import GeometricTracker

from ..parallel import run_each
from .calibration import calibration
from .errors import EvaluationError
from .lifting_bench import thinned_track
from .lifting_cases import LiftingScene, lifting_cases

FEW = (1, 4)
"""So many views, beside all."""
RIDGE = 1.0
"""Cost of a weight's square, for terms of deviation 1, against the sum of the log losses."""
Floats = NDArray[np.float64]
Sample = tuple[int, tuple[float, ...], float]
"""Seed of the room, terms of the evidence, IoU of the box."""


def samples(seed: int) -> list[Sample]:
    """What lifting says of each object of a room, from all views and from few."""
    window, cases = lifting_cases(LiftingScene(seed))
    found: list[Sample] = []
    for case in cases:
        try:
            track = GeometricTracker().track(
                window, case.anchor_stamp_ns, case.anchor_box, Control()
            )
        except SceneR1Error:
            continue
        for fewer in (track, *(thinned_track(track, count) for count in FEW)):
            try:
                lifted = lift(window, fewer)
            except SceneR1Error:
                continue
            assert lifted.evidence is not None
            found.append((seed, lifted.evidence.terms, box3d_iou(lifted.box, case.box)))
    return found


def fitted(terms: Floats, right: NDArray[np.bool_]) -> Floats:
    """Weights (K,) of the logistic regression of ``right`` (N,) on ``terms`` (N, K), the first of
    which is 1."""
    spread = np.append(1.0, terms[:, 1:].std(axis=0))
    middle = np.append(0.0, terms[:, 1:].mean(axis=0))
    scaled = (terms - middle) / spread
    sign = np.where(right, 1.0, -1.0)

    def cost(weights: Floats) -> float:
        return float(
            np.logaddexp(0, -sign * (scaled @ weights)).sum() + RIDGE * (weights[1:] @ weights[1:])
        )

    best = minimize(cost, np.zeros(terms.shape[1])).x / spread
    best[0] -= middle[1:] @ best[1:]
    return np.asarray(best)


def measure(found: list[Sample], threshold: float = 0.5) -> dict[str, Any]:
    """Weights from all rooms, and their calibration where each room is left out in turn.

    Raises:
        EvaluationError: if there are fewer than two rooms.
    """
    seeds = np.array([seed for seed, _, _ in found])
    terms = np.array([t for _, t, _ in found])
    right = np.array([iou >= threshold for _, _, iou in found])
    if len(set(seeds.tolist())) < 2:
        raise EvaluationError("one room is too few: weights are tried on rooms left out.")
    chance = np.zeros(len(found))
    for seed in set(seeds.tolist()):
        out = seeds == seed
        chance[out] = expit(terms[out] @ fitted(terms[~out], right[~out]))
    held = calibration(chance.tolist(), right.tolist())
    return {
        "weights": [round(float(w), 3) for w in fitted(terms, right)],
        "boxes": len(found),
        "rooms": len(set(seeds.tolist())),
        "right": float(right.mean()),
        "left_out": {"ece": held.ece, "brier": held.brier, "auroc": held.auroc},
    }


def main() -> None:
    """Measure, and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scenes", type=int, default=10, help="Rooms to fit on.")
    parser.add_argument("--seed", type=int, default=0, help="Seed of the first.")
    parser.add_argument("--jobs", type=int, default=1, help="Rooms at a time.")
    given = parser.parse_args()
    seeds = range(given.seed, given.seed + given.scenes)
    outcomes = tqdm(run_each(samples, seeds, jobs=given.jobs), total=given.scenes, unit="room")
    found: list[Sample] = []
    for outcome in outcomes:
        if outcome.result is None:
            parser.error(f"room {outcome.item}: {outcome.error}")
        found += outcome.result
    print(json.dumps(measure(found), indent=1))


if __name__ == "__main__":
    main()
