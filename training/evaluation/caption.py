"""Dense captioning gated by IoU (Scan2Cap, Chen et al., CVPR 2021): C, B-4, M, R at k IoU.

A caption counts only if its box overlaps the object's by ``iou >= k``; else it is replaced by
an empty one before the corpus metrics are computed, over *all* objects. (The released code lets
through ``iou > k``; the paper's formula is ``>=``.)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .captions import caption_scores
from .rates import IOU_THRESHOLDS, Metrics

_REPORTED = ("cider", "bleu_4", "meteor", "rouge_l")


def gated_captions(
    candidates: Mapping[str, str], ious: Mapping[str, float], threshold: float
) -> dict[str, str]:
    """``candidates`` with those below ``threshold`` emptied."""
    return {k: text if ious[k] >= threshold else "" for k, text in candidates.items()}


def caption_metrics(
    references: Mapping[str, Sequence[str]],
    candidates: Mapping[str, str],
    ious: Mapping[str, float],
    scan2cap_tokens: bool = False,
    java: bool | None = None,
) -> tuple[Metrics, list[str]]:
    """``cider_25``, ``bleu_4_25``, ..., ``rouge_l_50``, and notes.

    ``scan2cap_tokens`` wraps every sentence, empty ones too, in the words "sos" and "eos" as the
    released evaluation does. That gives an empty caption two matching words, so figures rise;
    use it to compare with figures made that way.
    """
    metrics: Metrics = {}
    notes: list[str] = []
    for threshold in IOU_THRESHOLDS:
        gated = gated_captions(candidates, ious, threshold)
        truths: Mapping[str, Sequence[str]] = references
        if scan2cap_tokens:
            gated = {key: _wrapped(text) for key, text in gated.items()}
            truths = {key: [_wrapped(text) for text in texts] for key, texts in references.items()}
        scores = caption_scores(truths, gated, java=java)
        notes = scores.notes
        at = round(threshold * 100)
        metrics |= {f"{name}_{at}": scores.metrics[name] for name in _REPORTED}
    if scan2cap_tokens:
        notes = [*notes, "Sentences carry the words sos and eos, as in Scan2Cap's released code."]
    return metrics, notes


def _wrapped(text: str) -> str:
    return f"sos {text} eos" if text else "sos eos"
