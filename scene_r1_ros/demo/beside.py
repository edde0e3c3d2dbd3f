"""An answer beside the truth, a line for each part of it, for the terminal and the report."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ..geometry import Box3D, BoxXyxy
from ..reasoning.vocabulary import unknown_sentence
from .outcome import ENOUGH_IOU, Outcome, Seconds

NOTHING = "–"


@dataclass(frozen=True)
class Row:
    """One part of an answer: what was said, what is true, and how well they agree."""

    what: str
    said: str
    truth: str = ""
    overlap: str = ""


def verdict(outcome: Outcome) -> str:
    """``right``, ``wrong``, ``failed`` or ``truth not known``."""
    if outcome.verdict == "failed":
        return "failed"
    return {True: "right", False: "wrong", None: "truth not known"}[outcome.right]


def rows(outcome: Outcome) -> list[Row]:
    """Answer, span, box and object, as far as there is something to say about each."""
    found = [Row("answer", _answer(outcome), _true_answer(outcome))]
    grounding = outcome.result.grounding if outcome.result else None
    target = outcome.query.target
    if outcome.span is not None or target is not None:
        said = _span([outcome.span] if outcome.span else [])
        found.append(Row("span", said, _span(outcome.true_spans), _iou(outcome.span_iou)))
    if grounding is not None and grounding.found:
        said = f"{_box(grounding.box_xyxy)} in frame {outcome.frame}"
        true = _box(outcome.true_box) if outcome.true_box else "not in this frame"
        found.append(Row("box", said, true if target else "", _iou(outcome.box_iou)))
    lifted = outcome.result.lifted if outcome.result else None
    if lifted is not None or target is not None:
        said = _box3d(lifted.box) if lifted else NOTHING
        true = _box3d(target.box) if target else ""
        found.append(Row("object", said, true, _iou(outcome.iou, "3D IoU")))
    return found


def remark(outcome: Outcome) -> str:
    """What should be known before the answer is read: words that the model has never seen, and
    why there is no answer; empty if nothing."""
    said = unknown_sentence(outcome.unknown)
    parts = [f"{said}, so that its answer cannot mean it."] if said else []
    sentences = filter(None, [*parts, outcome.error])
    return " ".join(one[0].upper() + one[1:] for one in sentences)


def rationale(outcome: Outcome) -> str:
    """The model's reasoning of both stages, each on a line."""
    if outcome.result is None:
        return ""
    grounding = outcome.result.grounding
    return "\n".join(filter(None, (grounding.rationale_temporal, grounding.rationale_image)))


def summary(outcomes: Sequence[Outcome]) -> str:
    """How many answers are right, and what that means."""
    known = [outcome for outcome in outcomes if outcome.right is not None]
    if not known:
        return "the truth about what was asked is not known here"
    right = sum(bool(outcome.right) for outcome in known)
    return (
        f"{right} of {len(known)} right: found with a 3D IoU of {ENOUGH_IOU:g} or more, or said "
        "not to be there when it is not"
    )


def _answer(outcome: Outcome) -> str:
    if outcome.error or outcome.result is None:
        return "failed"
    grounding = outcome.result.grounding
    if not grounding.found:
        return "ambiguous" if grounding.candidates > 1 else "not found"
    return f"found: {grounding.label}"


def _true_answer(outcome: Outcome) -> str:
    if outcome.query.absent:
        return "not there"
    return outcome.truth.label if outcome.truth else ""


def _span(spans: Sequence[Seconds]) -> str:
    return ", ".join(f"{start:.1f} to {end:.1f} s" for start, end in spans) or NOTHING


def _box(box: BoxXyxy) -> str:
    return " ".join(f"{value:.0f}" for value in box)


def _box3d(box: Box3D) -> str:
    x, y, z = box.center
    sx, sy, sz = box.size
    yaw = math.degrees(box.yaw)
    return f"at {x:.2f} {y:.2f} {z:.2f}, {sx:.2f} x {sy:.2f} x {sz:.2f} m, yaw {yaw:.0f}°"


def _iou(value: float | None, name: str = "IoU") -> str:
    return "" if value is None else f"{name} {value:.2f}"
