"""Language: which seconds of the window, which box in the image, and why."""

from .answer import Answer
from .grounding import Grounding
from .parsing import is_not_found, parse_answer, parse_box, parse_label, parse_span, parse_think

__all__ = [
    "Answer",
    "Grounding",
    "is_not_found",
    "parse_answer",
    "parse_box",
    "parse_label",
    "parse_span",
    "parse_think",
]
