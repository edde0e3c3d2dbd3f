"""The words: which nouns cover which kinds, their synonyms, colours and patterns.

A noun covers every kind that a listener could take it for, so that "the chair" is ambiguous
beside an armchair.
"""

from __future__ import annotations

from dataclasses import dataclass

from scene_r1_ros.synthetic.colors import COLOR_NAMES
from scene_r1_ros.synthetic.kinds import KINDS

from .facts import Thing

_WIDER: dict[str, frozenset[str]] = {
    "chair": frozenset({"chair", "office chair", "armchair"}),
    "table": frozenset(
        {"table", "round table", "coffee table", "side table", "desk", "nightstand"}
    ),
    "lamp": frozenset({"floor lamp", "table lamp"}),
    "cabinet": frozenset({"cabinet", "dresser", "nightstand", "wardrobe"}),
    "sofa": frozenset({"sofa", "armchair"}),
    "basket": frozenset({"basket", "box"}),
    "box": frozenset({"box", "basket"}),
    "stool": frozenset({"stool", "side table"}),
    "bench": frozenset({"bench", "shoe rack", "coffee table"}),
    "mug": frozenset({"mug", "bowl"}),
    "bowl": frozenset({"mug", "bowl"}),
    "monitor": frozenset({"monitor", "tv", "laptop"}),
    "tv": frozenset({"monitor", "tv"}),
    "curtain": frozenset({"curtain", "towel"}),
    "dresser": frozenset({"dresser", "cabinet", "nightstand"}),
    "wardrobe": frozenset({"wardrobe", "cabinet"}),
    "side table": frozenset({"side table", "nightstand", "stool"}),
    "coffee table": frozenset({"coffee table", "bench"}),
    "vase": frozenset({"vase", "plant"}),
    "plant": frozenset({"vase", "plant"}),
    "picture": frozenset({"picture", "mirror"}),
    "mirror": frozenset({"picture", "mirror"}),
}

SYNONYMS: dict[str, tuple[str, ...]] = {
    "sofa": ("sofa", "couch"),
    "trash can": ("trash can", "bin"),
    "bookshelf": ("bookshelf", "bookcase"),
    "tv": ("tv", "television"),
    "refrigerator": ("refrigerator", "fridge"),
    "picture": ("picture", "painting"),
    "rug": ("rug", "carpet"),
    "monitor": ("monitor", "computer screen"),
    "armchair": ("armchair", "easy chair"),
    "office chair": ("office chair", "desk chair"),
    "mug": ("mug", "cup"),
    "pillow": ("pillow", "cushion"),
    "laptop": ("laptop", "notebook computer"),
    "stove": ("stove", "cooker"),
}

PATTERNS = ("striped", "checkered", "spotted")
COLORLESS = frozenset({"monitor", "tv", "window", "keyboard", "laptop", "mirror"})
"""Kinds whose colour nobody would name."""


@dataclass(frozen=True)
class Description:
    """A noun with what is said of it, e.g. noun "chair", color "red", pattern None."""

    noun: str
    color: str | None = None
    pattern: str | None = None

    def fits(self, thing: Thing) -> bool:
        """Whether the thing could be meant."""
        if thing.kind not in covers(self.noun):
            return False
        if self.color is not None and self.color != thing.color and has_color(thing):
            return False
        return self.pattern is None or self.pattern == thing.texture


def covers(noun: str) -> frozenset[str]:
    """The kinds that a noun may mean."""
    return _WIDER.get(noun, frozenset({noun}))


def has_color(thing: Thing) -> bool:
    """Whether the thing's colour is something to speak of."""
    return thing.kind not in COLORLESS


def say(description: Description, noun: str | None = None) -> str:
    """``"red striped chair"``; ``noun`` replaces the noun by a synonym or its plural."""
    words = [description.color, description.pattern, noun or description.noun]
    return " ".join(word for word in words if word)


def plural(noun: str) -> str:
    """The plural of a noun or a synonym."""
    if noun in KINDS:
        return KINDS[noun].plural
    return noun + ("es" if noun.endswith(("ch", "x", "sh", "ss")) else "s")


def article(phrase: str) -> str:
    """``"an orange ball"``."""
    return f"{'an' if phrase[0] in 'aeiou' else 'a'} {phrase}"


def nouns() -> dict[str, str]:
    """Every word or plural for a kind, with its noun: ``{"couches": "sofa", ...}``."""
    table: dict[str, str] = {"lamp": "lamp", "lamps": "lamp"}
    for kind in KINDS:
        for word in (kind, *SYNONYMS.get(kind, ())):
            table[word] = table[plural(word)] = kind
    return table


ALL_COLORS = COLOR_NAMES
