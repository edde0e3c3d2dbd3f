"""One query on its way through the stages: span, views, box, check; or span and answer."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..control import Control
from ..errors import UnparsableAnswerError
from ..frames import RgbdFrame, WindowSnapshot, seconds_to_ns
from ..geometry import BoxXyxy, checked_box
from .answer import Answer
from .backends import Backend
from .box_lift import BoxLift
from .dialogue import Dialogue
from .grounding import Grounding
from .oracle import Oracle
from .parsing import parse_think
from .prompts import TimedImage, answer_prompt, image_prompt, temporal_prompt
from .reasoner_config import ReasonerConfig
from .replies import ImageReply, TemporalReply, read_answer, read_image, read_temporal
from .sampling import looks_at, resized, sample_frames
from .span_refinement import refined_span
from .trace import QueryTrace
from .verification import Verification, verify
from .views import rank_views, view_looks
from .vocabulary import unknown_sentence

LABEL_ROUNDING = 0.05
"""Frames are labelled to tenths of a second, so a span reaches half of one further."""


@dataclass(frozen=True)
class _Found:
    """A box with the span that led to it, and what other views say of it."""

    temporal: TemporalReply
    span: tuple[int, int]
    reply: ImageReply
    checked: Verification


class QueryRun:
    """One query on its way through the stages."""

    def __init__(
        self,
        backend: Backend,
        config: ReasonerConfig,
        lift_box: BoxLift,
        window: WindowSnapshot,
        query: str,
        words: str,
        control: Control,
        trace: QueryTrace,
    ) -> None:
        self.backend = backend
        self.config = config
        self.lift_box = lift_box
        self.window = window
        self.query = query
        self.words = words
        self.control = control
        self.trace = trace
        self.dialogue = Dialogue(self.backend, self.config, control, trace)
        self._shown: dict[tuple[int, tuple[int, int]], TimedImage] = {}
        self._said: dict[tuple[int, ...], ImageReply] = {}

    # -- grounding

    def ground(self, oracle: Oracle) -> Grounding:
        best: _Found | None = None
        missed: tuple[TemporalReply, ImageReply | None, tuple[int, int]] | None = None
        spans = self._spans(oracle)
        while best is None or best.checked.confidence < self.config.confirmed:
            temporal = self._next(spans, best is not None)
            if temporal is None:
                break
            if temporal.span is None:
                missed = missed or (temporal, None, (0, 0))
                continue
            span = self._span_ns(temporal.span)
            reply, checked = self._boxed(self._ranked(span), oracle)
            if checked is None:
                missed = temporal, reply, span
                if reply.candidates > 1:
                    break
            elif best is None or checked.confidence > best.checked.confidence:
                best = _Found(temporal, span, reply, checked)
        if best is not None:
            return self._found(best, oracle)
        assert missed is not None
        return self._abstained(*missed)

    def _found(self, found: _Found, oracle: Oracle) -> Grounding:
        self._unknown_words()
        checked = found.checked
        return Grounding(
            query=self.query,
            found=True,
            anchor_stamp_ns=checked.anchor_stamp_ns,
            span=self._refined(found.span, checked, oracle),
            box_xyxy=checked.box,
            label=found.reply.label or self.words,
            rationale_temporal=found.temporal.rationale,
            rationale_image=found.reply.rationale,
            confidence=checked.confidence,
            candidates=1,
        )

    def _spans(self, oracle: Oracle) -> Iterator[TemporalReply]:
        """What stage 1 says, look by look; each is asked when it is wanted. Nothing follows an
        ambiguous one."""
        window = self.window
        if oracle.span is not None or oracle.view_stamp_ns is not None:
            stamps = oracle.span or (oracle.view_stamp_ns, oracle.view_stamp_ns)
            start, end = (((s or 0) - window.start_ns) * 1e-9 for s in stamps)
            self.trace.add_choice("span", f"{start:.2f} s to {end:.2f} s", "oracle")
            yield TemporalReply((start, end), "The span was given.")
            return
        if len(window.frames) == 1:
            self.trace.add_choice("span", "the only frame", "rule", "the window has one frame")
            yield TemporalReply((0.0, 0.0), "The window has one frame.")
            return
        for frames in looks_at(window, self.config.budget.images_that_fit(), self.config.looks):
            messages = temporal_prompt(self.words, self._timed(frames), self.config.style)
            reply = self.dialogue.ask(
                "temporal", messages, _stamps(frames), lambda g: read_temporal(g, window.seconds)
            )
            chosen = _none(reply.candidates)
            if reply.span is not None:
                chosen = f"{reply.span[0]:.2f} s to {reply.span[1]:.2f} s"
            self.trace.add_choice("span", chosen, "model", reply.rationale)
            yield reply
            if reply.candidates > 1:
                return

    @staticmethod
    def _next(spans: Iterator[TemporalReply], found: bool) -> TemporalReply | None:
        """The next of ``spans``, None at their end; a reply that cannot be used loses no box that
        was ``found`` before."""
        try:
            return next(spans, None)
        except UnparsableAnswerError:
            if found:
                return None
            raise

    def _ranked(self, span: tuple[int, int]) -> list[RgbdFrame]:
        """The span's frames, best first."""
        self.control.check("ranking")
        started = time.perf_counter()
        scores = rank_views(self.window, self._frames_in(span), self.config.view_weights)
        self.trace.add_seconds("ranking", time.perf_counter() - started)
        candidates = [
            {"time": round((s.stamp_ns - self.window.start_ns) * 1e-9, 3), **s.parts()}
            for s in scores
        ]
        shown = ", ".join(f"{c['time']:.1f} s" for c in candidates[: self.config.views])
        why = "visibility, sharpness, motion, distance; then unlike those before"
        self.trace.add_choice("views", shown, "ranking", why, candidates)
        return [self.window.at(s.stamp_ns) for s in scores]

    def _boxed(
        self, ranked: Sequence[RgbdFrame], oracle: Oracle
    ) -> tuple[ImageReply, Verification | None]:
        """The box of the first look that other views confirm, else of the look that they confirm
        best; the last look's reply without one where no look finds the object."""
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

    def _image(self, views: Sequence[RgbdFrame], oracle: Oracle) -> ImageReply:
        if oracle.box is not None:
            camera = views[0].intrinsics
            box = checked_box(oracle.box, camera.width, camera.height)
            self.trace.add_choice("box", _shown(box), "oracle")
            return ImageReply(0, box, "", "The box was given.", 1)
        reply = self._asked("image", views, self.config.retries)
        if reply.box is None:
            self.trace.add_choice("box", _none(reply.candidates), "model", reply.rationale)
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

    def _refined(
        self, span: tuple[int, int], checked: Verification, oracle: Oracle
    ) -> tuple[int, int]:
        """The span as geometry sees it, now that the object's place is known."""
        if not self.config.refine_span or oracle.span is not None or checked.lifted is None:
            return span
        self.control.check("refinement")
        started = time.perf_counter()
        refined = refined_span(self.window, checked.anchor_stamp_ns, checked.box, checked.lifted)
        self.trace.add_seconds("refinement", time.perf_counter() - started)
        if refined is None:
            return span
        chosen = " to ".join(f"{(s - self.window.start_ns) * 1e-9:.2f} s" for s in refined)
        why = "the frames around the anchor in which the object's surface is seen"
        self.trace.add_choice("refined span", chosen, "geometry", why)
        return refined

    def _ask_box(self, frame: RgbdFrame) -> BoxXyxy | None:
        return self._asked("verify", [frame], 0).box

    def _denied(self, frame: RgbdFrame) -> bool:
        """Whether the model saw this frame, alone or among others, and found nothing."""
        looks = self._said.items()
        return any(said.box is None and frame.stamp_ns in stamps for stamps, said in looks)

    def _asked(self, stage: str, views: Sequence[RgbdFrame], retries: int) -> ImageReply:
        """The model's reply to these views; what it said of a single one is not asked again."""
        stamps = tuple(_stamps(views))
        if stamps not in self._said:
            messages = image_prompt(self.words, self._timed(views), self.config.style)
            self._said[stamps] = self.dialogue.ask(
                stage,
                messages,
                stamps,
                lambda g: read_image(g, views, self.backend.box_frame),
                retries=retries,
            )
        return self._said[stamps]

    def _abstained(
        self, temporal: TemporalReply, reply: ImageReply | None, span: tuple[int, int]
    ) -> Grounding:
        rationale_image = reply.rationale if reply else ""
        candidates = reply.candidates if reply else temporal.candidates
        why = rationale_image or temporal.rationale
        if candidates > 1:
            reason = f"ambiguous: {candidates} objects fit {self.words!r} equally well"
        elif span != (0, 0):
            reason = f"not found: no view of the span shows {self.words!r}"
        else:
            reason = f"not found: {self.words!r} is in none of the frames"
        unknown = unknown_sentence(self._unknown_words())
        why = f"{unknown[0].upper()}{unknown[1:]}. {why}".rstrip() if unknown else why
        return Grounding(
            query=self.query,
            found=False,
            span=span,
            rationale_temporal=temporal.rationale,
            rationale_image=rationale_image,
            reason=f"{reason}. {why}" if why else f"{reason}.",
            candidates=candidates if candidates > 1 else 0,
        )

    def _unknown_words(self) -> tuple[str, ...]:
        """Words of the query that the model has never seen; the trace keeps them."""
        unknown = self.backend.unknown_words(self.words)
        if unknown:
            self.trace.add_choice("unknown words", ", ".join(unknown), "tokenizer")
        return unknown

    # -- question answering

    def answer(self, oracle: Oracle) -> Answer:
        span = self._evidence_span(oracle)
        frames = self._sampled(WindowSnapshot(tuple(self._frames_in(span))))
        messages = answer_prompt(self.words, self._timed(frames), self.config.style)
        text = self.dialogue.ask("answer", messages, _stamps(frames), read_answer)
        last = self.trace.calls[-1]
        return Answer(
            question=self.query,
            text=text,
            rationale=parse_think(last.raw),
            span=span,
            evidence_stamps_ns=tuple(_stamps(frames)),
            confidence=0.5 if last.probability is None else last.probability,
        )

    def _evidence_span(self, oracle: Oracle) -> tuple[int, int]:
        whole = (self.window.start_ns, self.window.end_ns)
        if not self.config.answer_span and oracle.span is None:
            return whole
        try:
            temporal = self._first_span(oracle)
        except UnparsableAnswerError as error:
            self.trace.add_choice("evidence", "the whole window", "rule", str(error))
            return whole
        if temporal.span is None:
            why = "no single span holds the answer"
            self.trace.add_choice("evidence", "the whole window", "rule", why)
            return whole
        return self._span_ns(temporal.span)

    def _first_span(self, oracle: Oracle) -> TemporalReply:
        """The first look's that found one, else the last look's."""
        for temporal in self._spans(oracle):
            if temporal.span is not None:
                break
        return temporal

    # -- frames

    def _span_ns(self, span: tuple[float, float]) -> tuple[int, int]:
        """The span in stamps, holding at least one frame."""
        window = self.window
        start = window.start_ns + seconds_to_ns(span[0])
        end = window.start_ns + seconds_to_ns(span[1])
        slack = seconds_to_ns(LABEL_ROUNDING)
        inside = [f.stamp_ns for f in window.frames if start - slack <= f.stamp_ns <= end + slack]
        if not inside:
            nearest = window.nearest((start + end) // 2).stamp_ns
            return min(start, nearest), max(end, nearest)
        return min(start, inside[0]), max(end, inside[-1])

    def _frames_in(self, span: tuple[int, int]) -> tuple[RgbdFrame, ...]:
        return self.window.between(*span).frames

    def _sampled(self, window: WindowSnapshot) -> tuple[RgbdFrame, ...]:
        return sample_frames(window, self.config.budget.images_that_fit())

    def _timed(self, frames: Sequence[RgbdFrame]) -> list[TimedImage]:
        """The frames as a prompt shows them, all under one budget."""
        shown = []
        for frame in frames:
            camera = frame.intrinsics
            size = self.config.budget.image_size(camera.width, camera.height, len(frames))
            key = (frame.stamp_ns, size)
            if key not in self._shown:
                image = resized(frame.color, size)
                self._shown[key] = TimedImage(image, self.window.time_of(frame))
            shown.append(self._shown[key])
        return shown


def _none(candidates: int) -> str:
    return f"ambiguous: {candidates}" if candidates > 1 else "none"


def _stamps(frames: Sequence[RgbdFrame]) -> list[int]:
    return [frame.stamp_ns for frame in frames]


def _shown(box: BoxXyxy) -> str:
    return f"[{', '.join(f'{v:.0f}' for v in box)}] px"
