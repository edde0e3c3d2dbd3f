"""Views of a red thing in a room of boxes, with its true masks or what is made of them."""

from __future__ import annotations

import numpy as np
from box_room import BoxRoom

from scene_r1_ros.frames import WindowSnapshot
from scene_r1_ros.tracking import FrameMask, MaskTrack

RED = (200, 40, 40)


def seen(room: BoxRoom, *hide, eye: float = 1.1) -> tuple[WindowSnapshot, MaskTrack]:
    """Eight views from ``eye`` metres above the floor, each with its true mask and what the
    functions ``hide`` make of both."""
    frames, masks = [], []
    for i, x in enumerate(np.linspace(-0.9, 0.9, 8)):
        frame = room.frame(i, (float(x), -2.2, eye), look=float(-x / 2.2))
        mask = (frame.color == RED).all(axis=-1)
        for change in hide:
            frame, mask = change(frame, mask)
        frames.append(frame)
        masks.append(FrameMask(i, mask))
    return WindowSnapshot.of(frames), MaskTrack(0, tuple(masks))
