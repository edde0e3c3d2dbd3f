"""Synthetic rooms on disk read back as ScanNet scenes."""

from __future__ import annotations

import filecmp
import json
import zipfile

import cv2
import numpy as np
import pytest
from scene_r1_training.data.labels_scene import list_scenes, read_axis_alignment, read_scene
from scene_r1_training.data.prepare_annotations import read_annotations
from scene_r1_training.data.synth import SynthConfig, synthesize
from scene_r1_training.data.synth_config import FORMAT

from scene_r1_ros.cli.main import main
from scene_r1_ros.errors import ConfigError
from scene_r1_ros.geometry import transform_points
from scene_r1_ros.recordings import open_recording
from scene_r1_ros.synthetic import make_room

SMALL = SynthConfig(width=96, height=72, seconds=6.0, fps=2.0)
SEED = 1_000_007
SCENE = f"scene{SEED}_00"


@pytest.fixture(scope="module")
def data_set(tmp_path_factory):
    out = tmp_path_factory.mktemp("rooms")
    report = synthesize(out, 1, SEED, SMALL, jobs=1)
    assert report.made == (SCENE,)
    assert report.frames == 12
    return out


@pytest.fixture(scope="module")
def scene(data_set):
    return read_scene(data_set / "scans" / SCENE)


def test_scene_is_found_and_has_every_file(data_set) -> None:
    assert list_scenes(data_set) == [SCENE]
    names = {path.name.removeprefix(SCENE) for path in (data_set / "scans" / SCENE).iterdir()}
    assert {
        ".sens",
        ".txt",
        ".aggregation.json",
        "_vh_clean_2.ply",
        "_vh_clean_2.labels.ply",
        "_vh_clean_2.0.010000.segs.json",
        "_2d-instance-filt.zip",
    } <= names


def test_axis_alignment_turns_and_moves(data_set) -> None:
    A = read_axis_alignment(data_set / "scans" / SCENE / f"{SCENE}.txt")
    assert np.abs(A[:3, :3] - np.eye(3)).max() > 0.01
    assert np.abs(A[:3, 3]).max() > 0.01


def test_aligned_boxes_are_those_of_the_room(scene) -> None:
    room = make_room(SEED)
    assert [o.label for o in scene.objects] == [o.label for o in room.everything]
    for there, item in zip(scene.objects, room.everything, strict=True):
        assert there.object_id == item.instance - 1
        low, high = item.mesh.low, item.mesh.high
        np.testing.assert_allclose(there.aabb, [*low, *high], atol=2e-4)


def test_objects_have_several_segments_of_their_own(scene, data_set) -> None:
    path = data_set / "scans" / SCENE / f"{SCENE}.aggregation.json"
    groups = json.loads(path.read_text())["segGroups"]
    segments = [s for group in groups for s in group["segments"]]
    assert len(segments) == len(set(segments)) > 2 * len(groups)
    assert (scene.instance_of_vertex > 0).all()


def test_poses_and_mesh_share_a_world(scene, data_set) -> None:
    archive = zipfile.ZipFile(data_set / "scans" / SCENE / f"{SCENE}_2d-instance-filt.zip")
    for number, frame in enumerate(open_recording(data_set / "scans" / SCENE / f"{SCENE}.sens")):
        data = np.frombuffer(archive.read(f"instance-filt/{number}.png"), np.uint8)
        instances = cv2.imdecode(data, cv2.IMREAD_UNCHANGED)
        points = frame.intrinsics.backproject(frame.depth_m)
        owner = instances[frame.depth_m > 0]
        world = transform_points(frame.T_world_camera, points)
        aligned = transform_points(scene.axis_alignment, world)
        for item in scene.objects:
            mine = aligned[owner == item.object_id + 1]
            if len(mine) > 20:
                middle = np.median(mine, axis=0)
                assert (middle > item.aabb[:3] - 0.06).all(), item.label
                assert (middle < item.aabb[3:] + 0.06).all(), item.label


def test_label_mesh_carries_nyu_classes(data_set) -> None:
    data = (data_set / "scans" / SCENE / f"{SCENE}_vh_clean_2.labels.ply").read_bytes()
    header, body = data.split(b"end_header\n", 1)
    assert b"property ushort label" in header
    count = int(header.split(b"element vertex ")[1].split()[0])
    vertex = np.dtype([("xyz", "<f4", 3), ("rgba", "u1", 4), ("label", "<u2")])
    labels = np.frombuffer(body, vertex, count)["label"]
    assert {1, 2, 22} <= set(labels.tolist()) <= set(range(1, 41))


def test_annotations_are_recognised_by_the_reader(data_set) -> None:
    found = read_annotations(data_set / "annotations" / "val")
    benchmarks = {item.benchmark for item in found}
    assert benchmarks == {"scanrefer", "multi3dref", "nr3d", "scanqa", "sqa3d"}
    assert all(item.scene_id == SCENE for item in found)
    assert (data_set / "scannetv2_val.txt").read_text() == f"{SCENE}\n"


def test_same_seed_gives_the_same_bytes(data_set, tmp_path) -> None:
    synthesize(tmp_path, 1, SEED, SMALL, jobs=1)
    names = [p.name for p in (data_set / "scans" / SCENE).iterdir()]
    same, other, errors = filecmp.cmpfiles(
        data_set / "scans" / SCENE, tmp_path / "scans" / SCENE, names, shallow=False
    )
    assert sorted(same) == sorted(names), (other, errors)


def test_a_stopped_run_goes_on(tmp_path) -> None:
    config = SMALL.replace(seconds=1.0, questions=0, descriptions=0)
    left = tmp_path / "scans" / ".scene0000001_00.123.partial"
    left.mkdir(parents=True)
    (left / "scene0000001_00.sens").write_bytes(b"half a file")
    assert len(synthesize(tmp_path, 1, 0, config, jobs=1).made) == 1
    report = synthesize(tmp_path, 2, 0, config, jobs=1)
    assert report.kept == ("scene0000000_00",)
    assert report.made == ("scene0000001_00",)
    assert not list((tmp_path / "scans").glob(".*"))


def test_other_settings_in_the_same_folder_are_refused(data_set) -> None:
    with pytest.raises(ConfigError, match="made with other settings"):
        synthesize(data_set, 1, SEED, SMALL.replace(fps=3.0), jobs=1)


def test_rooms_of_another_version_are_refused(tmp_path) -> None:
    config = SMALL.replace(seconds=1.0, questions=0, descriptions=0)
    synthesize(tmp_path, 1, 0, config, jobs=1)
    (path,) = tmp_path.glob("scans/*/*.synthetic.json")
    path.write_text(json.dumps(json.loads(path.read_text()) | {"format": FORMAT - 1}))
    told = rf"another version of the rooms \({FORMAT - 1}, this is {FORMAT}\)"
    with pytest.raises(ConfigError, match=told):
        synthesize(tmp_path, 1, 0, config, jobs=1)


def test_rooms_that_change_count_their_version_up() -> None:
    """Where this fails, the same seed gives another room: count ``FORMAT`` up, and put the new
    numbers here."""
    boxes = [item.box for item in make_room(SEED).objects]
    summed = np.sum([(*box.center, *box.size) for box in boxes], axis=0)
    assert (FORMAT, len(boxes)) == (2, 24)
    assert summed == pytest.approx((-6.153, -13.0323, 17.0481, 17.8441, 7.1785, 17.183), abs=1e-3)


def test_scenes_made_before_a_setting_was_there_are_kept(tmp_path) -> None:
    config = SMALL.replace(seconds=1.0, questions=0, descriptions=0)
    synthesize(tmp_path, 1, 0, config, jobs=1)
    (path,) = tmp_path.glob("scans/*/*.synthetic.json")
    summary = json.loads(path.read_text())
    del summary["config"]["views"]
    path.write_text(json.dumps(summary))
    assert synthesize(tmp_path, 1, 0, config, jobs=1).kept == (summary["scene_id"],)
    with pytest.raises(ConfigError, match="made with other settings"):
        synthesize(tmp_path, 1, 0, config.replace(views=2), jobs=1)


def test_seeds_of_two_splits_are_refused(tmp_path) -> None:
    with pytest.raises(ConfigError, match="cross from train to val"):
        synthesize(tmp_path, 2, 999_999, SMALL)


def test_unknown_room_types_are_refused(tmp_path) -> None:
    with pytest.raises(ConfigError, match=r"'garage': choose any or one of living room"):
        synthesize(tmp_path, 1, 0, SMALL.replace(room_type="garage"))


def test_command_reports_in_json(data_set, capsys) -> None:
    size = ["--width", "96", "--height", "72", "--seconds", "6", "--fps", "2"]
    flags = ["--scenes", "1", "--seed", str(SEED), "--jobs", "1", "--json", *size]
    assert main(["synth", str(data_set), *flags]) == 0
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (result["made"], result["kept"], result["frames"]) == (0, 1, 12)
    assert main(["synth", str(data_set), "--scenes", "0"]) == 2
