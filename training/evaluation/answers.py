"""Comparing short answers: raw, normalised and refined exact match.

* raw: string equality, what ScanQA's ``scripts/score.py`` counts as EM.
* normalised: case, punctuation, articles and spacing aside, as SQuAD does (Rajpurkar et al.,
  EMNLP 2016).
* refined: after a clean-up of spelling, numbers and articles, either answer contains the other
  once spaces are dropped (LEO, Huang et al., ICML 2024, section "refined exact-match").

Where LEO's code stops at the first answer that matches in any way, every true answer is looked
at here, so the result does not hang on their order. An empty prediction is wrong, although the
empty string is "contained" in every answer.
"""

from __future__ import annotations

import re
import string
import unicodedata
from collections.abc import Iterable

_PUNCTUATION = str.maketrans("", "", string.punctuation)
_ARTICLES = re.compile(r"\b(a|an|the)\b")
_NUMBERS = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
    *("eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen"),
    *("nineteen", "twenty"),
)
_SPELLING = {
    "letf": "left",
    "let": "left",
    "tehre": "there",
    "rigth": "right",
    "rght": "right",
    "behine": "behind",
    "tv": "TV",
    "chai": "chair",
    "wasing": "washing",
    "waslked": "walked",
    "oclock": "o'clock",
    "none": "zero",
    "23": "twenty-three",
    **{str(number): word for number, word in enumerate(_NUMBERS)},
}
_SPELLING_RE = re.compile(r"\b(" + "|".join(sorted(_SPELLING, key=len, reverse=True)) + r")\b")


def normalize_answer(text: str) -> str:
    """SQuAD's normal form: lower case, no punctuation, no articles, single spaces.

    Unicode is folded to its compatibility form first, so that "²" and "2", or a full-width
    letter and a plain one, are the same.
    """
    text = unicodedata.normalize("NFKC", text).lower().translate(_PUNCTUATION)
    return " ".join(_ARTICLES.sub(" ", text).split())


def refine_answer(text: str) -> str:
    """LEO's clean form: lower case, known misspellings and digits spelled out, no articles."""
    text = re.sub(" {2,}", " ", text.lower().strip(" "))
    text = re.sub(r"[^a-zA-Z0-9,'\s\-:]+", "", text)
    text = _SPELLING_RE.sub(lambda match: _SPELLING[match[0]], text)
    text = re.sub(r"\bo'[ ]+clock\b", "o'clock", text)
    text = re.sub(r"\b([a-zA-Z]+)[0-9]\b", r"\1", text)  # "chair2", "no1"
    text = re.sub(r"\b(?:a|an|the)\b ([a-zA-Z]+)", r"\1", text)
    return re.sub(r"\bbackwards\b", "backward", text)


def exact_match(predicted: str, answers: Iterable[str]) -> bool:
    """Whether the prediction is one of the answers, character for character."""
    return predicted in set(answers)


def normalized_match(predicted: str, answers: Iterable[str]) -> bool:
    """Whether the prediction equals an answer in :func:`normalize_answer` form."""
    wanted = normalize_answer(predicted)
    return bool(wanted) and wanted in {normalize_answer(answer) for answer in answers}


def refined_match(predicted: str, answers: Iterable[str]) -> tuple[bool, bool]:
    """(exact, refined) match in :func:`refine_answer` form."""
    mine = refine_answer(predicted)
    truths = [refine_answer(answer) for answer in answers]
    packed = "".join(mine.split())
    if not packed:
        return False, False
    exact = mine in truths
    others = ["".join(truth.split()) for truth in truths]
    return exact, exact or any(o and (packed in o or o in packed) for o in others)
