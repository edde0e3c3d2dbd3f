"""The prompts that a checkpoint was trained with: ``training.json`` in its folder.

A model answers best when it is asked as it was taught: as many frames and views, as large, the
rules and the query in the same places; and by a vote of frames where that suits it. ``scene-r1
train`` writes these settings beside the weights, also beside an adapter's; the reasoner takes them
from there.
"""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

from ..config import Scalar
from ..errors import ConfigError
from .backends.checkpoint import TransformersConfig
from .reasoner_config import ReasonerConfig

log = logging.getLogger(__name__)

TRAINING_FILE = "training.json"
UNKNOWN = (
    "The prompts may differ from those of its training: set reasoner.max_frames and the like "
    "yourself."
)
VERSION = 1
TAKEN: dict[str, str] = {
    "max_frames": "data",
    "views": "data",
    "max_image_tokens": "data",
    "max_image_pixels": "data",
    "token_side": "data",
    "system_prompt": "data",
    "repeat_query": "data",
    "max_new_tokens": "grpo",
    "vote_frames": "asked",
    "vote_confidence": "asked",
    "vote_closer": "asked",
}
"""Settings of the reasoner that training decides, and the section of training that has them."""


def as_trained(config: ReasonerConfig, checkpoint: TransformersConfig) -> ReasonerConfig:
    """:func:`prompts_of`, with what was taken from where in the log.

    A file that cannot be used is one warning, and ``config`` stays as it is.
    """
    try:
        config, note = prompts_of(config, checkpoint)
    except ConfigError as error:
        log.warning("%s %s", error, UNKNOWN)
        return config
    if note:
        log.info("%s", note)
    return config


def prompts_of(
    config: ReasonerConfig, checkpoint: TransformersConfig
) -> tuple[ReasonerConfig, str]:
    """``config`` with the checkpoint's values where it has none of its own, and a line about it.

    A value that equals its default counts as not set. An adapter's settings go before those of
    the model that it is put on. The line is empty where the checkpoint says nothing or is not
    asked (``prompt_settings``).

    Raises:
        ConfigError: as :func:`read_training`.
    """
    path = training_file(checkpoint)
    if config.prompt_settings == "own" or path is None:
        return config, ""
    trained, defaults = read_training(path), ReasonerConfig()
    unset = {n: v for n, v in trained.items() if getattr(config, n) == getattr(defaults, n)}
    taken = {name: value for name, value in unset.items() if value != getattr(config, name)}
    kept = [name for name in trained.keys() - unset if trained[name] != getattr(config, name)]
    note = ", ".join(f"{name} {value}" for name, value in taken.items()) or "the defaults"
    note = f"prompts as in training: {note} ({path})"
    if kept:
        note += "; set otherwise: " + ", ".join(
            f"{name} {getattr(config, name)}, trained with {trained[name]}" for name in sorted(kept)
        )
    return config.replace(**taken), note


def training_file(checkpoint: TransformersConfig) -> Path | None:
    """The file that says how the adapter, or else the model, was trained; None if there is none."""
    for folder in filter(None, (checkpoint.adapter, checkpoint.model)):
        path = Path(folder).expanduser() / TRAINING_FILE
        if path.is_file():
            return path
    return None


def read_training(path: Path) -> dict[str, Scalar]:
    """Those of :data:`TAKEN` that the file holds.

    Raises:
        ConfigError: if it cannot be read, is of another version, or holds a wrong value.
    """
    try:
        about = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigError(f"{path} cannot be read: {error}.") from error
    if not isinstance(about, dict) or not isinstance(about.get("settings"), dict):
        raise ConfigError(f"{path} holds no settings of a training.")
    if about.get("version") != VERSION:
        raise ConfigError(
            f"{path} is of version {about.get('version')!r}; this program reads {VERSION}."
        )
    specs = {spec.name: spec for spec in ReasonerConfig.options()}
    found: dict[str, Scalar] = {}
    for name, section in TAKEN.items():
        values: Any = about["settings"].get(section, {})
        if not isinstance(values, dict):
            raise ConfigError(f"{path}: {section} is no section of settings.")
        if name in values:
            try:
                found[name] = specs[name].check(values[name])
            except ConfigError as error:
                raise ConfigError(f"{path}: {section}.{error}") from error
    return found
