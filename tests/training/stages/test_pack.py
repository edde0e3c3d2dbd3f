"""A packed checkpoint is half as large, computes in float32, and says the same."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from scene_r1_training.examples.errors import TrainingError
from scene_r1_training.stages.pack import pack
from tiny_models import build_qwen2_5_vl

from scene_r1_ros.errors import ModelAbsentError
from scene_r1_ros.reasoning.backends.checkpoint import TransformersConfig, load_checkpoint


def weights_of(folder: Path) -> dict[str, torch.Tensor]:
    config = TransformersConfig(model=str(folder), device_map="none")
    return dict(load_checkpoint(config, lambda fraction, text: None).model.state_dict())


def test_weights_take_half_and_are_float32_again_once_loaded(tmp_path: Path) -> None:
    plain = build_qwen2_5_vl(tmp_path / "plain")
    size = pack(plain, tmp_path / "small")
    before = (plain / "model.safetensors").stat().st_size
    assert 0.45 * before < size < 0.6 * before
    assert all(
        w.dtype == torch.float16 for w in load_file(tmp_path / "small/model.safetensors").values()
    )
    expected, got = weights_of(plain), weights_of(tmp_path / "small")
    assert expected.keys() == got.keys()
    for name, weight in expected.items():
        assert got[name].dtype == torch.float32
        torch.testing.assert_close(got[name], weight, rtol=1e-3, atol=1e-6)


def test_everything_else_comes_along(tmp_path: Path) -> None:
    plain = build_qwen2_5_vl(tmp_path / "plain")
    (plain / "training.json").write_text("{}")
    pack(plain, tmp_path / "small")
    assert sorted(p.name for p in (tmp_path / "small").iterdir()) == sorted(
        p.name for p in plain.iterdir()
    )
    assert (tmp_path / "small/model.safetensors").stat().st_mode & 0o777 == 0o644
    assert json.loads((tmp_path / "small/config.json").read_text())["dtype"] == "float32"


def test_what_cannot_be_packed_is_said(tmp_path: Path) -> None:
    with pytest.raises(ModelAbsentError, match="does not exist"):
        pack(tmp_path / "none", tmp_path / "small")
    plain = build_qwen2_5_vl(tmp_path / "plain")
    weights = load_file(plain / "model.safetensors")
    name = min(weights)
    huge = {**weights, name: torch.full_like(weights[name], 1e6)}
    save_file(huge, plain / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(TrainingError, match=r"has weights up to 1e\+06, which float16 cannot hold"):
        pack(plain, tmp_path / "small")
    assert not (tmp_path / "small").exists()
    config = json.loads((plain / "config.json").read_text())
    (plain / "config.json").write_text(json.dumps({**config, "dtype": "bfloat16"}))
    with pytest.raises(TrainingError, match="is a checkpoint of bfloat16; only one of float32"):
        pack(plain, tmp_path / "small")


def test_damaged_weights_are_one_sentence_and_leave_nothing_behind(tmp_path: Path) -> None:
    plain = build_qwen2_5_vl(tmp_path / "plain")
    (plain / "model.safetensors").write_bytes(b"no weights")
    with pytest.raises(TrainingError, match=r"plain cannot be packed into .*small: .*as it was"):
        pack(plain, tmp_path / "small")
    assert [p.name for p in tmp_path.iterdir()] == ["plain"]
