"""ROS 2 bags for tests, message by message."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
from recordings.builders import CAMERA, color, depth_units
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore

from scene_r1_ros.frames import CameraIntrinsics
from scene_r1_ros.recordings.images import encode_depth

STORE = get_typestore(Stores.ROS2_JAZZY)
COLOR, DEPTH = "/cam/color/image_raw", "/cam/depth/image_raw"
OPTICAL = "cam_optical"


def message(kind: str, **fields: Any) -> Any:
    package, name = kind.split("/")
    return STORE.types[f"{package}/msg/{name}"](**fields)


def header(stamp_ns: int, frame_id: str) -> Any:
    seconds, nanoseconds = divmod(stamp_ns, 10**9)
    stamp = message("builtin_interfaces/Time", sec=seconds, nanosec=nanoseconds)
    return message("std_msgs/Header", stamp=stamp, frame_id=frame_id)


def image(head: Any, pixels: np.ndarray, encoding: str, padding: int = 0, big: bool = False) -> Any:
    """An Image; ``padding`` bytes end each row, ``big`` swaps to big endian."""
    data = pixels.astype(pixels.dtype.newbyteorder(">" if big else "<"))
    rows = np.frombuffer(data.tobytes(), np.uint8).reshape(pixels.shape[0], -1)
    rows = np.pad(rows, ((0, 0), (0, padding)), constant_values=99)
    return message(
        "sensor_msgs/Image", header=head, height=pixels.shape[0], width=pixels.shape[1],
        encoding=encoding, is_bigendian=int(big), step=rows.shape[1], data=rows.reshape(-1),
    )  # fmt: skip


def compressed_depth(head: Any, units: np.ndarray) -> Any:
    data = struct.pack("<iff", 0, 0.0, 0.0) + encode_depth(units)
    return message(
        "sensor_msgs/CompressedImage", header=head, format="16UC1; compressedDepth png",
        data=np.frombuffer(data, np.uint8),
    )  # fmt: skip


def info(head: Any, camera: CameraIntrinsics = CAMERA, d: Any = (0.0,) * 5) -> Any:
    roi = message(
        "sensor_msgs/RegionOfInterest", x_offset=0, y_offset=0, height=0, width=0, do_rectify=False
    )
    return message(
        "sensor_msgs/CameraInfo", header=head, height=camera.height, width=camera.width,
        distortion_model="plumb_bob", d=np.array(d, float), k=camera.K.reshape(-1),
        r=np.eye(3).reshape(-1), p=np.hstack([camera.K, np.zeros((3, 1))]).reshape(-1),
        binning_x=0, binning_y=0, roi=roi,
    )  # fmt: skip


def _vector(kind: str, xyz: Any) -> Any:
    x, y, z = map(float, xyz)
    return message(f"geometry_msgs/{kind}", x=x, y=y, z=z)


def _quaternion(xyzw: Any) -> Any:
    x, y, z, w = map(float, xyzw)
    return message("geometry_msgs/Quaternion", x=x, y=y, z=z, w=w)


def tf(stamp_ns: int, parent: str, child: str, xyz: Any, xyzw: Any = (0, 0, 0, 1)) -> Any:
    transform = message(
        "geometry_msgs/Transform", translation=_vector("Vector3", xyz), rotation=_quaternion(xyzw)
    )
    stamped = message(
        "geometry_msgs/TransformStamped", header=header(stamp_ns, parent), child_frame_id=child,
        transform=transform,
    )  # fmt: skip
    return message("tf2_msgs/TFMessage", transforms=[stamped])


def pose_stamped(stamp_ns: int, fixed: str, xyz: Any) -> Any:
    pose = message(
        "geometry_msgs/Pose", position=_vector("Point", xyz), orientation=_quaternion((0, 0, 0, 1))
    )
    return message("geometry_msgs/PoseStamped", header=header(stamp_ns, fixed), pose=pose)


def odometry(stamp_ns: int, fixed: str, child: str, xyz: Any) -> Any:
    pose = message(
        "geometry_msgs/PoseWithCovariance", pose=pose_stamped(0, "", xyz).pose,
        covariance=np.zeros(36),
    )  # fmt: skip
    zero = _vector("Vector3", (0, 0, 0))
    twist = message(
        "geometry_msgs/TwistWithCovariance",
        twist=message("geometry_msgs/Twist", linear=zero, angular=zero), covariance=np.zeros(36),
    )  # fmt: skip
    return message(
        "nav_msgs/Odometry", header=header(stamp_ns, fixed), child_frame_id=child, pose=pose,
        twist=twist,
    )  # fmt: skip


Logged = list[tuple[str, int, Any]]
"""(topic, log time, message)"""


def camera_messages(count: int = 4) -> Logged:
    """Registered colour and depth at 10 Hz from 1 s, depth 5 ms later; info; no poses."""
    logged: Logged = []
    for i in range(count):
        stamp = 10**9 + i * 10**8
        head, late = header(stamp, OPTICAL), header(stamp + 5 * 10**6, OPTICAL)
        logged += [
            (COLOR, stamp + 10**6, image(head, color(i), "rgb8")),
            (DEPTH, stamp + 6 * 10**6, image(late, depth_units(i), "16UC1")),
            ("/cam/color/camera_info", stamp, info(head)),
            ("/cam/depth/camera_info", stamp, info(late)),
        ]
    return logged


def moving_tf(step: float = 0.05) -> Logged:
    """map -> base at 20 Hz, x = t - 1 s, and base -> camera, static, 0.5 m up."""
    logged: Logged = [("/tf_static", 10**9, tf(0, "base", OPTICAL, (0, 0, 0.5)))]
    for k in range(12):
        stamp = round((0.975 + step * k) * 1e9)
        logged.append(("/tf", stamp, tf(stamp, "map", "base", (stamp * 1e-9 - 1.0, 0, 0))))
    return logged


def write_bag(path: Path, logged: Logged, plugin: StoragePlugin = StoragePlugin.MCAP) -> Path:
    """A bag folder, written with the library directly."""
    with Writer(path, version=9, storage_plugin=plugin) as writer:
        connections = {}
        for topic, log_ns, item in sorted(logged, key=lambda entry: entry[1]):
            kind = item.__msgtype__
            if topic not in connections:
                connections[topic] = writer.add_connection(topic, kind, typestore=STORE)
            writer.write(connections[topic], log_ns, STORE.serialize_cdr(item, kind))
    return path
