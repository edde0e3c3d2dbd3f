"""Whole evaluations: prediction files and runs, resumed, with ceilings, budget and page."""

import json

import eval_reasoners
import numpy as np
import pytest
from scannet_scenes import write_scannet
from scene_r1_training.data.prepare_annotations import read_annotations
from scene_r1_training.evaluation.benchmark import EvalOptions, evaluate
from scene_r1_training.evaluation.breakdown import (
    distance_group,
    failing_stage,
    occlusion_group,
    stage_budget,
)
from scene_r1_training.evaluation.errors import EvaluationError
from scene_r1_training.evaluation.models import load_reasoner, parse_settings
from scene_r1_training.evaluation.run import choose
from scene_r1_training.evaluation.run_scene import run_scene
from scene_r1_training.evaluation.truth import load_truth

from scene_r1_ros.cli.main import main
from scene_r1_ros.errors import ConfigError, RecordingFormatError

SCENE = "scene0000_00"
MODEL = "eval_reasoners:make"


@pytest.fixture(scope="module")
def scannet(tmp_path_factory):
    return write_scannet(tmp_path_factory.mktemp("scannet"), (SCENE,), frames=24)


@pytest.fixture(scope="module")
def data(scannet, tmp_path_factory):
    out = tmp_path_factory.mktemp("data")
    command = ["prepare", "scannet", "--root", str(scannet), "--out", str(out), "--stride", "1"]
    assert main([*command, "--annotations", str(scannet / "annotations")]) == 0
    return out


@pytest.fixture(autouse=True)
def _without_java(monkeypatch):
    """METEOR takes seconds to start; its own test covers it."""
    monkeypatch.setattr("scene_r1_training.evaluation.captions.shutil.which", lambda name: None)


@pytest.fixture
def options(scannet, data, tmp_path):
    def make(benchmark="scanrefer", **changes):
        chosen = {"data": data, "tracker": "geometric", "out": tmp_path / benchmark, **changes}
        return EvalOptions(benchmark, scannet / "annotations", **chosen)

    return make


@pytest.fixture(scope="module")
def whole_run(scannet, data, tmp_path_factory):
    """One run with all ceilings: its summary and where it was written."""
    out = tmp_path_factory.mktemp("run")
    annotations = scannet / "annotations"
    options = EvalOptions("scanrefer", annotations, out, data, tracker="geometric", model=MODEL)
    return evaluate(options), out


def predictions(path, data, scannet, move=0.0):
    truth = load_truth(data, SCENE)
    records = [
        {**item.record, "aabb": (truth.boxes[item.object_ids[0]] + move).tolist()}
        for item in read_annotations(scannet / "annotations")
        if item.benchmark == "scanrefer"
    ]
    path.write_text(json.dumps(records))
    return path


# -- prediction files


def test_true_boxes_score_one_and_boxes_far_away_zero(options, data, scannet, tmp_path):
    right = predictions(tmp_path / "right.json", data, scannet)
    summary = evaluate(options(predictions=right))
    assert summary["n"] == 3
    assert (summary["metrics"]["acc_25"], summary["metrics"]["acc_50"]) == (1.0, 1.0)
    assert summary["ceilings"] == {}
    wrong = predictions(tmp_path / "wrong.json", data, scannet, move=9.0)
    assert evaluate(options(predictions=wrong))["metrics"]["acc_25"] == 0.0


def test_the_command_lists_what_does_not_fit(data, scannet, tmp_path, capsys):
    path = predictions(tmp_path / "p.json", data, scannet)
    records = json.loads(path.read_text())
    records = [records[0], records[0], {**records[1], "object_id": "77"}]
    path.write_text(json.dumps(records))
    command = ["eval", "scanrefer", "--annotations", str(scannet / "annotations")]
    command += ["--data", str(data), "--predictions", str(path), "--out", str(tmp_path / "o")]
    assert main(command) == 1
    error = capsys.readouterr().err
    assert f"1 unknown ({SCENE}|77|0)" in error
    assert f"1 duplicate ({SCENE}|0|0)" in error
    assert f"2 missing ({SCENE}|1|0, {SCENE}|2|0)" in error


def test_the_command_prints_one_json_object(data, scannet, tmp_path, capsys):
    path = predictions(tmp_path / "p.json", data, scannet)
    command = ["eval", "scanrefer", "--annotations", str(scannet / "annotations"), "--json"]
    command += ["--data", str(data), "--predictions", str(path), "--out", str(tmp_path / "o")]
    assert main([*command, "--split", "val"]) == 0
    summary = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert {"benchmark", "split", "n", "metrics", "ceilings", "seconds"} <= summary.keys()
    assert summary["split"] == "val"
    assert "<h2>Metrics</h2>" in (tmp_path / "o" / "index.html").read_text()


def test_questions_need_no_scenes_when_predictions_are_given(scannet, tmp_path):
    path = tmp_path / "qa.json"
    record = {"question_id": f"val-{SCENE}-0", "answer_top10": ["red", "blue"]}
    path.write_text(json.dumps([record]))
    file = scannet / "annotations" / "ScanQA_v1.0_val.json"
    summary = evaluate(EvalOptions("scanqa", file, tmp_path / "o", predictions=path))
    assert (summary["metrics"]["em_1"], summary["metrics"]["em_10"]) == (0.0, 1.0)
    assert summary["groups"]["question"][0]["group"] == "color"


def test_captions_are_scored_by_object(scannet, data, options, tmp_path):
    truth = load_truth(data, SCENE)
    records = [
        {
            "scene_id": SCENE,
            "object_id": i,
            "aabb": truth.boxes[i].tolist(),
            "caption": "the cabinet" if i == 0 else "the office chair",
        }
        for i in range(3)
    ]
    path = tmp_path / "c.json"
    path.write_text(json.dumps(records))
    metrics = evaluate(options("caption", predictions=path))["metrics"]
    assert metrics["rouge_l_50"] == pytest.approx(1.0)
    assert metrics["acc_50"] == 1.0


# -- runs


def test_a_run_scores_the_pipeline_its_ceilings_and_what_is_lost(whole_run):
    summary, _ = whole_run
    metrics, ceilings = summary["metrics"], summary["ceilings"]
    assert metrics["acc_25"] == pytest.approx(1 / 3)  # the cabinet
    assert set(ceilings) == {"true_span", "true_view", "true_box", "true_mask"}
    assert ceilings["true_box"]["acc_25"] == pytest.approx(2 / 3)  # one chair is never visible
    stages = summary["stages"]
    assert stages == {"correct": 1, "target never visible": 1, "said not found": 1}
    assert sum(summary["budget"].values()) + metrics["acc_25"] == pytest.approx(1.0)
    assert summary["budget"]["finding the box"] == pytest.approx(1 / 3)
    assert summary["budget"]["never filmed"] == pytest.approx(1 / 3)
    assert summary["budget"]["lifting"] == pytest.approx(0.0)
    assert summary["seconds"]["total"] > 0
    assert summary["calibration"]["n"] == 1
    groups = {row["group"]: row for row in summary["groups"]["category"]}
    assert (groups["office chair"]["n"], groups["cabinet"]["correct"]) == (2, 1.0)


def test_the_two_stage_reasoner_runs_with_its_oracles_and_its_tokens_are_counted(options):
    chosen = options(model="eval_reasoners:make_two_stage", limit=1)  # the cabinet
    summary = evaluate(chosen)
    assert summary["metrics"]["acc_50"] == 1.0
    assert summary["metrics"]["box_iou"] > 0.9
    assert 0.0 < summary["metrics"]["tiou"] < 1.0
    assert summary["ceilings"]["true_span"]["tiou"] == pytest.approx(1.0, abs=0.1)
    assert summary["tokens"]["in_mean"] == 200.0  # two stages of 100
    records = [json.loads(line) for line in (chosen.out / "results.jsonl").open()][1:]
    tokens = {record["variant"]: record["tokens"] for record in records}
    assert tokens["true_view"]["in"] == 100  # the first stage was not asked
    assert all(record["prompt_iou"] == record["box_iou"] > 0.9 for record in records)
    assert tokens["true_box"] == {}


def test_the_page_shows_the_worst_cases_in_pictures(whole_run):
    page = (whole_run[1] / "index.html").read_text()
    assert "said not found" in page
    assert page.count("data:image/jpeg") == 2
    assert "http://" not in page  # one file, nothing fetched
    assert "https://" not in page


def test_a_run_goes_on_where_it_was_killed(options):
    chosen = options(model=MODEL, oracles=())
    evaluate(chosen)
    results = chosen.out / "results.jsonl"
    lines = results.read_text().split("\n")
    results.write_text("\n".join(lines[:3]) + '\n{"variant": "pipe')  # two of three, one cut off
    eval_reasoners.calls.clear()
    summary = evaluate(chosen)
    assert len(eval_reasoners.calls) == 1
    assert summary["metrics"]["acc_25"] == pytest.approx(1 / 3)
    eval_reasoners.calls.clear()
    evaluate(chosen)
    assert eval_reasoners.calls == []


def test_without_a_model_there_are_ceilings_and_no_metrics(options):
    summary = evaluate(options())
    with pytest.raises(ConfigError, match="results of another run"):
        evaluate(options(model=MODEL))  # not mixed in
    assert summary["metrics"] == {}
    assert set(summary["ceilings"]) == {"true_box", "true_mask"}
    assert any("No reasoner ran" in note for note in summary["notes"])


def test_a_failing_model_costs_the_sample_and_not_the_run(options):
    summary = evaluate(options("multi3dref", model=MODEL, oracles=()))
    assert summary["failed"] == 1
    assert summary["metrics"]["zt_wo_d_f1_25"] == 1.0
    assert summary["metrics"]["mt_f1_25"] == 0.0
    assert summary["metrics"]["not_found_recall"] == 1.0


def test_a_part_that_breaks_costs_its_samples_and_the_reason_is_told(options, monkeypatch, caplog):
    def broken(task):
        if task.variant == "pipeline":
            raise IndexError("out of bounds")
        return run_scene(task)

    monkeypatch.setattr("scene_r1_training.evaluation.run.run_scene", broken)
    summary = evaluate(options("scanrefer", model=MODEL, oracles=("true_box",)))
    assert summary["metrics"]["acc_25"] == 0.0
    assert summary["failed"] == summary["n"] > 0
    assert f"{summary['n']} samples of {SCENE} were not evaluated and count as wrong" in caplog.text
    assert "out of bounds" in caplog.text


def test_questions_are_asked_and_scored(options):
    summary = evaluate(options("scanqa", model=MODEL))
    assert summary["metrics"]["em_1"] == 1.0
    assert eval_reasoners.calls[-1] == "What color is the cabinet?"


def test_what_cannot_be_run_says_why(options, tmp_path, scannet):
    with pytest.raises(ConfigError, match="does not write captions"):
        evaluate(options("caption"))
    with pytest.raises(ConfigError, match=r"needs --predictions, or --model"):
        evaluate(options("scanqa"))
    with pytest.raises(ConfigError, match="needs --data"):
        evaluate(options(data=None, model=MODEL))
    with pytest.raises(RecordingFormatError, match="no prepared scene"):
        evaluate(options(data=tmp_path, model=MODEL))
    with pytest.raises(ConfigError, match="nowhere_to_be_found"):
        load_reasoner("nowhere_to_be_found:make")


def test_settings_of_the_reasoner_are_checked():
    assert parse_settings(("reasoner.views=2",)) == {"reasoner": {"views": 2}}
    for wrong in ("views=2", "kitchen.views=2", "reasoner.nothing=2", "reasoner.views=many"):
        with pytest.raises(ConfigError, match="--set"):
            parse_settings((wrong,))
    with pytest.raises(ConfigError, match="views = 99"):
        parse_settings(("reasoner.views=99",))


def test_a_model_that_cannot_be_loaded_ends_the_run_early(options, tmp_path):
    with pytest.raises(EvaluationError, match=r"no scene could be evaluated|never answered"):
        evaluate(options(model=str(tmp_path / "no_checkpoint"), oracles=()))


def test_subsets_and_limits(scannet):
    found = read_annotations(scannet / "annotations" / "ScanRefer_filtered_val.json")
    assert [item.key for item in choose(found, [f"{SCENE}|1|0"])] == [f"{SCENE}|1|0"]
    assert len(choose(found, [SCENE], limit=2)) == 2
    with pytest.raises(EvaluationError, match=r"1 keys or scenes that are not there: x"):
        choose(found, ["x"])


# -- where points are lost


@pytest.mark.parametrize(
    ("record", "iou", "stage"),
    [
        ({"found": True}, 0.25, "correct"),
        ({"found": False, "error": "no server"}, 0.0, "failed"),
        ({"found": False}, 0.0, "said not found"),
        ({"found": True, "anchor_visible": False, "box_iou": 0.0}, 0.0, "wrong view"),
        ({"found": True, "box_iou": 0.2, "other_box_iou": 0.7}, 0.0, "wrong object"),
        ({"found": True, "anchor_visible": True, "box_iou": 0.4}, 0.0, "box off"),
        ({"found": True, "box_iou": 0.9, "mask_iou": 0.3}, 0.1, "masks off"),
        ({"found": True, "box_iou": 0.9, "mask_iou": 0.8}, 0.1, "lifting off"),
        ({"found": True, "box_iou": 0.9, "error": "TooFewPointsError"}, 0.0, "failed"),
    ],
)
def test_the_first_stage_that_failed(scannet, record, iou, stage):
    item = read_annotations(scannet / "annotations" / "ScanRefer_filtered_val.json")[0]
    assert failing_stage(item, record, iou, ever_visible=True) == stage


def test_the_budget_is_what_each_oracle_wins():
    accuracy = {"pipeline": 0.3, "true_span": 0.4, "true_view": 0.4, "true_box": 0.9}
    budget = stage_budget(accuracy | {"true_mask": 0.95})
    assert budget == pytest.approx(
        {
            "finding the time": 0.1,
            "choosing the view": 0.0,
            "finding the box": 0.5,
            "tracking": 0.05,
            "lifting": 0.05,
        }
    )
    assert stage_budget({"true_box": 0.5, "true_mask": 0.75}) == pytest.approx(
        {"tracking": 0.25, "lifting": 0.25}
    )


def test_groups_have_unknown_members():
    assert distance_group(float("nan")) == distance_group(None) == "unknown"
    assert occlusion_group(None) == "unknown"
    assert occlusion_group(20.0).startswith("partly hidden")


def test_the_aligned_box_of_a_turned_object_is_not_inflated(data):
    from scene_r1_ros.geometry import Box3D, transform_points, yaw_matrix
    from scene_r1_ros.lifting import LiftedObject

    truth = load_truth(data, SCENE)
    rng = np.random.default_rng(0)
    ring = rng.normal(size=(4000, 2))
    ring /= np.linalg.norm(ring, axis=1, keepdims=True)  # a round table
    points = np.c_[0.5 * ring, rng.uniform(0.1, 0.8, 4000)] @ yaw_matrix(0.4).T
    box = Box3D((0, 0, 0.4), (1, 1, 0.8), 0.4)
    colors = np.zeros((4000, 3), np.uint8)
    found = truth.aligned_box(LiftedObject(box, points.astype(np.float32), colors, (0,), 1.0))
    center = transform_points(truth.axis_alignment, np.array([[0, 0, 0.4]]))[0]
    half = np.array([0.5, 0.5, 0.4])  # height is the box's, down to the floor
    assert found == pytest.approx([*(center - half), *(center + half)], abs=0.01)
