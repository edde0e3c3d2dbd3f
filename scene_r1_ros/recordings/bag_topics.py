"""Which topics of a bag are the camera's, unless the caller says so."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ..errors import RecordingFormatError

IMAGE_TYPES = ("sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage")
INFO_TYPE = "sensor_msgs/msg/CameraInfo"
TF_TYPE = "tf2_msgs/msg/TFMessage"
POSE_TYPES = (
    "nav_msgs/msg/Odometry",
    "geometry_msgs/msg/PoseStamped",
    "geometry_msgs/msg/PoseWithCovarianceStamped",
    "geometry_msgs/msg/TransformStamped",
)


@dataclass(frozen=True)
class BagOptions:
    """What to read from a bag; what is empty is chosen automatically.

    ``fixed_frame`` is the frame of the poses: without it map, world or odom, if the camera hangs
    under one of them, else the root above it. ``camera_frame`` replaces the frame that the colour
    images name. ``max_difference`` (s) is the longest time between the images of a frame and from
    an image to the nearest pose; poses up to ``max_pose_gap`` (s) apart are interpolated.
    """

    color_topic: str = ""
    depth_topic: str = ""
    camera_info_topic: str = ""
    depth_info_topic: str = ""
    pose_topic: str = ""
    fixed_frame: str = ""
    camera_frame: str = ""
    max_difference: float = 0.02
    max_pose_gap: float = 0.5


@dataclass(frozen=True)
class BagTopics:
    """The topics chosen; ``depth_info`` and ``pose`` are empty where there is none."""

    color: str
    depth: str
    color_info: str
    depth_info: str
    pose: str
    tf: tuple[str, ...]


def choose_topics(
    path: Path, types: Mapping[str, str], options: BagOptions, is_depth: Callable[[str], bool]
) -> BagTopics:
    """Choose among the topics ``types`` (topic to message type).

    ``is_depth`` looks at the first message of an image topic.

    Raises:
        RecordingFormatError: saying what is missing or ambiguous, and which topics there are.
    """
    for topic in (
        options.color_topic,
        options.depth_topic,
        options.camera_info_topic,
        options.depth_info_topic,
        options.pose_topic,
    ):
        if topic and topic not in types:
            raise RecordingFormatError(f"{path} has no topic {topic}. {_listed(types)}")
    images = [topic for topic, kind in sorted(types.items()) if kind in IMAGE_TYPES]
    depths = [topic for topic in images if is_depth(topic)]
    colors = [topic for topic in images if topic not in depths]
    color = options.color_topic or _best(colors, _color_rank)
    depth = options.depth_topic or _best(depths, _depth_rank)
    for what, topic in (("colour", color), ("depth", depth)):
        if not topic:
            raise RecordingFormatError(f"{path} has no {what} image topic. {_listed(types)}")
    color_info = options.camera_info_topic or _info_for(color, types)
    if not color_info:
        raise RecordingFormatError(
            f"{path} has no camera info for {color}: intrinsics are missing. {_listed(types)}"
        )
    return BagTopics(
        color=color,
        depth=depth,
        color_info=color_info,
        depth_info=options.depth_info_topic or _info_for(depth, types),
        pose=options.pose_topic,
        tf=tuple(topic for topic, kind in types.items() if kind == TF_TYPE),
    )


def only_pose_topic(path: Path, types: Mapping[str, str]) -> str:
    """The one pose or odometry topic, for bags whose tf does not move the camera.

    Raises:
        RecordingFormatError: if there is none, or several to choose from.
    """
    found = sorted(topic for topic, kind in types.items() if kind in POSE_TYPES)
    if not found:
        raise RecordingFormatError(
            f"{path} does not say where the camera was: tf gives it no moving transform, and there "
            f"is no pose or odometry topic. {_listed(types)}"
        )
    if len(found) > 1:
        raise RecordingFormatError(
            f"{path} has several pose topics ({', '.join(found)}) and tf does not move the camera; "
            "choose one with pose_topic."
        )
    return found[0]


def _best(topics: list[str], rank: Callable[[str], tuple[int, ...]]) -> str:
    return min(topics, key=rank, default="")


def _color_rank(topic: str) -> tuple[int, ...]:
    named = "color" in topic or "rgb" in topic
    return (not named, "infra" in topic, "rect" not in topic, "compressed" in topic, len(topic))


def _depth_rank(topic: str) -> tuple[int, ...]:
    registered = "aligned" in topic or "registered" in topic
    return (not registered, "rect" not in topic, "compressed" in topic, len(topic))


def _info_for(image_topic: str, types: Mapping[str, str]) -> str:
    """``camera_info`` beside the image topic, or above it (``image_raw/compressed``)."""
    parts = image_topic.split("/")
    for end in range(len(parts) - 1, max(0, len(parts) - 4), -1):
        topic = "/".join([*parts[:end], "camera_info"])
        if types.get(topic) == INFO_TYPE:
            return topic
    return ""


def _listed(types: Mapping[str, str]) -> str:
    if not types:
        return "It holds no topic."
    return "It holds " + ", ".join(f"{topic} ({kind})" for topic, kind in sorted(types.items()))
