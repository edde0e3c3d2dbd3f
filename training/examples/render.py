"""Examples as rows for a trainer: the robot's own prompt, images as it sees them, and the truth.

Images are decoded, resized and prompted by the code that the reasoner runs, so that what a model
learns from is what it meets later.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scene_r1_ros.errors import RecordingError
from scene_r1_ros.geometry import BoxXyxy
from scene_r1_ros.reasoning.closer_look import enlarged
from scene_r1_ros.reasoning.messages import Conversation, pictures, to_chat
from scene_r1_ros.reasoning.model_frames import BoxFrame, box_frame_option, box_to_model, qwen_size
from scene_r1_ros.reasoning.prompts import (
    TimedImage,
    answer_prompt,
    image_prompt,
    temporal_prompt,
)
from scene_r1_ros.reasoning.sampling import Size, resized
from scene_r1_ros.recordings.files import read_color

from .errors import TrainingError
from .example import Example
from .said_boxes import with_boxes
from .settings import DataConfig

_PROMPTS = {"temporal": temporal_prompt, "image": image_prompt, "answer": answer_prompt}


@dataclass(frozen=True)
class ModelView:
    """How a model sees images: its box frame and the resizing of its processor."""

    box_frame: BoxFrame
    factor: int
    min_pixels: int
    max_pixels: int

    @classmethod
    def of(cls, processor: Any, model_type: str, box_frame: str = "auto") -> ModelView:
        """Read from a processor of the Qwen-VL families.

        Raises:
            TrainingError: if it resizes in a way that is not known here.
        """
        image = processor.image_processor
        size = getattr(image, "size", None) or {}
        low = size.get("shortest_edge") or getattr(image, "min_pixels", None)
        high = size.get("longest_edge") or getattr(image, "max_pixels", None)
        patch, merge = getattr(image, "patch_size", None), getattr(image, "merge_size", None)
        if not all(isinstance(v, int) for v in (low, high, patch, merge)):
            raise TrainingError(
                f"the image processor {type(image).__name__} is not of the Qwen-VL families; boxes "
                "could not be given in what its model sees."
            )
        frame = box_frame_option(box_frame, model_type)
        sizes = [int(v or 0) for v in (patch, merge, low, high)]
        return cls(frame, sizes[0] * sizes[1], sizes[2], sizes[3])

    def size(self, sent: Size) -> Size:
        """The size that the model sees of an image that was sent in size ``sent``."""
        return qwen_size(sent, self.factor, self.min_pixels, self.max_pixels)


@dataclass(frozen=True, eq=False)
class Renderer:
    """Makes rows of examples for one model and one set of data settings."""

    config: DataConfig
    view: ModelView

    def sent_size(self, example: Example) -> Size:
        """The size in which an example's images are given to the processor."""
        width, height = example.image_size
        return self.config.budget.image_size(width, height, len(example.frames))

    def conversation(self, example: Example) -> Conversation:
        """The prompt, with images as arrays.

        Raises:
            TrainingError: naming an image that is missing or damaged.
        """
        size = self.sent_size(example)
        of = example.image_size
        shown = [TimedImage(_image(f.path, of, size, f.part), f.seconds) for f in example.frames]
        return _PROMPTS[example.stage](example.query, shown, self.config.style)

    def row(self, example: Example) -> dict[str, Any]:
        """The row: ``prompt`` (chat), ``images``, ``completion`` and the columns of rewards."""
        from PIL import Image

        messages = self.conversation(example)
        seen = self.view.size(self.sent_size(example))
        count = len(example.frames)
        row: dict[str, Any] = {
            "prompt": to_chat(messages),
            "images": [Image.fromarray(picture.image) for picture in pictures(messages)],
            "stage": example.stage,
            "key": example.key,
            "query": example.query,
            "scene_id": example.scene_id,
            "object_ids": list(example.object_ids),
            "stamps_ns": [frame.stamp_ns for frame in example.frames],
            "spans": [list(span) for span in example.spans],
            "seconds": example.seconds,
            "boxes": list(example.boxes),
            "around": list(example.around),
            "views": count,
            "image_sizes": [example.image_size] * count,
            "model_sizes": [seen] * count,
            "box_frame": self.view.box_frame,
            "answers": list(example.answers),
            "found": example.found,
        }
        if example.completion:
            said = self.completion(example)
            content = [{"type": "text", "text": said}]
            row["completion"] = [{"role": "assistant", "content": content}]
        return row

    def completion(self, example: Example) -> str:
        """What to say, with boxes in the model's own frame."""
        seen = self.view.size(self.sent_size(example))

        def convert(said: str) -> list[float]:
            numbers = json.loads(f"[{said}]")
            box = box_to_model(tuple(numbers), self.view.box_frame, seen, example.image_size)
            decimals = 3 if self.view.box_frame == "unit" else 0
            return [round(v, decimals) if decimals else round(v) for v in box]

        return with_boxes(example.completion, convert)


def rows_dataset(examples: Sequence[Example], renderer: Renderer) -> Any:
    """A ``datasets.Dataset`` whose rows are rendered when they are asked for.

    Images are never held all at once, and nothing is copied to a cache on disk.
    """
    from datasets import Dataset

    numbers = Dataset.from_dict({"index": list(range(len(examples)))})
    return numbers.with_transform(_Rendering(examples, renderer))


class _Rendering:
    """Renders batches of row numbers.

    The library pickles a transform to name it, which took a minute for 200,000 examples; so what
    is pickled here is a name only, and cannot be unpickled: workers must be forked.
    """

    def __init__(self, examples: Sequence[Example], renderer: Renderer) -> None:
        self._examples, self._renderer = examples, renderer

    def __call__(self, batch: dict[str, list[int]]) -> dict[str, list[Any]]:
        rows = [self._renderer.row(self._examples[i]) for i in batch["index"]]
        return {name: [row[name] for row in rows] for name in rows[0]}

    def __reduce__(self) -> tuple[Any, ...]:
        first, last = self._examples[0].key, self._examples[-1].key
        return _refuse, (len(self._examples), first, last, repr(self._renderer.config))


def _refuse(*name: Any) -> None:
    raise TypeError(
        "rows of training are rendered in the process that read the examples, or in one forked "
        "from it; start workers with the method fork."
    )


@functools.lru_cache(maxsize=256)
def _image(path: Path, original: Size, size: Size, part: BoxXyxy | None) -> Any:
    try:
        color = read_color(path, str(path), (original[1], original[0]))
        return resized(color, size) if part is None else enlarged(color, part, size)
    except (RecordingError, OSError) as error:
        raise TrainingError(
            f"the image {path} cannot be used ({error}); prepare its scene again."
        ) from error
