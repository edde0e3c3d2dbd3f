"""Settings are declared once, as dataclasses; ROS parameters, YAML and flags come from them.

A settings class derives from :class:`Config` and declares each field with :func:`option`::

    @dataclass(frozen=True)
    class WindowConfig(Config):
        max_seconds: float = option(30.0, "Length of the window.", minimum=1.0, unit="s")

Building one checks every value; what is wrong is said with the name, the value and the limits.
"""

from __future__ import annotations

import dataclasses
import math
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from .errors import ConfigError

Scalar = bool | int | float | str
ConfigT = TypeVar("ConfigT", bound="Config")


class Settings(Protocol):
    """Where settings come from: gives a section, filled, by its prefix and class."""

    def __call__(self, prefix: str, section: type[ConfigT], /) -> ConfigT:
        """Raises ConfigError if a value is wrong."""
        ...


@dataclass(frozen=True)
class OptionSpec:
    """One declared setting: what a parameter descriptor or a command-line flag needs to know."""

    name: str
    type: type[bool | int | float | str]
    default: Scalar
    help: str
    minimum: float | None
    maximum: float | None
    choices: tuple[str, ...] | None
    unit: str

    def describe(self) -> str:
        """The help text with unit, limits and choices, in one line."""
        notes = []
        if self.unit:
            notes.append(self.unit)
        if self.minimum is not None or self.maximum is not None:
            low = "-inf" if self.minimum is None else f"{self.minimum:g}"
            high = "inf" if self.maximum is None else f"{self.maximum:g}"
            notes.append(f"{low} to {high}")
        if self.choices:
            notes.append(" | ".join(self.choices))
        return f"{self.help} [{', '.join(notes)}]" if notes else self.help

    def check(self, value: Any) -> Scalar:
        """Return ``value`` as this option's type.

        Raises:
            ConfigError: naming the option, the value and what is allowed.
        """
        if self.type is float and isinstance(value, int) and not isinstance(value, bool):
            value = float(value)
        if type(value) is not self.type:
            raise ConfigError(
                f"{self.name} = {value!r}: needs a {self.type.__name__}, "
                f"got a {type(value).__name__}."
            )
        if isinstance(value, (int, float)) and self.type is not bool:
            low = -math.inf if self.minimum is None else self.minimum
            high = math.inf if self.maximum is None else self.maximum
            if not (low <= value <= high):
                raise ConfigError(f"{self.name} = {value!r}: must lie in {low:g} to {high:g}.")
        if self.choices is not None and value not in self.choices:
            raise ConfigError(f"{self.name} = {value!r}: choose one of {', '.join(self.choices)}.")
        return typing.cast(Scalar, value)


def option(
    default: Scalar,
    help: str,
    *,
    minimum: float | None = None,
    maximum: float | None = None,
    choices: tuple[str, ...] | None = None,
    unit: str = "",
) -> Any:
    """A dataclass field that knows its help text, limits (inclusive), choices and unit."""
    meta = {"help": help, "min": minimum, "max": maximum, "choices": choices, "unit": unit}
    return dataclasses.field(default=default, metadata=meta)


@dataclass(frozen=True)
class Config:
    """Base of every settings class; its fields are declared with :func:`option`."""

    def __post_init__(self) -> None:
        for spec in self.options():
            object.__setattr__(self, spec.name, spec.check(getattr(self, spec.name)))

    @classmethod
    def options(cls) -> Iterator[OptionSpec]:
        """The declared settings, in order."""
        hints = typing.get_type_hints(cls)
        for item in dataclasses.fields(cls):
            meta = item.metadata
            yield OptionSpec(
                name=item.name,
                type=hints[item.name],
                default=typing.cast(Scalar, item.default),
                help=meta["help"],
                minimum=meta["min"],
                maximum=meta["max"],
                choices=meta["choices"],
                unit=meta["unit"],
            )

    @classmethod
    def from_mapping(cls: type[ConfigT], values: Mapping[str, Any]) -> ConfigT:
        """Build from a mapping such as a YAML section.

        Raises:
            ConfigError: for an unknown name (with the names there are) or a value out of range.
        """
        known = {item.name for item in dataclasses.fields(cls)}
        unknown = sorted(set(values) - known)
        if unknown:
            raise ConfigError(
                f"unknown setting {', '.join(unknown)} of {cls.__name__}; "
                f"known are {', '.join(sorted(known))}."
            )
        return cls(**values)

    def replace(self: ConfigT, **changes: Scalar) -> ConfigT:
        """A copy with ``changes``, checked like any other."""
        return dataclasses.replace(self, **changes)
