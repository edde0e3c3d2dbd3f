"""Which object is asked about: the user's box, or one that the recording's annotations offer."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..errors import RequestError
from ..geometry import BoxXyxy
from ..recordings import Recording
from .annotations import AnnotatedObject, SeenIn, annotated_objects, detected_boxes, truths

_SHARE = 0.004
"""Share of the image that an object must cover to count as well visible."""


@dataclass(frozen=True)
class Prompt:
    """A box (pixels) in the frame with this number, what to call it, and where it is from."""

    frame: int
    box: BoxXyxy
    label: str
    origin: str


def choose_prompt(
    recording: Recording,
    frame: int | None = None,
    box: BoxXyxy | None = None,
    label: str = "",
) -> Prompt:
    """The prompt that was given, else one from the files beside the recording.

    Raises:
        RequestError: if only one of ``frame`` and ``box`` is given, or there is nothing to choose.
        NoSuchFrameError: if the recording has no such frame.
    """
    if (frame is None) != (box is None):
        raise RequestError("--frame and --box belong together.")
    if frame is not None and box is not None:
        recording.index_of_number(frame)
        return Prompt(frame, box, label, "as given")
    folder = recording.path
    camera = recording.intrinsics
    objects = annotated_objects(folder) if folder.is_dir() else []
    if objects:
        item, seen = well_visible(objects, camera.width, camera.height)
        return Prompt(seen.frame, seen.box, label or item.label, "objects.json")
    name, boxes = detected_boxes(folder)
    known = set(recording.numbers)
    boxes = [item for item in boxes if item.frame in known]
    if boxes:
        best = max(boxes, key=lambda item: item.score)
        labels = {truth.label for truth in truths(folder)}
        only = labels.pop() if len(labels) == 1 else ""
        return Prompt(best.frame, best.box, label or only, name)
    first = recording.numbers[0]
    raise RequestError(
        f"say which object of {folder} to show: --frame I --box X0 Y0 X1 Y1, pixels of that "
        f"frame's {camera.width} x {camera.height} colour image, for example --frame {first} "
        f"--box {camera.width // 4} {camera.height // 4} {camera.width * 3 // 4} "
        f"{camera.height * 3 // 4}. (A file objects.json or boxes2d_*.json beside the recording "
        "would have been used.) Or ask a model for it in words: --query WORDS."
    )


def well_visible(
    objects: list[AnnotatedObject], width: int, height: int
) -> tuple[AnnotatedObject, SeenIn]:
    """The object on the floor that most frames show whole and large, and the frame to box it in.

    Raises:
        RequestError: if no object is in any frame.
    """

    best = max(objects, key=lambda item: visibility(item, width, height))
    candidates = [s for s in best.seen if _whole(s, width, height)] or list(best.seen)
    if not candidates:
        raise RequestError("the recording's objects.json lists no object that a frame shows.")
    return best, max(candidates, key=lambda seen: seen.pixels)


def visibility(item: AnnotatedObject, width: int, height: int) -> float:
    """How well the frames of this size show the object, 0 if none shows it whole and large."""
    good = [seen for seen in item.seen if _whole(seen, width, height)]
    size = max((seen.pixels for seen in good), default=0) / (width * height)
    return len(good) * math.sqrt(min(size, 0.1)) * (1.0 if item.on_floor else 0.2)


def _whole(seen: SeenIn, width: int, height: int) -> bool:
    x0, y0, x1, y1 = seen.box
    inside = x0 > 1 and y0 > 1 and x1 < width - 1 and y1 < height - 1
    return inside and seen.pixels >= _SHARE * width * height
