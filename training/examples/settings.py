"""Which data a run learns from, and how a prompt shows it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from scene_r1_ros.config import Config, option
from scene_r1_ros.errors import ConfigError
from scene_r1_ros.reasoning.prompts import PromptStyle
from scene_r1_ros.reasoning.sampling import ImageBudget

from .example import STAGES, Stage


@dataclass(frozen=True)
class DataConfig(Config):
    """Data and prompts; the robot's reasoner takes those of the prompts from the checkpoint."""

    path: str = option("", "The prepared data set (scene-r1 prepare).")
    chains: str = option(
        "", "Files of chains of thought for sft, with commas between; a folder gives all its "
        "cold_start_*.jsonl."
    )  # fmt: skip
    scenes: str = option("", "Only these scenes: a file with one a line, or ids with commas.")
    stages: str = option(
        "temporal,image,answer", "Stages that sft learns from, with commas between; temporal=0.3 "
        "takes that share of a stage's examples, evenly spread."
    )  # fmt: skip
    limit: int = option(0, "At most so many examples, evenly spread; 0: all.", minimum=0)
    seed: int = option(0, "Draws clips and views.", minimum=0)
    repeats: int = option(1, "Clips or views drawn for each annotation.", minimum=1, maximum=1000)
    empty_share: float = option(
        0.15, "Clips and views that do not show the target though the scene does.",
        minimum=0.0, maximum=0.9,
    )  # fmt: skip
    min_frames: int = option(6, "Frames of a clip, at least.", minimum=2, maximum=256)
    max_frames: int = option(16, "Frames of a clip, at most.", minimum=2, maximum=256)
    closer: float = option(
        0.0, "Share of the single views of sft that are shown from closer, as reasoner.vote_closer "
        "does, where what is looked at is small.",
        minimum=0.0, maximum=1.0,
    )  # fmt: skip
    views: int = option(4, "Views of a stage 2 prompt, at most.", minimum=1, maximum=16)
    max_image_tokens: int = option(
        4096, "Image tokens of one prompt, shared by its images.", minimum=4, maximum=1_000_000
    )
    max_image_pixels: int = option(
        1_000_000, "Pixels of one image; larger ones are shrunk.", minimum=784, unit="px"
    )
    token_side: int = option(
        28, "Side of the square that becomes one token (28: Qwen2.5-VL, 32: Qwen3-VL).",
        minimum=4, maximum=128, unit="px",
    )  # fmt: skip
    system_prompt: bool = option(True, "Send the rules as a system message.")
    repeat_query: bool = option(True, "Repeat the query after the images.")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.min_frames > self.max_frames:
            raise ConfigError(
                f"data.min_frames = {self.min_frames} exceeds data.max_frames = {self.max_frames}."
            )

    @property
    def folder(self) -> Path:
        """The prepared data set.

        Raises:
            ConfigError: if none is given or it is no folder.
        """
        if not self.path:
            raise ConfigError("no data: give --data, a folder made with scene-r1 prepare.")
        if not Path(self.path).is_dir():
            raise ConfigError(f"--data {self.path} is no folder; make it with scene-r1 prepare.")
        return Path(self.path)

    @property
    def style(self) -> PromptStyle:
        """The prompt's form."""
        return PromptStyle(system=self.system_prompt, repeat_query=self.repeat_query)

    @property
    def budget(self) -> ImageBudget:
        """Limits on the images of one prompt."""
        return ImageBudget(
            max(self.max_frames, self.views),
            self.max_image_tokens,
            self.max_image_pixels,
            self.token_side,
        )

    def stage_shares(self) -> dict[Stage, float]:
        """Which share of its examples each stage gives, in the order of the stages.

        Raises:
            ConfigError: for an unknown stage, or a share that does not lie in (0, 1].
        """
        shares: dict[str, float] = {}
        for part in filter(None, (p.strip() for p in self.stages.split(","))):
            name, equals, number = (text.strip() for text in part.partition("="))
            try:
                shares[name] = float(number) if equals else 1.0
            except ValueError:
                shares[name] = 0.0
            if name not in STAGES or not 0.0 < shares[name] <= 1.0:
                raise ConfigError(
                    f"data.stages: {part!r} is no stage; choose from {', '.join(STAGES)}, each "
                    "with a share above 0 and at most 1 if not all is wanted (temporal=0.3)."
                )
        if not shares:
            raise ConfigError(f"data.stages is empty; choose from {', '.join(STAGES)}.")
        return {stage: shares[stage] for stage in STAGES if stage in shares}

    def chain_files(self) -> list[Path]:
        """The files of chains.

        Raises:
            ConfigError: if none is given or one does not exist.
        """
        found: list[Path] = []
        for part in filter(None, (p.strip() for p in self.chains.split(","))):
            path = Path(part)
            if path.is_dir():
                inside = sorted(path.rglob("cold_start_*.jsonl"))
                if not inside:
                    raise ConfigError(f"{path} holds no cold_start_*.jsonl.")
                found += inside
            elif path.is_file():
                found.append(path)
            else:
                raise ConfigError(f"--chains {path} does not exist.")
        if not found:
            raise ConfigError("sft needs --chains, files of chains of thought.")
        return found

    def scene_set(self) -> set[str] | None:
        """The scenes asked for, None for all."""
        if not self.scenes:
            return None
        path = Path(self.scenes)
        if path.is_file():
            return {line.strip() for line in path.read_text().splitlines() if line.strip()}
        return {part.strip() for part in self.scenes.split(",") if part.strip()}
