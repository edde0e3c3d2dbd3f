"""Tracks objects through frames that are handed over one by one, with bounded memory.

The same session serves a finished window (both directions, ``frame_count`` given) and a live
stream. It is upstream's ``SAM2VideoPredictor`` in what it computes, with these differences:
frames come from memory; what is never read again is dropped; a prompt on an already tracked
frame becomes a conditioning frame (upstream's ``add_all_frames_to_correct_as_cond``), for
without that upstream's next propagation overwrites the correction; holes are not filled
(upstream fills them only where its CUDA extension was built).
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ...errors import TrackingError
from .embeddings import EmbeddingCache
from .engine import Engine, Entry, ImageEmbedding, model_clicks, model_mask
from .memory import ObjectMemory
from .prompts import Prompt

if TYPE_CHECKING:
    import torch

Color = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class SessionMask:
    """One object in one frame: ``logits`` (H, W) float32 of the frame's size, mask = logits > 0.

    ``object_logit`` is SAM 2's score that the object is in the frame; ``score`` the same in 0..1.
    """

    logits: NDArray[np.float32]
    object_logit: float

    @property
    def mask(self) -> NDArray[np.bool_]:
        """(H, W) bool."""
        return np.asarray(self.logits > 0)

    @property
    def score(self) -> float:
        """Probability that the object is in the frame."""
        return float(1.0 / (1.0 + np.exp(-self.object_logit)))


class Sam2Session:
    """Objects and their memories over one engine.

    Frames are named by consecutive indices in order of time. Not safe between threads.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        memory_frames: int = 6,
        prompted_frames: int = 8,
        frame_count: int | None = None,
        embeddings: EmbeddingCache | None = None,
    ) -> None:
        self.engine = engine
        self.memory_frames = memory_frames
        self.prompted_frames = prompted_frames
        self.frame_count = frame_count
        self._embeddings = embeddings if embeddings is not None else EmbeddingCache(0)
        self._objects: dict[int, ObjectMemory] = {}
        self._latest: tuple[tuple[int, ...], ImageEmbedding] | None = None
        self._device = engine.device

    @property
    def objects(self) -> tuple[int, ...]:
        """Ids of the tracked objects, in order of arrival."""
        return tuple(self._objects)

    @property
    def start(self) -> int:
        """The earliest prompted frame of all objects, where propagation begins."""
        return min(memory.start for memory in self._objects.values())

    @property
    def nbytes(self) -> int:
        """Memory of all objects' entries."""
        return sum(memory.nbytes for memory in self._objects.values())

    def prompt(
        self,
        index: int,
        color: Color,
        object_id: int,
        prompt: Prompt,
        *,
        keep: bool = True,
        reverse: bool = False,
    ) -> SessionMask:
        """Point at an object in frame ``index``: a new one, or a correction of a known one.

        A prompt replaces the frame's prompt before it, starting from its mask. In a frame that
        was tracked already (and is still remembered) the memories take part; elsewhere the
        prompt alone decides, as for a new object. With ``keep`` the frame becomes a conditioning
        frame; without, it counts as a tracked frame that was helped, on the way backwards in time
        if ``reverse``.

        Raises:
            BoxError: if the prompt does not lie in the image.
            EmptyMaskError: if its mask is empty.
        """
        self._follow_engine()
        height, width = color.shape[:2]
        size = self.engine.image_size
        mask = None if prompt.mask is None else model_mask(prompt, width, height, size)
        clicks = None if mask is not None else model_clicks(prompt, width, height, size)
        known = self._objects.get(object_id)
        memory = known if known is not None else self._new_memory()
        before = memory.at(index)
        tracked = before is not None and before.reverse is not None
        helped = not keep and known is not None and not known.is_prompted(index)
        if before is not None and before.reverse is not None:
            reverse = before.reverse
        embedding = self._embed(color)
        previous = None
        if before is not None and before.logits is not None and clicks is not None:
            previous = before.logits.clamp(-32.0, 32.0)
        entry = self.engine.decode(
            embedding,
            index,
            memory.view(index),
            clicks=clicks,
            mask=mask,
            initial=not (tracked or helped),
            reverse=reverse,
            previous=previous,
        )
        entry = self.engine.memorize(embedding, entry, prompted=True)
        if helped:
            memory.put_tracked(index, replace(entry, reverse=reverse), self._keep_near())
        else:
            passed = before.reverse if before is not None else None
            memory.put_prompted(index, replace(entry, reverse=passed))
        self._objects[object_id] = memory
        return self._at_frame_size(entry, height, width)

    def step(
        self,
        index: int,
        color: Color,
        *,
        reverse: bool = False,
        objects: Iterable[int] | None = None,
    ) -> dict[int, SessionMask]:
        """Track all objects (or ``objects``) into frame ``index``; the image is embedded once.

        Raises:
            TrackingError: if there is no object, or one of ``objects`` is unknown.
        """
        wanted = self.objects if objects is None else tuple(objects)
        unknown = [i for i in wanted if i not in self._objects]
        if unknown or not self._objects:
            raise TrackingError(
                f"no such object: {unknown}; tracked are {list(self._objects)}."
                if unknown
                else "there is no object to track; prompt one first."
            )
        self._follow_engine()
        height, width = color.shape[:2]
        out: dict[int, SessionMask] = {}
        for object_id in wanted:
            memory = self._objects[object_id]
            if memory.is_prompted(index):
                memory.mark_tracked(index, reverse)
                entry = memory.prompted_entry(index)
            else:
                embedding = self._embed(color)
                entry = self.engine.decode(embedding, index, memory.view(index), reverse=reverse)
                entry = self.engine.memorize(embedding, entry, prompted=False)
                entry = replace(entry, reverse=reverse)
                memory.put_tracked(index, entry, self._keep_near())
            out[object_id] = self._at_frame_size(entry, height, width)
        return out

    def is_prompted(self, index: int, object_id: int) -> bool:
        """Whether frame ``index`` is one of the object's conditioning frames."""
        return self._objects[object_id].is_prompted(index)

    def forget(self, index: int, object_id: int) -> None:
        """Take back what a tracked frame left in an object's memory (its mask was wrong)."""
        self._objects[object_id].forget(index)

    def remove(self, object_id: int) -> None:
        """Stop tracking an object and free its memory.

        Raises:
            TrackingError: if it is not tracked.
        """
        if self._objects.pop(object_id, None) is None:
            raise TrackingError(f"no object {object_id}; tracked are {list(self._objects)}.")

    def to(self, device: torch.device) -> None:
        """Move the model and everything that is remembered; tracking goes on from where it was."""
        self.engine.to(device)
        self._follow_engine()

    def _new_memory(self) -> ObjectMemory:
        return ObjectMemory(self.memory_frames, self.prompted_frames, self.frame_count)

    def _keep_near(self) -> int | None:
        return None if self.frame_count is None else self.start

    def _follow_engine(self) -> None:
        # Another session of the same engine may have moved it.
        device = self.engine.device
        if device == self._device:
            return
        self.drop_embeddings()
        for memory in self._objects.values():
            memory.map(lambda entry: entry.to(device))
        self._device = device

    def drop_embeddings(self) -> None:
        """Free the cached image embeddings; they are computed again when needed."""
        self._latest = None
        self._embeddings.clear()

    def _embed(self, color: Color) -> ImageEmbedding:
        key = fingerprint(color, self.engine)
        if self._latest is not None and self._latest[0] == key:
            return self._latest[1]
        embedding = self._embeddings.get(key, self.engine.device)
        if embedding is None:
            embedding = self.engine.embed(color)
            self._embeddings.put(key, embedding)
        self._latest = (key, embedding)
        return embedding

    def _at_frame_size(self, entry: Entry, height: int, width: int) -> SessionMask:
        from torch.nn.functional import interpolate

        assert entry.logits is not None
        logits = interpolate(
            entry.logits, size=(height, width), mode="bilinear", align_corners=False
        )
        return SessionMask(
            logits[0, 0].float().cpu().numpy(), float(entry.object_score.float().item())
        )


def fingerprint(color: Color, engine: Engine) -> tuple[int, ...]:
    """Names an image by its content, so that embeddings of equal frames are shared."""
    crc = zlib.crc32(np.ascontiguousarray(color).data)
    adler = zlib.adler32(np.ascontiguousarray(color[::7, ::5]).data)
    return (*color.shape, crc, adler, engine.image_size)
