"""Where SAM 2 and geometry meet: one object's mask in one frame, accepted or not.

SAM 2's memory tracks; geometry vetoes a mask that left the object and proposes a box and points
where SAM 2 is in doubt (or, in ``lead``, always), which SAM 2 then refines with its memories.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from ...frames import RgbdFrame
from .config import Sam2Config
from .guide import ObjectModel, Proposal, Verdict
from .session import Sam2Session, SessionMask


class Outcome(enum.Enum):
    """How an object's mask in a frame came about, or why there is none."""

    TRACKED = "tracked by SAM 2"
    ASSISTED = "SAM 2 was helped by a projected box and points"
    ABSENT = "SAM 2 sees no object"
    VETOED = "the mask had left the object"


@dataclass(frozen=True, eq=False)
class Resolved:
    """The mask of one object in one frame; ``mask`` is None unless it was accepted."""

    outcome: Outcome
    mask: SessionMask | None
    verdict: Verdict
    proposal: Proposal | None


def resolve(
    session: Sam2Session,
    index: int,
    frame: RgbdFrame,
    object_id: int,
    seen: SessionMask,
    model: ObjectModel,
    config: Sam2Config,
    *,
    reverse: bool = False,
    need_proof: bool = False,
) -> Resolved:
    """Accept, mend or reject what SAM 2 saw of an object in frame ``index``.

    A rejected mask leaves nothing in the object's memory. With ``need_proof`` geometry must
    speak for the mask, where it can judge at all: so an object that was lost is only found again
    in its own place.
    """
    if config.geometry == "off" or session.is_prompted(index, object_id):
        # What a person pointed at is not for geometry to overrule.
        accepted = _present(seen, config)
        outcome = Outcome.TRACKED if accepted else Outcome.ABSENT
        return Resolved(outcome, seen if accepted else None, Verdict(None, None), None)
    proposal = model.propose(frame)
    verdict = model.judge(frame, seen.mask, proposal)
    doubt = _doubt(seen, verdict, config, need_proof)
    helps = config.geometry == "lead" or (config.geometry == "assist" and doubt is not None)
    prompt = proposal.prompt(*_size(frame)) if helps else None
    if prompt is not None:
        if doubt is not None:
            # A refinement would start from the mask that is doubted.
            session.forget(index, object_id)
        seen = session.prompt(index, frame.color, object_id, prompt, keep=False, reverse=reverse)
        verdict = model.judge(frame, seen.mask, proposal)
        doubt = _doubt(seen, verdict, config, need_proof)
    if doubt is not None:
        # SAM 2's own "not there" is something to remember; a mask of something else is not.
        if doubt is Outcome.VETOED or prompt is not None:
            session.forget(index, object_id)
        return Resolved(doubt, None, verdict, proposal)
    outcome = Outcome.TRACKED if prompt is None else Outcome.ASSISTED
    return Resolved(outcome, seen, verdict, proposal)


def _present(seen: SessionMask, config: Sam2Config) -> bool:
    return seen.score >= config.min_score and bool(seen.mask.any())


def _doubt(
    seen: SessionMask, verdict: Verdict, config: Sam2Config, need_proof: bool
) -> Outcome | None:
    if not _present(seen, config):
        return Outcome.ABSENT
    if verdict.vetoed(config.veto_inside, config.veto_cover):
        return Outcome.VETOED
    if need_proof and verdict.inside is not None:
        proved = verdict.confirmed(config.veto_inside, config.veto_cover)
        return None if proved else Outcome.VETOED
    return None


def _size(frame: RgbdFrame) -> tuple[int, int]:
    return frame.intrinsics.width, frame.intrinsics.height
