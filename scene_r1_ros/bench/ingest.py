"""``ingest``: camera messages to a frame in the window, against cv_bridge and numpy."""

from __future__ import annotations

from collections import deque
from functools import partial
from typing import Any

import numpy as np

from ..control import Control
from ..errors import SceneR1Error
from ..frames import RgbdFrame, VideoWindow
from . import pixels
from .records import BenchResult, Row
from .timing import interleaved

NAME = "CvBridge.imgmsg_to_cv2 and numpy, kept in a deque"
_ENCODINGS = (("rgb8", "16UC1"), ("bgr8", "16UC1"), ("rgb8", "32FC1"))
_FRAME_NS = 33_333_333


def run(quick: bool, control: Control) -> BenchResult:
    """640x480 pairs of the encodings that cameras send, 30 a second on a moving camera."""
    rows = []
    for color_encoding, depth_encoding in _ENCODINGS:
        what = f"{color_encoding} + {depth_encoding}"
        a, b = _measure(color_encoding, depth_encoding, 5 if quick else 300, control)
        rows += [
            Row(f"CPU a frame, {what}", "ms", a.cpu * 1e3, b.cpu * 1e3, NAME),
            Row(f"wall a frame, {what}", "ms", a.wall * 1e3, b.wall * 1e3, NAME),
        ]
    note = (
        "From deserialised messages; ours ends in a checked RgbdFrame inside a bounded window, the "
        "alternative in arrays inside a deque of 30. The pixels of both are equal."
    )
    return BenchResult("ingest", tuple(rows), (note,), {"width": 640, "height": 480})


def _measure(color_encoding: str, depth_encoding: str, repeats: int, control: Control) -> Any:
    from ..ros.bench.camera_messages import camera_messages
    from ..ros.bench.recipes import bridge_frame

    color, depth = pixels.color_image(640, 480), pixels.depth_image(640, 480)
    camera = pixels.camera(640, 480)
    make = partial(camera_messages, color, depth, camera, color_encoding, depth_encoding)
    messages = make(0)
    taken, (rgb, metres, _) = to_frame(*messages, 0), bridge_frame(*messages)
    if not (
        np.array_equal(taken.color, rgb) and np.allclose(taken.depth_m, metres, equal_nan=True)
    ):
        raise SceneR1Error(f"{color_encoding} + {depth_encoding}: the two ways differ in pixels.")
    window, kept = VideoWindow(), deque[Any](maxlen=30)
    count = 0

    def ours() -> None:
        nonlocal count
        count += 1
        window.add(to_frame(*messages, count * _FRAME_NS))

    def alternative() -> None:
        kept.append(bridge_frame(*messages))

    return interleaved(ours, alternative, repeats, control, f"{color_encoding} {depth_encoding}")


def to_frame(color: Any, depth: Any, info: Any, stamp_ns: int) -> RgbdFrame:
    """What the feed does with synchronised messages once the pose is known."""
    from ..ros import images

    return RgbdFrame(
        stamp_ns,
        images.color_from_image(color),
        images.depth_from_image(depth),
        images.camera_model(info).intrinsics,
        pixels.pose_at(stamp_ns * 1e-9),
    )
