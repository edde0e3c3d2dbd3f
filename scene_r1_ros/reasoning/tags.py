"""The parts of a model's reply: reasoning, answer, and the answers that abstain.

Nothing here (or in the other parsers) imports more than the standard library, so that training
rewards and the robot share it. All functions take any text at all and never raise.
"""

from __future__ import annotations

import re

MAX_CHARS = 20_000
"""Replies are read up to here; a runaway generation costs no more than this."""

_THINK_CLOSE = re.compile(r"</\s*think(?:ing)?\s*>", re.IGNORECASE)
_THINK_OPEN = re.compile(r"<\s*think(?:ing)?\s*>", re.IGNORECASE)
_ANSWER_OPEN = re.compile(r"<\s*answer\s*>", re.IGNORECASE)
_ANSWER_END = re.compile(
    r"<\s*/?\s*answer\s*>|<\|(?:im_end|im_start|endoftext|end_of_text|eot_id)\|>", re.IGNORECASE
)
_ANY_TAG = re.compile(r"<\s*/?\s*(?:think(?:ing)?|answer)\s*>", re.IGNORECASE)
_SPECIAL = re.compile(r"<\|[^|<>]{1,40}\|>")
_FENCE = re.compile(r"```[a-zA-Z0-9_]*\n?|~~~[a-zA-Z0-9_]*\n?")

_NOT_FOUND_EXACT = {
    *("not found", "none", "null", "nothing", "no", "n/a", "na", "absent", "missing", "nil"),
    *("nowhere", "never", "", "false", "no object", "not there", "not in the video"),
}
_NOT_FOUND_START = re.compile(
    r"(?:the (?:object|target|query|described object)\b.{0,40}?)?(?:is |was |are |it is )?"
    r"(?:not (?:found|visible|present|seen|there|shown|in (?:the|this|any))|not_found|notfound|"
    r"no such|no match|no (?:object|target)\b|cannot (?:find|see|be (?:found|seen))|"
    r"can't (?:find|see)|could not (?:find|be (?:found|seen))|couldn't (?:find|see)|"
    r"there (?:is|are|was) no\b|does(?: not|n't) (?:appear|exist)|never (?:seen|visible|appears))"
)
_FOUND_FALSE = re.compile(r"[\"']?(?:found|visible|present)[\"']?\s*[:=]\s*false", re.IGNORECASE)
_AMBIGUOUS = re.compile(r"^\W*ambiguous\b", re.IGNORECASE)


def answer_body(text: str) -> str:
    """The text to read the answer from, without fences; empty if the reply holds no answer.

    The last ``<answer>`` that holds something counts. Its closing tag may be missing. Without
    any answer tag it is what stands after the reasoning; reasoning that never ends is no answer.
    """
    text = str(text)[-MAX_CHARS:]
    after_think = _after_reasoning(text)
    bodies = []
    for opening in _ANSWER_OPEN.finditer(after_think):
        end = _ANSWER_END.search(after_think, opening.end())
        bodies.append(after_think[opening.end() : end.start() if end else None])
    filled = [body for body in bodies if body.strip()]
    body = (filled or [""])[-1] if bodies else after_think
    return _without_fences(_SPECIAL.sub(" ", _ANY_TAG.sub(" ", body))).strip()


def parse_answer(text: str) -> str | None:
    """The answer as plain text, or None if there is none."""
    body = " ".join(answer_body(text).split()).strip().strip("`*").strip()
    if len(body) > 1 and body[0] == body[-1] and body[0] in "\"'":
        body = body[1:-1].strip()
    return body or None


def parse_think(text: str) -> str:
    """The reasoning: inside ``<think>``, or what stands before the answer; may be empty."""
    text = str(text)[:MAX_CHARS]
    opening = _THINK_OPEN.search(text)
    start = opening.end() if opening else 0
    closing = _THINK_CLOSE.search(text, start)
    stop = closing or _ANSWER_OPEN.search(text, start)
    end = stop.start() if stop else len(text) if opening else 0
    return " ".join(_SPECIAL.sub(" ", _ANY_TAG.sub(" ", text[start:end])).split())


def is_not_found(text: str) -> bool:
    """Whether the reply says that the object is not there.

    An empty or missing answer is not such a statement: that is a failure to answer.
    """
    body = answer_body(text)
    if not body:
        return False
    if re.fullmatch(r"[\s\[\]{}]+", body):
        return "[" in body or "{" in body
    plain = " ".join(re.sub(r"[\"'`*.!{}\[\]()]+", " ", body.replace("_", " ")).lower().split())
    if plain in _NOT_FOUND_EXACT:
        return plain != ""
    plain = re.sub(r"^(?:answer|result|span|time|bbox 2d|bbox|box)\s*[:=]\s*", "", plain)
    if plain in _NOT_FOUND_EXACT - {""} or _NOT_FOUND_START.match(plain):
        return True
    return bool(_FOUND_FALSE.search(body))


def parse_ambiguous(text: str) -> int | None:
    """The number of candidates if the reply says "ambiguous" (at least 2), else None."""
    body = answer_body(text)
    if not _AMBIGUOUS.match(body):
        return None
    number = re.search(r"\d{1,3}", body)
    return max(2, int(number.group())) if number else 2


def _after_reasoning(text: str) -> str:
    closings = list(_THINK_CLOSE.finditer(text))
    if closings:
        tail = text[closings[-1].end() :]
        # "<answer>..</answer><think>..</think>" in the wrong order still holds an answer.
        return tail if tail.strip() or not _ANSWER_OPEN.search(text) else text
    opening = _THINK_OPEN.search(text)
    if opening:
        answer = _ANSWER_OPEN.search(text)
        if answer is None:
            return text[: opening.start()]
    return text


def _without_fences(text: str) -> str:
    return _FENCE.sub(" ", text)
