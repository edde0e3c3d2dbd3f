"""Write frames as a ROS 2 bag: camera topics and tf, as a robot would have recorded them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ..errors import RecordingError
from ..frames import RgbdFrame
from .atomic import written_atomically
from .folder_writer import enumerate_frames
from .images import encode_color, metres_to_depth

MILLIMETRES = 1000.0


@dataclass(frozen=True)
class McapOptions:
    """Topics and encodings. ``color`` "rgb8" keeps pixels as they are, "jpeg" is a tenth of the
    size. ``depth`` "16UC1" is millimetres, "32FC1" metres as they are (REP 118)."""

    color_topic: str = "/camera/color/image_raw"
    depth_topic: str = "/camera/depth/image_raw"
    fixed_frame: str = "map"
    color: Literal["rgb8", "jpeg"] = "rgb8"
    depth: Literal["16UC1", "32FC1"] = "16UC1"
    jpeg_quality: int = 95


def write_mcap(
    out: str | os.PathLike[str],
    frames: Iterable[RgbdFrame],
    options: McapOptions | None = None,
    *,
    overwrite: bool = False,
) -> int:
    """Write ``frames`` to ``out``; returns how many.

    ``out`` is one file if its name ends in ``.mcap``, else a bag folder with ``metadata.yaml``
    for ``ros2 bag play``. It appears when it is whole. Chunks are compressed with zstd.

    Raises:
        RecordingError: if ``out`` exists (and not ``overwrite``), cannot be written, or there is
            no frame or they are not in order of time.
    """
    from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer

    out, options = Path(out), options or McapOptions()
    count = 0
    with written_atomically(out, overwrite) as partial:
        # The library names the file after its folder, so the folder needs its final name.
        staging = partial.with_name(f"{partial.name}.bag")
        bag = staging / out.stem
        try:
            staging.mkdir(parents=True)
            writer = Writer(bag, version=9, storage_plugin=StoragePlugin.MCAP)
            writer.set_compression(CompressionMode.STORAGE, CompressionFormat.ZSTD)
            with writer:
                channels = _Channels(writer, options)
                for _, frame in enumerate_frames(frames):
                    channels.write(frame)
                    count += 1
            if count == 0:
                raise RecordingError(f"there is no frame to write to {out}.")
            written = bag / f"{bag.name}.mcap" if out.suffix == ".mcap" else bag
            written.replace(partial)
        finally:
            shutil.rmtree(staging, ignore_errors=True)
    return count


class _Channels:
    """The open topics of one bag."""

    def __init__(self, writer: Any, options: McapOptions) -> None:
        from rosbags.typesys import Stores, get_typestore

        self._writer, self._options = writer, options
        self._store = get_typestore(Stores.ROS2_JAZZY)
        self._types = self._store.types
        compressed = options.color == "jpeg"
        color_topic = options.color_topic + ("/compressed" if compressed else "")
        image = "sensor_msgs/msg/Image"
        self._color = self._add(
            color_topic, "sensor_msgs/msg/CompressedImage" if compressed else image
        )
        self._depth = self._add(options.depth_topic, image)
        info = "sensor_msgs/msg/CameraInfo"
        self._color_info = self._add(_beside(options.color_topic), info)
        self._depth_info = self._add(_beside(options.depth_topic), info)
        self._tf = self._add("/tf", "tf2_msgs/msg/TFMessage")

    def write(self, frame: RgbdFrame) -> None:
        """Append a frame: the transform first, so that it is there when the images come."""
        header = self._header(frame, frame.frame_id)
        stamp = frame.stamp_ns
        self._put(self._tf, stamp, self._transform(frame))
        info = self._info(frame, header)
        self._put(self._color_info, stamp, info)
        self._put(self._depth_info, stamp, info)
        self._put(self._color, stamp, self._color_message(frame, header))
        self._put(self._depth, stamp, self._depth_message(frame, header))

    def _add(self, topic: str, kind: str) -> Any:
        return self._writer.add_connection(topic, kind, typestore=self._store)

    def _put(self, connection: Any, stamp_ns: int, message: Any) -> None:
        data = self._store.serialize_cdr(message, connection.msgtype)
        self._writer.write(connection, stamp_ns, data)

    def _header(self, frame: RgbdFrame, frame_id: str) -> Any:
        seconds, nanoseconds = divmod(frame.stamp_ns, 1_000_000_000)
        stamp = self._types["builtin_interfaces/msg/Time"](sec=seconds, nanosec=nanoseconds)
        return self._types["std_msgs/msg/Header"](stamp=stamp, frame_id=frame_id)

    def _color_message(self, frame: RgbdFrame, header: Any) -> Any:
        if self._options.color == "jpeg":
            data = encode_color(frame.color, ".jpg", self._options.jpeg_quality)
            return self._types["sensor_msgs/msg/CompressedImage"](
                header=header,
                format="rgb8; jpeg compressed bgr8",
                data=np.frombuffer(data, np.uint8),
            )
        return self._image(header, np.ascontiguousarray(frame.color), "rgb8")

    def _depth_message(self, frame: RgbdFrame, header: Any) -> Any:
        depth: np.ndarray[Any, Any] = np.ascontiguousarray(frame.depth_m)
        if self._options.depth == "16UC1":
            depth = metres_to_depth(frame.depth_m, MILLIMETRES)
        return self._image(header, depth, self._options.depth)

    def _image(self, header: Any, pixels: np.ndarray[Any, Any], encoding: str) -> Any:
        return self._types["sensor_msgs/msg/Image"](
            header=header,
            height=pixels.shape[0],
            width=pixels.shape[1],
            encoding=encoding,
            is_bigendian=0,
            step=pixels.strides[0],
            data=pixels.reshape(-1).view(np.uint8),
        )

    def _info(self, frame: RgbdFrame, header: Any) -> Any:
        camera = frame.intrinsics
        roi = self._types["sensor_msgs/msg/RegionOfInterest"](
            x_offset=0, y_offset=0, height=0, width=0, do_rectify=False
        )
        return self._types["sensor_msgs/msg/CameraInfo"](
            header=header,
            height=camera.height,
            width=camera.width,
            distortion_model="plumb_bob",
            d=np.zeros(5),
            k=camera.K.reshape(-1),
            r=np.eye(3).reshape(-1),
            p=np.hstack([camera.K, np.zeros((3, 1))]).reshape(-1),
            binning_x=0,
            binning_y=0,
            roi=roi,
        )

    def _transform(self, frame: RgbdFrame) -> Any:
        from scipy.spatial.transform import Rotation

        types = self._types
        T = frame.T_world_camera
        x, y, z = T[:3, 3].tolist()
        qx, qy, qz, qw = Rotation.from_matrix(T[:3, :3]).as_quat().tolist()
        stamped = types["geometry_msgs/msg/TransformStamped"](
            header=self._header(frame, self._options.fixed_frame),
            child_frame_id=frame.frame_id,
            transform=types["geometry_msgs/msg/Transform"](
                translation=types["geometry_msgs/msg/Vector3"](x=x, y=y, z=z),
                rotation=types["geometry_msgs/msg/Quaternion"](x=qx, y=qy, z=qz, w=qw),
            ),
        )
        return types["tf2_msgs/msg/TFMessage"](transforms=[stamped])


def _beside(image_topic: str) -> str:
    return image_topic.rsplit("/", 1)[0] + "/camera_info"
