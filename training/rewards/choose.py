"""Rewards by name, with weights, and what each stage takes by default."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from scene_r1_ros.errors import ConfigError

from .abstention import abstention_reward
from .answer import exact_reward, f1_reward, numeric_reward
from .box import box_iou_reward
from .form import format_reward
from .length import length_reward
from .perception import perception_reward
from .semantic import local_encoder, semantic_reward
from .shuffled import shuffled_reward
from .temporal import temporal_giou_reward, temporal_iou_reward
from .texts import Rewards

Reward = Callable[..., Rewards]

PLAIN: dict[str, Reward] = {
    "format": format_reward,
    "temporal_iou": temporal_iou_reward,
    "temporal_giou": temporal_giou_reward,
    "box_iou": box_iou_reward,
    "abstention": abstention_reward,
    "exact": exact_reward,
    "f1": f1_reward,
    "numeric": numeric_reward,
}
MADE = ("perception", "semantic", "length", "shuffled")
"""These are made from a data set, an encoder, or the accuracy rewards of the stage."""

DEFAULTS = {
    "temporal": "temporal_iou=1,abstention=1,format=0.5",
    "image": "box_iou=1,abstention=1,format=0.5",
    "answer": "exact=0.5,f1=0.5,format=0.5",
}
_ACCURACY: dict[str, list[Reward]] = {
    "temporal": [temporal_iou_reward, abstention_reward],
    "image": [box_iou_reward, abstention_reward],
    "answer": [exact_reward, numeric_reward],
}


@dataclass(frozen=True)
class RewardSetting:
    """What the rewards that are made need."""

    data: Path | None = None
    encoder: str = ""
    low_words: int = 15
    high_words: int = 120


def rewards_of(
    text: str, stage: str, setting: RewardSetting | None = None
) -> tuple[list[Reward], list[float]]:
    """Functions and weights of ``"name=weight,..."``; an empty text takes the stage's default.

    Raises:
        ConfigError: for an unknown name, a weight that is no number, or what a reward lacks.

    >>> functions, weights = rewards_of("box_iou=1,format=0.5", "image")
    >>> [f.__name__ for f in functions], weights
    (['box_iou_reward', 'format_reward'], [1.0, 0.5])
    """
    setting = setting or RewardSetting()
    functions, weights = [], []
    for part in (text or DEFAULTS[stage]).split(","):
        name, _, number = part.strip().partition("=")
        try:
            weights.append(float(number or 1.0))
        except ValueError as error:
            raise ConfigError(f"rewards: {part.strip()!r} needs the form name=weight.") from error
        functions.append(_reward(name, stage, setting))
    return functions, weights


def _reward(name: str, stage: str, setting: RewardSetting) -> Reward:
    if name in PLAIN:
        return PLAIN[name]
    if name == "length":
        return length_reward(_ACCURACY[stage], setting.low_words, setting.high_words)
    if name == "shuffled":
        return shuffled_reward(_ACCURACY[stage])
    if name == "semantic":
        if not setting.encoder:
            raise ConfigError("the reward semantic needs an encoder: set grpo.encoder to a folder.")
        return semantic_reward(local_encoder(setting.encoder))
    if name == "perception":
        if setting.data is None:
            raise ConfigError("the reward perception needs a prepared data set.")
        return perception_reward(setting.data)
    raise ConfigError(f"there is no reward {name!r}; choose from {', '.join([*PLAIN, *MADE])}.")
