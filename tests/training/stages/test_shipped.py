"""The checkpoint that ships: small, whole, loadable by anybody, and it knows rooms."""

from __future__ import annotations

from pathlib import Path

import pytest
from scene_r1_training.data.synth import SynthConfig, synthesize
from scene_r1_training.evaluation.figures import mean_figures
from scene_r1_training.evaluation.models import load_reasoner
from scene_r1_training.evaluation.run_scene import read_window
from scene_r1_training.evaluation.stage_bench import data_as_trained, stage_figures
from scene_r1_training.examples.example import evenly
from scene_r1_training.examples.labelled import examples_from_labels

from scene_r1_ros.cli.main import main
from scene_r1_ros.reasoning.build import shipped_checkpoint

pytestmark = pytest.mark.timeout(300)  # hundreds of replies of a real model, on shared cores

SEED = 2_000_400
"""Of rooms that nothing was trained or chosen on."""


@pytest.fixture(scope="module")
def rooms(tmp_path_factory):
    folder = tmp_path_factory.mktemp("rooms")
    given = SynthConfig(fps=1.0, seconds=16.0, descriptions=2, clip_frames=4)
    synthesize(folder / "rooms", 2, SEED, given, jobs=1)
    (annotations,) = (folder / "rooms" / "annotations").iterdir()
    out = folder / "prepared"
    command = ["prepare", "scannet", "--root", str(folder / "rooms"), "--out", str(out)]
    assert main([*command, "--annotations", str(annotations), "--stride", "1"]) == 0
    return out


def test_it_is_small_and_loads_without_this_package():
    from transformers import AutoModelForImageTextToText, AutoProcessor

    folder = Path(shipped_checkpoint())
    assert sum(p.stat().st_size for p in folder.rglob("*") if p.is_file()) <= 12e6
    model = AutoModelForImageTextToText.from_pretrained(folder)
    assert model.config.model_type == "qwen2_5_vl"
    assert AutoProcessor.from_pretrained(folder).tokenizer.unk_token_id is not None


@pytest.mark.parametrize(("stage", "least"), [("image", 0.3), ("temporal", 0.25)])
def test_it_finds_things_in_rooms_that_it_never_saw(rooms, stage, least):
    config, max_new_tokens = data_as_trained(shipped_checkpoint(), str(rooms), 0)
    examples = evenly(examples_from_labels(rooms, stage, config), 48)
    assert len(examples) >= 32
    figures = stage_figures(shipped_checkpoint(), examples, config, max_new_tokens)
    measured = mean_figures(list(figures.values()))
    assert measured["acc_25"] >= least, measured


def test_it_is_asked_by_a_vote_of_frames_and_from_closer(rooms):
    window, _ = read_window(rooms, f"scene{SEED}_00", 240)
    reasoner = load_reasoner(shipped_checkpoint())
    wanted = min(reasoner.config.vote_frames, len(window.frames))
    assert wanted > 8
    found, trace = reasoner.ground_traced(window, "the door")
    stages = [call.stage for call in trace.calls]
    assert stages.count("vote") == wanted
    assert set(stages) <= {"vote", "closer"}
    assert reasoner.config.vote_closer > 1.0
    assert "frames show" in found.rationale_temporal or "shows it" in found.rationale_temporal
