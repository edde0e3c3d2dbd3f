"""The boxes that a chain of thought says, in other pixels."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence

_BOX = re.compile(r'("bbox_2d"\s*:\s*)\[([^\]]*)\]')


def with_boxes(text: str, convert: Callable[[str], Sequence[float] | None]) -> str:
    """``text`` with each ``bbox_2d`` as ``convert`` makes it of what stands between its brackets;
    None leaves it as it is.

    >>> with_boxes('{"bbox_2d": [1, 2], "label": "cup"}', lambda said: [3.5, 4])
    '{"bbox_2d": [3.5, 4], "label": "cup"}'
    """

    def converted(found: re.Match[str]) -> str:
        numbers = convert(found[2])
        return found[0] if numbers is None else f"{found[1]}{json.dumps(list(numbers))}"

    return _BOX.sub(converted, text)
