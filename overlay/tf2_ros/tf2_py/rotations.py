"""Quaternions (x, y, z, w) and rigid transforms as tuples of floats.

A lookup handles a few single quaternions. Plain floats do that several times faster than numpy
arrays or scipy rotations, whose cost lies in each call and not in the numbers.
"""

from __future__ import annotations

import math

Vector = tuple[float, float, float]
Quaternion = tuple[float, float, float, float]
Rigid = tuple[Vector, Quaternion]

IDENTITY: Rigid = ((0.0, 0.0, 0.0), (0.0, 0.0, 0.0, 1.0))

# Quaternions this close to unit length stay as they are, to the bit.
_UNIT_TOLERANCE = 1e-12


def normalized(q: Quaternion) -> Quaternion:
    """Scale to unit length; raises ZeroDivisionError for the zero quaternion."""
    squared = q[0] * q[0] + q[1] * q[1] + q[2] * q[2] + q[3] * q[3]
    if abs(squared - 1.0) <= _UNIT_TOLERANCE:
        return q
    scale = 1.0 / math.sqrt(squared)
    return (q[0] * scale, q[1] * scale, q[2] * scale, q[3] * scale)


def canonical(q: Quaternion) -> Quaternion:
    """Of q and -q choose the one that a conversion from a rotation matrix gives.

    That is w > 0 where the trace 4 w^2 - 1 is positive, else the largest of x, y, z positive
    (Shepperd 1978).
    """
    x, y, z, w = q
    leading = w if 4.0 * w * w > 1.0 else max((x, y, z), key=abs)
    return (-x, -y, -z, -w) if leading < 0.0 else q


def multiply(a: Quaternion, b: Quaternion) -> Quaternion:
    """Hamilton product: first the rotation b, then a."""
    ax, ay, az, aw = a
    bx, by, bz, bw = b
    return (
        aw * bx + ax * bw + ay * bz - az * by,
        aw * by + ay * bw + az * bx - ax * bz,
        aw * bz + az * bw + ax * by - ay * bx,
        aw * bw - ax * bx - ay * by - az * bz,
    )


def conjugate(q: Quaternion) -> Quaternion:
    """Return the inverse of a unit quaternion."""
    return (-q[0], -q[1], -q[2], q[3])


def cross(a: Vector, b: Vector) -> Vector:
    """Vector product."""
    return (a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0])


def rotate(q: Quaternion, v: Vector) -> Vector:
    """Rotate a vector by a unit quaternion: v + 2 w (u x v) + 2 u x (u x v), u = (x, y, z)."""
    x, y, z, w = q
    tx = 2.0 * (y * v[2] - z * v[1])
    ty = 2.0 * (z * v[0] - x * v[2])
    tz = 2.0 * (x * v[1] - y * v[0])
    return (
        v[0] + w * tx + y * tz - z * ty,
        v[1] + w * ty + z * tx - x * tz,
        v[2] + w * tz + x * ty - y * tx,
    )


def compose(a: Rigid, b: Rigid) -> Rigid:
    """Return T_a T_b: first b, then a."""
    x, y, z = rotate(a[1], b[0])
    return (x + a[0][0], y + a[0][1], z + a[0][2]), multiply(a[1], b[1])


def inverse(a: Rigid) -> Rigid:
    """Return the inverse transform."""
    q = conjugate(a[1])
    x, y, z = rotate(q, a[0])
    return (-x, -y, -z), q


def lerp(a: Vector, b: Vector, ratio: float) -> Vector:
    """Linear interpolation: a at ratio 0, b at ratio 1."""
    rest = 1.0 - ratio
    return (
        a[0] * rest + b[0] * ratio,
        a[1] * rest + b[1] * ratio,
        a[2] * rest + b[2] * ratio,
    )


def slerp(a: Quaternion, b: Quaternion, ratio: float) -> Quaternion:
    """Constant angular velocity the short way from a (ratio 0) to b (ratio 1), Shoemake 1985."""
    dot = a[0] * b[0] + a[1] * b[1] + a[2] * b[2] + a[3] * b[3]
    sign = 1.0
    if dot < 0.0:
        dot, sign = -dot, -1.0
    theta = math.acos(min(dot, 1.0))
    if theta == 0.0:
        return a
    sine = math.sin(theta)
    wa = math.sin((1.0 - ratio) * theta) / sine
    wb = sign * math.sin(ratio * theta) / sine
    return (
        a[0] * wa + b[0] * wb,
        a[1] * wa + b[1] * wb,
        a[2] * wa + b[2] * wb,
        a[3] * wa + b[3] * wb,
    )


def rotation_vector(q: Quaternion) -> Vector:
    """Return axis times angle of the short way round, radians."""
    x, y, z, w = q if q[3] >= 0.0 else (-q[0], -q[1], -q[2], -q[3])
    sine = math.sqrt(x * x + y * y + z * z)
    if sine == 0.0:
        return (0.0, 0.0, 0.0)
    scale = 2.0 * math.atan2(sine, w) / sine
    return (x * scale, y * scale, z * scale)
