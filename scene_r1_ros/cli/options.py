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
    prefix: str = "",
) -> None:
    """One flag for each setting: ``--max-seconds`` for ``max_seconds``, ``--no-`` for booleans.

    With the prefix ``lifting`` the flags are ``--lifting-...``.
    """
    wanted = None if only is None else set(only)
    group = parser.add_argument_group(title or (config.__doc__ or "").split("\n")[0])
    for spec in config.options():
        if wanted is not None and spec.name not in wanted:
            continue
        flag = "--" + _attribute(spec, prefix).replace("_", "-")
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


def given(args: argparse.Namespace, config: type[Config], prefix: str = "") -> dict[str, Scalar]:
    """The settings that were given as flags."""
    values: dict[str, Any] = vars(args)
    names = {spec.name: _attribute(spec, prefix) for spec in config.options()}
    return {name: values[key] for name, key in names.items() if key in values}


def config_from(args: argparse.Namespace, config: type[ConfigT], prefix: str = "") -> ConfigT:
    """The settings class filled from flags, defaults for the rest."""
    return config(**given(args, config, prefix))


def _attribute(spec: OptionSpec, prefix: str) -> str:
    return f"{prefix}_{spec.name}" if prefix else spec.name


def _checked(spec: OptionSpec) -> Any:
    def convert(text: str) -> Scalar:
        try:
            return spec.check(spec.type(text))
        except (ValueError, ConfigError) as error:
            raise argparse.ArgumentTypeError(str(error)) from error

    return convert
