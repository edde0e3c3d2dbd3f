"""The composed graph in this process, over a window that is filled directly."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import rclpy
from rclpy.parameter import Parameter
from rclpy.signals import SignalHandlerOptions

from ...errors import NotActiveError
from ...frames import RgbdFrame, VideoWindow
from ...reasoning.reasoner import TwoStageReasoner
from ..client import GroundingClient
from ..grounding_node import GroundingNode
from ..lifting_node import LiftingNode
from ..private_domain import use_private_domain
from ..runner import Spinning
from ..tracking_node import TrackingNode
from ..transport import use_shared_memory_profile

NAMESPACE = "/scene_r1_bench"


@contextmanager
def composed_graph(
    frames: Iterable[RgbdFrame], reasoner: TwoStageReasoner
) -> Iterator[GroundingClient]:
    """The nodes, started, with ``frames`` in their window; a client of theirs.

    Raises:
        NotActiveError: if a node does not start.
    """
    use_private_domain()
    use_shared_memory_profile()
    context = rclpy.Context()
    rclpy.init(context=context, signal_handler_options=SignalHandlerOptions.NO)
    window = VideoWindow()
    settings = {
        "window.keyframe_interval": 0.0,
        "window.keyframe_translation": 0.0,
        "window.keyframe_rotation": 0.0,
        "window.max_seconds": 3600.0,
        "tracker.tracker": "geometric",
    }
    shared = {"namespace": NAMESPACE, "context": context}

    def parameters(names: Iterable[str]) -> list[Parameter]:
        return [Parameter(name, value=settings[name]) for name in names]

    of_window = [name for name in settings if name.startswith("window.")]
    nodes = [
        LiftingNode(window, **shared),
        TrackingNode(window, parameter_overrides=parameters(["tracker.tracker"]), **shared),
        GroundingNode(window, reasoner, parameter_overrides=parameters(of_window), **shared),
    ]
    spinning = Spinning(nodes, context)
    client = None
    try:
        started = [node.autostart() for node in nodes]
        if not all(started):
            raise NotActiveError("the benchmark's nodes did not start; see their log above.")
        for frame in frames:
            window.add(frame)
        client = GroundingClient(NAMESPACE, discovery_timeout=20.0)
        yield client
    finally:
        if client is not None:
            client.close()
        spinning.close()
        context.try_shutdown()
