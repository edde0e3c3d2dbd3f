"""Synthetic RGB-D rooms with known truth: for the demonstration, tests, benchmarks and training.

room = make_room(seed=7)
poses = make_trajectory(room, seed=7, seconds=10, fps=5)
for rendered in render(room, poses, default_camera(320, 240)):
    rendered.frame, rendered.instances, rendered.boxes()
"""

from .demo import default_camera, demo_recording
from .furnish import make_room
from .rendering import RenderedFrame, Renderer, instance_boxes, render
from .room import Room, SceneObject
from .sensor import SensorConfig
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
