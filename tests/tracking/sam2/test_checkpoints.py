"""Checkpoints by path and by name, in both forms; what is wrong with one is said."""

from __future__ import annotations

import pytest
import torch
from sam2_builders import TINY, TINY_2, random_weights
from transformers.initialization import no_init_weights

from scene_r1_ros.config import ConfigError
from scene_r1_ros.errors import CheckpointError
from scene_r1_ros.tracking.sam2.checkpoints import find_checkpoint, read_weights
from scene_r1_ros.tracking.sam2.config import Sam2Config
from scene_r1_ros.tracking.sam2.convert import (
    convert_checkpoint,
    load_strictly,
    to_package,
    to_transformers,
)
from scene_r1_ros.tracking.sam2.loading import load_engine
from scene_r1_ros.tracking.sam2.models import (
    ALL_MODELS,
    build_package_model,
    build_transformers_model,
    find_spec,
    spec_of_weights,
)


@pytest.fixture(scope="module")
def weights():
    return random_weights(TINY)


@pytest.fixture(scope="module")
def release_file(weights, tmp_path_factory):
    path = tmp_path_factory.mktemp("release") / "some_name.pt"
    torch.save({"model": weights}, path)
    return path


@pytest.fixture(autouse=True)
def _no_checkpoints_of_this_machine(monkeypatch, tmp_path):
    monkeypatch.setenv("SCENE_R1_CHECKPOINTS", str(tmp_path / "checkpoints"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))


def test_a_size_has_one_image_encoder_in_both_versions():
    """So that converting every size of one version speaks for the other."""
    from importlib.resources import files

    from omegaconf import OmegaConf

    for newer, older in zip(ALL_MODELS[:4], ALL_MODELS[4:], strict=True):
        assert (newer.size, newer.version, older.version) == (older.size, "2.1", "2")
        parts = [
            OmegaConf.create(files("sam2").joinpath(spec.yaml).read_text()).model
            for spec in (newer, older)
        ]
        assert parts[0].image_encoder == parts[1].image_encoder
        assert parts[0].memory_attention == parts[1].memory_attention


@pytest.mark.parametrize("spec", [*ALL_MODELS[:4], TINY_2], ids=lambda spec: spec.name)
def test_every_size_converts_strictly_both_ways(spec):
    with no_init_weights():  # names and shapes are compared here; drawing 224 M numbers takes long
        released = build_package_model(spec, 128)
        converted = build_transformers_model(spec, 128)
    weights = released.state_dict()
    assert spec_of_weights({key: tuple(v.shape) for key, v in weights.items()}) == spec
    load_strictly(converted, to_transformers(weights), "test")
    back = to_package(converted.state_dict())
    load_strictly(released, back, "test")
    assert back.keys() == weights.keys()


def test_files_convert_both_ways_without_changing_a_weight(release_file, weights, tmp_path):
    folder = convert_checkpoint(release_file, tmp_path / "folder")
    again = convert_checkpoint(folder, tmp_path / "again.pt")
    assert (folder / "config.json").is_file()
    from_folder, from_file = read_weights(folder), read_weights(again)
    for key, value in weights.items():
        assert torch.equal(from_folder[key], value)
        assert torch.equal(from_file[key], value)


@pytest.mark.parametrize("engine", ["package", "transformers"])
def test_either_engine_loads_a_release_file(release_file, engine):
    config = Sam2Config(checkpoint=str(release_file), sam2_engine=engine, image_size=128)
    assert load_engine(config.replace(device="cpu")).name == engine


@pytest.mark.parametrize(
    "name",
    ["sam2.1_hiera_base_plus", "sam2.1-hiera-b+", "facebook/sam2.1-hiera-base-plus"],
)
def test_a_model_has_one_meaning_in_all_spellings(name):
    assert find_spec(name) == find_spec("sam2.1_hiera_base_plus")
    assert find_spec("sam3_hiera_tiny") is None


def test_a_checkpoint_is_found_by_name(tmp_path, release_file):
    folder = tmp_path / "checkpoints"
    folder.mkdir()
    (folder / "sam2.1_hiera_tiny.pt").symlink_to(release_file)
    assert find_checkpoint("facebook/sam2.1-hiera-tiny") == folder / "sam2.1_hiera_tiny.pt"


def test_no_checkpoint_says_what_can_be_given():
    with pytest.raises(CheckpointError, match=r"no SAM 2 checkpoint is set.*sam2\.1_hiera_tiny"):
        find_checkpoint("")


def test_an_absent_checkpoint_says_how_to_get_it(tmp_path):
    with pytest.raises(CheckpointError, match=r"curl -L -o .*checkpoints/sam2\.1_hiera_tiny\.pt"):
        find_checkpoint("sam2.1_hiera_tiny")
    with pytest.raises(CheckpointError, match="does not exist and is no model's name"):
        find_checkpoint(str(tmp_path / "absent.pt"))


def test_a_download_that_fails_names_the_file_to_fetch(monkeypatch):
    def fail(*_):
        raise ConnectionError("no network")

    monkeypatch.setattr("huggingface_hub.hf_hub_download", fail)
    with pytest.raises(CheckpointError, match=r"no network.*092824/sam2\.1_hiera_tiny\.pt"):
        find_checkpoint("sam2.1_hiera_tiny", download=True)


def test_a_file_that_was_cut_off_is_called_damaged(release_file, tmp_path):
    data = release_file.read_bytes()
    cut = tmp_path / "cut.pt"
    cut.write_bytes(data[: len(data) // 2])
    with pytest.raises(CheckpointError, match=r"cut\.pt cannot be read.*damaged"):
        read_weights(cut)


def test_a_text_file_is_no_checkpoint(tmp_path):
    page = tmp_path / "page.pt"
    page.write_text("<html>not found</html>")
    with pytest.raises(CheckpointError, match=r"page\.pt"):
        read_weights(page)


def test_a_damaged_safetensors_file_is_named(tmp_path):
    (tmp_path / "model.safetensors").write_bytes(b"12345678 not a header")
    with pytest.raises(CheckpointError, match="damaged"):
        read_weights(tmp_path)


def test_a_folder_without_weights_is_no_checkpoint(tmp_path):
    (tmp_path / "readme.txt").write_text("hello")
    with pytest.raises(CheckpointError, match=r"neither model\.safetensors.*readme\.txt"):
        read_weights(tmp_path)


def test_another_models_checkpoint_is_refused(tmp_path):
    other = tmp_path / "resnet.pt"
    torch.save({"model": {"conv1.weight": torch.zeros(64, 3, 7, 7)}}, other)
    with pytest.raises(CheckpointError, match="no SAM 2 model"):
        load_engine(Sam2Config(checkpoint=str(other), device="cpu"))
    torch.save({"state": 1}, other)
    with pytest.raises(CheckpointError, match="holds no SAM 2 weights"):
        load_engine(Sam2Config(checkpoint=str(other), device="cpu"))


def test_a_model_that_does_not_fit_the_checkpoint_is_refused(release_file):
    config = Sam2Config(checkpoint=str(release_file), model="sam2.1_hiera_large", device="cpu")
    with pytest.raises(CheckpointError, match=r"holds sam2\.1_hiera_tiny, but model = .*large"):
        load_engine(config)


@pytest.mark.parametrize("engine", ["package", "transformers"])
def test_a_missing_or_misshapen_parameter_is_named(weights, tmp_path, engine):
    broken = dict(weights)
    del broken["no_obj_ptr"]
    broken["maskmem_tpos_enc"] = torch.zeros(5, 1, 1, 64)
    path = tmp_path / "broken.pt"
    torch.save({"model": broken}, path)
    config = Sam2Config(checkpoint=str(path), sam2_engine=engine, image_size=128, device="cpu")
    with pytest.raises(CheckpointError, match=r"does not fit the model: missing no_obj"):
        load_engine(config)


def test_a_device_that_is_not_there_is_refused(release_file, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(ConfigError, match="sees no CUDA GPU"):
        load_engine(Sam2Config(checkpoint=str(release_file), device="cuda"))


def test_an_image_size_that_no_model_takes_is_refused():
    with pytest.raises(ConfigError, match="image_size = 500: must be a multiple of 32"):
        Sam2Config(image_size=500)


def test_versions_differ_in_what_they_hold():
    older = random_weights(TINY_2)
    assert spec_of_weights({key: tuple(v.shape) for key, v in older.items()}) == TINY_2
