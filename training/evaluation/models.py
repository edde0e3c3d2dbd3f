"""What reasons in an evaluation, named by a string so that it can travel to other processes.

``none`` leaves the reasoner out (ceilings only); ``auto`` is the checkpoint that ships with the
package, or none. ``MODULE:FUNCTION`` calls a function without arguments that returns a reasoner.
Anything else is a checkpoint (name or folder), or the address of an OpenAI-compatible server when
it begins with http:// or https:// ("#MODEL" may follow). Settings of the reasoner and its backend
come as ``section.name=value``, for example ``reasoner.views=1``.
"""

from __future__ import annotations

import functools
import importlib
import re
from typing import Any

from scene_r1_ros.errors import ConfigError
from scene_r1_ros.frames import WindowSnapshot
from scene_r1_ros.reasoning import Grounding

NONE = "none"
AUTO = "auto"
_FUNCTION = r"[A-Za-z_][\w.]*:[A-Za-z_]\w*"


def resolve_model(spec: str) -> str:
    """``spec``, with ``auto`` replaced by the shipped checkpoint or ``none``."""
    if spec != AUTO:
        return spec
    from scene_r1_ros.reasoning.build import shipped_checkpoint

    return shipped_checkpoint() or NONE


@functools.lru_cache(maxsize=2)
def load_reasoner(spec: str, settings: tuple[str, ...] = ()) -> Any:
    """The reasoner of ``spec``, None for ``none``; loaded once a process.

    Raises:
        ConfigError: if the module, the function or a setting does not exist.
        ModelAbsentError: if the model cannot be loaded or reached.
    """
    if spec == NONE:
        return None
    if re.fullmatch(_FUNCTION, spec):
        module, function = spec.split(":")
        try:
            return getattr(importlib.import_module(module), function)()
        except (ImportError, AttributeError) as error:
            raise ConfigError(f"--model {spec}: {error}.") from error
    from scene_r1_ros.reasoning.backends.background import wait_until_ready
    from scene_r1_ros.reasoning.build import make_reasoner

    given = _sections(spec, settings)
    reasoner = make_reasoner(lambda prefix, section: section(**given.get(prefix, {})))
    wait_until_ready(reasoner.backend)
    return reasoner


def prompts_note(spec: str, settings: tuple[str, ...] = ()) -> str:
    """How the prompts come to what they are, where the checkpoint says how it was trained."""
    from scene_r1_ros.reasoning.backends.checkpoint import TransformersConfig
    from scene_r1_ros.reasoning.prompt_settings import UNKNOWN, prompts_of
    from scene_r1_ros.reasoning.reasoner_config import ReasonerConfig

    if spec == NONE or re.fullmatch(_FUNCTION, spec):
        return ""
    given = _sections(spec, settings)
    if given["model"]["backend"] == "openai":
        return ""
    config = ReasonerConfig(**given.get("reasoner", {}))
    try:
        return prompts_of(config, TransformersConfig(**given.get("transformers", {})))[1]
    except ConfigError as error:
        return f"{error} {UNKNOWN}"


def _sections(spec: str, settings: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    """The settings by section, with the model that ``spec`` names."""
    given = parse_settings(settings)
    if spec.startswith(("http://", "https://")):
        address, _, model = spec.partition("#")
        chosen = {"base_url": address, **({"model": model} if model else {})}
        given = {**given, "model": {"backend": "openai"}}
        given["openai"] = {**chosen, **given.get("openai", {})}
    else:
        given = {**given, "model": {"backend": "transformers"}}
        given["transformers"] = {"model": spec, **given.get("transformers", {})}
    return given


def parse_settings(settings: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    """``("reasoner.views=1",)`` as values by section and name, of the declared types.

    Raises:
        ConfigError: naming the setting that is malformed, unknown or out of range.
    """
    from scene_r1_ros.reasoning.build import SECTIONS

    sections = dict(SECTIONS)
    given: dict[str, dict[str, Any]] = {}
    for text in settings:
        path, equals, value = text.partition("=")
        prefix, dot, name = path.partition(".")
        if not equals or not dot or prefix not in sections:
            raise ConfigError(
                f"--set {text}: give SECTION.NAME=VALUE; sections are {', '.join(sections)}."
            )
        specs = {spec.name: spec for spec in sections[prefix].options()}
        if name not in specs:
            raise ConfigError(f"--set {text}: {prefix} has {', '.join(specs)}.")
        spec = specs[name]
        try:
            plain = value.lower() in ("true", "yes", "1") if spec.type is bool else spec.type(value)
        except ValueError as error:
            raise ConfigError(f"--set {text}: {error}.") from error
        given.setdefault(prefix, {})[name] = spec.check(plain)
    return given


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
