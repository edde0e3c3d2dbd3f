"""What every source of transforms offers."""

from __future__ import annotations

from typing import Any

from geometry_msgs.msg import TransformStamped
from rclpy.duration import Duration
from rclpy.time import Time

from tf2_ros.registration import (
    ConvertRegistration,
    Stamped,
    TransformRegistration,
    TypeException,
    convert,
)

__all__ = [
    "BufferInterface",
    "ConvertRegistration",
    "NotImplementedException",
    "Stamped",
    "TransformRegistration",
    "TypeException",
    "convert",
]


class NotImplementedException(Exception):
    """A subclass of BufferInterface lacks one of the methods it has to have."""

    def __init__(self) -> None:
        self.errstr = "CanTransform or LookupTransform not implemented"
        super().__init__(self.errstr)


class BufferInterface:
    """Lookups, to be written by subclasses, and the transformation of objects built on them."""

    def __init__(self) -> None:
        self.registration = TransformRegistration()

    def transform(
        self,
        object_stamped: Any,
        target_frame: str,
        timeout: Duration = Duration(),  # noqa: B008
        new_type: type | None = None,
    ) -> Any:
        """Return an object transformed to ``target_frame`` at the object's own time.

        :param object_stamped: an object with a header whose type has been registered.
        :param timeout: how long to wait for the transform.
        :param new_type: the type to convert the result to.
        :raises TypeException: the object's type or the conversion has not been registered.
        :raises TransformException: as ``lookup_transform``.
        """
        do_transform = self.registration.get(type(object_stamped))
        header = object_stamped.header
        transform = self.lookup_transform(target_frame, header.frame_id, header.stamp, timeout)
        result = do_transform(object_stamped, transform)
        return result if new_type is None else convert(result, new_type)

    def transform_full(
        self,
        object_stamped: Any,
        target_frame: str,
        target_time: Time,
        fixed_frame: str,
        timeout: Duration = Duration(),  # noqa: B008
        new_type: type | None = None,
    ) -> Any:
        """Return an object transformed to ``target_frame`` as that is at ``target_time``.

        ``fixed_frame`` is taken not to move between the object's time and ``target_time``; the
        rest is as in ``transform``.
        """
        do_transform = self.registration.get(type(object_stamped))
        header = object_stamped.header
        transform = self.lookup_transform_full(
            target_frame, target_time, header.frame_id, header.stamp, fixed_frame, timeout
        )
        result = do_transform(object_stamped, transform)
        return result if new_type is None else convert(result, new_type)

    def lookup_transform(
        self,
        target_frame: str,
        source_frame: str,
        time: Time,
        timeout: Duration = Duration(),  # noqa: B008
    ) -> TransformStamped:
        """Return the transform from source to target; subclasses have to write it."""
        raise NotImplementedException()

    def lookup_transform_full(
        self,
        target_frame: str,
        target_time: Time,
        source_frame: str,
        source_time: Time,
        fixed_frame: str,
        timeout: Duration = Duration(),  # noqa: B008
    ) -> TransformStamped:
        """Return the transform by way of a fixed frame; subclasses have to write it."""
        raise NotImplementedException()

    def can_transform(
        self,
        target_frame: str,
        source_frame: str,
        time: Time,
        timeout: Duration = Duration(),  # noqa: B008
    ) -> bool:
        """Tell whether ``lookup_transform`` would succeed; subclasses have to write it."""
        raise NotImplementedException()

    def can_transform_full(
        self,
        target_frame: str,
        target_time: Time,
        source_frame: str,
        source_time: Time,
        fixed_frame: str,
        timeout: Duration = Duration(),  # noqa: B008
    ) -> bool:
        """Tell whether ``lookup_transform_full`` would succeed; subclasses have to write it."""
        raise NotImplementedException()
