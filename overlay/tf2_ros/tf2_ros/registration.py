"""How stamped objects of any type are transformed and converted into one another."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

from geometry_msgs.msg import TransformStamped
from rclpy.time import Time
from std_msgs.msg import Header

_transforms: dict[type, Callable[[Any, TransformStamped], Any]] = {}
_to_msg: dict[type, Callable[[Any], Any]] = {}
_from_msg: dict[type, Callable[[Any], Any]] = {}
_conversions: dict[tuple[type, type], Callable[[Any], Any]] = {}


class TypeException(Exception):
    """Nothing has been registered for a type."""

    def __init__(self, errstr: str) -> None:
        super().__init__(errstr)
        self.errstr = errstr


def _registered(table: dict[Any, Callable[..., Any]], key: Any) -> Callable[..., Any]:
    try:
        return table[key]
    except KeyError:
        raise TypeException(f"Type {key} is not loaded or supported") from None


class TransformRegistration:
    """The functions that transform objects, by the objects' type; common to all buffers."""

    def print_me(self) -> None:
        """Print what is registered."""
        print(_transforms)

    def add(self, key: type, callback: Callable[[Any, TransformStamped], Any]) -> None:
        """Transform objects of type ``key`` with ``callback(object, transform)``."""
        _transforms[key] = callback

    def get(self, key: type) -> Callable[[Any, TransformStamped], Any]:
        """Return the function for a type; raises TypeException where there is none."""
        return _registered(_transforms, key)


class ConvertRegistration:
    """The functions that convert objects, directly or by way of a message; common to all."""

    def add_from_msg(self, key: type, callback: Callable[[Any], Any]) -> None:
        """Make objects of type ``key`` with ``callback(message)``."""
        _from_msg[key] = callback

    def add_to_msg(self, key: type, callback: Callable[[Any], Any]) -> None:
        """Make messages of objects of type ``key`` with ``callback(object)``."""
        _to_msg[key] = callback

    def add_convert(self, key: tuple[type, type], callback: Callable[[Any], Any]) -> None:
        """Convert from type ``key[0]`` to type ``key[1]`` with ``callback(object)``."""
        _conversions[key] = callback

    def get_from_msg(self, key: type) -> Callable[[Any], Any]:
        """Return the function for a type; raises TypeException where there is none."""
        return _registered(_from_msg, key)

    def get_to_msg(self, key: type) -> Callable[[Any], Any]:
        """Return the function for a type; raises TypeException where there is none."""
        return _registered(_to_msg, key)

    def get_convert(self, key: tuple[type, type]) -> Callable[[Any], Any]:
        """Return the function for a pair of types; raises TypeException where there is none."""
        return _registered(_conversions, key)


def convert(a: Any, b_type: type) -> Any:
    """Return ``a`` as an object of type ``b_type``, a copy where it is one already.

    :raises TypeException: no conversion has been registered.
    """
    direct = _conversions.get((type(a), b_type))
    if direct is not None:
        return direct(a)
    if type(a) is b_type:
        return deepcopy(a)
    to_msg = _registered(_to_msg, type(a))
    return _registered(_from_msg, b_type)(to_msg(a))


def Stamped(obj: Any, stamp: Time, frame_id: str) -> Any:
    """Give an object a header, and return the object."""
    obj.header = Header(frame_id=frame_id, stamp=stamp)
    return obj
