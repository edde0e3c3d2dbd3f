"""Settings of the player: what is played, how fast, and under which names."""

from __future__ import annotations

from dataclasses import dataclass

from .config import Config, option


@dataclass(frozen=True)
class PlayerConfig(Config):
    """What is played, how fast, and under which names."""

    source: str = option("", "Recording: a folder, .sens file or bag.")
    rate: float = option(1.0, "Speed; 2 is twice as fast.", minimum=0.01, maximum=100.0)
    loop: bool = option(False, "Start again at the end; the clock then jumps back.")
    start: float = option(0.0, "Begin this long after the first frame.", minimum=0.0, unit="s")
    end: float = option(0.0, "End this long after the first frame; 0 = all.", minimum=0.0, unit="s")
    stride: int = option(1, "Play every N-th frame.", minimum=1, maximum=100000)
    clock: bool = option(False, "Publish /clock; run the others with use_sim_time.")
    restamp: bool = option(False, "Stamp frames as if they were taken now.")
    transport: str = option("raw", "How images are sent.", choices=("raw", "compressed"))
    pose: str = option(
        "tf", "Camera pose as TF, or on pose_topic too.", choices=("tf", "pose", "odometry")
    )
    color_topic: str = option("/camera/color/image_raw", "Colour image.")
    depth_topic: str = option("/camera/aligned_depth_to_color/image_raw", "Depth image.")
    camera_info_topic: str = option("/camera/color/camera_info", "Intrinsics.")
    pose_topic: str = option("/camera/pose", "PoseStamped or Odometry.")
    fixed_frame: str = option("map", "Frame that the recorded poses are given in.")
    link_frame: str = option("camera_link", "Body frame of the camera.")
    optical_frame: str = option("camera_color_optical_frame", "Optical frame of the images.")
    wait_for_subscribers: float = option(
        3.0, "Wait this long for somebody to listen before the first frame.", minimum=0.0, unit="s"
    )


def published_stamp_ns(stamp_ns: int) -> int:
    """The stamp that a frame is played with: its own, but never 0, which means "latest" in ROS."""
    return stamp_ns or 1
