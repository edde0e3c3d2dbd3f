"""What a session asks of a SAM 2 model, whichever library runs it.

An engine holds weights and no video: it embeds an image, decodes one object's mask from an
embedding and that object's memories, and turns a mask into a memory. The session keeps the
memories and decides which; so both engines share every rule of bounding and bookkeeping.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from .prompts import Prompt

if TYPE_CHECKING:
    import torch
    from torch import Tensor

NORM_MEAN = (0.485, 0.456, 0.406)
NORM_STD = (0.229, 0.224, 0.225)
# How far back SAM 2 looks: the last 6 masks of its 7 memories, and 15 object pointers.
MEMORY_REACH = 6
POINTER_REACH = 15


@dataclass(frozen=True, eq=False)
class ImageEmbedding:
    """The image encoder's three feature maps of one frame, in the engine's own layout."""

    levels: tuple[Tensor, ...]

    @property
    def nbytes(self) -> int:
        """Memory of the maps."""
        return sum(level.numel() * level.element_size() for level in self.levels)

    def to(self, device: torch.device) -> ImageEmbedding:
        """The same on ``device``."""
        return ImageEmbedding(tuple(level.to(device) for level in self.levels))


@dataclass(frozen=True, eq=False)
class Entry:
    """What is remembered of one object in one frame.

    ``logits`` (1, 1, S/4, S/4) float32 mask logits of the square model image of S pixels,
    ``pointer`` (1, 256) SAM's output token, ``object_score`` (1, 1) logit that the object is in
    the frame, ``memory`` its spatial memory in bfloat16 with its position code (None until
    encoded). ``reverse`` tells in which direction of time the frame was tracked, None if it was
    only prompted. ``full_logits`` (1, 1, S, S) are there between decoding and encoding only.
    """

    logits: Tensor | None
    pointer: Tensor
    object_score: Tensor
    memory: Tensor | None = None
    memory_position: Tensor | None = None
    reverse: bool | None = None
    full_logits: Tensor | None = None

    def masks_to_memorize(self, image_size: int, prompted: bool) -> Tensor:
        """(1, 1, S, S) logits as upstream encodes them.

        A tracked frame's are the decoder's own; a prompted frame's are enlarged from its stored
        ones, which are what a person saw.
        """
        from torch.nn.functional import interpolate

        if self.full_logits is not None and not prompted:
            return self.full_logits
        assert self.logits is not None
        size = (image_size, image_size)
        return interpolate(self.logits, size=size, mode="bilinear", align_corners=False)

    def pointer_only(self) -> Entry:
        """The same without what takes space."""
        return replace(self, logits=None, memory=None, memory_position=None)

    def to(self, device: torch.device) -> Entry:
        """The same on ``device``."""
        moved = {
            name: value.to(device)
            for name in ("logits", "pointer", "object_score", "memory", "memory_position")
            if (value := getattr(self, name)) is not None
        }
        return replace(self, **moved)

    @property
    def nbytes(self) -> int:
        """Memory of the tensors; the position code is shared between entries and not counted."""
        tensors = (self.logits, self.pointer, self.object_score, self.memory)
        return sum(t.numel() * t.element_size() for t in tensors if t is not None)


@dataclass(frozen=True, eq=False)
class Memories:
    """One object's entries by frame index, as the model's memory attention reads them.

    ``frame_count`` is the video's length where it is known (SAM 2 scales time by it in clips
    shorter than 16 frames), else None.
    """

    prompted: Mapping[int, Entry]
    tracked: Mapping[int, Entry]
    frame_count: int | None


class Engine(Protocol):
    """One loaded SAM 2 model."""

    name: str
    image_size: int

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        ...

    def to(self, device: torch.device) -> None:
        """Move the weights."""
        ...

    def embed(self, color: NDArray[np.uint8]) -> ImageEmbedding:
        """Features of an (H, W, 3) uint8 RGB image of any size."""
        ...

    def decode(
        self,
        embedding: ImageEmbedding,
        index: int,
        memories: Memories,
        *,
        clicks: tuple[Tensor, Tensor] | None = None,
        mask: Tensor | None = None,
        initial: bool = False,
        reverse: bool = False,
        previous: Tensor | None = None,
    ) -> Entry:
        """One object's mask in frame ``index``, not yet encoded as a memory.

        ``clicks`` are model pixels (1, N, 2) and labels (1, N); ``mask`` is (1, 1, S, S) of 0
        and 1. ``initial`` leaves the memories out; ``previous`` are mask logits to refine.
        """
        ...

    def memorize(self, embedding: ImageEmbedding, entry: Entry, prompted: bool) -> Entry:
        """``entry`` with its spatial memory; masks of ``prompted`` frames count as certain."""
        ...


def preprocess(color: NDArray[np.uint8], image_size: int) -> Tensor:
    """(1, 3, S, S) float32: resized as upstream does (Pillow, bicubic), then normalised."""
    import torch
    from PIL import Image

    resized = Image.fromarray(np.ascontiguousarray(color)).resize((image_size, image_size))
    pixels = torch.from_numpy(np.array(resized) / 255.0).permute(2, 0, 1).float()
    mean = torch.tensor(NORM_MEAN, dtype=torch.float32)[:, None, None]
    std = torch.tensor(NORM_STD, dtype=torch.float32)[:, None, None]
    # Upstream's layout in memory: another one changes the order of the convolutions' sums.
    return ((pixels - mean) / std)[None].contiguous()


def model_clicks(prompt: Prompt, width: int, height: int, image_size: int) -> tuple[Tensor, Tensor]:
    """A prompt's clicks in pixels of the model's square image: (1, N, 2) and labels (1, N)."""
    import torch

    places, labels = prompt.clicks(width, height)
    scaled = torch.from_numpy(places) / torch.tensor([width, height]) * image_size
    return scaled[None], torch.from_numpy(labels)[None]


def model_mask(prompt: Prompt, width: int, height: int, image_size: int) -> Tensor:
    """A prompt's mask as (1, 1, S, S) float32 of 0 and 1, resized as upstream does."""
    import torch
    from torch.nn.functional import interpolate

    mask = torch.tensor(prompt.checked_mask(width, height))[None, None].float()
    if (height, width) == (image_size, image_size):
        return mask
    resized = interpolate(
        mask, size=(image_size, image_size), mode="bilinear", align_corners=False, antialias=True
    )
    return (resized >= 0.5).float()


def autocast(device: torch.device, precision: str) -> AbstractContextManager[Any]:
    """The context in which the model runs: bfloat16 where ``precision`` asks for it.

    ``auto`` is bfloat16 on a GPU that computes in it and float32 elsewhere.
    """
    import torch

    wanted = precision == "bfloat16" or (
        precision == "auto" and device.type == "cuda" and torch.cuda.is_bf16_supported()
    )
    return torch.autocast(device.type, dtype=torch.bfloat16) if wanted else nullcontext()
