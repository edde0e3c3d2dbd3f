"""The tracking node: a grounding in, masks through the window out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from scene_r1_msgs.msg import GroundedObjectArray, Grounding, ObjectMask, StageStatus
from sensor_msgs.msg import Image

from ..config import Config, option
from ..control import Control
from ..frames import RgbdFrame, VideoWindow, WindowSnapshot
from ..overlay_image import draw_mask
from ..tracking import FrameMask, MaskTrack, Tracker, backends
from ..tracking.sam2 import Sam2Stream, Sam2Tracker
from . import window_access
from .conversions import grounding_from_msg, mask_to_msg
from .image_messages import image_to_msg
from .live_tracking import LiveTracking
from .node_base import MASKS_QOS, RELIABLE, SceneNode
from .runner import run_nodes
from .stage import Stage
from .window_access import WindowAccess


@dataclass(frozen=True)
class TrackingNodeConfig(Config):
    """How the node works; the tracker has settings of its own."""

    pending: int = option(8, "Queries that may wait for the tracker.", minimum=0, maximum=1000)
    frame_patience: float = option(
        2.0, "How long to wait for a frame that another process has already.", minimum=0.0, unit="s"
    )
    live_objects: int = option(
        4, "Found objects that stay masked in new frames (SAM 2 only); 0 = none.",
        minimum=0, maximum=64,
    )  # fmt: skip
    live_rate: float = option(
        5.0, "New frames tracked at most this often.", minimum=0.1, maximum=60.0, unit="Hz"
    )


SECTIONS = (
    *window_access.SECTIONS,
    ("tracking", TrackingNodeConfig),
    *backends.SECTIONS,
)


class TrackingNode(SceneNode):
    """Subscribes to ``grounding``; publishes ``masks``, ``mask_overlay`` and ``stage_status``.

    ``tracker`` replaces the one that the parameters describe.
    """

    def __init__(
        self, window: VideoWindow | None = None, tracker: Tracker | None = None, **kwargs: Any
    ) -> None:
        super().__init__("tracking", SECTIONS, **kwargs)
        self._tracker = tracker
        self.access = WindowAccess(self, window)
        self.live: LiveTracking | None = None

    def setup(self) -> None:
        self.access.setup()
        self.config = self.settings("tracking", TrackingNodeConfig)
        self.tracker = self._tracker or backends.tracker_from(self.settings)
        self.stage = Stage(self, StageStatus.TRACKING, "the tracker", self.config.pending)
        self.masks = self.create_lifecycle_publisher(ObjectMask, "masks", MASKS_QOS)
        self.overlay = self.create_lifecycle_publisher(Image, "mask_overlay", RELIABLE)
        self.groundings = self.subscribe(Grounding, "grounding", self._on_grounding, RELIABLE)
        self.objects = self.subscribe(GroundedObjectArray, "objects", self._on_objects, RELIABLE)

    def start(self) -> None:
        self.access.start()

    def stop(self) -> None:
        self.stage.cancel_all()
        if self.live is not None:
            self.live.close()
            self.live = None
        self.access.stop()

    def teardown(self) -> None:
        self.destroy_subscription(self.groundings)
        self.destroy_subscription(self.objects)
        self.stage.close()
        self.destroy_lifecycle_publisher(self.masks)
        self.destroy_lifecycle_publisher(self.overlay)

    def _on_grounding(self, msg: Grounding) -> None:
        if msg.found:
            self.stage.run(msg.query_id, lambda control: self._track(msg, control))

    def _track(self, msg: Grounding, control: Control) -> None:
        grounding = grounding_from_msg(msg)
        window = self.access.snapshot_with(
            grounding.anchor_stamp_ns, self.config.frame_patience, control
        )
        track = self.tracker.track(window, grounding.anchor_stamp_ns, grounding.prompt, control)
        self._publish(msg.query_id, window, track, control)
        if isinstance(self.tracker, Sam2Tracker) and self.config.live_objects > 0:
            self._follow(msg.query_id, self.tracker, window, track)

    def _follow(
        self, query_id: str, tracker: Sam2Tracker, window: WindowSnapshot, track: MaskTrack
    ) -> None:
        if self.live is None:
            self.live = LiveTracking(
                Sam2Stream(tracker.load(), tracker.config),
                self.access.window,
                self._show,
                self.get_logger().info,
                self.config.live_rate,
                self.config.live_objects,
            )
        self.live.follow(query_id, {frame.stamp_ns: frame for frame in window.frames}, track)

    def _on_objects(self, msg: GroundedObjectArray) -> None:
        if self.live is not None:
            self.live.on_objects(msg)

    def _publish(
        self, query_id: str, window: WindowSnapshot, track: MaskTrack, control: Control
    ) -> None:
        for index, mask in enumerate(track.masks):
            control.check("the tracker")
            frame = window.at(mask.stamp_ns)
            self._show(mask_to_msg(mask, frame, query_id, index, len(track.masks)), frame, mask)

    def _show(self, msg: ObjectMask, frame: RgbdFrame, mask: FrameMask) -> None:
        self.masks.publish(msg)
        if self.overlay.get_subscription_count() > 0:
            pixels = draw_mask(frame.color, mask.mask)
            self.overlay.publish(image_to_msg(pixels, "rgb8", msg.header))


def main() -> int:
    """Entry point of the tracking process."""
    return run_nodes(lambda: [TrackingNode()])
