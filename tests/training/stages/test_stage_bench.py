"""Two checkpoints beside each other on one stage."""

from __future__ import annotations

import dataclasses
import json

import pytest
from scene_r1_training.evaluation import stage_bench
from scene_r1_training.evaluation.stage_bench import (
    by_size,
    differences,
    stage_figures,
    with_intervals,
)
from scene_r1_training.examples.labelled import examples_from_labels
from scene_r1_training.examples.settings import DataConfig
from training_runs import settings, train

from scene_r1_ros.errors import ConfigError


def figures_when_it_says(monkeypatch, work, stage, says):
    config = DataConfig(path=str(work / "data"), views=1, max_frames=8, max_image_tokens=160)
    examples = examples_from_labels(work / "data", stage, config)

    def answers(checkpoint, examples, config, max_new_tokens):
        from scene_r1_training.examples.render import ModelView, Renderer

        renderer = Renderer(config, ModelView("resized_pixels", 28, 3136, 1_000_000))
        for example in examples:
            yield example, renderer.row(example), says(example)

    monkeypatch.setattr(stage_bench, "_answers", answers)
    return examples, stage_figures("", examples, config, 8)


def test_the_truth_scores_one_and_a_false_not_found_nothing(monkeypatch, work):
    def truth(example):
        span = "not found" if not example.found else "{:.1f} to {:.1f}".format(*example.spans[0])
        return f"<think>seen</think><answer>{span}</answer>"

    examples, right = figures_when_it_says(monkeypatch, work, "temporal", truth)
    assert {f["score"] for f in right.values()} == {1.0}
    never = "<think>no</think><answer>not found</answer>"
    _, absent = figures_when_it_says(monkeypatch, work, "temporal", lambda example: never)
    for example in examples:
        figures = absent[example.key]
        assert figures["score"] == float(not example.found)
        assert figures.get("found_kept") == (0.0 if example.found else None)
    gain = differences(absent, right)
    rooms = {example.key: example.scene_id for example in examples}
    share = sum(example.found for example in examples) / len(examples)
    assert with_intervals(gain, rooms)["score_gain"]["mean"] == pytest.approx(share)


def test_small_targets_are_counted_apart_from_large_ones(monkeypatch, work):
    never = "<think>no</think><answer>not found</answer>"
    examples, _ = figures_when_it_says(monkeypatch, work, "image", lambda example: never)
    found = next(example for example in examples if example.found)
    width, height = found.image_size
    large = dataclasses.replace(found, key="large", boxes=((0, 0, width, height / 2),))
    small = dataclasses.replace(found, key="small", boxes=((0, 0, width / 10, height / 10),))
    absent = dataclasses.replace(found, key="absent", boxes=(None,))
    figures = {"large": {"iou": 1.0}, "small": {"iou": 0.0}, "absent": {"iou": 0.5}}
    rooms = {"large": "a", "small": "b", "absent": "c"}
    groups = by_size(figures, [large, small, absent], rooms)
    assert {name: group["iou"]["mean"] for name, group in groups.items()} == {
        "up to 2%": 0.0,
        "up to 100%": 1.0,
    }


def test_the_command_asks_as_the_model_was_trained(work, capsys):
    models = [str(train("sft", settings(work, n, optim={"steps": s})).final)
              for n, s in (("compared", 1), ("further", 2))]  # fmt: skip
    capsys.readouterr()
    stage_bench.main(["image", *models, "--data", str(work / "data"), "--limit", "3"])
    report = json.loads(capsys.readouterr().out)
    assert report["samples"] == 3
    assert set(report["models"]) == set(models)
    assert "score_gain" in report["gain"]
    stage_bench.main(["image", models[0], "--data", str(work / "data"), "--closer"])
    closer = json.loads(capsys.readouterr().out)
    assert closer["samples"] >= 1
    (groups,) = (model["by_size"] for model in closer["models"].values())
    assert "up to 2%" not in groups  # nothing is small that is shown from closer


def test_closer_is_about_views_that_hold_something_small(work, monkeypatch, capsys):
    with pytest.raises(SystemExit):
        stage_bench.main(["temporal", "m", "--data", str(work / "data"), "--closer"])
    assert "--closer is about views: choose the stage image" in capsys.readouterr().err
    monkeypatch.setattr(stage_bench, "some_closer", lambda examples, share, seed: examples)
    model = str(train("sft", settings(work, "compared", optim={"steps": 1})).final)
    with pytest.raises(ConfigError, match=r"no single view of .* holds anything small"):
        stage_bench.main(["image", model, "--data", str(work / "data"), "--closer"])


def test_a_checkpoint_that_does_not_say_how_it_was_trained_is_refused(work):
    with pytest.raises(ConfigError, match=r"has no training\.json"):
        stage_bench.main(["image", str(work / "tiny"), "--data", str(work / "data")])
