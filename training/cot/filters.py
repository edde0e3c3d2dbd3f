"""The filters, one after the other; each gives the reason why a chain is not kept.

Format, length, number of steps, the final steps name the target (Scene-30K of 3D-R1, arXiv
2507.23478, section 3.2), and what that lacks: the answer is compared with the gold one.
"""

from __future__ import annotations

import json
import re

from scene_r1_ros.geometry import box_iou
from scene_r1_ros.reasoning.parsing import parse_boxes, parse_span

from ..evaluation.answers import normalize_answer, refined_match
from ..evaluation.spans import best_span_iou
from ..examples.example import Example
from ..rewards.abstention import says_not_found
from ..rewards.answer import answered_text
from ..rewards.form import format_reward
from ..rewards.texts import only_answer, strict_parts
from .settings import CotConfig

_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=\S)|\n+")
_ABSENT = re.compile(r"\b(?:no|none|not|never|nothing|nowhere|without|absent)\b", re.IGNORECASE)
_MORE = re.compile(r"\b(?:it|its|that makes|together|the number|so)\b", re.IGNORECASE)


def why_rejected(text: str, example: Example, config: CotConfig) -> str:
    """An empty string for a chain to keep, else ``filter: what is wrong``.

    Boxes are in pixels of the original images. The re-answer is checked apart from this.
    """
    if format_reward([text], stage=[example.stage], views=[len(example.frames)])[0] != 1.0:
        return f"format: not the strict form of stage {example.stage}"
    parts = strict_parts(text)
    assert parts is not None
    think = parts[0]
    words = len(think.split())
    if not config.min_words <= words <= config.max_words:
        return f"length: {words} words, not {config.min_words} to {config.max_words}"
    steps = steps_of(think)
    if len(steps) < config.min_steps:
        return f"steps: {len(steps)}, fewer than {config.min_steps}"
    wrong = wrong_answer(text, example, config)
    if wrong:
        return f"gold: {wrong}"
    if not names_target(" ".join(steps[-config.final_steps :]), think, example):
        return f"final step: does not name the target {example.label or example.query!r}"
    return ""


def steps_of(think: str) -> list[str]:
    """The sentences of a chain; an abbreviation such as "t = 1.0 s" ends none."""
    return [part for part in (p.strip() for p in _SENTENCE.split(think)) if part]


def wrong_answer(text: str, example: Example, config: CotConfig) -> str:
    """What is wrong with the answer against the truth; empty if it is right."""
    if example.stage == "answer":
        said = answered_text(text)
        right = refined_match(said, example.answers)[1]
        return "" if right else f"{said!r} is none of {list(example.answers)}"
    absent = says_not_found(text)
    if absent or not example.found:
        if absent and not example.found:
            return ""
        return "not found, but it is there" if absent else "found, but it is not there"
    answer = only_answer(text) or ""
    if example.stage == "temporal":
        span = parse_span(answer)
        overlap = 0.0 if span is None else best_span_iou(span, example.spans)
        return "" if overlap >= config.span_iou else f"span IoU {overlap:.2f}"
    boxes = parse_boxes(answer)
    if len(boxes) != 1:
        return f"{len(boxes)} boxes"
    view = (boxes[0].view or 1) if len(example.frames) > 1 else 1
    truth = example.boxes[view - 1] if 1 <= view <= len(example.boxes) else None
    overlap = 0.0 if truth is None else box_iou(boxes[0].box, truth)
    return "" if overlap >= config.box_iou else f"box IoU {overlap:.2f}"


def names_target(final: str, think: str, example: Example) -> bool:
    """Whether the last steps say what was found; "it" counts where the chain named it before."""
    if example.stage != "answer" and not example.found:
        return bool(_ABSENT.search(final))
    if example.stage == "answer":
        return any(_said(answer, final) for answer in example.answers)
    # A synonym cannot be known; the label of the answer itself stands for the target then.
    names = [example.label] if example.label else []
    if not names:
        return bool(_MORE.search(final))
    if any(_said(name, final) for name in names):
        return True
    return any(_said(name, think) for name in names) and bool(_MORE.search(final))


def agrees(again: str, text: str, example: Example, config: CotConfig) -> bool:
    """Whether the answer ``again``, given from the reasoning alone, is that of the chain.

    Without images nobody can give a box again: there the object's name must agree.
    """
    first, second = only_answer(text) or "", f"<answer>{again}</answer>"
    if says_not_found(first) or says_not_found(second):
        return says_not_found(first) and says_not_found(second)
    if example.stage == "answer":
        return refined_match(again, [answered_text(text)])[1]
    if example.stage == "temporal":
        one, two = parse_span(first), parse_span(second)
        return one is not None and two is not None and best_span_iou(one, [two]) >= config.span_iou
    label = parse_boxes(first)[0].label
    return bool(label) and _said(label, again)


def follows_from_reasoning(text: str, example: Example) -> str:
    """Without a model: is the answer to be read out of the reasoning? Empty if it is.

    A span must have both its ends said, or said in words (from the start, until the end); a box
    must be on the side that the reasoning says; an answer must be said.
    """
    parts = strict_parts(text)
    if parts is None:
        return "no reasoning"
    think, answer = parts
    if answer == "not found":
        return "" if _ABSENT.search(think) else "the reasoning does not say that nothing fits"
    if example.stage == "answer":
        return "" if _said(answer, think) else f"the reasoning never says {answer!r}"
    if example.stage == "temporal":
        span = parse_span(f"<answer>{answer}</answer>")
        assert span is not None
        for value, words in ((span[0], "start"), (span[1], "end")):
            if not (re.search(rf"\b{value:.1f} s\b", think) or words in think.lower()):
                return f"the reasoning never says {value:.1f} s"
        return ""
    label = str(json.loads(answer)["label"])
    return "" if _said(label, think) else f"the reasoning never names {label!r}"


def _said(words: str, text: str) -> bool:
    """Whether all words are in the text, endings of the plural aside."""
    spoken = {_stem(w) for w in normalize_answer(text).split()}
    wanted = normalize_answer(words).split()
    return bool(wanted) and all(_stem(w) in spoken for w in wanted)


def _stem(word: str) -> str:
    return word[:-1] if len(word) > 3 and word.endswith("s") else word
