"""Between the two forms of a SAM 2 checkpoint: the release's ``.pt`` and transformers' folder.

The same parameters under other names. One table of name patterns serves both directions, so
that what goes one way comes back unchanged; a name that the table does not know is an error.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import CheckpointError
from .models import build_package_model, spec_of_weights, transformers_config

if TYPE_CHECKING:
    from torch import Tensor

# (the release's name, transformers' name); "*" stands for one part of a dotted name.
_NAMES: list[tuple[str, str]] = [
    ("maskmem_tpos_enc", "memory_temporal_positional_encoding"),
    ("no_mem_embed", "no_memory_embedding"),
    ("no_mem_pos_enc", "no_memory_positional_encoding"),
    ("no_obj_ptr", "no_object_pointer"),
    ("no_obj_embed_spatial", "occlusion_spatial_embedding_parameter"),
    ("mask_downsample.*", "mask_downsample.*"),
    ("obj_ptr_tpos_proj.*", "temporal_positional_encoding_projection_layer.*"),
    # image encoder
    ("image_encoder.trunk.pos_embed", "vision_encoder.backbone.pos_embed"),
    ("image_encoder.trunk.pos_embed_window", "vision_encoder.backbone.pos_embed_window"),
    (
        "image_encoder.trunk.patch_embed.proj.*",
        "vision_encoder.backbone.patch_embed.projection.*",
    ),
    *(
        (f"image_encoder.trunk.blocks.*.{ours}.*", f"vision_encoder.backbone.blocks.*.{theirs}.*")
        for ours, theirs in (
            ("norm1", "layer_norm1"),
            ("norm2", "layer_norm2"),
            ("attn.qkv", "attn.qkv"),
            ("attn.proj", "attn.proj"),
            ("proj", "proj"),
            ("mlp.layers.0", "mlp.proj_in"),
            ("mlp.layers.1", "mlp.proj_out"),
        )
    ),
    ("image_encoder.neck.convs.*.conv.*", "vision_encoder.neck.convs.*.*"),
    # memory attention
    ("memory_attention.norm.*", "memory_attention.layer_norm.*"),
    *(
        (f"memory_attention.layers.*.{ours}.*", f"memory_attention.layers.*.{theirs}.*")
        for ours, theirs in (
            *((f"norm{i}", f"layer_norm{i}") for i in (1, 2, 3)),
            *((f"linear{i}", f"linear{i}") for i in (1, 2)),
            *(
                (f"{attention}.{p}_proj", f"{attention}.{q}_proj")
                for attention in ("self_attn", "cross_attn_image")
                for p, q in (("q", "q"), ("k", "k"), ("v", "v"), ("out", "o"))
            ),
        )
    ),
    # memory encoder
    *(
        (
            f"memory_encoder.mask_downsampler.encoder.{3 * i + j}.*",
            f"memory_encoder.mask_downsampler.layers.{i}.{part}.*",
        )
        for i in range(4)
        for j, part in enumerate(("conv", "layer_norm"))
    ),
    (
        "memory_encoder.mask_downsampler.encoder.12.*",
        "memory_encoder.mask_downsampler.final_conv.*",
    ),
    ("memory_encoder.pix_feat_proj.*", "memory_encoder.feature_projection.*"),
    ("memory_encoder.out_proj.*", "memory_encoder.projection.*"),
    ("memory_encoder.fuser.layers.*.gamma", "memory_encoder.memory_fuser.layers.*.scale"),
    *(
        (f"memory_encoder.fuser.layers.*.{ours}.*", f"memory_encoder.memory_fuser.layers.*.{hf}.*")
        for ours, hf in (
            ("dwconv", "depthwise_conv"),
            ("norm", "layer_norm"),
            ("pwconv1", "pointwise_conv1"),
            ("pwconv2", "pointwise_conv2"),
        )
    ),
    # prompt encoder
    (
        "sam_prompt_encoder.pe_layer.positional_encoding_gaussian_matrix",
        "shared_image_embedding.positional_embedding",
    ),
    ("sam_prompt_encoder.not_a_point_embed.*", "prompt_encoder.not_a_point_embed.*"),
    ("sam_prompt_encoder.no_mask_embed.*", "prompt_encoder.no_mask_embed.*"),
    *(
        (
            f"sam_prompt_encoder.mask_downscaling.{index}.*",
            f"prompt_encoder.mask_embed.{part}.*",
        )
        for index, part in (
            (0, "conv1"),
            (1, "layer_norm1"),
            (3, "conv2"),
            (4, "layer_norm2"),
            (6, "conv3"),
        )
    ),
    # mask decoder
    *(
        (f"sam_mask_decoder.{name}.*", f"mask_decoder.{name}.*")
        for name in ("iou_token", "mask_tokens", "obj_score_token", "conv_s0", "conv_s1")
    ),
    ("sam_mask_decoder.output_upscaling.0.*", "mask_decoder.upscale_conv1.*"),
    ("sam_mask_decoder.output_upscaling.1.*", "mask_decoder.upscale_layer_norm.*"),
    ("sam_mask_decoder.output_upscaling.3.*", "mask_decoder.upscale_conv2.*"),
    (
        "sam_mask_decoder.transformer.norm_final_attn.*",
        "mask_decoder.transformer.layer_norm_final_attn.*",
    ),
    *(
        (
            f"sam_mask_decoder.transformer.{block}.{p}_proj.*",
            f"mask_decoder.transformer.{block}.{q}_proj.*",
        )
        for block in (
            "layers.*.self_attn",
            "layers.*.cross_attn_token_to_image",
            "layers.*.cross_attn_image_to_token",
            "final_attn_token_to_image",
        )
        for p, q in (("q", "q"), ("k", "k"), ("v", "v"), ("out", "o"))
    ),
    *(
        (
            f"sam_mask_decoder.transformer.layers.*.norm{i}.*",
            f"mask_decoder.transformer.layers.*.layer_norm{i}.*",
        )
        for i in (1, 2, 3, 4)
    ),
    *(
        (
            f"sam_mask_decoder.transformer.layers.*.mlp.layers.{i}.*",
            f"mask_decoder.transformer.layers.*.mlp.{part}.*",
        )
        for i, part in ((0, "proj_in"), (1, "proj_out"))
    ),
    *(
        (f"{ours}.layers.{i}.*", f"{theirs}.{part}.*")
        for ours, theirs in (
            (
                "sam_mask_decoder.output_hypernetworks_mlps.*",
                "mask_decoder.output_hypernetworks_mlps.*",
            ),
            ("sam_mask_decoder.iou_prediction_head", "mask_decoder.iou_prediction_head"),
            ("sam_mask_decoder.pred_obj_score_head", "mask_decoder.pred_obj_score_head"),
            ("obj_ptr_proj", "object_pointer_proj"),
        )
        for i, part in ((0, "proj_in"), (1, "layers.0"), (2, "proj_out"))
    ),
]
# Four tables of one row in the release, one table of four rows in transformers.
_POINTS = "sam_prompt_encoder.point_embeddings.{}.weight"
_POINT_TABLE = "prompt_encoder.point_embed.weight"
# transformers keeps the positional matrix twice.
_POSITIONS = "shared_image_embedding.positional_embedding"
_POSITIONS_AGAIN = "prompt_encoder.shared_embedding.positional_embedding"


@cache
def _rules(to_transformers: bool) -> list[tuple[re.Pattern[str], str]]:
    rules = []
    for ours, theirs in _NAMES:
        source, target = (ours, theirs) if to_transformers else (theirs, ours)
        pattern = re.compile(re.escape(source).replace(r"\*", r"([^.]+)") + r"\Z")
        numbers = iter(range(1, 10))
        rules.append((pattern, re.sub(r"\*", lambda _: f"\\{next(numbers)}", target)))  # noqa: B023
    return rules


def _renamed(key: str, to_transformers: bool) -> str:
    for pattern, target in _rules(to_transformers):
        found = pattern.match(key)
        if found:
            return found.expand(target)
    form = "release's .pt" if to_transformers else "transformers"
    raise CheckpointError(
        f"{key!r} is no parameter of a SAM 2 checkpoint in the {form} form; is it another model?"
    )


def to_transformers(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The release's weights under the names of ``transformers.Sam2VideoModel``.

    Raises:
        CheckpointError: for a name that is not SAM 2's.
    """
    import torch

    points = [weights.get(_POINTS.format(i)) for i in range(4)]
    if any(point is None for point in points):
        raise CheckpointError("the checkpoint lacks SAM 2's four point embeddings.")
    known = {_POINTS.format(i) for i in range(4)}
    out = {_renamed(key, True): value for key, value in weights.items() if key not in known}
    out[_POINT_TABLE] = torch.cat([point for point in points if point is not None], dim=0)
    if _POSITIONS in out:
        out[_POSITIONS_AGAIN] = out[_POSITIONS].clone()
    return out


def to_package(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Weights of ``transformers.Sam2VideoModel`` under the names of the release.

    Raises:
        CheckpointError: for a name that is not SAM 2's, or if the two copies of the positional
            matrix differ (the release has room for one).
    """
    import torch

    if _POINT_TABLE not in weights:
        raise CheckpointError(f"the checkpoint lacks {_POINT_TABLE!r}.")
    again = weights.get(_POSITIONS_AGAIN)
    if again is not None and _POSITIONS not in weights:
        weights = {**weights, _POSITIONS: again}
    if again is not None and not torch.equal(again, weights[_POSITIONS]):
        raise CheckpointError(
            "the checkpoint's two positional matrices differ; the release's form has only one."
        )
    special = {_POINT_TABLE, _POSITIONS_AGAIN}
    out = {_renamed(key, False): value for key, value in weights.items() if key not in special}
    for i, row in enumerate(weights[_POINT_TABLE]):
        out[_POINTS.format(i)] = row[None].clone()
    return out


def convert_checkpoint(source: Path, target: Path) -> Path:
    """Write ``source`` in the other form: a ``.pt`` becomes a folder and a folder a ``.pt``.

    The result is loaded strictly into its model before it counts as written.

    Raises:
        CheckpointError: if ``source`` cannot be read or does not fit its model.
    """
    import torch

    from .checkpoints import read_weights

    weights = read_weights(source)
    spec = spec_of_weights({key: tuple(value.shape) for key, value in weights.items()})
    if source.is_dir():
        load_strictly(build_package_model(spec, 1024), weights, str(source))
        target.parent.mkdir(parents=True, exist_ok=True)
        torch.save({"model": weights}, target)
        return target
    from transformers import Sam2VideoModel

    model = Sam2VideoModel(transformers_config(spec, 1024))
    load_strictly(model, to_transformers(weights), str(source))
    model.save_pretrained(target)
    return target


def load_strictly(model: Any, weights: Mapping[str, Tensor], source: str) -> None:
    """Load every weight into ``model``; nothing may be missing, left over or of another shape.

    Raises:
        CheckpointError: naming the first few parameters that do not fit.
    """
    expected = {key: tuple(value.shape) for key, value in model.state_dict().items()}
    given = {key: tuple(value.shape) for key, value in weights.items()}
    problems = [f"missing {key}" for key in expected if key not in given]
    problems += [f"unknown {key}" for key in given if key not in expected]
    problems += [
        f"{key} has shape {given[key]}, needs {expected[key]}"
        for key in expected
        if key in given and given[key] != expected[key]
    ]
    if problems:
        more = f" and {len(problems) - 3} more" if len(problems) > 3 else ""
        raise CheckpointError(
            f"{source} does not fit the model: {'; '.join(problems[:3])}{more}. Download the "
            "checkpoint again, or name the model that it belongs to."
        )
    model.load_state_dict(dict(weights), strict=True)


def main() -> None:
    """``python -m scene_r1_ros.tracking.sam2.convert SOURCE TARGET``."""
    import argparse
    import sys

    parser = argparse.ArgumentParser(description=convert_checkpoint.__doc__)
    parser.add_argument("source", type=Path, help="a .pt file or a converted folder")
    parser.add_argument("target", type=Path, help="the folder or .pt file to write")
    arguments = parser.parse_args()
    try:
        print(f"wrote {convert_checkpoint(arguments.source, arguments.target)}")
    except CheckpointError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
