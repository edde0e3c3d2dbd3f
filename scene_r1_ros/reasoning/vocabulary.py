"""Which words of a query a checkpoint has never seen.

Large models spell every word out of pieces. A small one that was trained on few words has a token
for each and one for everything else; what it is asked with that token in it, it cannot know.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

TOKENIZER_FILE = "tokenizer.json"


def unknown_words(tokenizer: Any, text: str) -> tuple[str, ...]:
    """The words of ``text``, in order and each once, that hold the unknown token.

    ``tokenizer`` is a ``tokenizers.Tokenizer``; one without an unknown token knows every word.
    """
    unknown = getattr(tokenizer.model, "unk_token", None)
    number = tokenizer.token_to_id(unknown) if unknown else None
    if number is None:
        return ()
    encoded = tokenizer.encode(text, add_special_tokens=False)
    pairs = zip(encoded.ids, encoded.offsets, strict=True)
    holes = [span for token, span in pairs if token == number]
    found = {
        word.group(): None
        for word in re.finditer(r"\w+", text)
        if any(start < word.end() and word.start() < end for start, end in holes)
    }
    return tuple(found)


def checkpoint_unknown_words(folder: str | Path, text: str) -> tuple[str, ...]:
    """As :func:`unknown_words`, for the checkpoint in ``folder``.

    Nothing is unknown to what is no folder with a ``tokenizer.json``: a name on a hub, a server.
    """
    path = Path(folder).expanduser() / TOKENIZER_FILE
    if not path.is_file():
        return ()
    from tokenizers import Tokenizer

    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception:  # the library's own kind; whoever loads the checkpoint says what is wrong
        return ()
    return unknown_words(tokenizer, text)


def unknown_sentence(words: tuple[str, ...]) -> str:
    """``"the model does not know the word 'zebra'"``; empty without words."""
    if not words:
        return ""
    quoted = [repr(word) for word in words]
    if len(quoted) == 1:
        return f"the model does not know the word {quoted[0]}"
    return f"the model does not know the words {', '.join(quoted[:-1])} and {quoted[-1]}"
