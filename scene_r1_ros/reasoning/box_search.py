"""Stage 2 over the views of a span: the box that the model says and that other views confirm."""

from __future__ import annotations

import time
from collections.abc import Sequence

from ..errors import UnparsableAnswerError
from ..frames import RgbdFrame
from ..geometry import BoxXyxy, checked_box
from .box_lift import BoxLift
from .oracle import Oracle
from .replies import ImageReply, box_said, none_said
from .verification import Verification, note_anchor, verify
from .view_replies import ViewReplies
from .views import rank_views, view_looks


class BoxSearch:
    """Asks for a box through ``replies`` and checks it by ``lift_box``."""

    def __init__(self, replies: ViewReplies, lift_box: BoxLift) -> None:
        self.replies = replies
        self.lift_box = lift_box
        self.window = replies.frames.window
        self.config = replies.dialogue.config
        self.control = replies.dialogue.control
        self.trace = replies.dialogue.trace

    def search(
        self, span: tuple[int, int], oracle: Oracle
    ) -> tuple[ImageReply, Verification | None]:
        """The box of the first look at a span's views that other views confirm, else of the look
        that they confirm best; the last look's reply without one where no look finds the object.

        Raises:
            UnparsableAnswerError: if the first look's reply cannot be used.
            DeadlineError, CancelledError: as the control says.
        """
        ranked = self._ranked(span)
        left = [frame for frame in ranked if not self.replies.denied(frame)]
        looks = view_looks(left or ranked[:1], self.config.views, self.config.view_looks)
        if oracle.view_stamp_ns is not None:
            frame = self.window.at(oracle.view_stamp_ns)
            self.trace.add_choice("view", f"{self.window.time_of(frame):.2f} s", "oracle")
            looks = ((frame,),)
        best: tuple[ImageReply, Verification] | None = None
        for views in looks:
            try:
                reply = self._image(views, oracle)
            except UnparsableAnswerError:
                if best is None:
                    raise
                break
            if reply.candidates > 1:
                break
            if reply.box is None:
                continue
            checked = self._verified(views[reply.view], reply.box, ranked, oracle)
            if best is None or checked.confidence > best[1].confidence:
                best = reply, checked
            if checked.confidence >= self.config.confirmed:
                break
        return best or (reply, None)

    def _ranked(self, span: tuple[int, int]) -> list[RgbdFrame]:
        """The span's frames, best first."""
        self.control.check("ranking")
        started = time.perf_counter()
        scores = rank_views(self.window, self.replies.frames.within(span), self.config.view_weights)
        self.trace.add_seconds("ranking", time.perf_counter() - started)
        candidates = [
            {"time": round((s.stamp_ns - self.window.start_ns) * 1e-9, 3), **s.parts()}
            for s in scores
        ]
        shown = ", ".join(f"{c['time']:.1f} s" for c in candidates[: self.config.views])
        why = "visibility, sharpness, motion, distance; then unlike those before"
        self.trace.add_choice("views", shown, "ranking", why, candidates)
        return [self.window.at(s.stamp_ns) for s in scores]

    def _image(self, views: Sequence[RgbdFrame], oracle: Oracle) -> ImageReply:
        if oracle.box is not None:
            camera = views[0].intrinsics
            box = checked_box(oracle.box, camera.width, camera.height)
            self.trace.add_choice("box", box_said(box), "oracle")
            return ImageReply(0, box, "", "The box was given.", 1)
        reply = self.replies.ask("image", views, self.config.retries)
        if reply.box is None:
            self.trace.add_choice("box", none_said(reply.candidates), "model", reply.rationale)
            return reply
        if len(views) > 1:
            seconds = self.window.time_of(views[reply.view])
            by = "model" if reply.view_stated else "rule"
            why = "" if reply.view_stated else "the answer names no view; the best ranked is taken"
            self.trace.add_choice("view", f"view {reply.view + 1} at {seconds:.2f} s", by, why)
        self.trace.add_choice("box", box_said(reply.box), "model", reply.rationale)
        return reply

    def _verified(
        self, anchor: RgbdFrame, box: BoxXyxy, ranked: Sequence[RgbdFrame], oracle: Oracle
    ) -> Verification:
        count = 0 if oracle.box is not None else self.config.verify_views
        consensus = self.config.consensus and oracle.view_stamp_ns is None
        result = verify(
            self.window,
            anchor,
            box,
            ranked,
            count,
            self._ask_box,
            self.lift_box,
            self.control,
            consensus,
        )
        moved = result.anchor_stamp_ns != anchor.stamp_ns
        why = (
            "another view's box agrees better with the rest"
            if moved
            else "no other view could be checked"
            if not any(v.counts for v in result.views)
            else "boxes of other views compared in 3D"
        )
        note_anchor(self.trace, self.window, result, why)
        return result

    def _ask_box(self, frame: RgbdFrame) -> BoxXyxy | None:
        return self.replies.ask("verify", [frame], 0).box
