"""A query that picks a thing by where it is: what is looked for, the relation, and to what.

Rules for plain English, no model: one relation stated once, and every word understood. Whatever is
said in another way is no :class:`SpatialQuery`, and the model reads it alone. Terms after Tellex et
al. (2011), "Understanding Natural Language Commands for Robotic Navigation and Mobile
Manipulation": a relation holds between the thing meant and its landmarks. Standard library only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class SpatialQuery:
    """``"the red chair closest to the door"``: target "red chair", relation "closest".

    Phrases have no article. ``relation`` is a key of :data:`PHRASES` or one of
    :data:`SUPERLATIVES`'s values, which have no landmark; "between" has two. ``viewpoint`` is
    the thing from which left and right, before and behind are seen, None where none is named.
    """

    target: str
    relation: str
    landmarks: tuple[str, ...] = ()
    viewpoint: str | None = None

    @property
    def things(self) -> tuple[str, ...]:
        """The phrases whose place must be known: target, landmarks, viewpoint."""
        seen = (self.viewpoint,) if self.viewpoint else ()
        return (self.target, *self.landmarks, *seen)

    @property
    def said(self) -> str:
        """In a few words: ``"closest: door"``."""
        return ": ".join(filter(None, (self.relation.replace("_", " "), ", ".join(self.landmarks))))


_ARTICLE = r"(?:the|a|an|this|that|my|our|your)\s+"
_THING = rf"{_ARTICLE}([a-z0-9][^.,;:?!]*?)"
# What may follow a relation: the end, the room, or from where one looks.
_FACED = r"(?:if|when|while|as) you (?:are )?(?:fac|look)(?:e|ing)?\b[^.;:?!]*"
_SEEN = (
    rf"(?:(?:as )?(?:seen|viewed)(?: from)?|from"
    rf"|(?:(?:if|when|while) )?(?:you )?stand(?:ing)? (?:at|by|near)) {_ARTICLE}"
)
_ROOM = r"(?:in|of) (?:the|this) room"
_END = rf"(?=\s*[.?!]*\s*$|\s*,?\s+(?:{_ROOM}|{_FACED}|{_SEEN}))"
PHRASES: dict[str, str] = {
    "between": rf"(?:in )?between {_THING} and {_THING}{_END}",
    "closest": rf"(?:closest|nearest)(?: to)? {_THING}{_END}",
    "farthest": rf"(?:farthest|furthest)(?: away)?(?: from)? {_THING}{_END}",
    "left": rf"(?:to the left|on the left(?: side)?|left) of {_THING}{_END}",
    "right": rf"(?:to the right|on the right(?: side)?|right) of {_THING}{_END}",
    "in_front": rf"in front of {_THING}{_END}",
    "behind": rf"behind {_THING}{_END}",
    "next_to": rf"(?:right |directly )?(?:next to|beside) {_THING}{_END}",
    "above": rf"(?:on the wall )?(?:above|over) {_THING}{_END}",
    "under": rf"(?:under|underneath|beneath|below) {_THING}{_END}",
    "in": rf"(?:in|inside|hang(?:s|ing) (?:on|from)) {_THING}{_END}",
    "on": rf"(?:on top of|on) {_THING}{_END}",
}
"""How each relation with landmarks is said; an earlier one hides what it overlaps."""
SUPERLATIVES = {
    "largest": "largest",
    "biggest": "largest",
    "smallest": "smallest",
    "tallest": "tallest",
}
"""Words that pick by size, and the relation they stand for."""

_PATTERNS = {name: re.compile(rf"\b{phrase}") for name, phrase in PHRASES.items()}
_VIEWED = re.compile(rf"^{_SEEN}([a-z0-9][^.,;:?!]*?),\s+")
_TAIL = re.compile(
    rf"(?:\s*,?\s+{_ROOM})?"
    rf"(?:\s*,?\s+(?:{_FACED}|{_SEEN}([a-z0-9][^.,;:?!]*?)(?: and look(?:ing)? at it)?))?\s*[.?!]*"
)
_LEAD = re.compile(
    r"^(?:of these,?\s+)?(?:(?:can|could|would) you\s+)?(?:please\s+)?"
    r"(?:(?:this|that|it|there|here|where|what|which)(?: is|'s)|is there|i(?:'m| am) looking for"
    r"|i (?:want|need)|look for|find|choose|select|pick(?: up)?|show(?: me)?|give me"
    r"|bring(?: me)?|take|get|fetch|grab|locate|go to|which)?"
    rf"\s*(?:{_ARTICLE})?"
)
# Between the target and its relation: "chair. it is the one", "lamp that hangs".
_COPULA = re.compile(
    r"(?:[.,;]?\s+(?:and )?it|\s+(?:that|which))?(?:(?:\s+(?:is|are)|'s)(?:\s+the(?: one)?)?)?"
    r"(?:\s+(?:that|which) is)?"
    r"(?:\s+(?:hang|stand|sit)(?:s|ing)?|\s+l(?:ies|ying)|\s+(?:placed|located|mounted|right))?$"
)
_SIZED = re.compile(rf"({'|'.join(SUPERLATIVES)})\s+([a-z0-9][^.,;:?!]*?)(?:\s+{_ROOM})?\s*[.?!]*")
_LONGEST = 8
"""Words of a phrase that names a thing, at most; more is not understood."""
_NO_THINGS = frozenset({"it", "one", "thing", "object", "camera", "robot", "me", "you"})
# Said of much and boxed by nobody: "on the floor" picks no thing by its place to another.
_NO_LANDMARKS = frozenset(
    {"room", "kitchen", "bathroom", "bedroom", "floor", "ground", "wall", "ceiling", "corner"}
    | {"left", "right", "middle", "center", "side", "end", "edge", "one"}
)
# In no name of a thing: what negates, joins, counts, or says more of it than its name.
_FOREIGN = frozenset(
    {"not", "no", "without", "except", "other", "but", "and", "or", "than", "is", "isn't", "are"}
    | {"was", "has", "have", "it", "its", "there", "what", "second", "third", "last", "both"}
    | {"all", "every", "each", "two", "three", "turn", "put", "move", "push", "open", "close"}
    | {"switch", "place", "clean", "lowest", "highest", "facing", "across"}
)
_PREPOSITIONS = frozenset(
    {"by", "near", "of", "on", "in", "at", "with", "under", "next", "to", "from", "behind", "over"}
    | {"above"}
)


def parse_spatial(words: str) -> SpatialQuery | None:
    """What ``words`` say of a place or a size; None unless exactly one relation is stated, and all
    the other words are understood."""
    text = " ".join(words.lower().split())
    viewed = _VIEWED.match(text)
    if viewed:
        text = text[viewed.end() :]
    stated = list(_stated(text))
    if any(word in SUPERLATIVES for word in text.split()):
        sized = _SIZED.fullmatch(_LEAD.sub("", text))
        return _query(sized[2], SUPERLATIVES[sized[1]]) if sized and not stated else None
    if len(stated) != 1:
        return None
    ((relation, match),) = stated
    tail = _TAIL.fullmatch(text[match.end() :])
    if tail is None or (viewed and tail[1]):
        return None
    target = _LEAD.sub("", _COPULA.sub("", text[: match.start()].rstrip()))
    seen_from = viewed[1] if viewed else tail[1]
    return _query(target, relation, tuple(match.groups()), seen_from)


def _stated(text: str) -> Iterator[tuple[str, re.Match[str]]]:
    """The relations in ``text``, those of :data:`PHRASES` that come first before the others."""
    taken: list[tuple[int, int]] = []
    for relation, pattern in _PATTERNS.items():
        for match in pattern.finditer(text):
            overlaps = any(a < match.end() and match.start() < b for a, b in taken)
            if overlaps or any(_head(thing) in _NO_LANDMARKS for thing in match.groups()):
                continue
            taken.append(match.span())
            yield relation, match


def _head(thing: str) -> str:
    """The noun of a phrase: "lamp" of "floor lamp by the door"."""
    words = thing.split()
    ends = (i for i, word in enumerate(words) if i and word in _PREPOSITIONS)
    return words[next(ends, len(words)) - 1]


def _query(
    target: str, relation: str, landmarks: tuple[str, ...] = (), viewpoint: str | None = None
) -> SpatialQuery | None:
    query = SpatialQuery(target.strip(), relation, landmarks, viewpoint)
    return query if all(_names(thing) for thing in query.things) else None


def _names(thing: str) -> bool:
    """Whether a phrase can be the name of one thing."""
    words = thing.split()
    return (
        0 < len(words) <= _LONGEST
        and re.fullmatch(r"[a-z0-9' -]+", thing) is not None
        and _FOREIGN.isdisjoint(words)
        and words[0] not in _PREPOSITIONS
        and _head(thing) not in _NO_THINGS
    )
