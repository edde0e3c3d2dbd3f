"""Which chains of thought the descriptions of one room give, and how many of them deny."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from scene_r1_ros.reasoning.tags import is_not_found

from .choose import Query
from .facts import RoomFacts
from .reasoning import absent, anywhere, image, temporal

Chain = dict[str, Any]

_ABSENT_SHARE = 0.25
"""Share of the descriptions that are also asked of a view that does not show their object."""
_MOST_DENIED = 0.25
"""Share of the chains of a form of query, at most, that end in "not found"."""
_MOST_DENIED_ANYWHERE = 0.8
"""The same of views drawn evenly, of which most do not show a given thing."""


class ChainsOfRoom:
    """Chains of the room ``facts``: over clips of so many ``frames`` as one of them says, and
    besides over ``views`` of the recording, drawn evenly, for each description."""

    def __init__(self, facts: RoomFacts, frames: Sequence[int], views: int = 0) -> None:
        self._facts, self._frames, self._views = facts, frames, views
        self._chosen: list[tuple[str, Chain]] = []
        self._anywhere: list[tuple[str, Chain]] = []
        # its own, so that what else is said of a room stays the same
        self._rng = np.random.default_rng([facts.seed, 41])

    def add(self, query: Query, text: str, rng: np.random.Generator) -> None:
        """The chains of one description; without a target all of them end in "not found"."""
        facts, form = self._facts, _form(query)
        examples = [temporal(facts, query, text, rng, self._frames)]
        if query.targets:
            examples.append(image(facts, query, text, rng))
        if not query.targets or rng.random() < _ABSENT_SHARE:
            examples.append(absent(facts, query, text, rng))
        self._chosen += [(form, example) for example in examples if example is not None]
        drawn = [anywhere(facts, query, text, self._rng) for _ in range(self._views)]
        self._anywhere += [(form, example) for example in drawn if example is not None]

    def chosen(self) -> list[Chain]:
        """Chains over clips and over views chosen for their query, in their order."""
        return _with_fewer_denied(self._chosen, _MOST_DENIED, self._facts.seed)

    def anywhere(self) -> list[Chain]:
        """Chains over the views that were drawn evenly."""
        return _with_fewer_denied(self._anywhere, _MOST_DENIED_ANYWHERE, self._facts.seed)


def _form(query: Query) -> str:
    """What a query says beside the noun."""
    return "relation" if query.form.relation else "color" if query.form.target.color else "noun"


def _with_fewer_denied(chains: Sequence[tuple[str, Chain]], most: float, seed: int) -> list[Chain]:
    """Less those over ``most`` of a form that end in "not found".

    Most queries without a target have no relation, and few of those with one. A model that learnt
    from all of them would deny a short query for its form, without looking.
    """
    rng = np.random.default_rng([seed, 37])
    groups: dict[tuple[str, int], list[int]] = {}
    dropped: set[int] = set()
    for i, (form, chain) in enumerate(chains):
        groups.setdefault((form, chain["stage"]), []).append(i)
    for members in groups.values():
        denied = [i for i in members if is_not_found(chains[i][1]["completion"])]
        kept = int((len(members) - len(denied)) * most / (1 - most))
        dropped.update(rng.permutation(denied)[kept:].tolist())
    return [chain for i, (_, chain) in enumerate(chains) if i not in dropped]
