"""The frames of a report: which ones are shown, and how they are drawn."""

from __future__ import annotations

import base64
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from ..frames import RgbdFrame, WindowSnapshot
from ..geometry import Box3D
from ..overlay_image import draw_box, draw_mask
from ..reasoning import Grounding
from ..recordings.images import encode_color
from ..tracking import MaskTrack
from .drawing import FOUND_COLOR, TRUTH_COLOR, center_in_view, draw_box3d
from .truth import Truth


def data_url(image: NDArray[np.uint8], width: int, quality: int = 86) -> str:
    """The RGB image as a JPEG of at most ``width`` pixels, to be put into a page."""
    if image.shape[1] > width:
        height = max(1, round(image.shape[0] * width / image.shape[1]))
        image = np.asarray(
            cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), np.uint8
        )
    data = encode_color(image, ".jpg", quality)
    return "data:image/jpeg;base64," + base64.b64encode(data).decode()


def anchor_picture(
    window: WindowSnapshot, grounding: Grounding, track: MaskTrack | None
) -> NDArray[np.uint8]:
    """The anchor frame with the mask and the box that was asked about."""
    frame = window.at(grounding.anchor_stamp_ns)
    return draw_box(_masked(frame, track), grounding.box_xyxy, label=grounding.label)


def masked_picture(frame: RgbdFrame, track: MaskTrack | None) -> NDArray[np.uint8]:
    """A frame with its mask."""
    return _masked(frame, track)


def boxed_picture(frame: RgbdFrame, box: Box3D | None, truth: Truth | None) -> NDArray[np.uint8]:
    """A frame with the 3D box that was found, and the true one below it."""
    image: NDArray[np.uint8] = np.array(frame.color)
    if truth is not None:
        image = draw_box3d(image, frame, truth.box, TRUTH_COLOR)
    if box is not None:
        image = draw_box3d(image, frame, box, FOUND_COLOR)
    return image


def evenly(frames: Sequence[RgbdFrame], count: int) -> list[RgbdFrame]:
    """``count`` of the frames, evenly spread, the first and last among them."""
    if len(frames) <= count:
        return list(frames)
    return [frames[i] for i in np.linspace(0, len(frames) - 1, count).round().astype(int)]


def seen_frames(window: WindowSnapshot, track: MaskTrack | None) -> list[RgbdFrame]:
    """The window's frames that have a mask, in order of time."""
    stamps = {mask.stamp_ns for mask in track.masks} if track else set()
    return [frame for frame in window.frames if frame.stamp_ns in stamps]


def different_views(frames: Sequence[RgbdFrame], box: Box3D, count: int) -> list[RgbdFrame]:
    """Up to ``count`` frames that look at the box from directions as different as there are.

    Greedy farthest-point choice over the unit directions from the box to the camera, begun with
    the frame nearest to the mean direction; in order of time. Frames that do not show the box's
    centre are passed over if others do.
    """
    frames = [frame for frame in frames if center_in_view(frame, box)] or list(frames)
    if not frames:
        return []
    towards = np.stack([f.T_world_camera[:3, 3] - np.array(box.center) for f in frames])
    towards /= np.maximum(np.linalg.norm(towards, axis=1, keepdims=True), 1e-9)
    chosen = [int((towards @ towards.mean(axis=0)).argmax())]
    nearest = towards @ towards[chosen[0]]
    while len(chosen) < min(count, len(frames)):
        following = int(nearest.argmin())
        if following in chosen:
            break
        chosen.append(following)
        nearest = np.maximum(nearest, towards @ towards[following])
    return [frames[i] for i in sorted(chosen)]


def _masked(frame: RgbdFrame, track: MaskTrack | None) -> NDArray[np.uint8]:
    mask = track.at(frame.stamp_ns) if track else None
    return np.array(frame.color) if mask is None else draw_mask(frame.color, mask.mask, FOUND_COLOR)
