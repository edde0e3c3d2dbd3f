"""When and where at once: frames of the whole window are asked one by one, and vote in 3D."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..errors import UnparsableAnswerError
from ..frames import RgbdFrame
from ..geometry import BoxXyxy
from .box_lift import BoxLift
from .closer_look import part_around
from .prompt_choice import PromptFit, prompt_fits
from .replies import ImageReply, box_said, none_said
from .spatial_judge import judge_by
from .spatial_query import SpatialQuery
from .verification import (
    CheckedView,
    Verification,
    checked_view,
    note_anchor,
    seen_from,
)
from .view_replies import ViewReplies
from .voting import AGREEING, Judge, Vote, elect, places_of

if TYPE_CHECKING:
    from ..tracking import Tracker

TOGETHER = 16
"""Frames whose prompts are answered in one batch."""
SPARE = 1.5
"""A closer look is taken where so many times the time is left that the rest would take with it."""
LOCATE = "look for the {}."
"""How a thing that a query names is asked for by itself: of whole sentences a small model denies
less than of a bare name."""


@dataclass(frozen=True)
class Elected:
    """The reply whose box has most votes and what the other frames say of it; ``found`` is None
    without any box, or without one that enough frames agree on.

    ``summary`` says in words how the frames voted, ``doubt`` why they are not believed;
    ``candidates`` is above 1 where frames without a box called the query ambiguous.
    """

    found: tuple[ImageReply, Verification] | None
    span: tuple[int, int]
    summary: str
    candidates: int = 0
    doubt: str = ""


@dataclass(frozen=True)
class Ballot:
    """What frames said, asked one question: their votes, in order, each with its reply."""

    votes: tuple[tuple[Vote, ImageReply], ...] = ()

    @property
    def counted(self) -> list[Vote]:
        """Votes that tell something."""
        return [vote for vote, _ in self.votes if vote.view.counts]


class BoxElection:
    """Asks for boxes through ``replies`` and compares them by ``lift_box``.

    Below ``vote_confidence`` nothing was found. Where three or more frames agree, ``vote_prompts``
    of their boxes are tried as the prompt of ``tracker``.
    """

    def __init__(self, replies: ViewReplies, lift_box: BoxLift, tracker: Tracker) -> None:
        self.replies = replies
        self.lift_box = lift_box
        self.tracker = tracker
        self.config = replies.dialogue.config
        self.window = replies.frames.window
        self.control = replies.dialogue.control
        self.trace = replies.dialogue.trace
        self._begun = time.perf_counter()

    def hold(self, frames: Sequence[RgbdFrame], spatial: SpatialQuery | None = None) -> Elected:
        """Let ``frames`` vote; with ``spatial`` also on each thing that the query names.

        The votes on the target alone join those on the whole query, and places are judged by
        how far the relation holds between them and the places of its landmarks. Where one of these
        is not found, the votes on the whole query count alone.

        Raises:
            UnparsableAnswerError: if no frame's reply can be used.
            DeadlineError, CancelledError, BackendError: as the control and the model say.
        """
        things = dict.fromkeys(spatial.things) if spatial else {}
        whole = self._ballot(frames, (0, 1 + len(things)))
        if not whole.votes:
            raise UnparsableAnswerError(
                f"{self.replies.dialogue.backend.name} was shown {len(frames)} frames one by one, "
                "and none of its answers could be used; the trace holds them."
            )
        named = {
            thing: self._ballot(frames, (number, 1 + len(things)), thing, number == 1)
            for number, thing in enumerate(things, 1)
        }
        judge = self._judge(spatial, named) if spatial else None
        ballots = [whole]
        if spatial is not None and judge is not None:
            ballots.append(named[spatial.target])
        checked = elect(self.window, [vote for b in ballots for vote in b.counted], judge)
        if checked is None:
            candidates = max(reply.candidates for _, reply in whole.votes)
            summary = f"None of {len(frames)} frames shows it."
            self.trace.add_choice("box", none_said(candidates), "model", summary)
            return Elected(None, (frames[0].stamp_ns, frames[-1].stamp_ns), summary, candidates)
        span, summary = self._told(checked, len(frames))
        believed = checked.confidence >= self.config.vote_confidence
        if believed:
            checked = self._from_best_prompt(checked)
        if spatial is not None and judge is not None:
            summary += f" Geometry judged the relation ({spatial.said})."
        note_anchor(self.trace, self.window, checked, summary)
        self.trace.add_choice("box", box_said(checked.box), "geometry", summary)
        if not believed:
            return Elected(None, span, summary, doubt="too few frames agree where it is")
        reply = next(
            reply
            for ballot in ballots
            for vote, reply in ballot.votes
            if (vote.view.stamp_ns, vote.view.box) == (checked.anchor_stamp_ns, checked.box)
        )
        return Elected((reply, checked), span, summary)

    def _ballot(
        self,
        frames: Sequence[RgbdFrame],
        turn: tuple[int, int],
        thing: str = "",
        target: bool = True,
    ) -> Ballot:
        """What each of ``frames`` says of the query or of a ``thing`` that it names, the
        ``turn[0]``-th of ``turn[1]`` questions; a reply that cannot be used is left out. What is
        small is looked at from closer where it is the ``target``: landmarks are large mostly."""
        stage, replies = "vote", self.replies
        if thing:
            stage = "locate"
            replies = ViewReplies(replies.dialogue, replies.frames, LOCATE.format(thing))
        votes: list[tuple[Vote, ImageReply]] = []
        for begin in range(0, len(frames), TOGETHER):
            asked = frames[begin : begin + TOGETHER]
            said = list(zip(asked, replies.ask_each(stage, asked, thing), strict=True))
            done = begin + len(asked)
            share = (turn[0] + done / len(frames)) / turn[1]
            if target and self._looks_closer(share, len(asked) / len(frames) / turn[1]):
                said += self._from_closer(replies, said, thing)
            for frame, reply in said:
                if reply is None:
                    continue
                view = checked_view(self.window, frame, reply.box, self.lift_box)
                sure = 1.0 if reply.probability is None else reply.probability
                votes.append((Vote(view, sure, opposes=not thing), reply))
            boxed = len({vote.view.stamp_ns for vote, _ in votes if vote.view.box is not None})
            text = f"{done} of {len(frames)} frames looked at; a box in {boxed} of them."
            self.control.progress("image", share, f"{thing}: {text}" if thing else text)
        return Ballot(tuple(votes))

    def _looks_closer(self, share: float, step: float) -> bool:
        """Whether what is small is to be seen from closer: if that is wanted, and the deadline
        leaves time for it beside the whole frames, of which the ``share`` is looked at, ``step`` of
        it just now."""
        if self.config.vote_closer <= 1.0:
            return False
        left = self.control.remaining()
        spent = time.perf_counter() - self._begun
        return left is None or left > SPARE * spent * (1.0 - share + step) / share

    def _from_closer(
        self,
        replies: ViewReplies,
        said: Sequence[tuple[RgbdFrame, ImageReply | None]],
        thing: str,
    ) -> list[tuple[RgbdFrame, ImageReply | None]]:
        """What is said of the parts around boxes that are small in what was ``said``."""
        parts: list[tuple[RgbdFrame, BoxXyxy]] = []
        for frame, reply in said:
            if reply is not None and reply.box is not None:
                size = frame.intrinsics.width, frame.intrinsics.height
                part = part_around(reply.box, size, self.config.vote_closer)
                if part is not None:
                    parts.append((frame, part))
        seen = replies.ask_closer(parts, thing) if parts else []
        return [(frame, reply) for (frame, _), reply in zip(parts, seen, strict=True)]

    def _judge(self, spatial: SpatialQuery, named: Mapping[str, Ballot]) -> Judge | None:
        """Judges by the places of the landmarks; None if one of them was not found."""
        found = {
            thing: next(iter(places_of(self.window, named[thing].counted)), None)
            for thing in spatial.things[1:]
        }
        return judge_by(spatial, found, self.window, self.trace)

    def _from_best_prompt(self, checked: Verification) -> Verification:
        """``checked`` seen from the box whose masks fit all boxes that agree best."""
        agreeing = sorted(
            (view for view in checked.views if view.agreement >= AGREEING),
            key=lambda view: -view.agreement,
        )
        if self.config.vote_prompts < 2 or len(agreeing) < 2:
            return checked
        boxes = {checked.anchor_stamp_ns: checked.box}
        boxes |= {view.stamp_ns: view.box for view in agreeing if view.box is not None}
        started = time.perf_counter()
        tried = self.config.vote_prompts
        fits = prompt_fits(self.window, boxes, tried, self.tracker, self.control)
        self.trace.add_seconds("prompt choice", time.perf_counter() - started)
        taken = max(fits, key=lambda stamp_ns: fits[stamp_ns].fit, default=checked.anchor_stamp_ns)
        best = fits.get(taken, PromptFit(0.0))
        told = [
            {"time": round(self._time_of(s), 3), "fit": round(tried.fit, 4)}
            for s, tried in fits.items()
        ]
        why = f"masks from it fit the boxes of {len(boxes)} frames best"
        if best.fit == 0.0:
            why = "masks from none of the boxes fit any"
        chosen = f"{self._time_of(taken):.2f} s"
        self.trace.add_choice("prompt", chosen, "geometry", why, told)
        if taken != checked.anchor_stamp_ns:
            checked = seen_from(checked, taken)
        if best.bounds is not None:
            why = "the box around the mask that comes of the prompt in its frame"
            self.trace.add_choice("bounds", box_said(best.bounds), "geometry", why)
        return replace(checked, bounds=best.bounds, shown=best.shown)

    def _told(self, checked: Verification, frames: int) -> tuple[tuple[int, int], str]:
        """The span of the frames that agree, and how all of them voted."""
        agreeing = [v.stamp_ns for v in checked.views if v.agreement >= AGREEING]
        stamps = sorted([checked.anchor_stamp_ns, *agreeing])
        elsewhere = sum(_elsewhere(view) for view in checked.views)
        start, end = self._time_of(stamps[0]), self._time_of(stamps[-1])
        summary = f"1 of {frames} frames shows it, at {start:.1f} s"
        if agreeing:
            summary = f"{len(stamps)} of {frames} frames show it in the same place, "
            summary += f"from {start:.1f} s to {end:.1f} s"
        if elsewhere:
            summary += f"; {elsewhere} {'shows' if elsewhere == 1 else 'show'} something elsewhere"
        summary += "."
        return (stamps[0], stamps[-1]), summary

    def _time_of(self, stamp_ns: int) -> float:
        return self.window.time_of(self.window.at(stamp_ns))


def _elsewhere(view: CheckedView) -> bool:
    return view.lifted is not None and view.agreement < AGREEING
