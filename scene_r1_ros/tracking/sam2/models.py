"""The eight released SAM 2 models: what they are called, and how each engine builds one.

SAM 2: Ravi et al., "SAM 2: Segment Anything in Images and Videos", arXiv:2408.00714. The
architecture's numbers come from the YAML files of the ``sam2`` package; the same numbers are
given to ``transformers.Sam2VideoConfig`` in its own words.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ...errors import CheckpointError

_RELEASE_URL = "https://dl.fbaipublicfiles.com/segment_anything_2"
_SHORT = {"tiny": "t", "small": "s", "base_plus": "b+", "large": "l"}


@dataclass(frozen=True)
class _Trunk:
    """The numbers in which the four image encoders differ."""

    embed_dim: int
    heads: int
    blocks: tuple[int, int, int, int]
    global_blocks: tuple[int, int, int]
    windows: tuple[int, int, int, int] = (8, 4, 14, 7)
    background: tuple[int, int] = (7, 7)


_TRUNKS = {
    "tiny": _Trunk(96, 1, (1, 2, 7, 2), (5, 7, 9)),
    "small": _Trunk(96, 1, (1, 2, 11, 2), (7, 10, 13)),
    "base_plus": _Trunk(112, 2, (2, 3, 16, 3), (12, 16, 20), background=(14, 14)),
    "large": _Trunk(144, 2, (2, 6, 36, 4), (23, 33, 43), windows=(8, 4, 16, 8)),
}


@dataclass(frozen=True)
class ModelSpec:
    """One released model: ``version`` "2" or "2.1" and ``size`` tiny, small, base_plus, large."""

    version: str
    size: str

    @property
    def name(self) -> str:
        """Such as ``sam2.1_hiera_tiny``: the checkpoint's file name without its ending."""
        return f"sam{'2' if self.version == '2' else '2.1'}_hiera_{self.size}"

    @property
    def hub_id(self) -> str:
        """The official repository of the model on the Hugging Face hub."""
        return "facebook/" + self.name.replace("_", "-")

    @property
    def url(self) -> str:
        """Where the official release has the checkpoint."""
        return f"{_RELEASE_URL}/{'072824' if self.version == '2' else '092824'}/{self.name}.pt"

    @property
    def yaml(self) -> str:
        """The model's configuration inside the ``sam2`` package."""
        folder = "sam2" if self.version == "2" else "sam2.1"
        return f"configs/{folder}/{folder}_hiera_{_SHORT[self.size]}.yaml"

    @property
    def trunk(self) -> _Trunk:
        """Numbers of the image encoder."""
        return _TRUNKS[self.size]


ALL_MODELS = tuple(ModelSpec(version, size) for version in ("2.1", "2") for size in _TRUNKS)
MODEL_NAMES = tuple(spec.name for spec in ALL_MODELS)


def find_spec(name: str) -> ModelSpec | None:
    """The model of this name, in any of the spellings in use, or None.

    ``sam2.1_hiera_tiny``, ``sam2.1-hiera-tiny``, ``facebook/sam2.1-hiera-tiny`` and
    ``sam2.1_hiera_tiny.pt`` are the same; so are ``base_plus``, ``base-plus`` and ``b+``.
    """
    plain = name.strip().lower().removeprefix("facebook/").removesuffix(".pt").replace("-", "_")
    for size, short in _SHORT.items():
        if plain.endswith(f"_hiera_{short}"):
            plain = plain.removesuffix(short) + size
    return next((spec for spec in ALL_MODELS if spec.name == plain), None)


def spec_of_weights(shapes: Mapping[str, Iterable[int]]) -> ModelSpec:
    """Which model a checkpoint in the release's naming holds, told by its tensors.

    Raises:
        CheckpointError: if it is none of the eight.
    """
    stem = shapes.get("image_encoder.trunk.patch_embed.proj.weight")
    blocks = {
        int(found[1])
        for key in shapes
        if (found := re.match(r"image_encoder\.trunk\.blocks\.(\d+)\.", key))
    }
    width = next(iter(stem)) if stem is not None else 0
    version = "2.1" if "no_obj_embed_spatial" in shapes else "2"
    for size, trunk in _TRUNKS.items():
        if trunk.embed_dim == width and len(blocks) == sum(trunk.blocks):
            return ModelSpec(version, size)
    raise CheckpointError(
        f"these weights are no SAM 2 model: image encoder of width {width} with {len(blocks)} "
        f"blocks; known are {', '.join(MODEL_NAMES)}."
    )


def build_package_model(spec: ModelSpec, image_size: int) -> Any:
    """``sam2.modeling.sam2_base.SAM2Base`` for ``spec``, randomly initialised, in eval mode.

    The overrides are those that upstream's ``build_sam2_video_predictor`` applies by default.
    """
    from importlib.resources import files

    try:
        from hydra.utils import instantiate
        from omegaconf import OmegaConf

        text = files("sam2").joinpath(spec.yaml).read_text()
    except ImportError as error:
        raise CheckpointError(
            f"sam2_engine = package needs the sam2 package ({error}); install sam2==1.1.0 or set "
            "sam2_engine = transformers."
        ) from error
    config = OmegaConf.create(text)
    config.model.image_size = image_size
    config.model.binarize_mask_from_pts_for_mem_enc = True
    config.model.sam_mask_decoder_extra_args = {
        "dynamic_multimask_via_stability": True,
        "dynamic_multimask_stability_delta": 0.05,
        "dynamic_multimask_stability_thresh": 0.98,
    }
    return instantiate(config.model, _recursive_=True).eval()


def transformers_config(spec: ModelSpec, image_size: int) -> Any:
    """``transformers.Sam2VideoConfig`` of ``spec`` for square images of ``image_size`` pixels."""
    from transformers import Sam2HieraDetConfig, Sam2VideoConfig, Sam2VisionConfig
    from transformers.models.sam2_video.configuration_sam2_video import Sam2VideoPromptEncoderConfig

    trunk = spec.trunk
    widths = [trunk.embed_dim * 2**stage for stage in range(4)]
    backbone = Sam2HieraDetConfig(
        hidden_size=trunk.embed_dim,
        num_attention_heads=trunk.heads,
        image_size=[image_size, image_size],
        blocks_per_stage=list(trunk.blocks),
        embed_dim_per_stage=widths,
        num_attention_heads_per_stage=[trunk.heads * 2**stage for stage in range(4)],
        window_size_per_stage=list(trunk.windows),
        global_attention_blocks=list(trunk.global_blocks),
        window_positional_embedding_background_size=list(trunk.background),
    )
    vision = Sam2VisionConfig(
        backbone_config=backbone,
        backbone_channel_list=widths[::-1],
        backbone_feature_sizes=[[image_size // s, image_size // s] for s in (4, 8, 16)],
    )
    newer = spec.version != "2"
    return Sam2VideoConfig(
        vision_config=vision,
        prompt_encoder_config=Sam2VideoPromptEncoderConfig(image_size=image_size),
        image_size=image_size,
        memory_attention_rope_feat_sizes=[image_size // 16, image_size // 16],
        enable_occlusion_spatial_embedding=newer,
        enable_temporal_pos_encoding_for_object_pointers=newer,
    )


def build_transformers_model(spec: ModelSpec, image_size: int) -> Any:
    """``transformers.Sam2VideoModel`` for ``spec``, randomly initialised, in eval mode."""
    try:
        from transformers import Sam2VideoModel
    except (ImportError, RuntimeError) as error:
        raise CheckpointError(
            f"sam2_engine = transformers needs transformers 5 with torch ({error})."
        ) from error
    return Sam2VideoModel(transformers_config(spec, image_size)).eval()
