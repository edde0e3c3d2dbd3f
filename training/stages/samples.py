"""Answers of the trained model to a few examples, with pictures of truth and answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from scene_r1_ros.reasoning.backends.checkpoint import Checkpoint
from scene_r1_ros.reasoning.backends.transformers_backend import encode
from scene_r1_ros.reasoning.messages import pictures

from ..examples.example import Example, evenly
from ..examples.render import Renderer
from ..rewards.box import answered_box
from ..rewards.temporal import answered_span

_TRUE, _SAID = (40, 170, 70), (220, 60, 40)
_WIDTH = 160


@dataclass(frozen=True, eq=False)
class Sample:
    """One answer: the example, what the model said, and a picture (H, W, 3) uint8 RGB."""

    example: Example
    text: str
    picture: NDArray[np.uint8]


def sample_answers(
    model: Any,
    processor: Any,
    renderer: Renderer,
    examples: Sequence[Example],
    count: int,
    max_new_tokens: int,
) -> list[Sample]:
    """Greedy answers to ``count`` examples, evenly spread."""
    import torch

    chosen = evenly(examples, count)
    training = model.training
    model.eval()
    samples = []
    for example in chosen:
        messages = renderer.conversation(example)
        loaded = Checkpoint(model, processor, model.config.model_type)
        inputs, _ = encode(loaded, [messages])
        ids = (getattr(model.config, f"{n}_token_id", None) for n in ("image", "video"))
        pads = [i for i in ids if isinstance(i, int)] or None
        with torch.inference_mode():
            said = model.generate(
                **inputs, max_new_tokens=max_new_tokens, do_sample=False, temperature=None,
                top_p=None, top_k=None, suppress_tokens=pads,
            )  # fmt: skip
        tokens = said[0, inputs["input_ids"].shape[1] :]
        text = processor.tokenizer.decode(tokens, skip_special_tokens=True)
        images = [picture.image for picture in pictures(messages)]
        samples.append(Sample(example, text, draw(example, images, text, renderer)))
    model.train(training)
    return samples


def draw(
    example: Example, images: Sequence[NDArray[np.uint8]], text: str, renderer: Renderer
) -> NDArray[np.uint8]:
    """The frames in a row: boxes in them, or a bar below for the span; truth green, answer red."""
    tiles = []
    count = len(images)
    seen = renderer.view.size(renderer.sent_size(example))
    said = answered_box(text, [example.image_size] * count, [seen] * count, renderer.view.box_frame)
    span = answered_span(text, example.seconds)
    for i, image in enumerate(images):
        scale = _WIDTH / image.shape[1]
        tile = cv2.resize(image, (_WIDTH, max(1, round(image.shape[0] * scale))))
        per_pixel = _WIDTH / example.image_size[0]
        if example.stage == "image":
            if example.boxes[i] is not None:
                _rectangle(tile, example.boxes[i], per_pixel, _TRUE)
            if said is not None and said[0] == i:
                _rectangle(tile, said[1], per_pixel, _SAID)
        bar = np.full((14, _WIDTH, 3), 255, np.uint8)
        t = example.frames[i].seconds
        if example.stage == "temporal":
            if any(a - 0.051 <= t <= b + 0.051 for a, b in example.spans):
                bar[1:6] = _TRUE
            if span is not None and span[0] - 0.051 <= t <= span[1] + 0.051:
                bar[8:13] = _SAID
        tiles.append(np.vstack([tile, bar]))
    return np.hstack(tiles)


def _rectangle(tile: Any, box: Any, scale: float, color: tuple[int, int, int]) -> None:
    x0, y0, x1, y1 = (round(v * scale) for v in box)
    cv2.rectangle(tile, (x0, y0), (x1 - 1, y1 - 1), color, 2)
