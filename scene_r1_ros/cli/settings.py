"""``--set SECTION.NAME=VALUE``: any declared setting, without a flag for each."""

from __future__ import annotations

import argparse
import difflib
from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from ..config import Config, OptionSpec, Scalar
from ..errors import ConfigError

ConfigT = TypeVar("ConfigT", bound=Config)
Sections = Sequence[tuple[str, type[Config]]]


def add_settings_arguments(parser: argparse.ArgumentParser) -> None:
    """``--set`` and ``--list-settings``."""
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a setting, for example lifting.cluster=false; repeatable",
    )
    parser.add_argument(
        "--list-settings", action="store_true", help="print every setting that --set takes, and end"
    )


class GivenSettings:
    """The settings of some sections: defaults, and what ``--set`` changed.

    Raises:
        ConfigError: for an unknown name or a wrong value.
    """

    def __init__(self, sections: Sections, assignments: Sequence[str]) -> None:
        self._sections = sections
        self._values: dict[tuple[str, str], Scalar] = {}
        specs = {
            _name(prefix, spec): (prefix, spec)
            for prefix, section in sections
            for spec in section.options()
        }
        for item in assignments:
            name, sign, text = item.partition("=")
            if not sign:
                raise ConfigError(f"--set {item!r}: needs NAME=VALUE.")
            if name not in specs:
                raise ConfigError(f"--set {item!r}: there is no setting {name}{_near(name, specs)}")
            prefix, spec = specs[name]
            self._values[prefix, spec.name] = _value(spec, name, text)

    def __call__(self, prefix: str, section: type[ConfigT]) -> ConfigT:
        """The section, filled."""
        names = [spec.name for spec in section.options()]
        chosen: dict[str, Any] = {
            name: self._values[prefix, name] for name in names if (prefix, name) in self._values
        }
        return section(**chosen)

    def __str__(self) -> str:
        """Every setting with its default and meaning."""
        lines = []
        for prefix, section in self._sections:
            lines += ["", (section.__doc__ or "").split("\n")[0]]
            for spec in section.options():
                lines.append(f"  {_name(prefix, spec)}={spec.default!r}  {spec.describe()}")
        return "\n".join(lines[1:])


def _near(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(known), 1)
    return f"; did you mean {close[0]}?" if close else "; --list-settings prints them."


def _name(prefix: str, spec: OptionSpec) -> str:
    return f"{prefix}.{spec.name}" if prefix else spec.name


def _value(spec: OptionSpec, name: str, text: str) -> Scalar:
    if spec.type is bool:
        if text.casefold() not in ("true", "false"):
            raise ConfigError(f"{name}={text}: needs true or false.")
        return text.casefold() == "true"
    try:
        return spec.check(spec.type(text))
    except ValueError as error:
        raise ConfigError(f"{name}={text}: needs a {spec.type.__name__}.") from error
