"""ROS parameters from the declared settings, with their help, ranges and reasons for refusal."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any, TypeVar

from rcl_interfaces.msg import (
    FloatingPointRange,
    IntegerRange,
    ParameterDescriptor,
    ParameterType,
    SetParametersResult,
)
from rclpy.exceptions import InvalidParameterTypeException, InvalidParameterValueException
from rclpy.node import Node
from rclpy.parameter import Parameter

from ..config import Config, OptionSpec
from ..errors import ConfigError

ConfigT = TypeVar("ConfigT", bound=Config)
Sections = Sequence[tuple[str, type[Config]]]
"""Settings classes with the prefix of their parameters ("" = none)."""

_TYPES = {
    bool: ParameterType.PARAMETER_BOOL,
    int: ParameterType.PARAMETER_INTEGER,
    float: ParameterType.PARAMETER_DOUBLE,
    str: ParameterType.PARAMETER_STRING,
}
_INT_LIMIT = 2**63 - 1


def parameter_name(prefix: str, spec: OptionSpec) -> str:
    """``window.max_seconds`` for the option ``max_seconds`` of the section ``window``."""
    return f"{prefix}.{spec.name}" if prefix else spec.name


def declare(node: Node, sections: Sections) -> None:
    """Declare every option of every section, and refuse wrong values later with the reason.

    Raises:
        ConfigError: if a value given at start-up (file or command line) is wrong.
    """
    specs: dict[str, OptionSpec] = {}
    for prefix, section in sections:
        for spec in section.options():
            name = parameter_name(prefix, spec)
            specs[name] = spec
            try:
                node.declare_parameter(name, spec.default, _descriptor(spec))
                spec.check(node.get_parameter(name).value)
            except (InvalidParameterValueException, InvalidParameterTypeException) as error:
                raise ConfigError(f"parameter {name}: {error} {spec.describe()}") from error
            except ConfigError as error:
                raise ConfigError(f"parameter {parameter_name(prefix, spec)}: {error}") from error

    def check(parameters: list[Parameter]) -> SetParametersResult:
        for parameter in parameters:
            spec = specs.get(parameter.name)
            if spec is None:
                continue
            try:
                spec.check(parameter.value)
            except ConfigError as error:
                return SetParametersResult(successful=False, reason=str(error))
        return SetParametersResult(successful=True)

    node.add_on_set_parameters_callback(check)


def read(node: Node, prefix: str, section: type[ConfigT]) -> ConfigT:
    """The section's settings as the node's parameters have them now.

    Raises:
        ConfigError: if a value is wrong.
    """
    values: dict[str, Any] = {
        spec.name: node.get_parameter(parameter_name(prefix, spec)).value
        for spec in section.options()
    }
    return section(**values)


def _descriptor(spec: OptionSpec) -> ParameterDescriptor:
    descriptor = ParameterDescriptor(description=spec.describe(), type=_TYPES[spec.type])
    if spec.type is float:
        # YAML writers type "30" for 30.0; the check converts whole numbers.
        descriptor.dynamic_typing = True
    if spec.minimum is not None or spec.maximum is not None:
        if spec.type is float:
            low = -sys.float_info.max if spec.minimum is None else float(spec.minimum)
            high = sys.float_info.max if spec.maximum is None else float(spec.maximum)
            descriptor.floating_point_range = [FloatingPointRange(from_value=low, to_value=high)]
        elif spec.type is int:
            first = -_INT_LIMIT if spec.minimum is None else int(spec.minimum)
            last = _INT_LIMIT if spec.maximum is None else int(spec.maximum)
            descriptor.integer_range = [IntegerRange(from_value=first, to_value=last)]
    if spec.choices:
        descriptor.additional_constraints = "one of: " + ", ".join(spec.choices)
    return descriptor
