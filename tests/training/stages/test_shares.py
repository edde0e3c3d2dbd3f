"""Which stages sft learns from, and how much of each."""

from __future__ import annotations

from collections import Counter

import pytest
from scene_r1_training.examples.settings import DataConfig
from scene_r1_training.stages.run import load_examples
from training_runs import settings

from scene_r1_ros.errors import ConfigError


def stages_of(work, stages):
    given = settings(work, "shares", data={"stages": stages})
    return Counter(example.stage for example in load_examples("sft", given))


def test_a_share_of_a_stage_is_taken_and_the_others_are_whole(work):
    every = stages_of(work, "temporal,image")
    some = stages_of(work, "image, temporal = 0.5")
    assert some["image"] == every["image"]
    assert some["temporal"] == -(-every["temporal"] // 2)
    assert some["temporal"] < every["temporal"]


def test_the_order_of_the_stages_is_always_the_same():
    config = DataConfig(stages="answer=0.1,temporal")
    assert list(config.stage_shares().items()) == [("temporal", 1.0), ("answer", 0.1)]


@pytest.mark.parametrize(
    "part", ["video", "image=0", "image=2", "image=much", "image=", "image=nan"]
)
def test_what_is_no_stage_or_share_is_named(part):
    with pytest.raises(ConfigError, match=rf"data\.stages: '{part}' is no stage; choose from"):
        DataConfig(stages=f"temporal,{part}").stage_shares()


def test_no_stage_at_all_is_said():
    with pytest.raises(ConfigError, match=r"data\.stages is empty"):
        DataConfig(stages=" , ").stage_shares()
