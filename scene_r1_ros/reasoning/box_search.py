"""Stage 2 over the views of a span: the box that the model says and that other views confirm."""

from __future__ import annotations

import time
from collections.abc import Sequence

from ..errors import UnparsableAnswerError
from ..frames import RgbdFrame
from ..geometry import BoxXyxy, checked_box
from .box_lift import BoxLift
from .dialogue import Dialogue
from .oracle import Oracle
from .prompts import image_prompt
from .query_frames import QueryFrames, stamps_of
from .replies import ImageReply, none_said, read_image
from .verification import Verification, verify
from .views import rank_views, view_looks


class BoxSearch:
    """Asks ``dialogue`` for the box of ``words``; nothing is asked twice in one query."""

    def __init__(
        self, dialogue: Dialogue, frames: QueryFrames, words: str, lift_box: BoxLift
    ) -> None:
        self.dialogue = dialogue
        self.frames = frames
        self.words = words
        self.lift_box = lift_box
        self.window = frames.window
        self.config = dialogue.config
        self.control = dialogue.control
        self.trace = dialogue.trace
        self._said: dict[tuple[int, ...], ImageReply] = {}

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
        left = [frame for frame in ranked if not self._denied(frame)]
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
        scores = rank_views(self.window, self.frames.within(span), self.config.view_weights)
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
            self.trace.add_choice("box", _shown(box), "oracle")
            return ImageReply(0, box, "", "The box was given.", 1)
        reply = self._asked("image", views, self.config.retries)
        if reply.box is None:
            self.trace.add_choice("box", none_said(reply.candidates), "model", reply.rationale)
            return reply
        if len(views) > 1:
            seconds = self.window.time_of(views[reply.view])
            by = "model" if reply.view_stated else "rule"
            why = "" if reply.view_stated else "the answer names no view; the best ranked is taken"
            self.trace.add_choice("view", f"view {reply.view + 1} at {seconds:.2f} s", by, why)
        self.trace.add_choice("box", _shown(reply.box), "model", reply.rationale)
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
        candidates = [
            {
                "time": round((v.stamp_ns - self.window.start_ns) * 1e-9, 3),
                "said": v.outcome,
                "counts": v.counts,
                "agreement": round(v.agreement, 4),
                "center": [round(c, 3) for c in v.lifted.center] if v.lifted else None,
            }
            for v in result.views
        ]
        seconds = (result.anchor_stamp_ns - self.window.start_ns) * 1e-9
        moved = result.anchor_stamp_ns != anchor.stamp_ns
        why = (
            "another view's box agrees better with the rest"
            if moved
            else "no other view could be checked"
            if not any(v.counts for v in result.views)
            else "boxes of other views compared in 3D"
        )
        chosen = f"{seconds:.2f} s, confidence {result.confidence:.2f}"
        self.trace.add_choice("anchor", chosen, "geometry", why, candidates)
        return result

    def _ask_box(self, frame: RgbdFrame) -> BoxXyxy | None:
        return self._asked("verify", [frame], 0).box

    def _denied(self, frame: RgbdFrame) -> bool:
        """Whether the model saw this frame, alone or among others, and found nothing."""
        looks = self._said.items()
        return any(said.box is None and frame.stamp_ns in stamps for stamps, said in looks)

    def _asked(self, stage: str, views: Sequence[RgbdFrame], retries: int) -> ImageReply:
        """The model's reply to these views; what it said of a single one is not asked again."""
        stamps = tuple(stamps_of(views))
        if stamps not in self._said:
            messages = image_prompt(self.words, self.frames.timed(views), self.config.style)
            self._said[stamps] = self.dialogue.ask(
                stage,
                messages,
                stamps,
                lambda g: read_image(g, views, self.dialogue.backend.box_frame),
                retries=retries,
            )
        return self._said[stamps]


def _shown(box: BoxXyxy) -> str:
    return f"[{', '.join(f'{v:.0f}' for v in box)}] px"
