"""Settings of the SAM 2 tracker."""

from __future__ import annotations

from dataclasses import dataclass

from ...config import Config, option
from ...errors import ConfigError
from .models import MODEL_NAMES


@dataclass(frozen=True)
class Sam2Config(Config):
    """Which SAM 2 model runs where, what it remembers, and how geometry helps it."""

    checkpoint: str = option(
        "", "Checkpoint: path of a .pt file or converted folder, or a model's name."
    )
    download: bool = option(
        False, "Fetch a checkpoint given by name from its official repository if it is absent."
    )
    model: str = option(
        "auto",
        "The model that the checkpoint must hold; auto takes what it holds.",
        choices=("auto", *MODEL_NAMES),
    )
    sam2_engine: str = option(
        "package",
        "Library that runs the model: the sam2 package, or transformers.",
        choices=("package", "transformers"),
    )
    device: str = option("auto", "Where the model runs.", choices=("auto", "cpu", "cuda"))
    image_size: int = option(
        1024,
        "Side of the square image that the model sees; a multiple of 32. Smaller is faster and "
        "coarser.",
        minimum=128,
        maximum=1024,
        unit="px",
    )
    precision: str = option(
        "auto",
        "Arithmetic; auto is bfloat16 on a GPU that has it and float32 elsewhere.",
        choices=("auto", "float32", "bfloat16"),
    )
    compile: bool = option(False, "Compile the image encoder; the first frame then takes minutes.")
    memory_frames: int = option(
        6,
        "Tracked frames whose memory is kept per object; fewer than 6 changes the masks, more "
        "serves corrections in older frames.",
        minimum=1,
        maximum=64,
    )
    prompted_frames: int = option(
        8, "Prompted frames that are kept per object.", minimum=1, maximum=64
    )
    embedding_cache_megabytes: float = option(
        256.0,
        "Image embeddings kept between queries over the same window; 0 keeps none.",
        minimum=0.0,
        unit="MB",
    )
    geometry: str = option(
        "assist",
        "Depth and pose: off, veto masks that leave the object, assist doubtful frames with a "
        "projected box and points, or lead every frame with them.",
        choices=("off", "veto", "assist", "lead"),
    )
    veto_inside: float = option(
        0.5,
        "A mask is vetoed when less than this share of its depth readings lies on the object.",
        minimum=0.0,
        maximum=1.0,
    )
    veto_cover: float = option(
        0.2,
        "A mask is vetoed when it covers less than this share of the object's visible points.",
        minimum=0.0,
        maximum=1.0,
    )
    min_score: float = option(
        0.5, "Object score below which a frame counts as without the object.", minimum=0, maximum=1
    )
    lost_after: int = option(
        3, "Frames without the object, in a row, after which it is reported lost.", minimum=1
    )
    on_out_of_memory: str = option(
        "cpu",
        "When the GPU's memory runs out: go on on the CPU, go on with the geometric tracker, or "
        "stop with an error.",
        choices=("cpu", "geometric", "error"),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.image_size % 32:
            raise ConfigError(
                f"image_size = {self.image_size}: must be a multiple of 32, such as 1024, 768, "
                "512 or 256."
            )
