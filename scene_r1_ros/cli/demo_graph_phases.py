"""The phases of the demonstration that do not depend on how the graph is asked."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..recordings import Recording
    from ..ros.demo_graph import DemoGraph
    from .phases import Phases


def played(graph: DemoGraph, recording: Recording, logs: Path, phases: Phases) -> None:
    """Start the graph and play the recording until its last frame is in the window."""
    from ..player_config import published_stamp_ns

    playback = graph.playback
    with phases("starting nodes") as phase:
        graph.start()
        domain = "the user's" if graph.domain is None else str(graph.domain)
        phase.detail = f"ROS domain {domain}; log {logs / 'nodes.log'}"
    with phases("playing") as phase:
        graph.wait_played(phase.count)
        last = playback.indices(recording)[-1]
        graph.wait_for_frame(published_stamp_ns(int(recording.stamps_ns[last])))
        phase.detail = f"{playback.frames} frames of {recording.name} at {playback.rate:g} x"


def keep_running(graph: DemoGraph, example: str) -> None:
    """Leave the graph running until Ctrl-C, with an example of what to ask it."""
    domain = f"ROS_DOMAIN_ID={graph.domain} " if graph.domain is not None else ""
    print(
        f"The graph keeps running; Ctrl-C ends it. Ask it more, for example with\n"
        f"  {domain}{example}",
        file=sys.stderr,
        flush=True,
    )
    try:
        while True:
            time.sleep(1.0)
    except KeyboardInterrupt:
        print(file=sys.stderr)
