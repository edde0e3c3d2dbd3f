"""When and where at once: frames of the whole window are asked one by one, and vote in 3D."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import UnparsableAnswerError
from ..frames import RgbdFrame
from .box_lift import BoxLift
from .replies import ImageReply, box_said, none_said
from .verification import CheckedView, Verification, checked_view, note_anchor
from .view_replies import ViewReplies
from .voting import AGREEING, Vote, elect

TOGETHER = 16
"""Frames whose prompts are answered in one batch."""


@dataclass(frozen=True)
class Elected:
    """The reply whose box has most votes and what the other frames say of it; ``found`` is None
    without any box.

    ``summary`` says in words how the frames voted; ``candidates`` is above 1 where frames without
    a box called the query ambiguous.
    """

    found: tuple[ImageReply, Verification] | None
    span: tuple[int, int]
    summary: str
    candidates: int = 0


class BoxElection:
    """Asks for boxes through ``replies`` and compares them by ``lift_box``."""

    def __init__(self, replies: ViewReplies, lift_box: BoxLift) -> None:
        self.replies = replies
        self.lift_box = lift_box
        self.window = replies.frames.window
        self.control = replies.dialogue.control
        self.trace = replies.dialogue.trace

    def hold(self, frames: Sequence[RgbdFrame]) -> Elected:
        """Let ``frames`` vote.

        Raises:
            UnparsableAnswerError: if no frame's reply can be used.
            DeadlineError, CancelledError, BackendError: as the control and the model say.
        """
        votes: list[Vote] = []
        said: dict[int, ImageReply] = {}
        for begin in range(0, len(frames), TOGETHER):
            asked = frames[begin : begin + TOGETHER]
            for frame, reply in zip(asked, self.replies.ask_each("vote", asked), strict=True):
                if reply is None:
                    continue
                said[frame.stamp_ns] = reply
                view = checked_view(self.window, frame, reply.box, self.lift_box)
                sure = 1.0 if reply.probability is None else reply.probability
                votes.append(Vote(view, sure))
            done = begin + len(asked)
            boxed = sum(vote.view.box is not None for vote in votes)
            text = f"{done} of {len(frames)} frames looked at; a box in {boxed} of them."
            self.control.progress("image", done / len(frames), text)
        if not votes:
            raise UnparsableAnswerError(
                f"{self.replies.dialogue.backend.name} was shown {len(frames)} frames one by one, "
                "and none of its answers could be used; the trace holds them."
            )
        checked = elect(self.window, [vote for vote in votes if vote.view.counts])
        if checked is None:
            candidates = max(reply.candidates for reply in said.values())
            summary = f"None of {len(frames)} frames shows it."
            self.trace.add_choice("box", none_said(candidates), "model", summary)
            whole = (frames[0].stamp_ns, frames[-1].stamp_ns)
            return Elected(None, whole, summary, candidates)
        span, summary = self._told(checked, len(frames))
        note_anchor(self.trace, self.window, checked, summary)
        self.trace.add_choice("box", box_said(checked.box), "geometry", summary)
        return Elected((said[checked.anchor_stamp_ns], checked), span, summary)

    def _told(self, checked: Verification, frames: int) -> tuple[tuple[int, int], str]:
        """The span of the frames that agree, and how all of them voted."""
        agreeing = [v.stamp_ns for v in checked.views if v.agreement >= AGREEING]
        stamps = sorted([checked.anchor_stamp_ns, *agreeing])
        elsewhere = sum(_elsewhere(view) for view in checked.views)
        start, end = ((s - self.window.start_ns) * 1e-9 for s in (stamps[0], stamps[-1]))
        summary = f"1 of {frames} frames shows it, at {start:.1f} s"
        if agreeing:
            summary = f"{len(stamps)} of {frames} frames show it in the same place, "
            summary += f"from {start:.1f} s to {end:.1f} s"
        if elsewhere:
            summary += f"; {elsewhere} {'shows' if elsewhere == 1 else 'show'} something elsewhere"
        summary += "."
        return (stamps[0], stamps[-1]), summary


def _elsewhere(view: CheckedView) -> bool:
    return view.lifted is not None and view.agreement < AGREEING
