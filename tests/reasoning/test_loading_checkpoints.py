"""Loading a checkpoint: in the background, and every way in which it can fail."""

from __future__ import annotations

import json
import shutil
import threading
from pathlib import Path

import numpy as np
import pytest
import tiny_models
from waiting import wait_for

from scene_r1_ros.control import Control
from scene_r1_ros.errors import (
    ConfigError,
    ModelAbsentError,
    ModelLoadingError,
)
from scene_r1_ros.reasoning.backends import Limits, LoadState
from scene_r1_ros.reasoning.backends.background import BackgroundLoad, wait_until_ready
from scene_r1_ros.reasoning.backends.checkpoint import TransformersConfig
from scene_r1_ros.reasoning.backends.transformers_backend import TransformersBackend
from scene_r1_ros.reasoning.prompts import TimedImage, temporal_prompt


def prompt():
    return temporal_prompt("the red box", [TimedImage(np.full((90, 120, 3), 128, np.uint8), 0.0)])


def failure(**settings) -> str:
    """The sentence with which a backend of these settings fails to load."""
    backend = TransformersBackend(TransformersConfig(device_map="cpu", **settings))
    with pytest.raises(ModelAbsentError) as caught:
        wait_until_ready(backend)
    text = str(caught.value)
    assert "\n" not in text
    with pytest.raises(ModelAbsentError):
        backend.generate(prompt(), Control(), Limits())
    return text


def test_an_adapter_of_another_model_is_refused(checkpoints, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    good = str(checkpoints["qwen2_5_vl"])
    adapter = tiny_models.add_lora_adapter(checkpoints["qwen2_5_vl"], tmp_path / "adapter")
    weights = adapter / "adapter_model.safetensors"
    tensors = load_file(weights)
    fewer = dict(list(tensors.items())[2:])
    save_file(fewer, weights, {"format": "pt"})
    assert "2 of its tensors have no counterpart" in failure(model=good, adapter=str(adapter))
    save_file({k: v[:, :7].contiguous() for k, v in tensors.items()}, weights, {"format": "pt"})
    assert "does not fit" in failure(model=good, adapter=str(adapter))


def test_no_model_is_said(tmp_path: Path) -> None:
    assert failure(model="").startswith("no model is configured; set model to")


def test_a_missing_folder_or_file_is_named(tmp_path: Path, checkpoints) -> None:
    gone = str(tmp_path / "gone")
    assert failure(model=gone) == f"the model folder {gone} does not exist."
    assert "holds no config.json" in failure(model=str(tmp_path))
    (tmp_path / "file").write_text("")
    assert "is a file" in failure(model=str(tmp_path / "file"))
    good = str(checkpoints["qwen2_5_vl"])
    assert "the adapter folder" in failure(model=good, adapter=gone)
    assert "no adapter_config.json" in failure(model=good, adapter=str(tmp_path))


def test_a_language_model_is_refused_by_its_type(tmp_path: Path) -> None:
    folder = tiny_models.build_text_model(tmp_path / "blind")
    text = failure(model=str(folder))
    assert "is a llama model, which does not take images and text" in text


def test_an_unknown_type_a_broken_config_and_remote_code_are_told_apart(tmp_path: Path) -> None:
    config = tmp_path / "config.json"
    config.write_text("{broken")
    assert "config.json" in failure(model=str(tmp_path))
    config.write_text(json.dumps({"model_type": "nobody-knows"}))
    assert "the config.json of" in failure(model=str(tmp_path))
    config.write_text(json.dumps({"model_type": "x", "auto_map": {"AutoConfig": "evil.Config"}}))
    (tmp_path / "evil.py").write_text("raise SystemExit('ran')")
    assert "set it only if you trust its author" in failure(model=str(tmp_path))


def test_missing_weights_a_missing_tensor_and_damage_are_told(tmp_path: Path, checkpoints) -> None:
    from safetensors.torch import load_file, save_file

    folder = tmp_path / "model"
    shutil.copytree(checkpoints["qwen2_5_vl"], folder)
    weights = folder / "model.safetensors"
    tensors = load_file(weights)
    name = next(key for key in tensors if key.endswith("q_proj.weight"))
    save_file({k: v for k, v in tensors.items() if k != name}, weights, {"format": "pt"})
    assert "1 tensors are missing" in failure(model=str(folder))
    weights.write_bytes(weights.read_bytes()[:1000])
    assert "the weights of" in failure(model=str(folder))
    weights.unlink()
    assert "the weights of" in failure(model=str(folder))
    (folder / "processor_config.json").unlink()
    assert "processor" in failure(model=str(folder))


def test_a_name_that_is_not_downloaded_is_told_without_the_network() -> None:
    text = failure(model="nobody/no-such-model", offline=True)
    assert "neither a folder here nor downloaded before" in text


def test_a_hub_that_cannot_be_reached_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    text = failure(model="nobody/no-such-model")
    assert "the Hugging Face hub cannot be reached" in text


def test_a_device_that_is_not_there_is_told(checkpoints) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has a CUDA device")
    with pytest.raises(ModelAbsentError, match="torch sees no CUDA device"):
        wait_until_ready(
            TransformersBackend(
                TransformersConfig(model=str(checkpoints["qwen2_5_vl"]), device_map="cuda")
            )
        )


def test_settings_outside_their_choices_are_refused() -> None:
    with pytest.raises(ConfigError, match="dtype = 'int3': choose one of"):
        TransformersConfig(dtype="int3")


# -- loading in the background


def test_while_loading_the_answer_is_loading_with_progress() -> None:
    reached, go = threading.Event(), threading.Event()

    def work(tell) -> str:
        tell(0.4, "loading its weights")
        reached.set()
        assert go.wait(5)
        return "model"

    load = BackgroundLoad("the model x", work)
    assert load.status().state is LoadState.IDLE
    load.start()
    assert reached.wait(5)
    with pytest.raises(ModelLoadingError, match="the model x is still being loaded: 40 %, loading"):
        load.get()
    assert load.status().fraction == 0.4
    go.set()
    wait_for(lambda: load.status().state is LoadState.READY, timeout=5.0)
    assert load.get() == "model"


def test_a_failed_load_is_kept_and_may_be_tried_again() -> None:
    outcomes = [ValueError("first line\nsecond line"), "model"]

    def work(tell):
        outcome = outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    load = BackgroundLoad("the model x", work)
    load.start()
    wait_for(lambda: load.status().state is LoadState.FAILED, timeout=5.0)
    for _ in range(2):
        with pytest.raises(ModelAbsentError, match=r"cannot be loaded: ValueError: first line$"):
            load.get()
    load.start()
    wait_for(lambda: load.status().state is LoadState.READY, timeout=5.0)
