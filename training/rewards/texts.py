"""Completions as TRL hands them over, as plain text; and the one answer that may earn a reward."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

Completion = str | Sequence[dict[str, Any]]
Rewards = list[float | None]

_TAG = re.compile(r"</?(?:think|answer)>")
_STRICT = re.compile(
    r"\s*<think>(?P<think>.*?)</think>\s*<answer>(?P<answer>.*?)</answer>\s*", re.DOTALL
)
_ANSWER = re.compile(r"<answer>(.*?)</answer>", re.DOTALL)


def texts(completions: Sequence[Completion]) -> list[str]:
    """The text of each completion: a string, or chat messages of which the last counts.

    >>> texts(["a", [{"role": "assistant", "content": [{"type": "text", "text": "b"}]}]])
    ['a', 'b']
    """
    return [c if isinstance(c, str) else _content(c[-1]["content"]) for c in completions]


def strict_parts(text: str) -> tuple[str, str] | None:
    """(reasoning, answer) if the text is one think block and one answer block and nothing else.

    >>> strict_parts("<think>a chair</think><answer>1.0 to 2.0</answer>")
    ('a chair', '1.0 to 2.0')
    >>> strict_parts("<think>a</think><think>b</think><answer>c</answer>") is None
    True
    """
    found = _STRICT.fullmatch(text)
    if found is None:
        return None
    think, answer = found["think"].strip(), found["answer"].strip()
    if not think or not answer or _TAG.search(think) or _TAG.search(answer):
        return None
    return think, answer


def only_answer(text: str) -> str | None:
    """The single answer of a text with its tags, for the parsers that the robot uses too.

    None if there is no answer block, more than one (the best of many guesses earns nothing), or
    if it stands inside or before the reasoning.

    >>> only_answer("<think>x</think><answer>not found</answer>")
    '<answer>not found</answer>'
    >>> only_answer("<answer>1 to 2</answer><answer>3 to 4</answer>") is None
    True
    """
    if text.count("<answer>") != 1 or text.count("</answer>") != 1:
        return None
    found = _ANSWER.search(text)
    if found is None or "</think>" in text[found.start() :]:
        return None
    if "<think>" in text[: found.start()] and "</think>" not in text[: found.start()]:
        return None
    return found[0] if found[1].strip() else None


def _content(content: Any) -> str:
    if isinstance(content, str):
        return content
    return "".join(part.get("text") or "" for part in content)
