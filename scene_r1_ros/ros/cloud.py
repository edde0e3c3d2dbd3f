"""Points to PointCloud2, coloured the way RViz and Foxglove read it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sensor_msgs.msg import PointCloud2, PointField
from std_msgs.msg import Header

_POINT = np.dtype([("x", "<f4"), ("y", "<f4"), ("z", "<f4"), ("rgb", "<u4")])
_FIELDS = [
    PointField(name=name, offset=4 * i, datatype=PointField.FLOAT32, count=1)
    for i, name in enumerate(("x", "y", "z", "rgb"))
]


def points_to_cloud(
    points: NDArray[np.float32], colors: NDArray[np.uint8], header: Header
) -> PointCloud2:
    """An unordered, dense cloud.

    ``points`` (N, 3) metres in the header's frame, ``colors`` (N, 3) uint8 RGB. ``rgb`` is the
    PCL convention: 0x00RRGGBB stored in the bits of a float32.
    """
    packed = np.empty(len(points), _POINT)
    packed["x"], packed["y"], packed["z"] = points[:, 0], points[:, 1], points[:, 2]
    rgb = colors.astype(np.uint32)
    packed["rgb"] = (rgb[:, 0] << 16) | (rgb[:, 1] << 8) | rgb[:, 2]
    cloud = PointCloud2(
        header=header,
        height=1,
        width=len(points),
        fields=_FIELDS,
        is_bigendian=False,
        point_step=_POINT.itemsize,
        row_step=_POINT.itemsize * len(points),
        is_dense=True,
    )
    cloud.data.frombytes(packed.view(np.uint8).data)
    return cloud


def cloud_to_points(cloud: PointCloud2) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Inverse of :func:`points_to_cloud` for clouds of its layout."""
    packed: NDArray[Any] = np.frombuffer(cloud.data, _POINT)
    points = np.stack([packed["x"], packed["y"], packed["z"]], axis=1)
    rgb = packed["rgb"]
    colors = np.stack([rgb >> 16 & 255, rgb >> 8 & 255, rgb & 255], axis=1).astype(np.uint8)
    return points, colors
