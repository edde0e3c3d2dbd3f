"""One RGB-D frame with its pose, as every part hands it on.

Stamps are integer nanoseconds, exactly as ROS carries them; ``stamp`` is the same in seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import FrameError
from .geometry import Float64, rigid_transform
from .intrinsics import CameraIntrinsics


def seconds_to_ns(seconds: float) -> int:
    """Seconds as integer nanoseconds."""
    return round(seconds * 1e9)


@dataclass(frozen=True, eq=False)
class RgbdFrame:
    """One registered RGB-D image with its pose; its arrays are read-only views.

    ``color`` is (H, W, 3) uint8 RGB, ``depth_m`` (H, W) float32 metres with NaN where there is
    no reading, ``T_world_camera`` (4, 4) takes optical-frame points to the fixed frame.

    Raises:
        FrameError: if shapes or types do not fit each other or the intrinsics.
    """

    stamp_ns: int
    color: NDArray[np.uint8]
    depth_m: NDArray[np.float32]
    intrinsics: CameraIntrinsics
    T_world_camera: Float64
    frame_id: str = "camera"

    def __post_init__(self) -> None:
        color, depth, camera = self.color, self.depth_m, self.intrinsics
        if color.dtype != np.uint8 or color.ndim != 3 or color.shape[2] != 3:
            raise FrameError(
                f"colour image is {color.dtype} {color.shape}; needs uint8 (height, width, 3)."
            )
        if depth.dtype != np.float32 or depth.ndim != 2:
            raise FrameError(
                f"depth image is {depth.dtype} {depth.shape}; needs float32 (height, width)."
            )
        if color.shape[:2] != depth.shape:
            raise FrameError(
                f"colour is {color.shape[1]} x {color.shape[0]} but depth is {depth.shape[1]} x "
                f"{depth.shape[0]} pixels; register depth to colour first."
            )
        if depth.shape != (camera.height, camera.width):
            raise FrameError(
                f"image is {depth.shape[1]} x {depth.shape[0]} pixels but its intrinsics are for "
                f"{camera.width} x {camera.height}."
            )
        object.__setattr__(self, "stamp_ns", int(self.stamp_ns))
        object.__setattr__(self, "color", _read_only(color))
        object.__setattr__(self, "depth_m", _read_only(depth))
        object.__setattr__(self, "T_world_camera", rigid_transform(self.T_world_camera))

    @property
    def stamp(self) -> float:
        """Seconds."""
        return self.stamp_ns / 1e9

    @property
    def nbytes(self) -> int:
        """Memory of the pixels."""
        return self.color.nbytes + self.depth_m.nbytes


def _read_only(array: NDArray[Any]) -> NDArray[Any]:
    view = array.view()
    view.flags.writeable = False
    return view


@dataclass(frozen=True)
class StampedPose:
    """Where the camera was: ``T_world_camera`` (4, 4) at ``stamp_ns``."""

    stamp_ns: int
    T_world_camera: Float64
