"""``lift``: masked depth to coloured world points, against Open3D."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..control import Control
from ..errors import SceneR1Error
from ..frames import RgbdFrame
from ..geometry import transform_points
from .pixels import camera_frame, object_mask
from .records import BenchResult, Row
from .timing import interleaved

NAME = "Open3D create_from_rgbd_image + transform"
Points = tuple[NDArray[Any], NDArray[Any]]


def ours(frame: RgbdFrame, mask: NDArray[np.bool_]) -> Points:
    """World points (N, 3) and colours (N, 3) of the mask."""
    visible = mask & (frame.depth_m > 0)
    points = frame.intrinsics.backproject(frame.depth_m, visible)
    colors = frame.color.reshape(-1, 3).take(np.flatnonzero(visible), axis=0)
    return transform_points(frame.T_world_camera, points), colors


def open3d_points(frame: RgbdFrame, mask: NDArray[np.bool_]) -> Points:
    """The same through Open3D; colours are float64 0..1."""
    import open3d as o3d

    depth = np.where(mask & (frame.depth_m > 0), frame.depth_m, np.float32(0.0))
    rgbd = o3d.geometry.RGBDImage.create_from_color_and_depth(
        o3d.geometry.Image(frame.color),
        o3d.geometry.Image(depth),
        depth_scale=1.0,
        depth_trunc=1000.0,
        convert_rgb_to_intensity=False,
    )
    camera = frame.intrinsics
    pinhole = o3d.camera.PinholeCameraIntrinsic(
        camera.width, camera.height, camera.fx, camera.fy, camera.cx, camera.cy
    )
    cloud = o3d.geometry.PointCloud.create_from_rgbd_image(rgbd, pinhole)
    cloud.transform(frame.T_world_camera)
    return np.asarray(cloud.points), np.asarray(cloud.colors)


def check_equal(frame: RgbdFrame, mask: NDArray[np.bool_]) -> float:
    """Largest distance in metres between the two ways' points, which come in the same order.

    Raises:
        SceneR1Error: if they are not the same points with the same colours.
    """
    (points, colors), (other, other_colors) = ours(frame, mask), open3d_points(frame, mask)
    if points.shape != other.shape:
        raise SceneR1Error(f"ours gives {len(points)} points, Open3D {len(other)}: no comparison.")
    apart = float(np.abs(points - other).max())
    if apart > 1e-4 or np.abs(colors / 255.0 - other_colors).max() > 1e-6:
        raise SceneR1Error(f"ours and Open3D differ by {apart:g} m: no comparison.")
    return apart


def run(quick: bool, control: Control) -> BenchResult:
    """An object of 1/16 of the image and the whole image, at 640x480."""
    frame = camera_frame(640, 480)
    rows, counts, apart = [], {}, 0.0
    for what, share in (("object of a quarter of the width", 0.25), ("whole 640x480 image", 1.0)):
        mask = object_mask(640, 480, share)
        apart = max(apart, check_equal(frame, mask))
        a, b = interleaved(
            partial(ours, frame, mask),
            partial(open3d_points, frame, mask),
            5 if quick else 200,
            control,
            what,
        )
        counts[what] = int((mask & (frame.depth_m > 0)).sum())
        rows += [
            Row(f"wall, {what}", "ms", a.wall * 1e3, b.wall * 1e3, NAME),
            Row(f"CPU, {what}", "ms", a.cpu * 1e3, b.cpu * 1e3, NAME),
        ]
    return BenchResult(
        "lift",
        tuple(rows),
        (f"Both give the same points with colours; the largest difference is {apart:.1e} m.",),
        {"points": counts, "largest_difference_m": apart},
    )
