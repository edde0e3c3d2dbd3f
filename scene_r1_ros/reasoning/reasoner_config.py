"""Settings of the two-stage reasoner."""

from __future__ import annotations

from dataclasses import dataclass

from ..config import Config, option
from .closer_look import check_closer
from .prompts import PromptStyle
from .sampling import ImageBudget
from .views import ViewWeights


@dataclass(frozen=True)
class ReasonerConfig(Config):
    """How many frames are looked at, how closely, and how the answer is checked."""

    prompt_settings: str = option(
        "auto",
        "auto: a checkpoint that was trained here brings the settings of its prompts (max_frames, "
        "views, max_image_tokens, max_image_pixels, token_side, system_prompt, repeat_query, "
        "max_new_tokens) and of its vote (vote_frames, vote_confidence, vote_closer), and what "
        "is set to another value than its default goes before them. own: only what is set here "
        "counts, defaults too.",
        choices=("auto", "own"),
    )
    max_frames: int = option(
        16, "Frames of the window that stage 1 and question answering see.", minimum=1, maximum=256
    )
    looks: int = option(
        3, "Looks of stage 1 at the window, each at frames between those of the looks before, "
        "until one finds a span whose views show it: what only few frames show is missed by a "
        "single one.",
        minimum=1, maximum=16,
    )  # fmt: skip
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
    views: int = option(
        4, "Best frames of the span that stage 2 chooses from; 1 asks for the box alone.",
        minimum=1, maximum=16,
    )  # fmt: skip
    view_looks: int = option(
        3, "Looks of stage 2, each at the next best frames, until one of them shows the object "
        "and other views confirm it.",
        minimum=1, maximum=16,
    )  # fmt: skip
    verify_views: int = option(
        2,
        "Other views in which the box is checked; 0 switches the check off.",
        minimum=0,
        maximum=8,
    )
    consensus: bool = option(
        True, "Take the view whose 3D box agrees best with the others, not always the chosen one."
    )
    confirmed: float = option(
        0.5, "Stage 2 looks on, at the next best frames, while the confidence of its box is below "
        "this: the views that should see it too do not. The surest box is taken in the end.",
        minimum=0.0, maximum=1.0,
    )  # fmt: skip
    vote_frames: int = option(
        -1, "Frames of the whole window in each of which stage 2 says its box, by itself; the "
        "place in 3D that most of them mean is taken, and stage 1 is not asked. For models that "
        "box better than they tell when; costs as many short replies, made in batches. 0: stage 1 "
        "says where to look. -1: as the checkpoint says, else 0.",
        minimum=-1, maximum=256,
    )  # fmt: skip
    vote_confidence: float = option(
        0.3, "With vote_frames: below this confidence nothing was found. s / (1 + s), where s is "
        "about the number of frames, and of parts of them with vote_closer, that are sure of the "
        "same place.",
        minimum=0.0, maximum=1.0,
    )  # fmt: skip
    vote_relations: bool = option(
        True, "With vote_frames: what a query says of a place (\"closest to the door\", \"left of "
        "the bed, seen from the window\") or a size (\"the largest\") is judged by geometry: "
        "frames vote on the thing and on each landmark by themselves too, which costs as many "
        "replies again for each of them. False: what the model makes of the whole sentence.",
    )  # fmt: skip
    vote_closer: float = option(
        0.0, "With vote_frames: where the box of what is looked for is small, the part of the "
        "frame around it is shown too, enlarged up to so many times, and what is said of that is "
        "one vote more; as many replies again at most, fewer where the deadline is near. 1.5 and "
        "more; 1: off; 0: as the checkpoint says, else off.",
        minimum=0.0, maximum=8.0,
    )  # fmt: skip
    vote_prompts: int = option(
        6, "With vote_frames: so many of the boxes that agree are tried as the tracker's prompt, "
        "through 30 frames of the window and by geometry alone, and the answer is the one whose "
        "masks fit the boxes of all best. 1: the one that looks whole and as large as all mean it.",
        minimum=1, maximum=64,
    )  # fmt: skip
    refine_span: bool = option(
        True,
        "The span becomes the frames around the anchor in which depth and pose see the boxed "
        "object; stage 1 sees only few frames.",
    )
    retries: int = option(
        1, "Times an unusable answer is asked for again, with the reason.", minimum=0, maximum=5
    )
    answer_span: bool = option(
        True, "Question answering first finds the seconds that hold the answer."
    )
    max_new_tokens: int = option(512, "Length limit of one answer.", minimum=4, maximum=32_768)
    temperature: float = option(
        0.0, "Sampling temperature; 0 takes the likeliest words.", minimum=0.0, maximum=2.0
    )
    system_prompt: bool = option(True, "Send the rules as a system message.")
    repeat_query: bool = option(True, "Repeat the query after the images.")
    weight_visibility: float = option(
        0.4, "Ranking: sees what the span's frames have in common.", minimum=0.0, maximum=10.0
    )
    weight_sharpness: float = option(0.2, "Ranking: sharp image.", minimum=0.0, maximum=10.0)
    weight_motion: float = option(0.15, "Ranking: camera at rest.", minimum=0.0, maximum=10.0)
    weight_distance: float = option(0.25, "Ranking: close by.", minimum=0.0, maximum=10.0)
    weight_diversity: float = option(
        0.3, "Ranking: how strongly views like those taken are avoided.", minimum=0.0, maximum=10.0
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        check_closer(self.vote_closer)

    @property
    def style(self) -> PromptStyle:
        """The prompt's form."""
        return PromptStyle(system=self.system_prompt, repeat_query=self.repeat_query)

    @property
    def budget(self) -> ImageBudget:
        """Limits on the images of one prompt."""
        return ImageBudget(
            self.max_frames, self.max_image_tokens, self.max_image_pixels, self.token_side
        )

    @property
    def view_weights(self) -> ViewWeights:
        """Weights of the ranking."""
        return ViewWeights(
            self.weight_visibility,
            self.weight_sharpness,
            self.weight_motion,
            self.weight_distance,
            self.weight_diversity,
        )
