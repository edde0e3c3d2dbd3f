"""From meaning to English: many ways to say the same, none that adds to it."""

from __future__ import annotations

import numpy as np

from .forms import SELECTING, Form
from .words import SYNONYMS, Description, article, plural, say

_RELATIONS: dict[str, tuple[str, ...]] = {
    "on": ("on the {0}", "on top of the {0}", "that is on the {0}"),
    "under": ("under the {0}", "underneath the {0}", "that is under the {0}"),
    "above": ("above the {0}", "that hangs above the {0}", "on the wall above the {0}"),
    "next_to": ("next to the {0}", "beside the {0}", "that is right next to the {0}"),
    "closest": ("closest to the {0}", "nearest to the {0}", "that is closest to the {0}"),
    "farthest": ("farthest from the {0}", "furthest away from the {0}"),
    "between": (
        "between the {0} and the {1}",
        "in between the {0} and the {1}",
        "that is between the {0} and the {1}",
    ),
}
_INSIDE = ("in the {0}", "inside the {0}")
_FACING = (
    "to the {side} of the {0} when you face it",
    "on the {side} side of the {0}, if you are facing it",
    "{side} of the {0} as you look straight at its front",
)
_SEEN_FROM = (
    "to the {side} of the {0}, seen from the {1}",
    "{side} of the {0} when you stand at the {1} and look at it",
    "on the {side} side of the {0} as seen from the {1}",
)
_SUPERLATIVES = {
    "largest": ("largest", "biggest"),
    "smallest": ("smallest",),
    "tallest": ("tallest", "highest"),
}


def pick(options: tuple[str, ...], rng: np.random.Generator) -> str:
    """One of ``options``."""
    return options[int(rng.integers(len(options)))]


def name(description: Description, rng: np.random.Generator) -> str:
    """The description with a synonym for its noun now and then."""
    words = SYNONYMS.get(description.noun, (description.noun,))
    noun = words[0] if rng.random() < 0.65 else pick(words, rng)
    return say(description, noun)


def relation_phrase(form: Form, rng: np.random.Generator) -> str:
    """What comes after the noun: ``"next to the brown desk"``; empty without a relation."""
    relation = form.relation
    if relation is None or relation in _SUPERLATIVES:
        return ""
    anchors = [name(anchor, rng) for anchor in form.anchors]
    if relation in ("left", "right"):
        if form.viewpoint is None:
            return pick(_FACING, rng).format(*anchors, side=relation)
        return pick(_SEEN_FROM, rng).format(*anchors, name(form.viewpoint, rng), side=relation)
    options = _RELATIONS[relation]
    if relation == "on" and form.anchors[0].noun == "basket":
        options = _INSIDE
    return pick(options, rng).format(*anchors)


def noun_phrase(form: Form, rng: np.random.Generator) -> str:
    """``"largest red chair"`` or ``"red chair next to the desk"``, without an article."""
    head = name(form.target, rng)
    if form.relation in _SUPERLATIVES:
        head = f"{pick(_SUPERLATIVES[form.relation], rng)} {head}"
    tail = relation_phrase(form, rng)
    return f"{head} {tail}".strip()


def description(form: Form, rng: np.random.Generator) -> str:
    """A sentence or two in the manner of ScanRefer, lower case."""
    tail = relation_phrase(form, rng)
    head = name(form.target, rng)
    if form.relation in _SUPERLATIVES:
        best = pick(_SUPERLATIVES[form.relation], rng)
        options: tuple[str, ...] = (
            f"this is the {best} {head} in the room.",
            f"the {best} {head}.",
            f"find the {best} {head} of this room.",
        )
    elif form.relation in SELECTING:
        tail = tail.removeprefix("that is ")
        options = (
            f"this is {article(head)}. it is the one {tail}.",
            f"the {head} {tail}.",
            f"of these, find the {head} that is {tail}.",
            f"look for the {head} {tail}.",
        )
    elif tail:
        tail = tail.removeprefix("that is ").removeprefix("that ")
        is_ = "" if tail.startswith("hangs") else "is "
        options = (
            f"this is {article(head)}. it {is_}{tail}.",
            f"the {head} {is_}{tail}.",
            f"there is {article(head)} that {is_}{tail}.",
            f"look for the {head} that {is_}{tail}.",
        )
    else:
        options = (
            f"this is {article(head)}.",
            f"there is {article(head)} in the room.",
            f"look for the {head}.",
            f"the {head}",
            head,
        )
    return pick(options, rng)


def utterance(form: Form, rng: np.random.Generator) -> str:
    """One short sentence in the manner of Nr3D."""
    phrase = noun_phrase(form, rng)
    return pick((f"the {phrase}", f"choose the {phrase}", f"it is the {phrase}", phrase), rng)


def several(form: Form, rng: np.random.Generator) -> str:
    """All things of a description: ``"all the red chairs"``."""
    words = SYNONYMS.get(form.target.noun, (form.target.noun,))
    noun = plural(pick(words, rng))
    phrase = say(form.target, noun)
    options = (
        f"all the {phrase}",
        f"these are the {phrase} in the room",
        f"every one of the {phrase}",
    )
    return pick(options, rng)


def tokens(text: str) -> list[str]:
    """Words and punctuation marks apart, lower case, as ScanRefer's token lists."""
    for mark in ".,?!;":
        text = text.replace(mark, f" {mark} ")
    return text.lower().split()
