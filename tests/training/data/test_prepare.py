"""Preparation: .sens to folders, resumed after a kill, corrupted scenes left out, over engines."""

import dataclasses
import json
import signal
import subprocess
import sys

import numpy as np
import pytest
from scannet_scenes import ALIGNMENT, CAMERA, OBJECTS, camera_path, render, room_mesh, write_scannet
from scene_r1_training.data.labels_scene import list_scenes, read_axis_alignment
from scene_r1_training.data.prepare_annotations import read_annotations
from scene_r1_training.data.prepare_run import (
    check_space,
    choose_scenes,
    estimate_total,
    is_done,
    plan,
    prepared_scenes,
    run_prepare,
)
from scene_r1_training.data.prepare_scene import (
    PrepareConfig,
    estimate_bytes,
    prepare_scene,
    prepared_folder,
    read_scene_file,
)
from scene_r1_training.parallel import run_each

from scene_r1_ros.cli.main import main
from scene_r1_ros.errors import ConfigError, RecordingError, RecordingFormatError
from scene_r1_ros.recordings.folder import FolderRecording

SCENES = ("scene0000_00", "scene0000_01", "scene0001_00")
EVERY = PrepareConfig(stride=1)


@pytest.fixture(scope="module")
def scannet(tmp_path_factory):
    root = tmp_path_factory.mktemp("scannet")
    write_scannet(root, SCENES)
    sens = root / "scans" / SCENES[1] / f"{SCENES[1]}.sens"
    sens.write_bytes(sens.read_bytes()[: sens.stat().st_size // 2])
    return root


def test_frames_keep_number_time_pose_and_depth(scannet, tmp_path):
    (task,) = plan(scannet, tmp_path, SCENES[:1], EVERY)
    report = prepare_scene(task)
    assert report.frames == 11
    assert sum(report.skipped.values()) == 1  # frame 3 has no pose
    recording = FolderRecording(prepared_folder(tmp_path, SCENES[0]))
    assert recording.numbers == tuple(i for i in range(12) if i != 3)
    assert recording.stamps_ns[1] - recording.stamps_ns[0] == 33_333_000
    frame = recording.frame(0)
    assert frame.intrinsics == CAMERA
    T = camera_path(12)[0]
    assert frame.T_world_camera == pytest.approx(T, abs=1e-6)
    depth = render(T, room_mesh())[1]
    assert np.nanmax(np.abs(frame.depth_m - depth)) < 6e-4


def test_the_truth_of_a_scene_is_kept_in_the_aligned_frame(scannet, tmp_path):
    (task,) = plan(scannet, tmp_path, SCENES[:1], EVERY)
    prepare_scene(task)
    about = read_scene_file(prepared_folder(tmp_path, SCENES[0]))
    assert np.array(about["axis_alignment"]) == pytest.approx(ALIGNMENT)
    first = about["objects"][0]
    assert first["label"] == "cabinet"
    _, (x, y, z), (w, d, h) = OBJECTS[0]
    center = (ALIGNMENT @ (x, y, z, 1))[:3]
    half = np.array((d, w, h)) / 2  # turned by 90 degrees
    assert np.array(first["aabb"]) == pytest.approx([*(center - half), *(center + half)], abs=1e-6)


def test_a_stride_and_a_smaller_width_are_applied(scannet, tmp_path):
    config = PrepareConfig(stride=4, max_width=80)
    (task,) = plan(scannet, tmp_path, SCENES[:1], config)
    assert prepare_scene(task).frames == 3
    recording = FolderRecording(prepared_folder(tmp_path, SCENES[0]))
    assert recording.numbers == (0, 4, 8)
    assert recording.intrinsics == CAMERA.scaled(80, 60)


def test_disk_use_is_told_in_advance(scannet, tmp_path):
    (task,) = plan(scannet, tmp_path, SCENES[:1], EVERY)
    needed = estimate_bytes(task, samples=12)
    assert needed == pytest.approx(prepare_scene(task).bytes, rel=0.15)
    with pytest.raises(RecordingError, match="GB"):
        check_space(tmp_path, 10**18)
    assert estimate_total([dataclasses.replace(task, scene_id="absent")]) == 0


def test_a_corrupted_scene_is_named_and_the_others_are_prepared(scannet, tmp_path):
    report = run_prepare(plan(scannet, tmp_path, SCENES, EVERY), engine="local", jobs=1)
    assert [item.scene_id for item in report.scenes] == [SCENES[0], SCENES[2]]
    assert "cut off" in report.failed[SCENES[1]]
    assert prepared_scenes(tmp_path) == [SCENES[0], SCENES[2]]
    assert not list((tmp_path / "scenes").glob(".*"))


def test_a_truncated_scene_can_be_used_as_far_as_it_goes(scannet, tmp_path):
    config = PrepareConfig(stride=1, allow_truncated=True)
    (task,) = plan(scannet, tmp_path, SCENES[1:2], config)
    assert 0 < prepare_scene(task).frames < 11


def test_other_settings_for_the_same_folder_are_refused(scannet, tmp_path):
    plan(scannet, tmp_path, SCENES[:1], EVERY)
    with pytest.raises(ConfigError, match="stride was 1, is 5"):
        plan(scannet, tmp_path, SCENES[:1], PrepareConfig(stride=5))


def test_scenes_that_are_not_there_are_listed(scannet, tmp_path):
    assert list_scenes(scannet) == sorted(SCENES)
    with pytest.raises(RecordingFormatError, match=r"lacks 1 of the 2 .*scene9999_00"):
        choose_scenes(scannet, [SCENES[0], "scene9999_00"])
    with pytest.raises(RecordingFormatError, match="holds no scene"):
        choose_scenes(tmp_path)


def test_a_missing_alignment_is_identity_and_a_broken_one_an_error(tmp_path):
    path = tmp_path / "scene.txt"
    path.write_text("sceneType = Office\n")
    assert (read_axis_alignment(path) == np.eye(4)).all()
    path.write_text("axisAlignment = 1 0 0\n")
    with pytest.raises(RecordingFormatError, match="16 numbers"):
        read_axis_alignment(path)


def test_killed_preparation_goes_on_where_it_was(scannet, tmp_path):
    code = (
        "import sys, pathlib, scene_r1_training.data.prepare_scene as p\n"
        "from scene_r1_training.data.prepare_run import *\n"
        "real = p._encode\n"
        "def slow(reader, index, config):\n"
        "    if reader.name.endswith('0001_00') and index == 5:\n"
        "        print('half', flush=True); sys.stdin.read()\n"
        "    return real(reader, index, config)\n"
        "p._encode = slow\n"
        f"tasks = plan(pathlib.Path({str(scannet)!r}), pathlib.Path({str(tmp_path)!r}),"
        f" {[SCENES[0], SCENES[2]]!r}, p.PrepareConfig(stride=1))\n"
        "run_prepare(tasks, engine='local', jobs=1)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline().strip() == "half"
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert prepared_scenes(tmp_path) == [SCENES[0]]  # whole scenes only
    assert list((tmp_path / "scenes").glob(".*.partial"))
    tasks = plan(scannet, tmp_path, [SCENES[0], SCENES[2]], EVERY)
    assert [is_done(task) for task in tasks] == [True, False]
    report = run_prepare(tasks, engine="local", jobs=1)
    assert [item.done_before for item in report.scenes] == [True, False]
    assert not list((tmp_path / "scenes").glob(".*.partial"))


@pytest.mark.parametrize("engine", ["local", "ray"])
def test_every_engine_runs_the_same_function(scannet, tmp_path, engine):
    if engine == "ray":
        pytest.importorskip("ray")
    tasks = plan(scannet, tmp_path, SCENES, EVERY)
    report = run_prepare(tasks, engine=engine, jobs=2)
    assert [item.scene_id for item in report.scenes] == [SCENES[0], SCENES[2]]
    assert "cut off" in report.failed[SCENES[1]]
    assert report.frames == 22


def test_an_unknown_engine_is_refused():
    with pytest.raises(ConfigError, match="local, ray"):
        list(run_each(str, [1], engine="slurm"))


def test_annotations_are_recognised_by_what_they_hold(scannet):
    found = read_annotations(scannet / "annotations")
    kinds = {item.benchmark for item in found}
    assert kinds == {"scanrefer", "multi3dref", "scanqa"}
    piano = next(item for item in found if item.text == "the piano")
    assert (piano.object_ids, piano.kind) == ((), "zt_wo_d")
    question = next(item for item in found if item.benchmark == "scanqa")
    assert question.answers == ("blue", "dark blue")


def test_nr3d_keeps_what_was_understood_and_names_its_class(tmp_path):
    head = "assignmentid,stimulus_id,utterance,correct_guess,scan_id,instance_type,target_id,tokens"
    rows = [
        f"{i},scene0-chair-2-4-5,the chair,{ok},scene0,chair,4,\"['the', 'chair']\",{named}"
        for i, (ok, named) in enumerate((("True", "True"), ("False", "True"), ("True", "False")))
    ]
    path = tmp_path / "nr3d.csv"
    path.write_text("\n".join([f"{head},mentions_target_class", *rows]) + "\n")
    (kept,) = read_annotations(path)
    assert kept.record["tokens"] == ["the", "chair"]
    assert len(read_annotations(path, nr3d_all=True)) == 3


def test_sqa3d_needs_both_of_its_files(tmp_path):
    path = tmp_path / "v1_balanced_questions_val_scannetv2.json"
    question = {"scene_id": "s", "situation": "I sit.", "question": "What?", "question_id": 7}
    path.write_text(json.dumps({"questions": [question]}))
    with pytest.raises(RecordingFormatError, match="answers are missing"):
        read_annotations(path)
    answers = [{"answer": "chair", "answer_confidence": "yes", "answer_id": 1}]
    truth = {"annotations": [{"question_id": 7, "scene_id": "s", "answers": answers}]}
    partner = tmp_path / "v1_balanced_sqa_annotations_val_scannetv2.json"
    partner.write_text(json.dumps(truth))
    (item,) = read_annotations(path)
    assert item.answers == ("chair",)


def test_the_command_tells_disk_use_and_prepares(scannet, tmp_path, capsys):
    common = ["prepare", "scannet", "--root", str(scannet), "--out", str(tmp_path), "--stride", "1"]
    assert main([*common, "--dry-run", "--json"]) == 0
    plan_line = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert plan_line["to_do"] == 3
    assert plan_line["bytes_needed"] > 0
    assert not (tmp_path / "dataset.json").exists()
    assert main([*common, "--json"]) == 0
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (result["scenes"], result["frames"]) == (2, 22)
    assert list(result["failed"]) == [SCENES[1]]
    assert main(["prepare", "scannet", "--root", str(tmp_path / "no"), "--out", "x"]) == 1
    assert "holds no scene" in capsys.readouterr().err
