"""The real graph around a recording: nodes and player as processes, client and listener here."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..closing import Closing
from ..errors import BoxError, DeadlineError, NoSuchFrameError, RequestError, WindowEmptyError
from ..geometry import BoxXyxy
from ..player_config import PlayerConfig
from .child_process import ChildCommand
from .client import GroundingClient
from .private_domain import use_private_domain
from .result_listener import Observed, ResultListener, StageCallback

_POLL = 0.05
_NODES_LOG, _PLAYER_LOG = "nodes.log", "player.log"


@dataclass(frozen=True)
class Playback:
    """What is played, from ``start`` seconds on, and how much of it: ``frames`` in all.

    ``seconds`` is the time from its first frame to its last, ``frame_bytes`` the pixels of one.
    """

    source: Path
    start: float
    stride: int
    rate: float
    frames: int
    seconds: float
    frame_bytes: int

    def player_flags(self) -> list[str]:
        """Flags of ``scene-r1 play``."""
        return [
            str(self.source),
            *("--start", str(self.start)),
            *("--stride", str(self.stride)),
            *("--rate", str(self.rate)),
            *("--wait-for-subscribers", "30"),
        ]

    def node_parameters(self) -> dict[str, Any]:
        """Settings with which the window keeps every frame of it, even on a slow machine."""
        return {
            "color_qos": "reliable",
            "depth_qos": "reliable",
            "camera_info_qos": "reliable",
            "pose_timeout": 5.0,
            "window.max_seconds": round(self.seconds + 60.0, 1),
            "window.max_megabytes": round(1.2e-6 * self.frame_bytes * self.frames + 64.0, 1),
            "window.keyframe_interval": 0.0,
            "window.keyframe_translation": 0.0,
            "window.keyframe_rotation": 0.0,
            "lifting_node.mask_patience": 10.0,
        }


class DemoGraph(Closing):
    """Starts everything and ends everything; use it in a ``with`` block.

    The domain is a free one of this machine unless the user has set ROS_DOMAIN_ID. ``domain`` is
    the one chosen, or None for the user's.
    """

    def __init__(
        self,
        playback: Playback,
        logs: Path,
        namespace: str = "scene_r1",
        on_stage: StageCallback | None = None,
    ) -> None:
        self.playback = playback
        self._logs = logs
        self._namespace = namespace
        self._children: list[ChildCommand] = []
        self.domain = use_private_domain()
        self.client = GroundingClient(namespace, discovery_timeout=1.0)
        self.listener = ResultListener(self.client.node, PlayerConfig().camera_info_topic, on_stage)

    def close(self) -> None:
        """End the player, the nodes and the client."""
        for child in reversed(self._children):
            child.stop()
        self.client.close()

    def start(self, timeout: float = 60.0) -> None:
        """Start the nodes and the player; returns when the first frame is played.

        Raises:
            RequestError: if a graph of this name runs in the domain already.
            NotActiveError: if a process ends, with what it said.
            DeadlineError: if nothing is played in time.
        """
        if self._others():
            raise RequestError(
                f"a graph /{self._namespace} runs in this ROS domain already; end it, or unset "
                "ROS_DOMAIN_ID so that the demonstration takes a domain of its own."
            )
        up = ["up", "--namespace", self._namespace]
        for name, value in self.playback.node_parameters().items():
            up += ["--param", f"{name}={value}"]
        play = ["play", *self.playback.player_flags(), "--namespace", self._namespace]
        self._children.append(ChildCommand(up, self._logs / _NODES_LOG))
        self._children.append(ChildCommand(play, self._logs / _PLAYER_LOG))
        self._wait(lambda: self.listener.frames > 0, timeout, "no frame was played")

    def wait_played(self, on_progress: Callable[[int, int], None], timeout: float = 60.0) -> None:
        """Wait until the player has ended; raises as :meth:`start`."""
        player = self._children[-1]

        def played() -> bool:
            on_progress(min(self.listener.frames, self.playback.frames), self.playback.frames)
            return not player.running

        expected = self.playback.seconds / self.playback.rate
        self._wait(played, timeout + expected, "the player did not come to its end")

    def wait_for_frame(self, stamp_ns: int, timeout: float = 10.0) -> bool:
        """Wait until the graph's window holds a frame; False if it does not come in time."""
        deadline = time.monotonic() + timeout
        while True:
            try:
                # An empty box is refused, but only once its frame is found.
                self.client.track_box((0.0, 0.0, 0.0, 0.0), stamp_ns, timeout=5.0)
            except BoxError:
                return True
            except (NoSuchFrameError, WindowEmptyError):
                if time.monotonic() >= deadline:
                    return False
            self._check()
            time.sleep(_POLL)

    def ask_box(
        self, stamp_ns: int, box: BoxXyxy, label: str, timeout: float
    ) -> tuple[Any, Observed]:
        """Prompt with a box; the service's answer, and what the topics said meanwhile."""
        answer = self.client.track_box_async(box, stamp_ns, label, timeout).result()
        return answer, self.listener.observed(answer.object.query_id, timeout)

    def _others(self) -> bool:
        topic = f"/{self._namespace}/grounding"
        deadline = time.monotonic() + (0.0 if self.domain is not None else 1.0)
        while True:
            if self.client.node.count_publishers(topic):
                return True
            if time.monotonic() >= deadline:
                return False
            time.sleep(_POLL)

    def _wait(self, done: Callable[[], bool], timeout: float, what: str) -> None:
        deadline = time.monotonic() + timeout
        while not done():
            self._check()
            if time.monotonic() >= deadline:
                raise DeadlineError(
                    f"{what} within {timeout:.0f} s; {self._logs / _NODES_LOG} and "
                    f"{_PLAYER_LOG} beside it tell more."
                )
            time.sleep(_POLL)

    def _check(self) -> None:
        for child in self._children:
            child.check()
