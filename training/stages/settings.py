"""Settings of a training run; a YAML file has one section for each class here."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scene_r1_ros.config import Config, option
from scene_r1_ros.errors import ConfigError
from scene_r1_ros.reasoning.closer_look import check_closer

from ..examples.settings import DataConfig


@dataclass(frozen=True)
class ModelConfig(Config):
    """The model that learns."""

    checkpoint: str = option("", "Checkpoint to start from: a folder, or a name on the hub.")
    adapter: str = option("", "Folder of a LoRA adapter to go on from (its own settings hold).")
    dtype: str = option(
        "auto", "Precision of the weights; auto is the checkpoint's own.",
        choices=("auto", "float32", "bfloat16", "float16"),
    )  # fmt: skip
    attention: str = option(
        "auto", "Attention implementation; auto is the library's choice.",
        choices=("auto", "sdpa", "eager", "flash_attention_2"),
    )  # fmt: skip
    box_frame: str = option(
        "auto", "Frame of the model's boxes; auto knows it from the model's family.",
        choices=("auto", "resized_pixels", "thousandths", "unit"),
    )  # fmt: skip
    min_pixels: int = option(
        0, "The processor enlarges smaller images; 0: its own limit.", minimum=0
    )
    max_pixels: int = option(0, "The processor shrinks larger images; 0: its own limit.", minimum=0)
    freeze_vision: bool = option(False, "The vision tower does not learn.")
    freeze_projector: bool = option(False, "Nor does what joins it to the language model.")
    kept_features: float = option(
        2.0, "Memory for what a vision tower that is frozen with its projector said of images: it "
        "sees each of them once as far as this goes; 0: nothing is kept.", minimum=0.0, unit="GiB",
    )  # fmt: skip
    offline: bool = option(False, "Never ask the network, even for a checkpoint by name.")


@dataclass(frozen=True)
class LoraSettings(Config):
    """Low-rank adapters instead of all weights (Hu et al., ICLR 2022)."""

    enabled: bool = option(False, "Train an adapter instead of all weights.")
    rank: int = option(16, "Rank of the adapter.", minimum=1, maximum=1024)
    alpha: int = option(32, "Scale of the adapter times its rank.", minimum=1, maximum=4096)
    dropout: float = option(0.0, "Dropout in the adapter.", minimum=0.0, maximum=0.9)
    targets: str = option(
        "q_proj,k_proj,v_proj,o_proj,gate_proj,up_proj,down_proj",
        "Layers of the language model that get one, with commas between.",
    )


@dataclass(frozen=True)
class OptimConfig(Config):
    """Optimiser and schedule."""

    steps: int = option(0, "Optimiser steps; 0: as many as epochs say.", minimum=0)
    epochs: float = option(1.0, "Passes over the data.", minimum=0.0)
    batch_size: int = option(1, "Rows (in GRPO: completions) of a device at a time.", minimum=1)
    accumulation: int = option(1, "Such batches for one step.", minimum=1)
    rate: float = option(1e-5, "Learning rate.", minimum=0.0, maximum=1.0)
    vision_rate: float = option(
        0.0, "Learning rate of the vision tower; 0: the same.", minimum=0.0, maximum=1.0
    )
    muon_rate: float = option(
        0.0, "Learning rate of Muon for the hidden matrices, all of them; 0: AdamW for these too.",
        minimum=0.0, maximum=1.0,
    )  # fmt: skip
    schedule: str = option(
        "cosine", "Learning rate over the steps.",
        choices=("constant", "constant_with_warmup", "linear", "cosine"),
    )  # fmt: skip
    warmup: int = option(0, "Steps of warm-up.", minimum=0)
    weight_decay: float = option(0.0, "Weight decay of AdamW.", minimum=0.0, maximum=1.0)
    beta1: float = option(0.9, "First momentum of AdamW.", minimum=0.0, maximum=1.0)
    beta2: float = option(0.999, "Second momentum of AdamW.", minimum=0.0, maximum=1.0)
    clip: float = option(1.0, "Gradients are cut to this norm; 0: never.", minimum=0.0)
    precision: str = option(
        "auto", "Of the computation; auto is bf16 on a GPU and float32 on a CPU, fast is bf16 "
        "also on a CPU that multiplies in it.",
        choices=("auto", "fast", "float32", "bf16", "fp16"),
    )  # fmt: skip
    checkpointing: str = option(
        "auto", "Recompute activations to save memory; auto does on a GPU.",
        choices=("auto", "on", "off"),
    )  # fmt: skip
    max_length: int = option(0, "Tokens of a row that sft keeps; 0: all.", minimum=0)
    group_by_length: bool = option(
        False, "Rows of about equal length share a batch of sft: less padding."
    )
    workers: int = option(0, "Processes that load rows.", minimum=0, maximum=64)


@dataclass(frozen=True)
class GrpoSettings(Config):
    """Group-relative policy optimisation (DeepSeekMath, arXiv 2402.03300)."""

    rewards: str = option("", "name=weight,...; empty: the stage's own (see docs/training.md).")
    generations: int = option(8, "Completions of each prompt.", minimum=2, maximum=1024)
    max_new_tokens: int = option(512, "Tokens of a completion.", minimum=4, maximum=32_768)
    temperature: float = option(1.0, "Of sampling.", minimum=0.01, maximum=5.0)
    top_p: float = option(1.0, "Of sampling.", minimum=0.01, maximum=1.0)
    top_k: int = option(0, "Of sampling; 0: all tokens.", minimum=0)
    kl: float = option(0.04, "Weight of the divergence from the reference.", minimum=0.0)
    iterations: int = option(1, "Updates from each batch of completions.", minimum=1, maximum=16)
    clip_low: float = option(0.2, "The ratio is clipped below 1 by this.", minimum=0.0)
    clip_high: float = option(0.2, "The ratio is clipped above 1 by this.", minimum=0.0)
    loss: str = option(
        "dapo", "How tokens are averaged.", choices=("grpo", "bnpo", "dr_grpo", "dapo")
    )
    scale: str = option(
        "group", "Advantages are divided by the deviation of this.",
        choices=("group", "batch", "none"),
    )  # fmt: skip
    filter_groups: bool = option(
        True, "Leave out groups whose rewards are all equal (DAPO, arXiv 2503.14476)."
    )
    encoder: str = option("", "Text encoder of the reward semantic: a folder.")
    low_words: int = option(15, "The length bonus begins here.", minimum=0)
    high_words: int = option(120, "And ends here.", minimum=1)
    vllm: str = option(
        "off", "Completions by vLLM, in the same processes or from a server.",
        choices=("off", "colocate", "server"),
    )  # fmt: skip
    vllm_host: str = option("127.0.0.1", "Host of the vLLM server.")
    vllm_port: int = option(8000, "Its port.", minimum=1, maximum=65_535)
    vllm_memory: float = option(
        0.3, "Share of the GPU for vLLM (colocate).", minimum=0.05, maximum=0.95
    )
    vllm_tensor_parallel: int = option(1, "GPUs over which vLLM splits the model.", minimum=1)


@dataclass(frozen=True)
class AuxConfig(Config):
    """Auxiliary losses of sft for models that learn to see from nothing; the heads do not ship."""

    pointing: float = option(
        0.0, "Weight: which image tokens, as the language model sees them, lie on what is "
        "asked for, and its box.", minimum=0.0,
    )  # fmt: skip
    pointing_layer: int = option(
        0, "Layer of the language model that points; 0: the one in the middle, so that the layers "
        "after it can read where it points.", minimum=0, maximum=200,
    )  # fmt: skip
    dense: float = option(
        0.0, "Weight: which object each token of the vision tower lies on, and its box.",
        minimum=0.0,
    )  # fmt: skip
    vision_only: bool = option(False, "Only the dense loss: the language model does not run.")
    positive: float = option(4.0, "Weight of tokens that lie on the object.", minimum=0.1)
    heads: str = option(
        "", "auxiliary_heads.pt of a run before, to go on with its heads; empty: new ones, which "
        "first unlearn what a trained model knows."
    )  # fmt: skip
    soft_boxes: float = option(
        0.0, "Weight: coordinates learnt with Gaussian soft labels instead of plain "
        "cross-entropy; needs a tokenizer with a token for each number.", minimum=0.0,
    )  # fmt: skip
    looking: float = option(
        0.0, "Weight: the layer after the one that points looks at what is asked for while a "
        "coordinate is said; needs soft_boxes and model.attention=eager.", minimum=0.0,
    )  # fmt: skip
    deviation: float = option(
        3.0, "Deviation of the soft labels.", minimum=0.1, maximum=100.0, unit="px"
    )


@dataclass(frozen=True)
class RunConfig(Config):
    """Where the run writes, how often, and its seed."""

    out: str = option("", "Folder of the run.")
    seed: int = option(0, "Seed of everything that is random in the run.", minimum=0)
    save_steps: int = option(100, "Steps between checkpoints.", minimum=1)
    keep: int = option(2, "Checkpoints that are kept.", minimum=2, maximum=1000)
    log_steps: int = option(5, "Steps between figures.", minimum=1)
    tensorboard: bool = option(True, "Write figures for TensorBoard.")
    samples: int = option(6, "Answers shown in the report.", minimum=0, maximum=100)


@dataclass(frozen=True)
class AskedConfig(Config):
    """How the reasoner asks the checkpoint that comes out, besides its prompts; changes nothing in
    training."""

    vote_frames: int = option(
        -1, "Frames that vote for the place of a thing; 0: stage 1 says where to look; -1: nothing "
        "is said of it.",
        minimum=-1, maximum=256,
    )  # fmt: skip
    vote_confidence: float = option(
        0.3, "Below it nothing was found, where frames vote.", minimum=0.0, maximum=1.0
    )
    vote_closer: float = option(
        0.0, "So much larger a frame that votes is shown where its box is small; 1: not at all; 0: "
        "nothing is said of it.",
        minimum=0.0, maximum=8.0,
    )  # fmt: skip

    def __post_init__(self) -> None:
        super().__post_init__()
        check_closer(self.vote_closer)


SECTIONS: tuple[tuple[str, type[Config]], ...] = (
    ("model", ModelConfig),
    ("data", DataConfig),
    ("optim", OptimConfig),
    ("lora", LoraSettings),
    ("grpo", GrpoSettings),
    ("aux", AuxConfig),
    ("asked", AskedConfig),
    ("run", RunConfig),
)


@dataclass(frozen=True)
class TrainSettings:
    """All settings of a run."""

    model: ModelConfig
    data: DataConfig
    optim: OptimConfig
    lora: LoraSettings
    grpo: GrpoSettings
    aux: AuxConfig
    asked: AskedConfig
    run: RunConfig

    def as_dict(self) -> dict[str, dict[str, Any]]:
        """Section by section, as a YAML file holds them."""
        return dataclasses.asdict(self)

    @property
    def out(self) -> Path:
        """The run's folder.

        Raises:
            ConfigError: if none is given.
        """
        if not self.run.out:
            raise ConfigError("give --out, the folder of the run.")
        return Path(self.run.out)


def load_settings(path: Path | None, changes: Mapping[str, Mapping[str, Any]]) -> TrainSettings:
    """Settings of a YAML file, or defaults, with ``changes`` by section.

    Raises:
        ConfigError: if the file cannot be read, or for an unknown name or a wrong value.
    """
    given = _read(path) if path is not None else {}
    unknown = sorted({*given, *changes} - {name for name, _ in SECTIONS})
    if unknown:
        known = ", ".join(name for name, _ in SECTIONS)
        raise ConfigError(f"unknown section {', '.join(unknown)}; known are {known}.")
    built = {
        name: section.from_mapping({**(given.get(name) or {}), **changes.get(name, {})})
        for name, section in SECTIONS
    }
    return TrainSettings(**built)  # type: ignore[arg-type]


def parse_assignments(items: Sequence[str]) -> dict[str, dict[str, Any]]:
    """``section.name=value`` as changes by section, values typed as declared.

    Raises:
        ConfigError: for an unknown name or a value of another type.
    """
    sections = dict(SECTIONS)
    changes: dict[str, dict[str, Any]] = {}
    for item in items:
        name, sign, text = item.partition("=")
        prefix, _, option_name = name.partition(".")
        specs = (
            {spec.name: spec for spec in sections[prefix].options()} if prefix in sections else {}
        )
        if not sign or option_name not in specs:
            raise ConfigError(f"--set {item!r}: needs SECTION.NAME=VALUE of --list-settings.")
        spec = specs[option_name]
        if spec.type is bool:
            if text.lower() not in ("true", "false"):
                raise ConfigError(f"{name}={text}: needs true or false.")
            value: Any = text.lower() == "true"
        else:
            try:
                value = spec.type(text)
            except ValueError as error:
                raise ConfigError(f"{name}={text}: needs a {spec.type.__name__}.") from error
        changes.setdefault(prefix, {})[option_name] = spec.check(value)
    return changes


def _read(path: Path) -> dict[str, Any]:
    import yaml

    class OnceEach(yaml.SafeLoader):
        """Refuses a name that stands twice in one section: all but the last would be ignored."""

        def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
            names = [key.value for key, _ in node.value]
            twice = next((name for name in names if names.count(name) > 1), None)
            if twice is not None:
                raise yaml.YAMLError(f"{twice} stands there more than once")
            return super().construct_mapping(node, deep)

    try:
        value = yaml.load(path.read_text(encoding="utf-8"), Loader=OnceEach)
    except (OSError, yaml.YAMLError) as error:
        raise ConfigError(f"--config {path} cannot be read: {error}.") from error
    if not isinstance(value, dict) or not all(isinstance(v, dict | None) for v in value.values()):
        raise ConfigError(f"--config {path}: needs sections such as model: and data:.")
    return value
