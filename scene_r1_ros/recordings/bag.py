"""Recordings in rosbag2 and MCAP files; no ROS needed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ..errors import FrameError, RecordingFormatError
from ..frames import RgbdFrame, seconds_to_ns
from ..geometry import rigid_transform
from .association import associate
from .bag_images import Rectifier, color_of, depth_of, is_depth
from .bag_pose import PoseAt, add_pose, add_tf, pose_from_tf, pose_from_topic, pose_topic_to_read
from .bag_reader import BagReader, Logged, header_of
from .bag_topics import BagOptions, BagTopics, choose_topics
from .base import FrameSkippedError, Recording
from .registration import DepthRegistration
from .transform_tree import TransformTree


class BagRecording(Recording):
    """Colour, depth and camera info of a bag, posed by tf or a pose topic; see BagOptions.

    Frames are the colour images, numbered in order, each with the nearest depth image. Opening
    reads the bag once for times and poses. Images are rectified; depth of another camera is
    registered by tf. ``topics`` tells what was chosen, ``ended_early`` why the rest of a damaged
    bag could not be read (else ""), ``camera_frame`` the frame of the images.

    Raises:
        RecordingFormatError: naming what is missing or does not fit.
    """

    kind = "rosbag2"

    def __init__(self, path: Path, options: BagOptions | None = None) -> None:
        self.options = options or BagOptions()
        self._reader = BagReader(path)
        try:
            self._prepare(path)
        except BaseException:
            self._reader.close()
            raise

    def close(self) -> None:
        self._reader.close()

    def _prepare(self, path: Path) -> None:
        options, reader = self.options, self._reader
        firsts: dict[str, Any] = {}

        def first(topic: str) -> Any:
            if topic not in firsts:
                firsts[topic] = reader.first(topic)
            return firsts[topic]

        def topic_is_depth(topic: str) -> bool:
            message = first(topic)
            return message is not None and is_depth(message, topic)

        self.topics: BagTopics = choose_topics(path, reader.types, options, topic_is_depth)
        topics = self.topics
        for topic in (topics.color, topics.depth, topics.color_info):
            if first(topic) is None:
                raise RecordingFormatError(f"{path} has no message on {topic}.")
        images: dict[str, list[Logged]] = {topics.color: [], topics.depth: []}
        tree = TransformTree()

        def take(topic: str, log_ns: int, data: bytes) -> None:
            if topic in images:
                images[topic].append(Logged(log_ns, *header_of(data)))
            else:
                add_tf(tree, reader.decode(topic, data), topic)

        self.ended_early = reader.scan((*images, *topics.tf), take)
        # By the stamps of the headers: messages may be logged in another order.
        self._color = sorted(images[topics.color], key=lambda item: item.stamp_ns)
        depth = sorted(images[topics.depth], key=lambda item: item.stamp_ns)
        if not self._color or not depth:
            raise RecordingFormatError(f"{path}: {self.ended_early or 'it holds no images.'}")
        pairs = associate(
            [item.stamp_ns for item in self._color],
            [item.stamp_ns for item in depth],
            seconds_to_ns(options.max_difference),
        )
        self._depth = {i: depth[j] for i, j in pairs.items()}
        self.camera_frame = (options.camera_frame or self._color[0].frame_id).lstrip("/")
        self._pose_at = self._find_poses(path, tree)
        color_size = _size(color_of(first(topics.color), topics.color))
        depth_size = _size(depth_of(first(topics.depth), topics.depth))
        self._rectify_color = Rectifier(first(topics.color_info), topics.color, *color_size)
        depth_info = first(topics.depth_info) if topics.depth_info else None
        if depth_info is not None:
            self._rectify_depth = Rectifier(depth_info, topics.depth, *depth_size)
        elif depth_size == color_size:
            self._rectify_depth = self._rectify_color
        else:
            raise RecordingFormatError(
                f"{path} has no camera info for {topics.depth}, whose images are {depth_size[0]} x "
                f"{depth_size[1]} and those of {topics.color} {color_size[0]} x {color_size[1]} "
                "pixels; depth needs its own intrinsics to be registered to colour."
            )
        self._sizes = (color_size, depth_size)
        self._register = self._registration(path, tree, depth[0])
        super().__init__(
            path,
            name=path.stem,
            numbers=range(len(self._color)),
            stamps_ns=[item.stamp_ns for item in self._color],
            intrinsics=self._rectify_color.camera,
            depth_scale=1000.0,
        )

    def _find_poses(self, path: Path, tree: TransformTree) -> PoseAt:
        reader, camera = self._reader, self.camera_frame
        from_tf = pose_from_tf(tree, self.options, camera)
        topic = pose_topic_to_read(path, reader.types, self.options, from_tf)
        if not topic:
            assert from_tf is not None
            return from_tf
        poses = TransformTree()
        frames: set[tuple[str, str]] = set()

        def take(topic: str, log_ns: int, data: bytes) -> None:
            frames.add(add_pose(poses, reader.decode(topic, data), camera))

        reader.scan((topic,), take)
        if len(frames) != 1:
            raise RecordingFormatError(
                f"{path}: {topic} gives poses between {len(frames)} pairs of frames; it needs "
                "messages about one."
            )
        _, body = frames.pop()
        return pose_from_topic(poses, tree, body, self.options, camera)

    def _registration(self, path: Path, tree: TransformTree, depth: Logged) -> DepthRegistration:
        depth_frame = depth.frame_id.lstrip("/")
        color_frame = self._color[0].frame_id.lstrip("/")
        cameras = self._rectify_depth.camera, self._rectify_color.camera
        if depth_frame == color_frame:
            return DepthRegistration(*cameras)
        T = None
        if tree.connected(color_frame, depth_frame):
            stamp = self._color[0].stamp_ns
            gap = seconds_to_ns(self.options.max_pose_gap)
            T = tree.lookup(color_frame, depth_frame, stamp, gap, gap)
        if T is None:
            raise RecordingFormatError(
                f"{path}: depth is in frame {depth_frame!r} and colour in {color_frame!r}, and tf "
                "does not say how they stand; record /tf_static too, or registered depth."
            )
        try:
            return DepthRegistration(*cameras, rigid_transform(T))
        except FrameError as error:
            raise RecordingFormatError(
                f"{path}: tf {color_frame} to {depth_frame}: {error}"
            ) from error

    def _load(self, index: int) -> RgbdFrame:
        number = self.numbers[index]
        color = self._color[number]
        limit = f"{self.options.max_difference:g} s"
        what = f"{self.topics.color} at {color.stamp_ns * 1e-9:.6f} s"
        depth = self._depth.get(number)
        if depth is None:
            raise FrameSkippedError(what, f"{self.topics.depth} has no image within {limit}")
        pose = self._pose_at(color.stamp_ns)
        if pose is None or not np.isfinite(pose).all():
            raise FrameSkippedError(what, "the camera's pose is not known at that time")
        reader, topics = self._reader, self.topics
        depth_what = f"{topics.depth} at {depth.stamp_ns * 1e-9:.6f} s"
        depth_m = depth_of(reader.decode(topics.depth, reader.at(topics.depth, depth)), depth_what)
        image = color_of(reader.decode(topics.color, reader.at(topics.color, color)), what)
        for pixels, size, where in (
            (image, self._sizes[0], what),
            (depth_m, self._sizes[1], depth_what),
        ):
            if _size(pixels) != size:
                raise FrameSkippedError(where, "its size is not that of the first image")
        return RgbdFrame(
            stamp_ns=color.stamp_ns,
            color=self._rectify_color.color(image),
            depth_m=self._register(self._rectify_depth.depth(depth_m)),
            intrinsics=self.intrinsics,
            T_world_camera=pose,
            frame_id=self.camera_frame or "camera",
        )


def _size(image: Any) -> tuple[int, int]:
    return image.shape[1], image.shape[0]
