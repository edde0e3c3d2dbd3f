"""Grounding, tracking and lifting in one process, over one window: the default way to run."""

from __future__ import annotations

from ..frames import VideoWindow
from .grounding_node import GroundingNode
from .lifting_node import LiftingNode
from .node_base import SceneNode
from .runner import run_nodes
from .tracking_node import TrackingNode


def composed_nodes() -> list[SceneNode]:
    """The nodes sharing one window, which the grounding node fills."""
    window = VideoWindow()
    return [LiftingNode(window), TrackingNode(window), GroundingNode(window)]


def main() -> int:
    """Entry point of the composed process."""
    return run_nodes(composed_nodes)
