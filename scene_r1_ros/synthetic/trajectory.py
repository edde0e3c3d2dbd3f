"""``make_trajectory``: a hand-held walk through a room that looks around, stops and revisits."""

from __future__ import annotations

import math

import numpy as np

from ..errors import RequestError
from ..frames import StampedPose, seconds_to_ns
from ..geometry import Float64
from .room import Room, SceneObject, inside

_CLEAR = 0.32
_EYE = (1.25, 1.65)
_WALK = 1.1
"""Fastest walk, m/s."""
_TURN = 1.3
"""Fastest turn, rad/s."""
_REST = 0.35
"""Seconds of stillness at each view, on average."""
_PEAK = 1.875
"""Fastest over mean speed of the easing curve."""


def make_trajectory(
    room: Room, seed: int, seconds: float, fps: float = 10.0
) -> tuple[StampedPose, ...]:
    """Camera poses (optical frame, room's coordinates) at ``fps`` for ``seconds``.

    The camera moves between free places, turns from one part of the room to the next, holds
    still now and then, and ends by coming back to what it saw first (given the time). A hand's
    tremble is added.

    Raises:
        RequestError: if it is shorter than a frame, or the room has no free place for a camera.
    """
    count = round(seconds * fps)
    if count < 1 or fps <= 0:
        raise RequestError(f"{seconds:g} s at {fps:g} frames/s holds no frame; ask for more.")
    rng = np.random.default_rng([seed, room.seed, 3])
    places = _places(room, rng, max(1, round(seconds / 6)))
    eyes, angles, times = _tour(room, rng, places, seconds)
    t = np.arange(count) / fps
    position = _eased(t, times, eyes)
    direction = _directions(_eased(t, times, angles))
    tremble = _tremble(t, rng)
    poses = []
    for i in range(count):
        T = look_along(position[i] + 0.012 * tremble[i, :3], direction[i] + 0.018 * tremble[i, 3:])
        poses.append(StampedPose(seconds_to_ns(float(t[i])), T))
    return tuple(poses)


def look_along(position: Float64, direction: Float64) -> Float64:
    """(4, 4) ``T_world_camera`` at ``position`` looking along ``direction``, upright."""
    z = direction / np.linalg.norm(direction)
    x = np.cross(z, [0.0, 0.0, 1.0])
    x /= max(float(np.linalg.norm(x)), 1e-9)
    T = np.eye(4)
    T[:3, :3] = np.stack([x, np.cross(z, x), z], axis=1)
    T[:3, 3] = position
    return T


def _places(room: Room, rng: np.random.Generator, count: int) -> list[Float64]:
    """Free camera positions, spread out; a straight way leads to each from the one before and back
    to the first."""
    low, high = room.outline.min(axis=0), room.outline.max(axis=0)
    eye = float(rng.uniform(*_EYE))
    free = rng.uniform(low, high, (600, 2))
    free = free[_clear(room, free, eye)]
    if len(free) == 0:
        raise RequestError(f"room {room.seed} is too full for a camera; take another seed.")
    places = [free[int(rng.integers(len(free)))]]
    for _ in range(count - 1):
        order = free[rng.permutation(len(free))[:40]]
        reachable = [
            p
            for p in order
            if _way_clear(room, places[-1], p, eye) and _way_clear(room, places[0], p, eye)
        ]
        if reachable:
            # far from all places so far
            gaps = [min(float(np.linalg.norm(p - q)) for q in places) for p in reachable]
            places.append(reachable[int(np.argmax(gaps))])
        else:
            places.append(places[-1])
    return [np.array([*p, eye + rng.uniform(-0.08, 0.08)]) for p in places]


def _clear(room: Room, points: Float64, eye: float) -> np.ndarray:
    """Which points (N, 2) keep their distance from walls and from anything near eye height."""
    ok = inside(room.outline, points, 0.35)
    for item in room.objects:
        top = item.box.center[2] + item.size[2] / 2
        if item.mounted or top < eye - 0.45:
            continue
        c, s = math.cos(item.box.yaw), math.sin(item.box.yaw)
        d = points - np.array(item.box.center[:2])
        local = np.abs(np.stack([c * d[:, 0] + s * d[:, 1], -s * d[:, 0] + c * d[:, 1]], axis=1))
        ok &= (local > np.array(item.size[:2]) / 2 + _CLEAR).any(axis=1)
    return ok


def _way_clear(room: Room, a: Float64, b: Float64, eye: float) -> bool:
    steps = max(2, math.ceil(float(np.linalg.norm(b - a)) / 0.1))
    way = a + np.linspace(0, 1, steps)[:, None] * (b - a)
    return bool(_clear(room, way, eye).all())


def _tour(
    room: Room, rng: np.random.Generator, places: list[Float64], seconds: float
) -> tuple[Float64, Float64, Float64]:
    """The most views, all round the room and back to the first, that a calm pace allows.

    Returns eyes (K, 3), (yaw, pitch) (K, 2) and times (K,) from 0 to ``seconds`` (or later, if
    even the shortest tour takes longer: then its end is not reached).
    """
    most = max(3, math.ceil(seconds / 0.9))
    rests = _REST * rng.uniform(0.3, 1.7, most + 1)
    targets = _targets(room, rng, places[0])
    start = int(rng.integers(len(targets)))
    for views in range(most, 2, -1):
        laps = max(1, round(views / 12))
        picks = (start + np.arange(views) * len(targets) * laps // views) % len(targets)
        eyes = np.array([places[i * len(places) // views] for i in (*range(views), 0)])
        angles = _angles(eyes, targets[[*picks, picks[0]]])
        walk = np.linalg.norm(np.diff(eyes, axis=0), axis=1) / _WALK
        turn = np.linalg.norm(np.diff(angles, axis=0), axis=1) / _TURN
        legs = np.maximum(_PEAK * np.maximum(walk, turn), 0.4) + rests[:views]
        if legs.sum() <= seconds:
            break
    times = np.concatenate([[0.0], np.cumsum(legs)])
    return eyes, angles, times * max(1.0, seconds / float(times[-1]))


def _targets(room: Room, rng: np.random.Generator, first: Float64) -> Float64:
    """Points to look at (N, 3): the objects in order of their bearing from the first place."""
    items = [o for o in room.objects if o.kind not in ("rug", "window", "curtain")]
    if not items:
        return np.array([[0.0, 0.0, 0.9]])
    ordered = sorted(items, key=lambda o: _bearing(o, first))
    return np.array([_aim(item, rng) for item in ordered])


def _bearing(item: SceneObject, middle: Float64) -> float:
    return math.atan2(item.box.center[1] - middle[1], item.box.center[0] - middle[0])


def _aim(item: SceneObject, rng: np.random.Generator) -> Float64:
    return np.array(item.box.center) + rng.normal(0, 0.12, 3)


def _eased(t: Float64, times: Float64, values: Float64) -> Float64:
    """Values at ``t``, moving smoothly from key to key and resting a moment at each."""
    i = np.clip(np.searchsorted(times, t, side="right") - 1, 0, len(times) - 2)
    share = np.clip((t - times[i]) / (times[i + 1] - times[i]), 0, 1)
    share = np.clip((share - 0.06) / 0.88, 0, 1)
    smooth = (share**3 * (share * (6 * share - 15) + 10))[:, None]
    return np.asarray(values[i] * (1 - smooth) + values[i + 1] * smooth)


def _angles(eyes: Float64, targets: Float64) -> Float64:
    """(yaw, pitch) of each view, (K, 2); yaw goes the short way from view to view."""
    d = targets - eyes
    yaw = np.unwrap(np.arctan2(d[:, 1], d[:, 0]))
    pitch = np.arctan2(d[:, 2], np.hypot(d[:, 0], d[:, 1]))
    return np.stack([yaw, np.clip(pitch, -0.85, 0.35)], axis=1)


def _directions(angles: Float64) -> Float64:
    c = np.cos(angles[:, 1])
    return np.stack([c * np.cos(angles[:, 0]), c * np.sin(angles[:, 0]), np.sin(angles[:, 1])], 1)


def _tremble(t: Float64, rng: np.random.Generator) -> Float64:
    """Six smooth random signals of about unit size: a hand is never quite still."""
    total = np.zeros((len(t), 6))
    for frequency, weight in ((0.35, 0.7), (0.9, 0.4), (2.3, 0.15)):
        phase = rng.uniform(0, 2 * np.pi, 6)
        rate = frequency * rng.uniform(0.8, 1.25, 6)
        total += weight * np.sin(2 * np.pi * t[:, None] * rate + phase)
    return total
