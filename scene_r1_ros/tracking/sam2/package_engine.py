"""SAM 2 run by the classes of the ``sam2`` package."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .engine import Entry, ImageEmbedding, Memories, autocast, preprocess

if TYPE_CHECKING:
    import torch
    from torch import Tensor

# Upstream compares frame indices with the video's length; a stream has no end.
_ENDLESS = 2**31


class PackageEngine:
    """Drives ``SAM2Base`` one step at a time; the state that it reads is handed in."""

    name = "package"

    def __init__(self, model: Any, precision: str = "float32", compile_encoder: bool = False):
        self._model = model
        self._precision = precision
        self.image_size = int(model.image_size)
        size = self.image_size
        self._sizes = [(size // stride, size // stride) for stride in (4, 8, 16)]
        self._position: Tensor | None = None
        self._memory_position: Tensor | None = None
        if compile_encoder:
            import torch

            model.image_encoder.forward = torch.compile(model.image_encoder.forward, dynamic=False)

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        device: torch.device = self._model.device
        return device

    def to(self, device: torch.device) -> None:
        """Move the weights."""
        self._model.to(device)
        self._position = self._memory_position = None

    def embed(self, color: NDArray[np.uint8]) -> ImageEmbedding:
        """Features of an (H, W, 3) uint8 RGB image."""
        import torch

        pixels = preprocess(color, self.image_size).to(self.device)
        with torch.inference_mode(), autocast(self.device, self._precision):
            out = self._model.forward_image(pixels)
        if self._position is None:
            self._position = out["vision_pos_enc"][-1].flatten(2).permute(2, 0, 1)
        return ImageEmbedding(tuple(out["backbone_fpn"]))

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
                "point_coords": clicks[0].to(device),
                "point_labels": clicks[1].to(device),
            }
        position = self._positions(embedding)
        with torch.inference_mode(), autocast(device, self._precision):
            out = self._model.track_step(
                frame_idx=index,
                is_init_cond_frame=initial,
                current_vision_feats=_flat(embedding),
                current_vision_pos_embeds=[position],
                feat_sizes=self._sizes,
                point_inputs=points,
                mask_inputs=None if mask is None else mask.to(device),
                output_dict={
                    "cond_frame_outputs": {i: _stored(e) for i, e in memories.prompted.items()},
                    "non_cond_frame_outputs": {i: _stored(e) for i, e in memories.tracked.items()},
                },
                num_frames=memories.frame_count or _ENDLESS,
                track_in_reverse=reverse,
                run_mem_encoder=False,
                prev_sam_mask_logits=previous if mask is None else None,
            )
        return Entry(
            out["pred_masks"],
            out["obj_ptr"],
            out["object_score_logits"],
            full_logits=out["pred_masks_high_res"],
        )

    def memorize(self, embedding: ImageEmbedding, entry: Entry, prompted: bool) -> Entry:
        """``entry`` with its spatial memory (1, 64, S/16, S/16)."""
        import torch

        with torch.inference_mode(), autocast(self.device, self._precision):
            masks = entry.masks_to_memorize(self.image_size, prompted)
            memory, positions = self._model._encode_new_memory(
                current_vision_feats=_flat(embedding),
                feat_sizes=self._sizes,
                pred_masks_high_res=masks,
                object_score_logits=entry.object_score,
                is_mask_from_pts=prompted,
            )
        if self._memory_position is None:
            self._memory_position = positions[-1]
        return replace(
            entry,
            memory=memory.to(torch.bfloat16),
            memory_position=self._memory_position,
            full_logits=None,
        )

    def _positions(self, embedding: ImageEmbedding) -> Tensor:
        # Constant for an image size; an embedding from a cache may come before the first embed.
        if self._position is None:
            import torch

            neck = self._model.image_encoder.neck
            with torch.inference_mode():
                code = neck.position_encoding(embedding.levels[-1])
            self._position = code.flatten(2).permute(2, 0, 1)
        return self._position


def _flat(embedding: ImageEmbedding) -> list[Tensor]:
    return [level.flatten(2).permute(2, 0, 1) for level in embedding.levels]


def _stored(entry: Entry) -> dict[str, Any]:
    return {
        "maskmem_features": entry.memory,
        "maskmem_pos_enc": None if entry.memory_position is None else [entry.memory_position],
        "obj_ptr": entry.pointer,
    }
