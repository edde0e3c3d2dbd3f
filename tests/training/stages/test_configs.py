"""The files of settings that are shipped can be read by what reads them."""

from __future__ import annotations

from pathlib import Path

import pytest
from scene_r1_training.stages.settings import load_settings

from scene_r1_ros.errors import ConfigError

CONFIG = Path(__file__).parents[3] / "config"


@pytest.mark.parametrize("path", sorted((CONFIG / "training").glob("*.yaml")), ids=lambda p: p.stem)
def test_training_settings(path):
    given = load_settings(path, {})
    assert given.data.min_frames <= given.data.max_frames
    rows = given.optim.batch_size * given.optim.accumulation
    if "grpo" in path.stem:
        processes = 8 if given.optim.batch_size == 1 else 1
        assert rows * processes % given.grpo.generations == 0


def test_a_section_that_stands_twice_is_refused(tmp_path):
    path = tmp_path / "run.yaml"
    path.write_text("model: {dtype: auto}\ndata: {views: 1}\nmodel: {attention: eager}\n")
    with pytest.raises(ConfigError, match="model stands there more than once"):
        load_settings(path, {})


@pytest.mark.parametrize(
    "path", sorted((CONFIG / "accelerate").glob("*.yaml")), ids=lambda p: p.stem
)
def test_accelerate_settings(path):
    from accelerate.commands.config.config_args import load_config_from_file

    config = load_config_from_file(str(path))
    assert config.num_processes >= 1
    assert config.num_processes % config.num_machines == 0


def test_an_enlargement_that_the_reasoner_would_refuse_is_refused_before_training():
    assert load_settings(None, {"asked": {"vote_closer": 2.0}}).asked.vote_closer == 2.0
    with pytest.raises(ConfigError, match=r"vote_closer = 1\.2: choose 1\.5 or more"):
        load_settings(None, {"asked": {"vote_closer": 1.2}})
