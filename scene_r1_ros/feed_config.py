"""Settings of the camera feed: topics, transports, QoS, synchronisation, pose."""

from __future__ import annotations

from dataclasses import dataclass

from .config import Config, option

_QOS = ("sensor_data", "reliable", "transient_local")


@dataclass(frozen=True)
class FeedConfig(Config):
    """Where frames come from and how they are put together."""

    color_topic: str = option("/camera/color/image_raw", "Colour image.")
    depth_topic: str = option(
        "/camera/aligned_depth_to_color/image_raw", "Depth image, registered to colour."
    )
    camera_info_topic: str = option("/camera/color/camera_info", "Intrinsics of the colour image.")
    color_transport: str = option(
        "raw", "raw subscribes to color_topic, compressed to color_topic/compressed.",
        choices=("raw", "compressed"),
    )  # fmt: skip
    depth_transport: str = option(
        "raw", "raw subscribes to depth_topic, compressedDepth to depth_topic/compressedDepth.",
        choices=("raw", "compressedDepth"),
    )  # fmt: skip
    color_qos: str = option("sensor_data", "Quality of service for colour.", choices=_QOS)
    depth_qos: str = option("sensor_data", "Quality of service for depth.", choices=_QOS)
    camera_info_qos: str = option("sensor_data", "Quality of service for intrinsics.", choices=_QOS)
    qos_depth: int = option(10, "Messages each subscription holds.", minimum=1, maximum=1000)
    sync_slop: float = option(
        0.02, "Largest difference of the stamps of one frame.", minimum=0.0, maximum=5.0, unit="s"
    )
    sync_queue: int = option(
        30, "Messages of each topic that wait for their partners.", minimum=1, maximum=1000
    )
    fixed_frame: str = option("map", "The z-up frame that objects are given in.")
    camera_frame: str = option("", "Optical frame of the images; empty = as their headers say.")
    pose_source: str = option(
        "tf", "Camera pose from TF at the image's stamp, or from a topic.",
        choices=("tf", "pose", "odometry"),
    )  # fmt: skip
    pose_topic: str = option(
        "/camera/pose", "PoseStamped or Odometry, when the pose comes from a topic."
    )
    pose_child_frame: str = option(
        "", "Frame whose pose the topic gives; empty = the camera (pose) or the odometry's child."
    )
    pose_timeout: float = option(
        0.5, "How long a frame waits for its pose.", minimum=0.0, maximum=30.0, unit="s"
    )
    undistort: bool = option(True, "Remove lens distortion when camera info has coefficients.")
    max_depth: float = option(
        10.0, "Readings beyond this are dropped; 0 = none.", minimum=0.0, unit="m"
    )
