"""The tracking node: a grounding in, masks through the window out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from scene_r1_msgs.msg import Grounding, ObjectMask, StageStatus
from sensor_msgs.msg import Image

from ..config import Config, option
from ..control import Control
from ..frames import VideoWindow, WindowSnapshot
from ..overlay_image import draw_mask
from ..tracking import MaskTrack, backends
from . import window_access
from .conversions import grounding_from_msg, header, mask_to_msg
from .image_messages import image_to_msg
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


SECTIONS = (
    *window_access.SECTIONS,
    ("tracking", TrackingNodeConfig),
    *backends.SECTIONS,
)


class TrackingNode(SceneNode):
    """Subscribes to ``grounding``; publishes ``masks``, ``mask_overlay`` and ``stage_status``."""

    def __init__(self, window: VideoWindow | None = None, **kwargs: Any) -> None:
        super().__init__("tracking", SECTIONS, **kwargs)
        self.access = WindowAccess(self, window)

    def setup(self) -> None:
        self.access.setup()
        self.config = self.settings("tracking", TrackingNodeConfig)
        self.tracker = backends.tracker_from(self.settings)
        self.stage = Stage(self, StageStatus.TRACKING, "the tracker", self.config.pending)
        self.masks = self.create_lifecycle_publisher(ObjectMask, "masks", MASKS_QOS)
        self.overlay = self.create_lifecycle_publisher(Image, "mask_overlay", RELIABLE)
        self.groundings = self.subscribe(Grounding, "grounding", self._on_grounding, RELIABLE)

    def start(self) -> None:
        self.access.start()

    def stop(self) -> None:
        self.stage.cancel_all()
        self.access.stop()

    def teardown(self) -> None:
        self.destroy_subscription(self.groundings)
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
        track = self.tracker.track(window, grounding.anchor_stamp_ns, grounding.box_xyxy, control)
        self._publish(msg.query_id, window, track, control)

    def _publish(
        self, query_id: str, window: WindowSnapshot, track: MaskTrack, control: Control
    ) -> None:
        wanted = self.overlay.get_subscription_count() > 0
        for index, mask in enumerate(track.masks):
            control.check("the tracker")
            frame = window.at(mask.stamp_ns)
            self.masks.publish(mask_to_msg(mask, frame, query_id, index, len(track.masks)))
            if wanted:
                pixels = draw_mask(frame.color, mask.mask)
                top = header(frame.stamp_ns, frame.frame_id)
                self.overlay.publish(image_to_msg(pixels, "rgb8", top))


def main() -> int:
    """Entry point of the tracking process."""
    return run_nodes(lambda: [TrackingNode()])
