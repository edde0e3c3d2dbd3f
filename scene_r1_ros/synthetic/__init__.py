"""Synthetic RGB-D rooms with known truth: for the demonstration, tests, benchmarks and training.

    room = make_room(seed=7)
    poses = make_trajectory(room, seed=7, seconds=10, fps=5)
    for rendered in render(room, poses, default_camera(320, 240)):
        rendered.frame, rendered.instances, rendered.boxes()

Names are loaded when they are first used, so that settings and splits cost nothing to import.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .demo import default_camera, demo_recording
    from .furnish import make_room
    from .rendering import RenderedFrame, Renderer, instance_boxes, render
    from .room import Room, SceneObject
    from .sensor_config import SensorConfig
    from .trajectory import make_trajectory

__all__ = [
    "RenderedFrame",
    "Renderer",
    "Room",
    "SceneObject",
    "SensorConfig",
    "default_camera",
    "demo_recording",
    "instance_boxes",
    "make_room",
    "make_trajectory",
    "render",
]

_HOMES = {
    "RenderedFrame": "rendering",
    "Renderer": "rendering",
    "Room": "room",
    "SceneObject": "room",
    "SensorConfig": "sensor_config",
    "default_camera": "demo",
    "demo_recording": "demo",
    "instance_boxes": "rendering",
    "make_room": "furnish",
    "make_trajectory": "trajectory",
    "render": "rendering",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)
