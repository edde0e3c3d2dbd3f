"""One query on its way through the stages: span, views, box, check; or span and answer."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..control import Control
from ..errors import UnparsableAnswerError
from ..frames import WindowSnapshot
from .answer import Answer
from .backends import Backend
from .box_election import BoxElection
from .box_lift import BoxLift
from .box_search import BoxSearch
from .dialogue import Dialogue
from .grounding import Grounding
from .oracle import Oracle
from .parsing import parse_think
from .prompts import answer_prompt, temporal_prompt
from .query_frames import QueryFrames, stamps_of
from .reasoner_config import ReasonerConfig
from .replies import ImageReply, TemporalReply, none_said, read_answer, read_temporal
from .sampling import looks_at, sample_frames
from .span_refinement import refined_span
from .spatial_query import parse_spatial
from .trace import QueryTrace
from .verification import Verification
from .view_replies import ViewReplies

if TYPE_CHECKING:
    from ..tracking import Tracker
from .vocabulary import unknown_sentence


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
        tracker: Tracker,
        window: WindowSnapshot,
        query: str,
        words: str,
        control: Control,
        trace: QueryTrace,
    ) -> None:
        self.backend = backend
        self.config = config
        self.window = window
        self.query = query
        self.words = words
        self.control = control
        self.trace = trace
        self.dialogue = Dialogue(self.backend, self.config, control, trace)
        self.frames = QueryFrames(window, config.budget)
        replies = ViewReplies(self.dialogue, self.frames, words)
        self.boxes = BoxSearch(replies, lift_box)
        self.election = BoxElection(replies, lift_box, tracker)

    # -- grounding

    def ground(self, oracle: Oracle) -> Grounding:
        given = oracle.view_stamp_ns is not None or oracle.box is not None
        if self.config.vote_frames > 0 and not given:
            return self._by_vote(oracle)
        best: _Found | None = None
        missed: tuple[TemporalReply, ImageReply | None, tuple[int, int]] | None = None
        spans = self._spans(oracle)
        while best is None or best.checked.confidence < self.config.confirmed:
            looked = best is not None or (missed is not None and missed[1] is not None)
            temporal = self._next(spans, looked)
            if temporal is None:
                break
            if temporal.span is None:
                missed = missed or (temporal, None, (0, 0))
                continue
            span = self.frames.span_ns(temporal.span)
            reply, checked = self.boxes.search(span, oracle)
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

    def _by_vote(self, oracle: Oracle) -> Grounding:
        """What most of the frames mean, spread over the window or the span that was given."""
        inside = self.window if oracle.span is None else self.window.between(*oracle.span)
        spatial = parse_spatial(self.words) if self.config.vote_relations else None
        elected = self.election.hold(sample_frames(inside, self.config.vote_frames), spatial)
        start, end = ((s - self.window.start_ns) * 1e-9 for s in elected.span)
        temporal = TemporalReply((start, end), elected.summary, elected.candidates)
        if elected.found is None:
            return self._abstained(temporal, None, (0, 0), elected.doubt)
        reply, checked = elected.found
        return self._found(_Found(temporal, elected.span, reply, checked), oracle)

    def _found(self, found: _Found, oracle: Oracle) -> Grounding:
        self._unknown_words()
        checked = found.checked
        return Grounding(
            query=self.query,
            found=True,
            anchor_stamp_ns=checked.anchor_stamp_ns,
            span=self._refined(found.span, checked, oracle),
            box_xyxy=checked.bounds or checked.box,
            prompt_xyxy=checked.box if checked.bounds else None,
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
            messages = temporal_prompt(self.words, self.frames.timed(frames), self.config.style)
            reply = self.dialogue.ask(
                "temporal", messages, stamps_of(frames), lambda g: read_temporal(g, window.seconds)
            )
            chosen = none_said(reply.candidates)
            if reply.span is not None:
                chosen = f"{reply.span[0]:.2f} s to {reply.span[1]:.2f} s"
            self.trace.add_choice("span", chosen, "model", reply.rationale)
            yield reply
            if reply.candidates > 1:
                return

    @staticmethod
    def _next(spans: Iterator[TemporalReply], looked: bool) -> TemporalReply | None:
        """The next of ``spans``, None at their end; a reply that cannot be used loses nothing that
        views ``looked`` at before have said."""
        try:
            return next(spans, None)
        except UnparsableAnswerError:
            if looked:
                return None
            raise

    def _refined(
        self, span: tuple[int, int], checked: Verification, oracle: Oracle
    ) -> tuple[int, int]:
        """The span as geometry sees it, now that the object's place is known."""
        if not self.config.refine_span or oracle.span is not None or checked.lifted is None:
            return span
        self.control.check("refinement")
        started = time.perf_counter()
        refined = refined_span(
            self.window, checked.anchor_stamp_ns, checked.box, checked.lifted, checked.shown
        )
        self.trace.add_seconds("refinement", time.perf_counter() - started)
        if refined is None:
            return span
        chosen = " to ".join(f"{(s - self.window.start_ns) * 1e-9:.2f} s" for s in refined)
        why = "the frames around the anchor in which the object is seen"
        self.trace.add_choice("refined span", chosen, "geometry", why)
        return refined

    def _abstained(
        self,
        temporal: TemporalReply,
        reply: ImageReply | None,
        span: tuple[int, int],
        doubt: str = "",
    ) -> Grounding:
        rationale_image = reply.rationale if reply else ""
        candidates = reply.candidates if reply else temporal.candidates
        why = rationale_image or temporal.rationale
        if candidates > 1:
            reason = f"ambiguous: {candidates} objects fit {self.words!r} equally well"
        elif doubt:
            reason = f"not found: {self.words!r}: {doubt}"
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
        frames = self.frames.sampled(self.frames.within(span))
        messages = answer_prompt(self.words, self.frames.timed(frames), self.config.style)
        text = self.dialogue.ask("answer", messages, stamps_of(frames), read_answer)
        last = self.trace.calls[-1]
        return Answer(
            question=self.query,
            text=text,
            rationale=parse_think(last.raw),
            span=span,
            evidence_stamps_ns=tuple(stamps_of(frames)),
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
        return self.frames.span_ns(temporal.span)

    def _first_span(self, oracle: Oracle) -> TemporalReply:
        """The first look's that found one, else the last look's."""
        for temporal in self._spans(oracle):
            if temporal.span is not None:
                break
        return temporal
