"""The grounding node: owns the window and the API through which people and planners ask."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from builtin_interfaces.msg import Duration
from scene_r1_msgs.msg import GroundedObject as ObjectMsg
from scene_r1_msgs.msg import GroundedObjectArray, StageStatus
from scene_r1_msgs.msg import Grounding as GroundingMsg
from scene_r1_msgs.srv import ClearWindow, TrackBox
from std_msgs.msg import Header

from ..config import Config, option
from ..control import Control
from ..errors import NoSuchFrameError, NotActiveError, RequestError, SceneR1Error
from ..frames import RgbdFrame, VideoWindow, WindowSnapshot
from ..geometry import checked_box
from ..reasoning import Grounding, build
from ..reasoning.reasoner import TwoStageReasoner
from ..reasoning.trace import new_query_id
from . import window_access
from .conversions import (
    box2d_from_msg,
    duration_to_seconds,
    grounding_to_msg,
    header,
    stage_seconds,
    stamp_to_ns,
)
from .health import Health
from .node_base import OBJECTS_QOS, RELIABLE, SceneNode, succeed
from .pending import PendingRequests
from .query_api import QueryApi
from .runner import run_nodes
from .window_access import CLEAR_TOPIC, WindowAccess

# A person types a stamp with fewer digits than the camera gave it.
_STAMP_TOLERANCE_NS = 5_000_000
_LONGEST_LABEL = 200


@dataclass(frozen=True)
class GroundingNodeConfig(Config):
    """How requests are served."""

    timeout: float = option(
        60.0, "Longest wait for an answer when the request names none.", minimum=0.1, unit="s"
    )
    max_requests: int = option(
        4, "Objects tracked and lifted at a time; more are answered BUSY.", minimum=1, maximum=8
    )
    max_queries: int = option(
        2, "Queries that may wait for the model; more are answered BUSY.", minimum=0, maximum=6
    )


SECTIONS = (*window_access.SECTIONS, ("grounding", GroundingNodeConfig), *build.SECTIONS)


class GroundingNode(SceneNode):
    """Fills the window; serves queries, boxes and ``clear_window``; publishes ``grounding``.

    ``reasoner`` replaces the one that the parameters describe.
    """

    def __init__(
        self,
        window: VideoWindow | None = None,
        reasoner: TwoStageReasoner | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__("grounding", SECTIONS, **kwargs)
        self.access = WindowAccess(self, None)
        if window is not None:
            self.access.window = window
        self.pending = PendingRequests()
        self._reasoner = reasoner

    @property
    def window(self) -> VideoWindow:
        """The window that this node fills."""
        return self.access.window

    def setup(self) -> None:
        self.access.setup()
        self.config = self.settings("grounding", GroundingNodeConfig)
        self.groundings = self.create_lifecycle_publisher(GroundingMsg, "grounding", RELIABLE)
        self.statuses = self.create_publisher(StageStatus, "stage_status", RELIABLE)
        self.cleared = self.create_publisher(Header, CLEAR_TOPIC, RELIABLE)
        self.inputs = [
            self.create_subscription(
                GroundedObjectArray, "objects", self.pending.on_objects, OBJECTS_QOS
            ),
            self.create_subscription(StageStatus, "stage_status", self.pending.on_status, RELIABLE),
        ]
        self.api = [
            self.serve(TrackBox, "track_box", self._track_box),
            self.serve(ClearWindow, "clear_window", self._clear_window),
        ]
        self.queries = QueryApi(self, self._reasoner, self.config.max_queries)
        self.health = Health(self)

    def start(self) -> None:
        # Images last: until a model's library is imported, which takes seconds, none can be used,
        # and whoever waits for a subscriber would play to a node that is not active yet.
        self.queries.start()
        self.access.start()

    def stop(self) -> None:
        self.queries.cancel_all()
        self.pending.cancel_all()
        self.access.stop()

    def teardown(self) -> None:
        self.health.close()
        self.queries.close()
        for service in self.api:
            self.destroy_service(service)
        for subscription in self.inputs:
            self.destroy_subscription(subscription)
        self.destroy_lifecycle_publisher(self.groundings)
        self.destroy_publisher(self.statuses)
        self.destroy_publisher(self.cleared)

    # -- services

    def _track_box(self, request: TrackBox.Request, response: TrackBox.Response) -> None:
        started = time.monotonic()
        control = self.control_for(request.timeout)
        frame = find_frame(self.window.snapshot(passing="recent"), stamp_to_ns(request.stamp))
        box = checked_box(
            box2d_from_msg(request.box), frame.intrinsics.width, frame.intrinsics.height
        )
        label = request.label.strip()
        if len(label) > _LONGEST_LABEL:
            raise RequestError(f"label of {len(label)} characters; at most {_LONGEST_LABEL}.")
        grounding = Grounding.from_box(frame.stamp_ns, box, label)
        item, seconds = self.lift_grounding(grounding, new_query_id(), frame.frame_id, control)
        response.object = item
        response.seconds = stage_seconds(seconds, started)
        succeed(response)

    def _clear_window(self, request: Any, response: ClearWindow.Response) -> None:
        newest = self.window.snapshot().end_ns if len(self.window) else 0
        response.frames = self.window.clear()
        self.cleared.publish(header(newest, ""))
        succeed(response)

    # -- what every request needs

    def control_for(self, timeout: Duration) -> Control:
        """The control of a request with this timeout (zero = the node's)."""
        seconds = duration_to_seconds(timeout)
        if seconds < 0:
            raise RequestError(f"timeout {seconds:g} s is negative; give 0 for the default.")
        return Control.within(seconds or self.config.timeout)

    def lift_grounding(
        self, grounding: Grounding, query_id: str, camera: str, control: Control
    ) -> tuple[ObjectMsg, dict[str, float]]:
        """Hand a grounding to tracking and lifting; the object and each stage's seconds.

        Raises:
            BusyError: if as many requests are open as are served at a time.
            NotActiveError: if no tracking or lifting node is there, or one goes away.
            SceneR1Error: what these nodes report.
            DeadlineError, CancelledError: from ``control``; the other nodes are told.
        """
        self._check_stages()
        request = self.pending.open(query_id, control, self.config.max_requests)
        self.window.keep(grounding.anchor_stamp_ns)
        try:
            msg = grounding_to_msg(grounding, query_id, camera)
            self.groundings.publish(msg)
            item = request.wait(self._check_stages, lambda: self.groundings.publish(msg))
        except SceneR1Error as error:
            self.tell(query_id, StageStatus.CANCELLED, error)  # nobody waits for it any more
            raise
        finally:
            self.pending.close(request)
        return item, request.seconds

    def _check_stages(self) -> None:
        for topic, executable in (("masks", "tracking_node"), ("objects", "lifting_node")):
            if self.count_publishers(topic) == 0:
                name = self.resolve_topic_name(topic)
                raise NotActiveError(
                    f"nobody publishes {name}; start `ros2 run scene_r1_ros {executable}`, or "
                    "everything with `scene-r1 up`."
                )

    def tell(
        self,
        query_id: str,
        state: int,
        error: SceneR1Error | None = None,
        seconds: float = 0.0,
    ) -> None:
        """Publish how the grounding stage of a query fares."""
        self.statuses.publish(
            StageStatus(
                header=header(self.get_clock().now().nanoseconds, ""),
                query_id=query_id,
                stage=StageStatus.GROUNDING,
                state=state,
                progress=1.0 if state == StageStatus.DONE else 0.0,
                error_code=error.code if error else 0,
                message=str(error) if error else "",
                seconds=float(seconds),
            )
        )


def find_frame(window: WindowSnapshot, stamp_ns: int) -> RgbdFrame:
    """The frame at a stamp given by a person (zero = the latest), to within 5 ms.

    Raises:
        NoSuchFrameError: naming the nearest stamp there is.
    """
    if stamp_ns == 0:
        return window.frames[-1]
    nearest = window.nearest(stamp_ns)
    if abs(nearest.stamp_ns - stamp_ns) > _STAMP_TOLERANCE_NS:
        raise NoSuchFrameError(
            f"no frame with pixels at {stamp_ns * 1e-9:.6f} s; the nearest is at "
            f"{nearest.stamp:.6f} s, the window spans {window.start_ns * 1e-9:.6f} to "
            f"{window.end_ns * 1e-9:.6f} s."
        )
    return nearest


def main() -> int:
    """Entry point of the grounding process."""
    return run_nodes(lambda: [GroundingNode()])
