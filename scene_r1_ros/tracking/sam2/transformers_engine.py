"""SAM 2 run by ``transformers.Sam2VideoModel``.

The model's public ``forward`` keeps the whole video in its session, leaves the previous mask out
of corrections, encodes a prompted frame's memory together with other objects' tracked ones,
takes a mask prompt to memory at another resolution than upstream does, and its object pointer
from other mask tokens. So the steps below it are called, with upstream's rules; the tests hold
both engines to upstream's numbers.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .engine import Entry, ImageEmbedding, Memories, autocast, preprocess

if TYPE_CHECKING:
    import torch
    from torch import Tensor


@dataclass(frozen=True, eq=False)
class _FrameView:
    """The part of ``Sam2VideoInferenceSession`` that one step reads, without its video."""

    features: dict[str, Any]
    output_dict_per_obj: dict[int, dict[str, dict[int, dict[str, Any]]]]
    num_frames: int | None
    dtype: torch.dtype

    @property
    def cache(self) -> _FrameView:
        return self

    def get_vision_features(self, frame_idx: int) -> dict[str, Any]:
        return self.features


class TransformersEngine:
    """Drives ``Sam2VideoModel`` one step at a time; the state that it reads is handed in."""

    name = "transformers"

    def __init__(self, model: Any, precision: str = "float32", compile_encoder: bool = False):
        self._model = model
        self._precision = precision
        self.image_size = int(model.config.image_size)
        self._positions: list[Tensor] | None = None
        self._memory_position: Tensor | None = None
        if compile_encoder:
            import torch

            encoder = model.vision_encoder
            encoder.forward = torch.compile(encoder.forward, dynamic=False)

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        device: torch.device = self._model.device
        return device

    def to(self, device: torch.device) -> None:
        """Move the weights."""
        self._model.to(device)
        self._positions = self._memory_position = None

    def embed(self, color: NDArray[np.uint8]) -> ImageEmbedding:
        """Features of an (H, W, 3) uint8 RGB image."""
        import torch

        pixels = preprocess(color, self.image_size).to(self.device)
        with torch.inference_mode(), autocast(self.device, self._precision):
            out = self._model.get_image_features(pixels, return_dict=True)
        if self._positions is None:
            self._positions = [out.fpn_position_encoding[-1]]
        return ImageEmbedding(tuple(out.fpn_hidden_states))

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
        """One object's mask in frame ``index``; see :meth:`Engine.decode`."""
        import torch

        device = self.device
        points = None
        if clicks is not None:
            points = {
                "point_coords": clicks[0][:, None].to(device),
                "point_labels": clicks[1][:, None].to(device),
            }
        view = _FrameView(
            {"vision_feats": list(embedding.levels), "vision_pos_embeds": self._constant()},
            {
                0: {
                    "cond_frame_outputs": {i: _stored(e) for i, e in memories.prompted.items()},
                    "non_cond_frame_outputs": {i: _stored(e) for i, e in memories.tracked.items()},
                }
            },
            memories.frame_count,
            torch.float32,
        )
        with torch.inference_mode(), autocast(device, self._precision):
            out = self._model._run_single_frame_inference(
                inference_session=view,
                frame_idx=index,
                obj_idx=0,
                batch_size=1,
                is_init_cond_frame=initial,
                point_inputs=points,
                mask_inputs=None if mask is None else mask.to(device),
                reverse=reverse,
                prev_sam_mask_logits=previous if mask is None else None,
                streaming=memories.frame_count is None,
            )
            pointer = out["object_pointer"]
            if mask is not None and bool(mask.any()):
                pointer = self._mask_pointer(embedding, mask.to(device))
        return Entry(
            out["pred_masks"].float(),
            pointer,
            out["object_score_logits"].reshape(1, 1),
            full_logits=out["high_res_masks"],
        )

    def memorize(self, embedding: ImageEmbedding, entry: Entry, prompted: bool) -> Entry:
        """``entry`` with its spatial memory (S/16 * S/16, 1, 64)."""
        import torch

        with torch.inference_mode(), autocast(self.device, self._precision):
            masks = entry.masks_to_memorize(self.image_size, prompted)
            memory, position = self._model._encode_new_memory(
                current_vision_feats=embedding.levels[-1],
                pred_masks_high_res=masks,
                object_score_logits=entry.object_score[..., None],
                is_mask_from_pts=prompted,
            )
        if self._memory_position is None:
            self._memory_position = position
        return replace(
            entry, memory=memory, memory_position=self._memory_position, full_logits=None
        )

    def _mask_pointer(self, embedding: ImageEmbedding, mask: Tensor) -> Tensor:
        # The model takes this pointer from its three-mask output; upstream from the single mask.
        size = self.image_size
        maps = [
            level.permute(1, 2, 0).view(1, -1, size // stride, size // stride)
            for level, stride in zip(embedding.levels, (4, 8, 16), strict=True)
        ]
        out = self._model._single_frame_forward(
            input_masks=self._model.mask_downsample(mask),
            image_embeddings=maps,
            multimask_output=False,
        )
        pointer: Tensor = out.object_pointer
        return pointer

    def _constant(self) -> list[Tensor]:
        # The position code depends on the image size alone.
        if self._positions is None:
            blank = np.zeros((self.image_size, self.image_size, 3), np.uint8)
            self.embed(blank)
        assert self._positions is not None
        return self._positions


def _stored(entry: Entry) -> dict[str, Any]:
    return {
        "maskmem_features": entry.memory,
        "maskmem_pos_enc": entry.memory_position,
        "object_pointer": entry.pointer.reshape(1, -1),
    }
