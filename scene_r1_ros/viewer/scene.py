"""What the viewer shows, and under which entity paths.

``world/camera`` is the camera with its pose, ``.../image``, ``.../depth`` and ``.../mask`` are its
pictures, ``world/trail`` is where it was lately, ``world/objects/ID`` are boxes and clouds, and
``world/truth`` are annotated boxes. The world is z up, in metres.
"""

from __future__ import annotations

import re
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..frames import CameraIntrinsics
from ..geometry import Box3D, Float64
from ..palette import Rgb
from ..recordings.images import encode_color
from ..report.drawing import FOUND_COLOR, TRUTH_COLOR

if TYPE_CHECKING:
    import rerun as rr

APPLICATION = "scene_r1_ros"
CAMERA = "world/camera"
_TIMELINE = "stamp"
_TRAIL = 300
_JPEG_QUALITY = 85


class ViewerScene:
    """Logs to a Rerun stream, which the caller connects to a viewer or a file."""

    def __init__(self, stream: rr.RecordingStream) -> None:
        import rerun as rr

        self._rr: Any = rr
        self._stream = stream
        self._trail: deque[Float64] = deque(maxlen=_TRAIL)
        stream.log("world", rr.ViewCoordinates.RIGHT_HAND_Z_UP, static=True)
        masks = rr.AnnotationContext([(0, "", (0, 0, 0, 0)), (1, "object", FOUND_COLOR)])
        stream.log(CAMERA, masks, static=True)

    def at(self, stamp_ns: int) -> None:
        """What is logged from here on belongs to this time."""
        self._stream.set_time(_TIMELINE, timestamp=np.datetime64(stamp_ns, "ns"))

    def camera(
        self,
        intrinsics: CameraIntrinsics,
        T_world_camera: Float64,
        color: NDArray[np.uint8],
        depth_m: NDArray[np.float32] | None = None,
    ) -> None:
        """A frame: pose, image (H, W, 3) RGB, and depth (H, W) metres if there is some."""
        rr, log = self._rr, self._stream.log
        translation = T_world_camera[:3, 3]
        log(CAMERA, rr.Transform3D(translation=translation, mat3x3=T_world_camera[:3, :3]))
        log(
            CAMERA,
            rr.Pinhole(
                image_from_camera=intrinsics.K,
                width=intrinsics.width,
                height=intrinsics.height,
                camera_xyz=rr.ViewCoordinates.RDF,
                image_plane_distance=0.3,
            ),
        )
        picture = encode_color(color, ".jpg", _JPEG_QUALITY)
        log(f"{CAMERA}/image", rr.EncodedImage(contents=picture, media_type="image/jpeg"))
        if depth_m is not None:
            millimetres = np.nan_to_num(depth_m * 1000.0, nan=0.0).clip(0, 65535)
            log(f"{CAMERA}/depth", rr.DepthImage(millimetres.astype(np.uint16), meter=1000.0))
        self._trail.append(np.array(translation))
        log("world/trail", rr.LineStrips3D([np.array(self._trail)], colors=[(120, 130, 145)]))

    def mask(self, mask: NDArray[np.bool_] | None) -> None:
        """The object's pixels in the frame logged last; None where it is not seen."""
        if mask is None:
            self._stream.log(f"{CAMERA}/mask", self._rr.Clear(recursive=False))
        else:
            self._stream.log(
                f"{CAMERA}/mask", self._rr.SegmentationImage(mask.view(np.uint8), opacity=0.5)
            )

    def object_box(self, name: str, box: Box3D, label: str, rgb: Rgb = FOUND_COLOR) -> None:
        """A 3D box with its label."""
        self._box(f"world/objects/{entity(name)}/box", box, label, rgb)

    def cloud(self, name: str, points: NDArray[np.float32], colors: NDArray[np.uint8]) -> None:
        """Coloured points (N, 3)."""
        self._stream.log(
            f"world/objects/{entity(name)}", self._rr.Points3D(points, colors=colors, radii=0.004)
        )

    def forget_objects(self) -> None:
        """Take every object away."""
        self._stream.log("world/objects", self._rr.Clear(recursive=True))

    def truth(self, name: str, box: Box3D) -> None:
        """An annotated box; it holds at all times."""
        self._box(f"world/truth/{entity(name)}", box, f"truth: {name}", TRUTH_COLOR, static=True)

    def _box(self, path: str, box: Box3D, label: str, rgb: Rgb, static: bool = False) -> None:
        half_yaw = box.yaw / 2
        boxes = self._rr.Boxes3D(
            centers=[box.center],
            sizes=[box.size],
            quaternions=[(0.0, 0.0, np.sin(half_yaw), np.cos(half_yaw))],
            labels=[label],
            colors=[rgb],
        )
        self._stream.log(path, boxes, static=static)


def entity(name: str) -> str:
    """``name`` as a part of an entity path."""
    return re.sub(r"[^A-Za-z0-9_]+", "_", name).strip("_") or "object"


def new_stream(save: Path | None = None) -> Any:
    """A Rerun stream, into a file if ``save`` names one."""
    import rerun as rr

    stream = rr.RecordingStream(APPLICATION)
    if save is not None:
        save.parent.mkdir(parents=True, exist_ok=True)
        stream.save(save)
    return stream
