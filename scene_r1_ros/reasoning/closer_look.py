"""A second look at what is small in a frame: the part around it, enlarged to the whole's size.

A thing of a token or two is boxed badly and hardly told from others. Shown again in the part of the
frame around it, enlarged, it has more of them; where the camera has more pixels than the prompt,
the part brings real detail. Related: Wu and Xie 2024, "V*: Guided Visual Search as a Core Mechanism
in Multimodal LLMs" (arXiv 2312.14135).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ConfigError
from ..geometry import BoxXyxy
from .sampling import Size, resized

ROOM = 1.6
"""A part is at least so much wider and higher than the box that it is around."""
WORTH = 0.75
"""A part of more than this share of the frame's sides is not worth a second look."""
LEAST_CLOSER = 1.5
"""The least enlargement that is worth asking for."""


def check_closer(vote_closer: float) -> None:
    """Refuse what would enlarge too little to show anything better.

    Raises:
        ConfigError: unless it is 0 or 1, which enlarge nothing, or :data:`LEAST_CLOSER` or more.
    """
    if vote_closer not in (0.0, 1.0) and vote_closer < LEAST_CLOSER:
        raise ConfigError(
            f"vote_closer = {vote_closer:g}: choose {LEAST_CLOSER:g} or more, since a part that is "
            "hardly smaller than the frame shows nothing better; 1: off; 0: as the checkpoint says."
        )


def part_around(box: BoxXyxy, size: Size, closer: float) -> BoxXyxy | None:
    """The part of an image of ``size`` that shows the ``box`` ``closer`` times as large, or less
    where the box would fill it; of the image's own aspect ratio, in whole pixels, inside it.

    None where the box is too large to be seen better so.
    """
    width, height = size
    wide, high = _sides(box)
    share = max(1.0 / closer, ROOM * wide / width, ROOM * high / height)
    if share > WORTH:
        return None
    w, h = max(1, round(width * share)), max(1, round(height * share))
    left = min(max(0, round((box[0] + box[2] - w) / 2)), width - w)
    top = min(max(0, round((box[1] + box[3] - h) / 2)), height - h)
    return (float(left), float(top), float(left + w), float(top + h))


def enlarged(color: NDArray[np.uint8], part: BoxXyxy, size: Size) -> NDArray[Any]:
    """The ``part`` of ``color`` (H, W, 3) at ``size`` (width, height)."""
    import cv2

    left, top, right, bottom = (int(v) for v in part)
    cut = color[top:bottom, left:right]
    if cut.shape[1] >= size[0]:
        return resized(cut, size)
    return cv2.resize(cut, size, interpolation=cv2.INTER_CUBIC)


def into_part(box: BoxXyxy, part: BoxXyxy, size: Size) -> BoxXyxy:
    """A box of the image in pixels of the enlarged ``part``, which has the image's ``size``."""
    sx, sy = (of / side for of, side in zip(size, _sides(part), strict=True))
    return (
        (box[0] - part[0]) * sx,
        (box[1] - part[1]) * sy,
        (box[2] - part[0]) * sx,
        (box[3] - part[1]) * sy,
    )


def out_of_part(box: BoxXyxy, part: BoxXyxy, size: Size) -> BoxXyxy:
    """A box in pixels of the enlarged ``part`` in those of the whole image of ``size``."""
    sx, sy = (side / of for of, side in zip(size, _sides(part), strict=True))
    return (
        part[0] + box[0] * sx,
        part[1] + box[1] * sy,
        part[0] + box[2] * sx,
        part[1] + box[3] * sy,
    )


def _sides(box: BoxXyxy) -> tuple[float, float]:
    return box[2] - box[0], box[3] - box[1]
