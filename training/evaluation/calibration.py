"""Does a confidence of 0.8 mean right 8 times in 10? (Guo et al., ICML 2017)"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .errors import EvaluationError


@dataclass(frozen=True)
class CalibrationBin:
    """Answers with a confidence in ``low`` to ``high``: how many, how sure, how often right."""

    low: float
    high: float
    n: int
    confidence: float
    accuracy: float


@dataclass(frozen=True)
class Calibration:
    """``ece`` weighs the gaps of the bins by their size; ``brier`` is the mean squared error;

    ``auroc`` is the chance that a right answer has the higher confidence (ties count half), None
    if all are right or all wrong.
    """

    bins: tuple[CalibrationBin, ...]
    ece: float | None
    brier: float | None
    auroc: float | None


def calibration(
    confidence: Sequence[float], correct: Sequence[bool], n_bins: int = 10
) -> Calibration:
    """Reliability of confidences in 0..1, in ``n_bins`` bins of equal width (empty ones left out).

    Raises:
        EvaluationError: if a confidence is outside 0..1 or the lengths differ.
    """
    p, right = np.asarray(confidence, float), np.asarray(correct, bool)
    if p.shape != right.shape:
        raise EvaluationError(f"{p.size} confidences for {right.size} answers.")
    if p.size == 0:
        return Calibration((), None, None, None)
    if not ((p >= 0) & (p <= 1)).all():
        raise EvaluationError("a confidence lies outside 0..1.")
    index = np.minimum((p * n_bins).astype(int), n_bins - 1)
    bins = []
    for i in range(n_bins):
        chosen = index == i
        if chosen.any():
            n = int(chosen.sum())
            accuracy, mean = float(right[chosen].mean()), float(p[chosen].mean())
            bins.append(CalibrationBin(i / n_bins, (i + 1) / n_bins, n, mean, accuracy))
    ece = sum(b.n * abs(b.confidence - b.accuracy) for b in bins) / p.size
    return Calibration(tuple(bins), ece, float(((p - right) ** 2).mean()), _auroc(p, right))


def _auroc(p: np.ndarray, right: np.ndarray) -> float | None:
    from scipy.stats import rankdata

    positive, negative = int(right.sum()), int((~right).sum())
    if not positive or not negative:
        return None
    ranks = rankdata(p)
    return float((ranks[right].sum() - positive * (positive + 1) / 2) / (positive * negative))
