"""A reasoner from settings, the same for nodes and commands."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from ..config import Config, Settings, option
from ..errors import ModelAbsentError
from ..resources import share_directories
from .backends import Backend
from .backends.checkpoint import TransformersConfig
from .backends.openai_backend import OpenAIConfig
from .prompt_settings import as_trained
from .reasoner import TwoStageReasoner
from .reasoner_config import ReasonerConfig
from .trace_store import TraceConfig, TraceStore

log = logging.getLogger(__name__)

SHIPPED_CHECKPOINT = "checkpoints/rooms"


@dataclass(frozen=True)
class BackendConfig(Config):
    """Which model answers."""

    backend: str = option(
        "auto",
        "Where the model runs: transformers in this process, openai on a server. auto takes the "
        "one whose model or address is set, else the checkpoint that ships with this package.",
        choices=("auto", "transformers", "openai", "none"),
    )


SECTIONS: tuple[tuple[str, type[Config]], ...] = (
    ("model", BackendConfig),
    ("transformers", TransformersConfig),
    ("openai", OpenAIConfig),
    ("reasoner", ReasonerConfig),
    ("trace", TraceConfig),
)
"""Every section of settings that a reasoner needs, with its prefix."""


def make_backend(
    choice: BackendConfig, transformers: TransformersConfig, openai: OpenAIConfig
) -> Backend:
    """The backend that the settings name; nothing is loaded yet.

    Raises:
        ModelAbsentError: if none is named and none ships.
    """
    return _backend_of(chosen_model(choice, transformers, openai))


def _backend_of(config: TransformersConfig | OpenAIConfig) -> Backend:
    if isinstance(config, OpenAIConfig):
        from .backends.openai_backend import OpenAIBackend

        return OpenAIBackend(config)
    from .backends.transformers_backend import TransformersBackend

    return TransformersBackend(config)


def chosen_model(
    choice: BackendConfig, transformers: TransformersConfig, openai: OpenAIConfig
) -> TransformersConfig | OpenAIConfig:
    """The model that the settings name, in this process or on a server.

    Raises:
        ModelAbsentError: as :func:`make_backend`.
    """
    kind = choice.backend
    if kind == "auto":
        if transformers.model:
            kind = "transformers"
        elif openai.model or openai.base_url != OpenAIConfig().base_url:
            kind = "openai"
        else:
            transformers = transformers.replace(model=shipped_checkpoint())
            kind = "transformers"
    if kind == "openai":
        return openai
    if kind == "none" or not transformers.model:
        raise ModelAbsentError(
            "no model is chosen: set transformers.model (--model) to a checkpoint (a folder, or a "
            "name such as Qwen/Qwen2.5-VL-3B-Instruct), or openai.base_url (--server) to a server; "
            "boxes can be tracked without a model."
        )
    return transformers


def make_reasoner(settings: Settings) -> TwoStageReasoner:
    """The reasoner; ``settings(prefix, section)`` gives each of :data:`SECTIONS`.

    A checkpoint that says how it was trained is asked in the same way (:mod:`.prompt_settings`).

    Raises:
        ModelAbsentError: as :func:`make_backend`.
    """
    named = (
        settings("model", BackendConfig),
        settings("transformers", TransformersConfig),
        settings("openai", OpenAIConfig),
    )
    model = chosen_model(*named)
    config = settings("reasoner", ReasonerConfig)
    if isinstance(model, TransformersConfig):
        if model.model != named[1].model:
            log.warning(
                "no model is chosen: the small one that ships answers, which knows synthetic rooms "
                "and nothing else. For a real camera give --model or --server."
            )
        config = as_trained(config, model)
    traces = TraceStore(settings("trace", TraceConfig))
    return TwoStageReasoner(_backend_of(model), config, traces=traces)


def shipped_checkpoint() -> str:
    """Folder of the checkpoint that ships with this package; empty if there is none."""
    for place in share_directories():
        folder = place / SHIPPED_CHECKPOINT
        if (folder / "config.json").is_file():
            return str(folder)
    return ""
