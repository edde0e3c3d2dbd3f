"""The mean velocity of a frame over a time."""

from __future__ import annotations

from collections.abc import Callable

from tf2_py.exceptions import ExtrapolationException
from tf2_py.rotations import (
    Rigid,
    Vector,
    compose,
    conjugate,
    cross,
    multiply,
    rotate,
    rotation_vector,
)
from tf2_py.time_cache import display

# Time 0 means "latest" to a lookup, so an interval begins a little later.
_EARLIEST_NS = 10_000


def mean_velocity(
    lookup: Callable[[str, str, int], Rigid],
    tracking: str,
    observation: str,
    reference: str,
    reference_point: Vector,
    reference_point_frame: str,
    time: int,
    interval: int,
    latest: int,
) -> tuple[Vector, Vector]:
    """Return the linear and angular velocity of a point carried by the ``tracking`` frame.

    The motion is that of ``tracking`` seen from ``observation`` between the ends of an interval
    around ``time`` that is moved into the past, or cut at its beginning, to end at ``latest``. The
    angular velocity is the rotation vector of R_end R_start^T over the time between, the linear
    one that of the frame's origin plus omega x r for a point r away from it.

    :param lookup: gives T_target_source for (target, source, nanoseconds).
    :param reference: the frame along whose axes the velocities are returned.
    :return: metres a second, radians a second.
    :raises ExtrapolationException: nothing lies between the ends of the interval.
    """
    end = min(time + interval // 2, latest)
    start = max(_EARLIEST_NS, end - interval)
    if end <= start:
        raise ExtrapolationException(
            f"no interval to measure the velocity of [{tracking}] over: it would begin at "
            f"{display(start)} and end at {display(end)}"
        )
    seconds = (end - start) / 1e9
    (p0, q0), (p1, q1) = lookup(observation, tracking, start), lookup(observation, tracking, end)
    wx, wy, wz = rotation_vector(multiply(q1, conjugate(q0)))
    angular = (wx / seconds, wy / seconds, wz / seconds)

    origin, _ = lookup(observation, tracking, time)
    to_observation = lookup(observation, reference_point_frame, time)
    point, _ = compose(to_observation, (reference_point, (0.0, 0.0, 0.0, 1.0)))
    arm = (point[0] - origin[0], point[1] - origin[1], point[2] - origin[2])
    turn = cross(angular, arm)
    linear = (
        (p1[0] - p0[0]) / seconds + turn[0],
        (p1[1] - p0[1]) / seconds + turn[1],
        (p1[2] - p0[2]) / seconds + turn[2],
    )
    _, to_reference = lookup(reference, observation, time)
    return rotate(to_reference, linear), rotate(to_reference, angular)
