"""What a person or geometry points at: a box, points or a mask in one frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...errors import BoxError, EmptyMaskError
from ...geometry import BoxXyxy, checked_box

Point = tuple[float, float]


@dataclass(frozen=True, eq=False)
class Prompt:
    """One object's prompt in one frame: a box and/or points, or a mask.

    ``points`` lie on the object and ``negative_points`` beside it; all pixels are the frame's
    own. ``mask`` is (H, W) bool of the frame's size and excludes the others.

    Raises:
        BoxError: if there is nothing in the prompt, or a mask together with something else.
    """

    box_xyxy: BoxXyxy | None = None
    points: Sequence[Point] = ()
    negative_points: Sequence[Point] = ()
    mask: NDArray[np.bool_] | None = None

    def __post_init__(self) -> None:
        geometric = self.box_xyxy is not None or self.points or self.negative_points
        if self.mask is None and not geometric:
            raise BoxError("the prompt is empty: give a box, points or a mask.")
        if self.mask is not None and geometric:
            raise BoxError("a prompt is a mask, or a box with points; not both.")

    def clicks(self, width: int, height: int) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
        """Pixels (N, 2) and SAM's labels (N,): 2, 3 box corners, 1 on the object, 0 beside it.

        Raises:
            BoxError: if the box is empty or outside, or a point lies outside the image.
        """
        places: list[Point] = []
        labels: list[int] = []
        if self.box_xyxy is not None:
            x0, y0, x1, y1 = checked_box(self.box_xyxy, width, height)
            places += [(x0, y0), (x1, y1)]
            labels += [2, 3]
        for given, label in ((self.points, 1), (self.negative_points, 0)):
            for x, y in given:
                if not (0 <= x <= width and 0 <= y <= height):
                    raise BoxError(
                        f"point ({x:g}, {y:g}) lies outside the image of {width} x {height} pixels."
                    )
                places.append((float(x), float(y)))
                labels.append(label)
        return np.array(places, np.float32).reshape(-1, 2), np.array(labels, np.int32)

    def checked_mask(self, width: int, height: int) -> NDArray[np.bool_]:
        """The mask, which has the frame's size and is not empty.

        Raises:
            BoxError: if its shape is another one.
            EmptyMaskError: if no pixel is set.
        """
        mask = np.asarray(self.mask)
        if mask.shape != (height, width) or mask.dtype != np.bool_:
            raise BoxError(
                f"prompt mask is {mask.dtype} {mask.shape}; needs bool ({height}, {width})."
            )
        if not mask.any():
            raise EmptyMaskError("the prompt's mask is empty: no pixel of it is set.")
        return mask
