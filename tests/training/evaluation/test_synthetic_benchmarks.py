"""The benchmarks on synthetic rooms: lifting with its ablations, and the whole chain."""

import json

import numpy as np
import pytest
from scene_r1_training.data.synth import SynthConfig
from scene_r1_training.evaluation import lifting_bench
from scene_r1_training.evaluation.benchmark import EvalOptions, evaluate
from scene_r1_training.evaluation.errors import EvaluationError
from scene_r1_training.evaluation.lifting_bench import (
    lifting_metrics,
    lifting_table,
    lifting_variants,
    mean_mask_iou,
)
from scene_r1_training.evaluation.lifting_run import LiftingOptions, evaluate_lifting
from scene_r1_training.evaluation.rooms import ensure_rooms
from scene_r1_training.evaluation.span_bench import measure

from scene_r1_ros.synthetic.splits import VAL_SEEDS
from scene_r1_ros.tracking import FrameMask, MaskTrack


def mask(columns):
    out = np.zeros((4, 10), bool)
    out[:, :columns] = True
    return out


def test_a_frame_without_a_mask_counts_as_zero():
    true = {0: mask(4), 1: mask(4)}
    track = MaskTrack(0, (FrameMask(0, mask(2)), FrameMask(7, mask(4))))
    assert mean_mask_iou(track, true) == pytest.approx(0.25)
    assert mean_mask_iou(None, true) == 0.0


def test_thinned_tracks_keep_the_anchor():
    track = MaskTrack(5, tuple(FrameMask(i, mask(1)) for i in range(20)))
    for count in (1, 3, 10):
        thinned = lifting_bench.thinned_track(track, count)
        assert len(thinned.masks) == count
        assert thinned.at(5) is not None


def test_every_switch_of_lifting_is_ablated():
    from scene_r1_ros.lifting import LiftConfig

    switches = [spec.name for spec in LiftConfig.options() if spec.type is bool]
    assert len(lifting_variants()) == len(switches) + 1
    assert "no_erode" in lifting_variants()


def test_noise_levels_have_rows_of_their_own():
    row = {"iou": 0.5, "aabb_iou": 0.2, "mask_iou": 1.0, "error": "", "variant": "baseline"}
    row["seen_iou"] = 0.8
    rows = [{**row, "noise": 1.0}, {**row, "noise": 2.0, "iou": 0.0}]
    table = lifting_table(rows)
    assert table["baseline"]["acc_50"] == 1.0
    assert table["noise_2"]["acc_50"] == 0.0
    assert lifting_metrics(rows)["acc_25"] == 0.5


def test_lifting_is_measured_resumed_and_shown(tmp_path, monkeypatch):
    few = {name: lifting_variants()[name] for name in ("baseline", "no_cluster")}
    monkeypatch.setattr(lifting_bench, "lifting_variants", lambda: few)
    monkeypatch.setattr(lifting_bench, "VIEW_COUNTS", (3,))
    monkeypatch.setattr(lifting_bench, "LOOSE", (0.1,))
    options = LiftingOptions(
        tmp_path, scenes=1, objects=1, noise=(1.0,), seconds=2.0, width=160, height=120
    )
    summary = evaluate_lifting(options)
    assert summary["n"] == 1
    assert {"true_mask", "seen_surface"} == summary["ceilings"].keys()
    assert 0.0 < summary["metrics"]["seen_iou"] <= 1.0
    assert {"baseline", "no_cluster", "views_3", "true_masks"} <= summary["ablations"].keys()
    assert summary["ablations"]["true_masks"]["mask_iou"] == 1.0
    assert "Ablations" in (tmp_path / "index.html").read_text()
    steps = []
    again = evaluate_lifting(options, lambda done, total: steps.append((done, total)))
    assert steps == [(1, 1)]  # nothing was left to do
    assert again["metrics"] == summary["metrics"]


def test_held_out_rooms_are_made_prepared_and_evaluated(tmp_path):
    config = SynthConfig(width=160, height=120, seconds=5.0, descriptions=1, questions=2)
    said = []
    rooms = ensure_rooms(tmp_path, 1, config=config, say=said.append)
    options = EvalOptions(
        "rooms",
        rooms.annotations,
        tmp_path / "out",
        rooms.data,
        tracker="geometric",
        limit=4,
        oracles=("true_mask",),
    )
    summary = evaluate(options)
    assert summary["n"] == 4
    assert 0.0 <= summary["ceilings"]["true_mask"]["acc_25"] <= 1.0
    assert json.loads((tmp_path / "out" / "summary.json").read_text())["n"] == 4
    said.clear()
    ensure_rooms(tmp_path, 1, config=config, say=said.append)
    assert len(said) == 1  # which rooms, and nothing of making them


def test_geometry_recovers_spans_that_a_few_frames_cannot_tell(tmp_path):
    config = SynthConfig(width=160, height=120, seconds=10.0, descriptions=1, questions=1)
    rooms = ensure_rooms(tmp_path, 1, VAL_SEEDS.start, config=config, say=lambda text: None)
    figures = measure(rooms, noise=(0.0, 0.1), sampled=4)
    exact, noisy = figures["refined"]
    assert figures["objects"] >= 8
    assert exact["tiou"] > 0.8
    assert exact["tiou"] > figures["sampler_4_tiou"] + 0.2
    assert exact["box_iou"] == 1.0 > noisy["box_iou"]
    assert noisy["tiou"] > 0.7


def test_training_rooms_are_no_test(tmp_path):
    with pytest.raises(EvaluationError, match="training room"):
        ensure_rooms(tmp_path, 1, seed=5)
