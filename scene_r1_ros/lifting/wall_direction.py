"""Which way a room's walls run, if most of what is upright in a window runs along two directions.

Walls, and the furniture that stands along them, are turned alike, and what a whole window shows of
them tells the turn far better than the readings of one thing (the assumption of Coughlan and
Yuille, "Manhattan World", ICCV 1999).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..frames import RgbdFrame, WindowSnapshot
from ..tracking.depth_surface import depth_noise
from .floor import some_frames

_FRAMES = 24
_TILES = 12
"""Square patches along an image's width, on each of which a plane is fitted."""
_READINGS = 12
"""Readings along the side of a patch, at most."""
_UPRIGHT = 0.17
"""Largest vertical part of the normal of an upright patch: it is within 10 degrees of plumb."""
_ABOUT = np.deg2rad([3.0, 2.0, 1.5, 1.5])
"""A patch runs along a direction if it is turned from it by no more than this, step by step."""
_SHARE = 0.4
"""Share of the upright patches that must run along one direction or across it."""
_ENOUGH = 40
"""Fewest upright patches that tell a direction."""
_SURE = np.deg2rad(0.3)
"""No patch tells its yaw better than this."""
_QUARTER = np.pi / 2


def wall_direction(window: WindowSnapshot) -> float | None:
    """Yaw in [0, pi/2), in radians in the window's fixed frame, of most of the walls, along them or
    across; None if the window shows few upright surfaces or they run in many directions."""
    turned, weights = [], []
    for frame in some_frames(window, _FRAMES):
        yaw, weight = _upright_patches(frame)
        turned.append(yaw)
        weights.append(weight)
    yaw, weight = np.concatenate(turned), np.concatenate(weights)
    if yaw.size < _ENOUGH:
        return None
    bins = np.deg2rad(np.arange(0.0, 90.0))
    near = np.abs(turned_from(yaw, bins[:, None])) < _ABOUT[0]
    direction = float(bins[(near @ weight).argmax()])
    for about in _ABOUT:
        off = turned_from(yaw, direction)
        near = np.abs(off) < about
        if not near.any():
            return None
        direction += float(np.average(off[near], weights=weight[near]))
    near = np.abs(turned_from(yaw, direction)) < _ABOUT[0]
    if weight[near].sum() < _SHARE * weight.sum():
        return None
    return direction % _QUARTER


def turned_from(yaw: Any, direction: Any) -> Any:
    """By how much yaws are turned from a direction or from square to it, in [-pi/4, pi/4)."""
    return (yaw - direction + _QUARTER / 2) % _QUARTER - _QUARTER / 2


def _upright_patches(frame: RgbdFrame) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Yaws (N,) of the normals of a frame's flat upright patches, and how much each one tells: the
    inverse of the yaw's variance, bounded so that the nearest wall does not tell alone.

    The inverse depth of a plane is linear in what a ray is in x and y at depth 1, which no noise
    touches: the fit of it has no bias, also where a wall is seen at a flat angle.
    """
    camera, step, side = frame.intrinsics, *_patch(frame)
    depth = np.nan_to_num(frame.depth_m[::step, ::step])
    rows, cols = (size // side for size in depth.shape)
    tiles = depth[: rows * side, : cols * side].reshape(rows, side, cols, side).swapaxes(1, 2)
    full = (tiles > 0).all(axis=(2, 3))
    z = tiles[full].astype(np.float64)
    off = step * (np.arange(side) - (side - 1) / 2)
    x, y = off / camera.fx, off[:, None] / camera.fy
    q = 1 / z
    mean = q.mean(axis=(1, 2))
    a, b = ((q * k).sum(axis=(1, 2)) / (side * (k**2).sum()) for k in (x, y))
    miss = q - mean[:, None, None] - a[:, None, None] * x - b[:, None, None] * y
    row, col = np.nonzero(full)
    u, v = ((i * side + (side - 1) / 2) * step for i in (col, row))
    middle = camera.rays(u, v)
    plane = np.stack([a, b, mean - a * middle[:, 0] - b * middle[:, 1]], axis=1)
    length = np.linalg.norm(plane, axis=1)
    normal = plane @ frame.T_world_camera[:3, :3].T / length[:, None]
    noise = depth_noise(1 / mean) * mean**2  # of q
    flat = (miss.std(axis=(1, 2)) < 1.5 * noise + 0.003 * mean**2) & (
        np.abs(normal[:, 2]) < _UPRIGHT
    )
    variance = noise**2 / (side * (x**2).sum() * length**2) + _SURE**2
    return np.arctan2(normal[:, 1], normal[:, 0])[flat], 1 / variance[flat]


def _patch(frame: RgbdFrame) -> tuple[int, int]:
    """Every how many pixels of a patch are taken, and how many these are along its side."""
    side = max(4, frame.depth_m.shape[1] // _TILES)
    step = -(-side // _READINGS)
    return step, side // step
