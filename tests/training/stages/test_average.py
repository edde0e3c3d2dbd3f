"""The mean of checkpoints: weights by hand, everything else the last one's, refusals in words."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from scene_r1_training.examples.errors import TrainingError
from scene_r1_training.stages.average import average
from scene_r1_training.stages.pack import pack
from tiny_models import build_qwen2_5_vl

from scene_r1_ros.cli.main import main
from scene_r1_ros.errors import ModelAbsentError
from scene_r1_ros.reasoning.backends.checkpoint import TransformersConfig, load_checkpoint

FILE = "model.safetensors"


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    return build_qwen2_5_vl(tmp_path / "plain")


def changed(source: Path, out: Path, change) -> Path:
    """A copy of a checkpoint whose weights went through ``change(name, weight)``."""
    shutil.copytree(source, out)
    weights = {n: change(n, w) for n, w in load_file(source / FILE).items()}
    save_file({n: w for n, w in weights.items() if w is not None}, out / FILE, {"format": "pt"})
    return out


def test_weights_are_the_mean_and_the_rest_is_the_last_one_s(plain: Path, tmp_path: Path) -> None:
    moved = changed(plain, tmp_path / "moved", lambda n, w: w + 3.0)
    (moved / "training.json").write_text('{"kind": "sft"}')
    words = json.loads((moved / "tokenizer.json").read_text())
    padding = {"strategy": "BatchLongest", "direction": "Left", "pad_to_multiple_of": None}
    padding |= {"pad_id": 1, "pad_type_id": 0, "pad_token": "<|endoftext|>"}
    (moved / "tokenizer.json").write_text(json.dumps(words | {"padding": padding}))
    out = average([plain, plain, moved], tmp_path / "mean")
    before, after = load_file(plain / FILE), load_file(out / FILE)
    assert before.keys() == after.keys()
    for name, weight in before.items():
        torch.testing.assert_close(after[name], weight + 1.0)
    assert sorted(p.name for p in out.iterdir()) == sorted(p.name for p in moved.iterdir())
    load_checkpoint(TransformersConfig(model=str(out), device_map="none"), lambda share, text: None)


def test_a_packed_checkpoint_and_one_in_several_files_take_part(
    plain: Path, tmp_path: Path
) -> None:
    pack(plain, tmp_path / "small")
    split = tmp_path / "split"
    shutil.copytree(plain, split)
    weights = load_file(split / FILE)
    (split / FILE).unlink()
    for number, names in enumerate((sorted(weights)[::2], sorted(weights)[1::2])):
        save_file({n: weights[n] for n in names}, split / f"part-{number}.safetensors")
    after = load_file(average([tmp_path / "small", split, plain], tmp_path / "mean") / FILE)
    for name, weight in weights.items():
        assert after[name].dtype == weight.dtype
        torch.testing.assert_close(after[name], weight, rtol=1e-3, atol=1e-6)


def test_what_is_not_of_one_model_is_refused(plain: Path, tmp_path: Path) -> None:
    name = min(load_file(plain / FILE))
    out = tmp_path / "mean"
    with pytest.raises(TrainingError, match="1 checkpoint to average: give two or more"):
        average([plain], out)
    with pytest.raises(ModelAbsentError, match="does not exist"):
        average([plain, tmp_path / "none"], out)
    lacking = changed(plain, tmp_path / "lacking", lambda n, w: None if n == name else w)
    with pytest.raises(TrainingError, match=rf"plain has {name}, which .*lacking has not"):
        average([lacking, plain], out)
    with pytest.raises(TrainingError, match=rf"plain has {name}, which .*lacking has not"):
        average([plain, lacking], out)
    wider = changed(plain, tmp_path / "wider", lambda n, w: torch.cat([w, w]) if n == name else w)
    with pytest.raises(TrainingError, match=rf"{name} is \(.*\) in .*wider and \(.*\) in .*plain"):
        average([wider, plain], out)
    huge = changed(plain, tmp_path / "huge", lambda n, w: torch.full_like(w, float("inf")))
    with pytest.raises(TrainingError, match=r"the mean of .* is not finite"):
        average([huge, plain], out)
    words = json.loads((plain / "tokenizer.json").read_text())
    del words["added_tokens"][0]
    (wider / "tokenizer.json").write_text(json.dumps(words))
    with pytest.raises(TrainingError, match="have different words"):
        average([wider, plain], out)
    (wider / "tokenizer.json").write_text("{}")
    with pytest.raises(TrainingError, match=r"tokenizer\.json cannot be read: KeyError"):
        average([wider, plain], out)
    (huge / FILE).write_bytes(b"no weights")
    with pytest.raises(TrainingError, match=r"cannot be averaged into .*mean: .*as they were"):
        average([huge, plain], out)
    (huge / FILE).unlink()
    with pytest.raises(TrainingError, match="huge holds no"):
        average([huge, plain], out)
    assert not out.exists()


def test_the_command_says_what_it_made(plain: Path, tmp_path: Path, capsys) -> None:
    out = tmp_path / "mean"
    assert main(["train", "average", str(plain), str(plain), "--out", str(out), "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed == {"out": str(out), "models": [str(plain), str(plain)]}
    assert main(["train", "average", str(plain), str(plain), "--out", str(out)]) != 0
    assert "mean" in capsys.readouterr().err
