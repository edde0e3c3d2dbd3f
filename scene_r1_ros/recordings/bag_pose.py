"""Where the camera of a bag was: from tf, or from a pose or odometry topic."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ..errors import RecordingFormatError
from ..frames import seconds_to_ns
from ..geometry import Float64
from .bag_topics import BagOptions, only_pose_topic
from .transform_tree import Row, TransformTree

USUAL_FIXED_FRAMES = ("map", "world", "odom")
_POSE_BODY = "the body of the pose topic"

PoseAt = Callable[[int], Float64 | None]
"""``T_world_camera`` at a stamp in nanoseconds, or None where it is not known."""


def add_tf(tree: TransformTree, message: Any, topic: str) -> None:
    """Take a TFMessage into ``tree``; topics named tf_static hold for all times."""
    static = topic.rsplit("/", 1)[-1] == "tf_static"
    for item in message.transforms:
        stamp = stamp_of(item.header)
        row = _row(item.transform.translation, item.transform.rotation)
        tree.add(item.header.frame_id, item.child_frame_id, stamp, row, static=static)


def stamp_of(header: Any) -> int:
    """A message header's stamp in nanoseconds."""
    return int(header.stamp.sec) * 1_000_000_000 + int(header.stamp.nanosec)


def add_pose(tree: TransformTree, message: Any, camera_frame: str) -> tuple[str, str]:
    """Take a pose or odometry message into ``tree``; returns its fixed frame and its body.

    The body is the message's child frame; a pose without one is the camera's.
    """
    fixed = message.header.frame_id.lstrip("/")
    child = getattr(message, "child_frame_id", "").lstrip("/") or camera_frame
    if hasattr(message, "transform"):
        row = _row(message.transform.translation, message.transform.rotation)
    else:
        pose = message.pose
        while hasattr(pose, "pose"):  # with covariance
            pose = pose.pose
        row = _row(pose.position, pose.orientation)
    tree.add("the fixed frame", _POSE_BODY, stamp_of(message.header), row, static=False)
    return fixed, child


def pose_from_tf(tree: TransformTree, options: BagOptions, camera_frame: str) -> PoseAt | None:
    """Poses from tf, or None if tf has nothing above the camera that moves it.

    Raises:
        RecordingFormatError: if ``options.fixed_frame`` is not above the camera.
    """
    above = tree.ancestors(camera_frame)[1:]
    fixed = options.fixed_frame.lstrip("/")
    if fixed and fixed not in above:
        if options.pose_topic:
            return None
        raise RecordingFormatError(
            f"tf has no way from fixed frame {fixed!r} to camera frame {camera_frame!r}; above the "
            f"camera it has {', '.join(above) or 'nothing'}."
        )
    if not fixed:
        usual = [frame for frame in USUAL_FIXED_FRAMES if frame in above]
        candidates = [*usual, *above[-1:]]
        moving = [frame for frame in candidates if tree.moves(frame, camera_frame)]
        # A camera that stands still is fine under a frame that is fixed by its name.
        fixed = next(iter([*moving, *usual]), "")
    if not fixed:
        return None
    difference, gap = seconds_to_ns(options.max_difference), seconds_to_ns(options.max_pose_gap)
    return lambda stamp: tree.lookup(fixed, camera_frame, stamp, difference, gap)


def pose_from_topic(
    poses: TransformTree, tree: TransformTree, body: str, options: BagOptions, camera_frame: str
) -> PoseAt:
    """Poses from the topic whose messages are in ``poses``, with the body's way to the camera.

    Raises:
        RecordingFormatError: if tf does not connect the body with the camera.
    """
    if body != camera_frame and not tree.connected(body, camera_frame):
        raise RecordingFormatError(
            f"the pose topic moves frame {body!r}, and tf does not connect it with the camera "
            f"frame {camera_frame!r}; record /tf_static too, or name the camera_frame."
        )
    difference, gap = seconds_to_ns(options.max_difference), seconds_to_ns(options.max_pose_gap)

    def pose_at(stamp: int) -> Float64 | None:
        T_world_body = poses.lookup("the fixed frame", _POSE_BODY, stamp, difference, gap)
        T_body_camera = tree.lookup(body, camera_frame, stamp, difference, gap)
        if T_world_body is None or T_body_camera is None:
            return None
        return T_world_body @ T_body_camera

    return pose_at


def pose_topic_to_read(
    path: Path, types: Mapping[str, str], options: BagOptions, from_tf: PoseAt | None
) -> str:
    """The pose topic to use: the one asked for; none if tf will do; else the only one there is."""
    if options.pose_topic:
        return options.pose_topic
    return "" if from_tf is not None else only_pose_topic(path, types)


def _row(position: Any, rotation: Any) -> Row:
    return (
        position.x, position.y, position.z, rotation.x, rotation.y, rotation.z, rotation.w,
    )  # fmt: skip
