"""What users write without this package: camera messages by cv_bridge, clouds in Python."""

from __future__ import annotations

import array
import contextlib
import importlib
import struct
from typing import Any

import numpy as np
from cv_bridge import CvBridge
from numpy.typing import NDArray
from sensor_msgs.msg import CameraInfo, Image, PointCloud2, PointField
from std_msgs.msg import Header

_BRIDGE = CvBridge()
XYZ_RGB = [
    PointField(name=name, offset=4 * i, datatype=PointField.FLOAT32, count=1)
    for i, name in enumerate(("x", "y", "z", "rgb"))
]


def bridge_frame(color: Image, depth: Image, info: CameraInfo) -> tuple[Any, Any, Any]:
    """RGB, float32 metres with NaN, and the camera matrix, as most nodes do it."""
    rgb = _BRIDGE.imgmsg_to_cv2(color, "rgb8")
    raw = _BRIDGE.imgmsg_to_cv2(depth, "passthrough")
    scale = 1000.0 if depth.encoding == "16UC1" else 1.0
    metres = raw.astype(np.float32) / scale
    metres[metres == 0] = np.nan
    return rgb, metres, np.array(info.k).reshape(3, 3)


def cloud_from_tuples(
    points: NDArray[np.float32], colors: NDArray[np.uint8], header: Header
) -> PointCloud2:
    """The recipe of most tutorials: colours packed one by one, a list of tuples, create_cloud."""
    rows = []
    for (x, y, z), (r, g, b) in zip(points.tolist(), colors.tolist(), strict=True):
        packed = struct.unpack("f", struct.pack("I", r << 16 | g << 8 | b))[0]
        rows.append((x, y, z, packed))
    return create_cloud(header, XYZ_RGB, rows)


def cloud_from_array(
    points: NDArray[np.float32], colors: NDArray[np.uint8], header: Header
) -> PointCloud2:
    """The quick recipe: one (N, 4) float32 array with colours packed by numpy, create_cloud."""
    rgb = colors.astype(np.uint32)
    packed = (rgb[:, 0] << 16 | rgb[:, 1] << 8 | rgb[:, 2]).view(np.float32)
    return create_cloud(header, XYZ_RGB, np.column_stack([points, packed]))


def create_cloud(header: Header, fields: list[PointField], points: Any) -> PointCloud2:
    """sensor_msgs_py's create_cloud where it is installed, else the same steps in numpy.

    Upstream (Jazzy): a list becomes a structured array of tuples, a plain array is viewed as one,
    and its bytes go into an ``array.array``.
    """
    if upstream_create_cloud is not None:
        return upstream_create_cloud(header, fields, points)
    layout = np.dtype([(field.name, np.float32) for field in fields])
    if isinstance(points, np.ndarray):
        rows: Any = np.ascontiguousarray(points, np.float32).view(layout).reshape(-1)
    else:
        rows = np.array(list(map(tuple, points)), dtype=layout)
    data = array.array("B")
    data.frombytes(memoryview(rows).cast("B"))
    return PointCloud2(
        header=header,
        height=1,
        width=len(rows),
        is_dense=False,
        is_bigendian=False,
        fields=fields,
        point_step=layout.itemsize,
        row_step=layout.itemsize * len(rows),
        data=data,
    )


upstream_create_cloud: Any = None
with contextlib.suppress(ModuleNotFoundError):  # it is not among the wheels
    upstream_create_cloud = importlib.import_module("sensor_msgs_py.point_cloud2").create_cloud
