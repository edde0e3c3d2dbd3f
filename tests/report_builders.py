"""A result over the small room of boxes: true masks, points on the true surface."""

from __future__ import annotations

import json

import numpy as np
from box_room import BoxRoom

from scene_r1_ros.lifting import LiftedObject
from scene_r1_ros.pipeline import PipelineResult
from scene_r1_ros.reasoning import Grounding
from scene_r1_ros.recordings import write_folder
from scene_r1_ros.tracking import FrameMask, MaskTrack

ROOM = BoxRoom()


def room_result(label="red box", name="red", frames=8):
    """(window, result, true 3D box): the named box, found as it is."""
    window = ROOM.walk(frames)
    truth, rgb = ROOM.boxes[name]
    seen = [(frame, ROOM.box_in(name, frame)) for frame in window.frames]
    seen = [(frame, box) for frame, box in seen if box is not None]
    masks = [FrameMask(frame.stamp_ns, (frame.color == rgb).all(axis=2)) for frame, _ in seen]
    anchor, box = seen[len(seen) // 2]
    points = np.random.default_rng(0).uniform(-0.5, 0.5, (500, 3)) * truth.size + truth.center
    lifted = LiftedObject(
        truth,
        points.astype(np.float32),
        np.full((500, 3), rgb, np.uint8),
        tuple(mask.stamp_ns for mask in masks),
        0.9,
    )
    grounding = Grounding.from_box(anchor.stamp_ns, box, label)
    track = MaskTrack(anchor.stamp_ns, tuple(masks))
    seconds = {"grounding": 0.0, "tracking": 0.25, "lifting": 0.5, "total": 0.75}
    return window, PipelineResult(grounding, track, lifted, seconds), truth


def room_recording(folder, frames=10, seconds=9.0):
    """The walk as an exported folder with objects3d.json; (folder, frame number, box of red)."""
    window = ROOM.walk(frames, seconds)
    write_folder(folder, window.frames, color_suffix=".png")
    objects = [
        {"label": name, "center": box.center, "size": box.size, "yaw": box.yaw}
        for name, (box, _) in ROOM.boxes.items()
    ]
    (folder / "objects3d.json").write_text(json.dumps({"objects": objects}))
    number = frames // 2 - 1  # shows its front, side and top
    return folder, number, ROOM.box_in("red", window.frames[number])
