"""Objects as RViz markers: box edges, label, axes; ids stay with the object."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from geometry_msgs.msg import Point, Vector3
from std_msgs.msg import ColorRGBA, Header
from visualization_msgs.msg import Marker, MarkerArray

from ..memory import GroundedObject
from ..palette import object_color
from .conversions import matrix_to_pose

_NAMESPACES = ("box", "label", "axes")
_EDGES = ((0, 1), (1, 2), (2, 3), (3, 0), (4, 5), (5, 6), (6, 7), (7, 4), (0, 4), (1, 5), (2, 6),
          (3, 7))  # fmt: skip
_AXES = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))


def object_markers(items: Iterable[GroundedObject], header: Header) -> MarkerArray:
    """Three markers for each object; stale objects are faint."""
    return MarkerArray(markers=[m for item in items for m in _markers(item, header)])


def deletion(numbers: Iterable[int], header: Header) -> MarkerArray:
    """Takes the markers of forgotten objects away."""
    return MarkerArray(
        markers=[
            Marker(header=header, ns=ns, id=number, action=Marker.DELETE)
            for number in numbers
            for ns in _NAMESPACES
        ]
    )


def delete_all(header: Header) -> MarkerArray:
    """Takes every marker of an earlier run away."""
    return MarkerArray(markers=[Marker(header=header, action=Marker.DELETEALL)])


def _markers(item: GroundedObject, header: Header) -> list[Marker]:
    red, green, blue = (v / 255.0 for v in object_color(item.number))
    alpha = 0.35 if item.stale else 1.0
    color = ColorRGBA(r=red, g=green, b=blue, a=alpha)
    size = np.asarray(item.box.size)
    line = float(np.clip(0.01 * size.max(), 0.004, 0.02))

    def marker(ns: str, kind: int, scale: Vector3) -> Marker:
        return Marker(
            header=header,
            ns=ns,
            id=item.number,
            type=kind,
            action=Marker.ADD,
            pose=matrix_to_pose(item.box.T_world_box),
            scale=scale,
            color=color,
        )

    box = marker("box", Marker.LINE_LIST, Vector3(x=line))
    x, y, z = size / 2
    corners = [(-x, -y, -z), (x, -y, -z), (x, y, -z), (-x, y, -z),
               (-x, -y, z), (x, -y, z), (x, y, z), (-x, y, z)]  # fmt: skip
    box.points = [_point(corners[i]) for edge in _EDGES for i in edge]

    height = float(np.clip(0.2 * size.max(), 0.04, 0.15))
    label = marker("label", Marker.TEXT_VIEW_FACING, Vector3(z=height))
    label.pose.position.z += float(z) + 0.7 * height
    label.text = f"{item.label or item.object_id} {item.confidence:.2f}"

    axes = marker("axes", Marker.LINE_LIST, Vector3(x=line))
    length = float(np.clip(0.4 * size.max(), 0.05, 0.3))
    for axis in _AXES:
        axes.points += [_point((0.0, 0.0, 0.0)), _point(tuple(length * v for v in axis))]
        axes.colors += [ColorRGBA(r=axis[0], g=axis[1], b=axis[2], a=alpha)] * 2
    return [box, label, axes]


def _point(xyz: tuple[float, ...]) -> Point:
    return Point(x=float(xyz[0]), y=float(xyz[1]), z=float(xyz[2]))
