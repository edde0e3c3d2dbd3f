"""Reading a time span in seconds out of a reply."""

from __future__ import annotations

import itertools
import math
import re
from dataclasses import dataclass

from .tags import answer_body, is_not_found

Span = tuple[float, float]

_UNITS = {
    "ms": 1e-3,
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), 1.0),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), 60.0),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), 3600.0),
}
_UNIT = "|".join(sorted((*_UNITS, "milliseconds?", "msecs?"), key=len, reverse=True))
_NUMBER = r"(?:\d{1,15}(?:\.\d{0,12})?|\.\d{1,12})(?:[eE][-+]?\d{1,3})?"
_TIME = re.compile(
    rf"(?<![A-Za-z0-9_.])(?:"
    rf"(?P<clock>\d{{1,3}}:\d{{1,2}}(?::\d{{1,2}})?(?:[.,]\d{{1,9}})?)(?![\d:])"
    rf"|(?P<minutes>\d{{1,4}})\s*(?:m|min|mins|minutes?)\s*(?:and\s+)?"
    rf"(?P<seconds>{_NUMBER})\s*(?:s|secs?|seconds?)(?![A-Za-z0-9_])"
    rf"|(?P<number>{_NUMBER})(?:\s*(?P<unit>{_UNIT})(?![A-Za-z0-9_]))?)"
    rf"(?![A-Za-z0-9_]*[A-Za-z_])",
    re.IGNORECASE,
)
_NOT_A_TIME = re.compile(
    r"(?:frames?|views?|images?|pictures?|objects?|steps?|candidates?|no\.|number|#)"
    r"\s*(?:no\.?|number|id|#)?[\s:=#\"']*$",
    re.IGNORECASE,
)
_ORDINAL = re.compile(r"(?<=\d)(?:st|nd|rd|th)\b")
_GLUED = re.compile(r"(?<=[\ds\s])(to|until|till)(?=\d)")
_DECIMAL_COMMAS = re.compile(
    r"(?<![\d,.:\[(])(\d{1,6}),(\d{1,3})(\s*[a-z]{0,7}\s*(?:to|until|-|–)\s*)(\d{1,6}),(\d{1,3})(?![\d,])"
)
_STRONG = {
    *("to", "until", "till", "through", "thru", "up", "end", "ends", "ending", "stop", "stops"),
    *("finish", "finishes", "start", "starts", "begin", "begins", "last", "-", "–", "—", "->"),
    *("→", "=>", "..", "...", "~", "−", "-->", "--"),
}
_FILLER = {
    *("t", "time", "times", "at", "about", "around", "approximately", "roughly", "from", "the"),
    *("seconds", "second", "sec", "s", "and", ",", ";", ":", "=", "is", "it", "then", "stamp"),
    *("timestamp", "until", "between", "/", "mark", "timestamps", "about", "|"),
}
_WORD = re.compile(r"[A-Za-z]+|-->|->|=>|\.{2,3}|--|[^\sA-Za-z_\"'`*()\[\]{}<]")


_MAX_MOMENTS = 200  # a reply with more times than this is not going to state a span


@dataclass(frozen=True)
class _Moment:
    value: float
    unit: bool  # stated, or in clock form
    scale: float
    start: int
    end: int


def parse_span(text: str, bounds: Span | None = None) -> Span | None:
    """The first time span (start, end) in seconds that the reply states, in order; or None.

    Reads "12.5 to 17.0", "from 5s to 10 s", "00:12 - 00:17", "[5, 10]", "[[5, 10]]",
    ``{"start": 5, "end": 10}``, "1 min 5 s until 2 min", with prose or fences around it. With
    ``bounds`` (low, high) both ends are clipped to them. A single moment is no span.
    """
    if is_not_found(text):
        return None
    body = _plain(answer_body(text))
    moments = _moments(body)
    span = _first_pair(body, moments)
    if span is None or not all(math.isfinite(v) for v in span):
        return None
    start, end = min(span), max(span)
    if bounds is not None:
        low, high = bounds
        start, end = (min(max(v, low), high) for v in (start, end))
    return start, end


def _plain(body: str) -> str:
    """``body`` without ordinals ("the 5th second"), glued words ("5to10") and decimal commas."""
    body = _ORDINAL.sub("", body)
    body = _GLUED.sub(r" \1 ", body)
    return _DECIMAL_COMMAS.sub(r"\1.\2\3\4.\5", body)


def _moments(body: str) -> list[_Moment]:
    found = []
    for match in _TIME.finditer(body):
        before = body[max(0, match.start() - 24) : match.start()]
        if _NOT_A_TIME.search(before):
            continue
        if match["clock"]:
            value, unit, scale = _clock_seconds(match["clock"]), True, 1.0
        elif match["minutes"]:
            value, unit, scale = 60.0 * int(match["minutes"]) + float(match["seconds"]), True, 1.0
        else:
            name = (match["unit"] or "").lower()
            scale = _UNITS.get(name, 1e-3 if name.startswith("m") else 1.0)
            value, unit = float(match["number"]), bool(name)
        sign = -1.0 if re.search(r"(?:^|[\[({,:=]|\b(?:to|from))\s*-$", before) else 1.0
        found.append(_Moment(sign * value, unit, scale, match.start(), match.end()))
        if len(found) == _MAX_MOMENTS:
            break
    return found


def _clock_seconds(clock: str) -> float:
    seconds = 0.0
    for part in clock.replace(",", ".").split(":"):
        seconds = 60.0 * seconds + float(part)
    return seconds


def _first_pair(body: str, moments: list[_Moment]) -> Span | None:
    pairs = list(itertools.pairwise(moments))
    # A pair that words or dashes join comes before one that only stands in brackets.
    for joined in (_joined_strongly, _bracketed):
        for first, second in pairs:
            if joined(body, first, second):
                return _seconds(first, second)
    if len(moments) == 2 and all(m.unit for m in moments):
        gap = body[moments[0].end : moments[1].start]
        if not re.search(r"\b(?:for|duration|lasts|lasting|of)\b", gap):
            return _seconds(*moments)
    return None


def _joined_strongly(body: str, first: _Moment, second: _Moment) -> bool:
    words = [w.lower() for w in _WORD.findall(body[first.end : second.start])]
    strong = any(word in _STRONG for word in words)
    return strong and len(words) <= 8 and all(w in _STRONG or w in _FILLER for w in words)


def _bracketed(body: str, first: _Moment, second: _Moment) -> bool:
    gap = body[first.end : second.start].strip(" \n\t\"'`")
    if gap not in (",", ";", "and", ""):
        return False
    before = body[: first.start].rstrip(" \n\t\"'`-*")
    after = body[second.end :].lstrip(" \n\t\"'`,*")
    inside = before.endswith(("[", "(", "{", "<", ":", "=")) and after[:1] in (
        *("]", ")", "}", ">", ""),
    )
    alone = not before and not after.rstrip(".*")
    between = gap == "and" and before.lower().endswith("between")
    return inside or alone or between


def _seconds(first: _Moment, second: _Moment) -> Span:
    # "1 to 2 minutes": the unit at the end speaks for both.
    first_scale = second.scale if second.unit and not first.unit else first.scale
    return first.value * first_scale, second.value * second.scale
