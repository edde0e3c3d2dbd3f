"""Command-line flags from declared settings."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from typing import Any, TypeVar

from ..config import Config, OptionSpec, Scalar
from ..errors import ConfigError

ConfigT = TypeVar("ConfigT", bound=Config)


def add_config_arguments(
    parser: argparse.ArgumentParser,
    config: type[Config],
    only: Iterable[str] | None = None,
    title: str | None = None,
) -> None:
    """One flag for each setting: ``--max-seconds`` for ``max_seconds``, ``--no-`` for booleans."""
    wanted = None if only is None else set(only)
    group = parser.add_argument_group(title or (config.__doc__ or "").split("\n")[0])
    for spec in config.options():
        if wanted is not None and spec.name not in wanted:
            continue
        flag = "--" + spec.name.replace("_", "-")
        text = f"{spec.describe()} (default: {spec.default!r})".replace("%", "%%")
        if spec.type is bool:
            group.add_argument(
                flag, action=argparse.BooleanOptionalAction, default=argparse.SUPPRESS, help=text
            )
        else:
            group.add_argument(
                flag,
                type=_checked(spec),
                default=argparse.SUPPRESS,
                metavar=spec.type.__name__.upper(),
                help=text,
            )


def given(args: argparse.Namespace, config: type[Config]) -> dict[str, Scalar]:
    """The settings that were given as flags."""
    values: dict[str, Any] = vars(args)
    return {spec.name: values[spec.name] for spec in config.options() if spec.name in values}


def config_from(args: argparse.Namespace, config: type[ConfigT]) -> ConfigT:
    """The settings class filled from flags, defaults for the rest."""
    return config(**given(args, config))


def _checked(spec: OptionSpec) -> Any:
    def convert(text: str) -> Scalar:
        try:
            return spec.check(spec.type(text))
        except (ValueError, ConfigError) as error:
            raise argparse.ArgumentTypeError(str(error)) from error

    return convert
