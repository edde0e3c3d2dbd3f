"""The real graph around a recording: nodes and player as processes, client and listener here."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from diagnostic_msgs.msg import DiagnosticStatus

from ..closing import Closing
from ..control import Control
from ..demo.playback import Playback
from ..errors import (
    AmbiguousError,
    BoxError,
    DeadlineError,
    ModelAbsentError,
    NoSuchFrameError,
    NotFoundError,
    RequestError,
    SceneR1Error,
    WindowEmptyError,
)
from ..geometry import BoxXyxy
from ..player_config import PlayerConfig
from ..reasoning import Grounding
from .child_process import ChildCommand
from .client import GroundingClient
from .preconditions import STILL_LOADING
from .private_domain import use_private_domain
from .result_listener import Observed, ResultListener, StageCallback

_POLL = 0.05
_NODES_LOG, _PLAYER_LOG = "nodes.log", "player.log"


@dataclass(frozen=True)
class DemoModel:
    """What answers queries in words; without a folder or name and a server, nothing does."""

    model: str = ""
    server: str = ""

    def node_flags(self) -> list[str]:
        """Flags of ``scene-r1 up``."""
        if self.model:
            return ["--model", self.model]
        return ["--server", self.server] if self.server else ["--param", "model.backend=none"]


@dataclass(frozen=True, eq=False)
class Said:
    """What the graph said to a query: ``answer`` and ``observed``, or ``error``.

    Not found and ambiguous are errors here, as for every client. ``grounding`` is there as soon as
    the model has answered, also when what comes after it failed.
    """

    grounding: Grounding | None
    answer: Any = None
    observed: Observed | None = None
    error: SceneR1Error | None = None


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
        model: DemoModel | None = None,
    ) -> None:
        self.playback = playback
        self._model = model or DemoModel()
        self._logs = logs
        self._namespace = namespace
        self._children: list[ChildCommand] = []
        self.domain = use_private_domain()
        self.client = GroundingClient(namespace, discovery_timeout=20.0)
        self.listener = ResultListener(self.client.node, PlayerConfig().camera_info_topic, on_stage)

    def close(self) -> None:
        """End the player, the nodes and the client."""
        for child in reversed(self._children):
            child.stop()
        self.client.close()

    def start(self, timeout: float = 120.0) -> None:
        """Start the nodes and the player; returns when a frame is played.

        The player waits for the nodes, not for this process: of a short recording nothing may be
        heard here.

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
        up = ["up", "--namespace", self._namespace, *self._model.node_flags()]
        for name, value in self.playback.node_parameters().items():
            up += ["--param", f"{name}={value}"]
        play = ["play", *self.playback.player_flags(), "--namespace", self._namespace]
        self._children.append(ChildCommand(up, self._logs / _NODES_LOG))
        self._children.append(ChildCommand(play, self._logs / _PLAYER_LOG))
        player = self._children[-1]
        begun = lambda: self.listener.frames > 0 or not player.running  # noqa: E731
        self._wait(begun, timeout, "no frame was played")

    def wait_played(self, on_progress: Callable[[int, int], None], timeout: float = 60.0) -> None:
        """Wait until the player has ended and the results can be heard; raises as :meth:`start`."""
        player = self._children[-1]

        def played() -> bool:
            on_progress(min(self.listener.frames, self.playback.frames), self.playback.frames)
            return not player.running

        expected = self.playback.seconds / self.playback.rate
        self._wait(played, timeout + expected, "the player did not come to its end")
        self._wait(lambda: self.listener.joined, timeout, "the topics of results were not found")

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

    def wait_model(self, on_progress: Callable[[str], None], timeout: float = 180.0) -> None:
        """Wait until the model can answer.

        Raises:
            ModelAbsentError: if it cannot be loaded or reached, with the reason.
            DeadlineError: if it is still loading after ``timeout`` seconds.
        """
        deadline = time.monotonic() + timeout
        while True:
            self._check()
            found = self.client.health(timeout=10.0).diagnostics.status
            status = next(item for item in found if item.name.endswith(": model"))
            if status.level == DiagnosticStatus.OK:
                return
            if not status.message.startswith(STILL_LOADING):
                raise ModelAbsentError(status.message)
            if time.monotonic() >= deadline:
                raise DeadlineError(f"after {timeout:.0f} s the model is {status.message}")
            on_progress(status.message)
            time.sleep(_POLL)

    def ask(self, query: str, timeout: float, control: Control | None = None) -> Said:
        """Ask in words; whatever the graph says to it, also that it failed.

        Raises:
            NotActiveError: if a process of the graph has ended.
        """
        try:
            answer = self.client.ground_live(query, timeout, control)
            observed = self.listener.observed(answer.object.query_id, timeout)
        except SceneR1Error as error:
            self._check()
            abstained = isinstance(error, NotFoundError | AmbiguousError)
            grounding = self.listener.grounding_of(query, 10.0 if abstained else 0.0)
            return Said(grounding, error=error)
        return Said(observed.grounding, answer, observed)

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
