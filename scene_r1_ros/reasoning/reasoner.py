"""The two-stage reasoner: when is it seen, then where in the best view, checked in others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..control import Control
from ..frames import WindowSnapshot
from .answer import Answer
from .backends import Backend
from .box_lift import BoxLift, median_depth_box
from .grounding import Grounding
from .oracle import Oracle
from .query_run import QueryRun
from .query_text import clean_query
from .reasoner_config import ReasonerConfig
from .trace import QueryTrace
from .trace_store import TraceStore

if TYPE_CHECKING:
    from ..tracking import Tracker

__all__ = ["Oracle", "TwoStageReasoner"]


class TwoStageReasoner:
    """Answers queries over a window with a vision-language model; serves one query at a time.

    ``lift_box`` tells whether boxes of two frames mean one place; ``tracker`` tells from which of
    such boxes masks go out best (if not given, geometry alone with its defaults).
    """

    def __init__(
        self,
        backend: Backend,
        config: ReasonerConfig | None = None,
        *,
        lift_box: BoxLift = median_depth_box,
        tracker: Tracker | None = None,
        traces: TraceStore | None = None,
    ) -> None:
        self.backend = backend
        self.config = config or ReasonerConfig()
        self.lift_box = lift_box
        self.tracker = tracker or _geometric_tracker()
        self.traces = traces

    def ground(
        self, window: WindowSnapshot, query: str, control: Control | None = None
    ) -> Grounding:
        """When and where ``query`` is seen; not found and ambiguous are answers too.

        Raises:
            RequestError: if the query is empty or too long.
            UnparsableAnswerError: if the model's answers could not be used.
            ModelLoadingError, ModelAbsentError, BackendError: if there is no model to answer.
            DeadlineError, CancelledError: as ``control`` says.
        """
        return self.ground_traced(window, query, control)[0]

    def answer(
        self, window: WindowSnapshot, question: str, control: Control | None = None
    ) -> Answer:
        """An answer in words; raises as :meth:`ground`."""
        return self.answer_traced(window, question, control)[0]

    def ground_traced(
        self,
        window: WindowSnapshot,
        query: str,
        control: Control | None = None,
        *,
        oracle: Oracle | None = None,
        query_id: str | None = None,
    ) -> tuple[Grounding, QueryTrace]:
        """As :meth:`ground`, with the record of how it came about."""
        words = clean_query(query)
        trace = self._new_trace("ground", query, window, query_id)
        run = self._run(window, query, words, control, trace)
        try:
            grounding = run.ground(oracle or Oracle())
            trace.finish(grounding)
        except BaseException as error:
            trace.fail(error)
            raise
        finally:
            self._save(trace)
        return grounding, trace

    def answer_traced(
        self,
        window: WindowSnapshot,
        question: str,
        control: Control | None = None,
        *,
        oracle: Oracle | None = None,
        query_id: str | None = None,
    ) -> tuple[Answer, QueryTrace]:
        """As :meth:`answer`, with the record of how it came about."""
        words = clean_query(question, "question")
        trace = self._new_trace("answer", question, window, query_id)
        run = self._run(window, question, words, control, trace)
        try:
            answer = run.answer(oracle or Oracle())
            trace.finish(answer)
        except BaseException as error:
            trace.fail(error)
            raise
        finally:
            self._save(trace)
        return answer, trace

    def _run(
        self,
        window: WindowSnapshot,
        query: str,
        words: str,
        control: Control | None,
        trace: QueryTrace,
    ) -> QueryRun:
        return QueryRun(
            self.backend,
            self.config,
            self.lift_box,
            self.tracker,
            window,
            query,
            words,
            control or Control(),
            trace,
        )

    def _new_trace(
        self, kind: str, query: str, window: WindowSnapshot, query_id: str | None
    ) -> QueryTrace:
        settings = {spec.name: getattr(self.config, spec.name) for spec in self.config.options()}
        model = {"name": self.backend.name, **self.backend.settings()}
        return QueryTrace(kind, query, window, model, settings, query_id)

    def _save(self, trace: QueryTrace) -> None:
        if self.traces is not None:
            self.traces.save(trace)


def _geometric_tracker() -> Tracker:
    from ..tracking import GeometricTracker  # only here: its libraries take a while to load

    return GeometricTracker()
