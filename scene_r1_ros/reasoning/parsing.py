"""Reading a model's reply; one place for the robot, training rewards and evaluation.

A reply is ``<think>reasoning</think><answer>answer</answer>``, more or less. These functions
are tolerant: they read what a person would read. Rewards judge the strict format themselves.
"""

from .box_parsing import BoxAnswer, parse_box, parse_boxes, parse_label, parse_view
from .span_parsing import parse_span
from .tags import answer_body, is_not_found, parse_ambiguous, parse_answer, parse_think

__all__ = [
    "BoxAnswer",
    "answer_body",
    "is_not_found",
    "parse_ambiguous",
    "parse_answer",
    "parse_box",
    "parse_boxes",
    "parse_label",
    "parse_span",
    "parse_think",
    "parse_view",
]
