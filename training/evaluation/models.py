"""What reasons in an evaluation, named by a string so that it can travel to other processes.

``none`` leaves the reasoner out (ceilings only). ``MODULE:FUNCTION`` calls a function without
arguments that returns a reasoner. Anything else is a checkpoint (name or folder), or the address
of an OpenAI-compatible server when it begins with http:// or https:// ("#MODEL" may follow).
"""

from __future__ import annotations

import functools
import importlib
import re
from typing import Any

from scene_r1_ros.errors import ConfigError, ModelAbsentError
from scene_r1_ros.frames import WindowSnapshot
from scene_r1_ros.reasoning import Grounding

NONE = "none"


@functools.lru_cache(maxsize=2)
def load_reasoner(spec: str) -> Any:
    """The reasoner of ``spec``, None for ``none``; loaded once a process.

    Raises:
        ConfigError: if the module or function does not exist.
        ModelAbsentError: if the model cannot be loaded.
    """
    if spec == NONE:
        return None
    if re.fullmatch(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*", spec) and not spec.startswith("http"):
        module, function = spec.split(":")
        try:
            return getattr(importlib.import_module(module), function)()
        except (ImportError, AttributeError) as error:
            raise ConfigError(f"--model {spec}: {error}.") from error
    return _from_backend(spec)


def _from_backend(spec: str) -> Any:
    from scene_r1_ros.reasoning import backends
    from scene_r1_ros.reasoning.reasoner import TwoStageReasoner

    make = getattr(backends, "make_backend", None)
    config = getattr(backends, "BackendConfig", None)
    if make is None or config is None:
        raise ModelAbsentError(
            f"--model {spec}: this installation has no model backends; use --model none or "
            "MODULE:FUNCTION."
        )
    if spec.startswith(("http://", "https://")):
        address, _, model = spec.partition("#")
        backend = make(config(backend="openai", base_url=address, model=model))
    else:
        backend = make(config(backend="transformers", model=spec))
    backend.start()
    return TwoStageReasoner(backend)


def ground(
    reasoner: Any,
    window: WindowSnapshot,
    query: str,
    span: tuple[int, int] | None = None,
    view_stamp_ns: int | None = None,
) -> tuple[Grounding, dict[str, int]]:
    """Ask with the span or the view given (an oracle), or neither; also the tokens it took.

    A reasoner that knows no oracles sees only that part of the window instead.
    """
    traced = getattr(reasoner, "ground_traced", None)
    if traced is None:
        start, end = (view_stamp_ns, view_stamp_ns) if view_stamp_ns is not None else span or (0, 0)
        part = window if span is None and view_stamp_ns is None else window.between(start, end)
        from scene_r1_ros.control import Control

        return reasoner.ground(part, query, Control()), {}
    from scene_r1_ros.reasoning.reasoner import Oracle

    grounding, trace = traced(window, query, oracle=Oracle(span, view_stamp_ns))
    return grounding, _tokens(trace)


def answer(reasoner: Any, window: WindowSnapshot, question: str) -> tuple[Any, dict[str, int]]:
    """The reasoner's answer to a question, and the tokens it took."""
    traced = getattr(reasoner, "answer_traced", None)
    if traced is None:
        from scene_r1_ros.control import Control

        return reasoner.answer(window, question, Control()), {}
    found, trace = traced(window, question)
    return found, _tokens(trace)


def _tokens(trace: Any) -> dict[str, int]:
    return {
        "in": sum(call.tokens_in for call in trace.calls),
        "out": sum(call.tokens_out for call in trace.calls),
    }
