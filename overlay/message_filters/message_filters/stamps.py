"""The time of a message, from its header or from the clock."""

from __future__ import annotations

from typing import Any

from rclpy.clock import ROSClock
from rclpy.logging import get_logger
from rclpy.time import Time

WARNING_PERIOD_SEC = 5.0


def to_time(stamp: Any) -> Time:
    """Return a ``builtin_interfaces`` stamp as ``rclpy.time.Time``; a ``Time`` stays as it is."""
    return stamp if hasattr(stamp, "nanoseconds") else Time.from_msg(stamp)


def to_nanoseconds(stamp: Any) -> int:
    """Return the nanoseconds of a ``builtin_interfaces`` stamp or of a ``rclpy.time.Time``."""
    if hasattr(stamp, "nanoseconds"):
        return stamp.nanoseconds
    return stamp.sec * 1_000_000_000 + stamp.nanosec


def time_of_message(msg: Any, allow_headerless: bool, who: str) -> Time | None:
    """Return the time of a message, or None where it has no header and needs one.

    :param allow_headerless: take the current ROS time for messages without a stamped header;
        otherwise such a message is reported under the logger ``who``.
    """
    if hasattr(msg, "header") and hasattr(msg.header, "stamp"):
        return to_time(msg.header.stamp)
    if allow_headerless:
        return ROSClock().now()
    get_logger(who).warning(
        f"dropped a {type(msg).__name__}: it has no header.stamp to go by; "
        "construct the filter with allow_headerless=True to use the time of arrival",
        throttle_duration_sec=WARNING_PERIOD_SEC,
    )
    return None
