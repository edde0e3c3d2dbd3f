"""Making a user's words safe to stand in a prompt: they may change the answer, nothing else."""

from __future__ import annotations

import re
import unicodedata

from ..errors import RequestError

MAX_QUERY_CHARS = 500

_CONTROL_TOKEN = re.compile(r"<\s*\|[^<>]{0,60}?\|\s*>|<\s*/?\s*[A-Za-z_][\w .:-]{0,40}>")
# What could open a control token, a tag, a template or the quotes that hold the query.
_REPLACED = str.maketrans(
    {"<": "‹", ">": "›", "|": "/", "[": "(", "]": ")", "{": "(", "}": ")"}
    | {'"': "'", "“": "'", "”": "'", "`": "'", "\\": "/"}
)


def clean_text(text: str) -> str:
    """``text`` in one line without control tokens, tags, templates, quotes or invisible signs.

    Look-alike forms are brought to plain ones first (Unicode NFKC), so that a full-width "<"
    hides nothing.
    """
    text = unicodedata.normalize("NFKC", str(text))
    # Cc control, Cf invisible format (bidi, zero width), Cs surrogate, Co private, Cn unassigned.
    text = "".join(c if unicodedata.category(c)[0] != "C" else " " for c in text)
    while True:
        shorter = _CONTROL_TOKEN.sub(" ", text)
        if shorter == text:
            break
        text = shorter
    return " ".join(text.translate(_REPLACED).split())


def clean_query(query: str, what: str = "query") -> str:
    """A user's query or question as it goes into prompts.

    Raises:
        RequestError: if nothing readable is left or it is longer than ``MAX_QUERY_CHARS``.
    """
    if len(query) > MAX_QUERY_CHARS:
        raise RequestError(
            f"the {what} is {len(query)} characters long; at most {MAX_QUERY_CHARS} are allowed."
        )
    cleaned = clean_text(query)
    if not any(c.isalnum() for c in cleaned):
        raise RequestError(f"the {what} {query!r} holds no words; say what to look for.")
    return cleaned[:MAX_QUERY_CHARS]
