"""The meaning of the model's replies at each stage, in units of the window and its frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import BoxError
from ..frames import RgbdFrame
from ..geometry import BoxXyxy, box_iou, checked_box
from .backends import Generation
from .dialogue import Read, UnusableReplyError
from .model_frames import BoxFrame, box_to_image
from .parsing import (
    BoxAnswer,
    answer_body,
    is_not_found,
    parse_ambiguous,
    parse_answer,
    parse_boxes,
    parse_span,
    parse_think,
)
from .trace import TraceBox

DISTINCT_IOU = 0.5
"""Two boxes of one view that overlap less are two candidates."""


@dataclass(frozen=True)
class TemporalReply:
    """Stage 1: a span in seconds after the window's start, or None.

    ``candidates`` above 1 means ambiguous.
    """

    span: tuple[float, float] | None
    rationale: str
    candidates: int = 0


@dataclass(frozen=True)
class ImageReply:
    """Stage 2: ``box`` in pixels of view number ``view`` (from 0), or None if not found.

    ``probability`` is that of the words of a reply with a box, where the backend tells it.
    """

    view: int
    box: BoxXyxy | None
    label: str
    rationale: str
    candidates: int = 0
    view_stated: bool = True
    probability: float | None = None


def read_temporal(generation: Generation, seconds: float) -> tuple[TemporalReply, Read]:
    """A span in a window of ``seconds``, not found, or ambiguous."""
    text = generation.text
    rationale = parse_think(text)
    candidates = parse_ambiguous(text)
    if candidates:
        return TemporalReply(None, rationale, candidates), Read(f"ambiguous: {candidates}")
    if is_not_found(text):
        return TemporalReply(None, rationale), Read("not found")
    span = parse_span(text)
    if span is None:
        raise UnusableReplyError(
            _what_is_wrong(text, "a time span of the form START to END, in seconds,")
        )
    if span[1] < -0.05 or span[0] > seconds + 0.05:
        raise UnusableReplyError(
            f"the span {span[0]:.1f} to {span[1]:.1f} s lies outside the video, which runs from "
            f"0.0 to {seconds:.1f} s."
        )
    start, end = (min(max(v, 0.0), seconds) for v in span)
    return TemporalReply((start, end), rationale), Read(f"{start:.2f} s to {end:.2f} s")


def read_image(
    generation: Generation, views: Sequence[RgbdFrame], frame: BoxFrame
) -> tuple[ImageReply, Read]:
    """A view and a box in its pixels, not found, or ambiguous."""
    text = generation.text
    rationale = parse_think(text)
    candidates = parse_ambiguous(text)
    if candidates:
        return ImageReply(0, None, "", rationale, candidates), Read(f"ambiguous: {candidates}")
    if is_not_found(text):
        return ImageReply(0, None, "", rationale), Read("not found")
    answers = parse_boxes(text)
    if not answers:
        wanted = "a box such as (x1, y1, x2, y2) under bbox_2d, x2 above x1 and y2 above y1"
        raise UnusableReplyError(_what_is_wrong(text, wanted))
    converted = [_in_pixels(a, generation, views, frame) for a in answers]
    first_view, first_box, _ = converted[0]
    drawn = tuple(
        TraceBox(view, _shares(box, views[view]), answer.label)
        for answer, (view, box, _) in zip(answers, converted, strict=True)
    )
    alike: list[BoxXyxy] = []
    for view, box, _ in converted:
        same_view = view == first_view
        if same_view and all(box_iou(box, other) < DISTINCT_IOU for other in alike):
            alike.append(box)
    if len(alike) > 1:
        reply = ImageReply(first_view, None, answers[0].label, rationale, len(alike))
        return reply, Read(f"ambiguous: {len(alike)} boxes in view {first_view + 1}", drawn)
    reply = ImageReply(
        first_view,
        first_box,
        answers[0].label,
        rationale,
        1,
        view_stated=converted[0][2],
        probability=generation.probability,
    )
    said = f"view {first_view + 1}, box {box_said(first_box)}, {answers[0].label!r}"
    return reply, Read(said, drawn)


def read_answer(generation: Generation) -> tuple[str, Read]:
    """The answer in words."""
    text = parse_answer(generation.text)
    if text is None:
        raise UnusableReplyError(_what_is_wrong(generation.text, "the answer in words"))
    return text, Read(text)


def _in_pixels(
    answer: BoxAnswer, generation: Generation, views: Sequence[RgbdFrame], frame: BoxFrame
) -> tuple[int, BoxXyxy, bool]:
    number = 1 if answer.view is None or len(views) == 1 else answer.view
    if not 1 <= number <= len(views):
        raise UnusableReplyError(f"there is no view {number}; views are 1 to {len(views)}.")
    camera = views[number - 1].intrinsics
    size = (camera.width, camera.height)
    box = box_to_image(answer.box, frame, generation.image_sizes[number - 1], size)
    try:
        checked = checked_box(box, *size)
    except BoxError as error:
        raise UnusableReplyError(f"the box is of no use in view {number}: {error}") from error
    return number - 1, checked, answer.view is not None or len(views) == 1


def _shares(box: BoxXyxy, view: RgbdFrame) -> BoxXyxy:
    width, height = view.intrinsics.width, view.intrinsics.height
    return (box[0] / width, box[1] / height, box[2] / width, box[3] / height)


def _what_is_wrong(text: str, wanted: str) -> str:
    if not text.strip():
        return f"it was empty; {wanted} was asked for."
    if not answer_body(text):
        return f"it holds no answer after the reasoning; {wanted} was asked for."
    return f"no {wanted.removeprefix('a ').removeprefix('the ')} can be read from it."


def box_said(box: BoxXyxy) -> str:
    """What the trace says of a box."""
    return f"[{', '.join(f'{v:.0f}' for v in box)}] px"


def none_said(candidates: int) -> str:
    """What the trace says of a reply without a span or box."""
    return f"ambiguous: {candidates}" if candidates > 1 else "none"
