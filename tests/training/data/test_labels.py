"""2D labels: visibility by a depth test, spans, boxes and masks, and where they came from."""

import json

import cv2
import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scannet_scenes import CAMERA, look_at, render, room_mesh, write_scannet
from scene_r1_training.data.labels_annotations import annotation_rows
from scene_r1_training.data.labels_preview import contact_sheet
from scene_r1_training.data.labels_scene import Scene, SceneObject, read_scene
from scene_r1_training.data.labels_schema import read_provenance, read_table, write_table
from scene_r1_training.data.labels_spans import merge_spans
from scene_r1_training.data.labels_stats import label_statistics, plot_statistics
from scene_r1_training.data.labels_views import decode_mask, encode_mask
from scene_r1_training.data.labels_visibility import SceneProjector, VisibilityConfig
from scene_r1_training.data.prepare_annotations import Annotation
from scene_r1_training.data.prepare_labels import (
    LabelTask,
    label_scene,
    load_labels,
    views_path,
)
from scene_r1_training.evaluation.boxes import aabb_of_points

from scene_r1_ros.cli.main import main
from scene_r1_ros.errors import RecordingFormatError
from scene_r1_ros.frames import RgbdFrame

SCENE = "scene0000_00"


@pytest.fixture(scope="module")
def scannet(tmp_path_factory):
    return write_scannet(tmp_path_factory.mktemp("scannet"), (SCENE,))


@pytest.fixture(scope="module")
def prepared(scannet, tmp_path_factory):
    out = tmp_path_factory.mktemp("prepared")
    command = ["prepare", "scannet", "--root", str(scannet), "--out", str(out), "--stride", "1"]
    annotations = ["--annotations", str(scannet / "annotations")]
    assert main([*command, *annotations, "--max-gap", "0.05"]) == 0
    return out


def frame_from(eye, target):
    T = look_at(eye, target)
    color, depth, labels = render(T, room_mesh())
    return RgbdFrame(0, color, depth, CAMERA, T), labels


# -- visibility


def test_projected_masks_equal_the_true_instances(scannet):
    projector = SceneProjector(read_scene(scannet / "scans" / SCENE), VisibilityConfig())
    frame, labels = frame_from((-1.2, -1.2, 1.2), (1.0, 1.0, 0.3))
    views = {view.object_id: view for view in projector.views(frame)}
    assert set(views) >= {0, 1}
    for object_id, view in views.items():
        true = labels == object_id + 1
        assert (view.mask & true).sum() / (view.mask | true).sum() > 0.98


def test_an_object_behind_another_is_not_visible(scannet):
    projector = SceneProjector(read_scene(scannet / "scans" / SCENE), VisibilityConfig())
    front, _ = frame_from((0, 0, 0.5), (1.6, 0, 0.5))
    assert 2 not in {view.object_id for view in projector.views(front)}
    side, _ = frame_from((2.1, -2, 0.6), (2.1, 0, 0.2))
    hidden = {view.object_id: view for view in projector.views(side)}
    assert 20 < hidden[2].percent < 70


def test_the_back_of_a_thin_object_is_not_visible():
    import open3d as o3d

    book = o3d.geometry.TriangleMesh.create_box(0.3, 0.2, 0.02).translate((-0.15, 0.9, 0.3))
    vertices = np.asarray(book.vertices, np.float32)
    instance = np.ones(8, np.int32)
    item = SceneObject(0, "book", aabb_of_points(vertices), np.arange(8))
    faces = np.asarray(book.triangles, np.int32)
    scene = Scene("s", np.eye(4), vertices, faces, instance, (item,))
    T = look_at((0, 0.4, 1.3), (0, 1, 0.3))
    blank = np.zeros((CAMERA.height, CAMERA.width, 3), np.uint8)
    no_depth = np.full((CAMERA.height, CAMERA.width), np.nan, np.float32)
    (view,) = SceneProjector(scene, VisibilityConfig()).views(
        RgbdFrame(0, blank, no_depth, CAMERA, T)
    )
    # of 0.06 + 0.06 + 0.02 m2 top, one side of 0.006 and at most the ends face the camera
    assert 40 < view.percent < 52


def test_what_stands_in_front_in_the_measured_depth_hides_although_the_mesh_lacks_it(scannet):
    projector = SceneProjector(read_scene(scannet / "scans" / SCENE), VisibilityConfig())
    frame, _ = frame_from((0, 0, 1.2), (1.5, 0.0, 0.4))
    depth = np.array(frame.depth_m)
    depth[:, : CAMERA.width // 2] = 0.4  # a person walked by
    blocked = RgbdFrame(0, frame.color, depth, CAMERA, frame.T_world_camera)
    (before,) = [view for view in projector.views(frame) if view.object_id == 0]
    (after,) = [view for view in projector.views(blocked) if view.object_id == 0]
    assert not after.mask[:, : CAMERA.width // 2].any()
    assert after.percent < 0.7 * before.percent


def test_holes_in_depth_do_not_make_objects_invisible(scannet):
    projector = SceneProjector(read_scene(scannet / "scans" / SCENE), VisibilityConfig())
    frame, _ = frame_from((0, 0, 1.2), (1.5, 0.0, 0.4))
    blind = np.full_like(frame.depth_m, np.nan)
    empty = RgbdFrame(0, frame.color, blind, CAMERA, frame.T_world_camera)
    (with_depth,) = [view for view in projector.views(frame) if view.object_id == 0]
    (without,) = [view for view in projector.views(empty) if view.object_id == 0]
    assert without.pixels == pytest.approx(with_depth.pixels, rel=0.03)
    assert without.percent == pytest.approx(with_depth.percent, abs=3)
    assert np.isfinite(without.distance)


def test_thresholds_decide_in_pixels_and_per_cent(scannet):
    projector = SceneProjector(read_scene(scannet / "scans" / SCENE), VisibilityConfig())
    frame, _ = frame_from((0, 0, 1.2), (1.5, 0.0, 0.4))
    (view,) = [view for view in projector.views(frame) if view.object_id == 0]
    scaled = view.pixels * 16  # 160 x 120 is a sixteenth of 640 x 480
    assert view.visible(VisibilityConfig(min_pixels=scaled))
    assert not view.visible(VisibilityConfig(min_pixels=scaled + 16))
    assert not view.visible(VisibilityConfig(min_percent=view.percent + 0.1))


# -- spans


def test_short_gaps_are_bridged_and_short_spans_dropped():
    stamps = [i * 10**9 for i in range(10)]
    flags = [c == "x" for c in "xx-xx---x-"]
    assert merge_spans(stamps, flags, 1.0, 0.0) == [
        (0, 1 * 10**9),
        (3 * 10**9, 4 * 10**9),
        (8 * 10**9, 8 * 10**9),
    ]
    assert merge_spans(stamps, flags, 2.0, 1.0) == [(0, 4 * 10**9)]
    assert merge_spans(stamps, [False] * 10, 2.0, 0.0) == []


@given(st.lists(st.booleans(), max_size=30), st.floats(0, 5))
def test_every_visible_frame_lies_in_exactly_one_span(flags, gap):
    stamps = [i * 10**9 for i in range(len(flags))]
    spans = merge_spans(stamps, flags, gap, 0.0)
    for stamp, seen in zip(stamps, flags, strict=True):
        inside = sum(start <= stamp <= end for start, end in spans)
        assert inside == 1 if seen else inside <= 1


# -- tables


@given(st.integers(0, 2**32 - 1))
def test_masks_come_back_as_they_were(seed):
    mask = np.random.default_rng(seed).random((7, 11)) < 0.4
    assert (decode_mask(encode_mask(mask), 7, 11) == mask).all()


def test_labels_say_when_where_and_how(prepared):
    annotations, views = load_labels(prepared)
    cabinet = next(row for row in annotations if row["label"] == "cabinet")
    assert cabinet["spans_source"] == "projected_instances"
    assert len(cabinet["spans"]) >= 1
    best = next(
        v for v in views[SCENE] if v["object_id"] == 0 and v["frame"] == cabinet["best_frame"]
    )
    assert best["visible"]
    assert best["box"] == cabinet["best_box"]
    mask = decode_mask(best["mask"], best["height"], best["width"])
    assert mask.sum() == best["pixels"]
    times = [v["stamp_ns"] for v in views[SCENE] if v["object_id"] == 0 and v["visible"]]
    for span in cabinet["spans"]:
        assert span["start_ns"] in times
        assert span["end_ns"] in times


def test_a_query_without_a_target_has_no_span(prepared):
    annotations, _ = load_labels(prepared)
    piano = next(row for row in annotations if row["text"] == "the piano")
    assert piano["spans"] == []
    assert piano["best_frame"] is None
    assert piano["object_ids"] == []


def test_the_schema_lies_beside_the_labels_and_names_every_column(prepared):
    document = (prepared / "labels" / "SCHEMA.md").read_text()
    for table, path in (
        ("views", views_path(prepared, SCENE)),
        ("annotations", prepared / "labels" / "annotations.parquet"),
    ):
        for name in pq.read_schema(path).names:
            assert f"`{name}`" in document
        assert read_provenance(path, table)["config"]["max_gap"] == 0.05


def test_labels_of_another_version_or_kind_are_refused(prepared, tmp_path, monkeypatch):
    path = views_path(prepared, SCENE)
    with pytest.raises(RecordingFormatError, match="holds the table views"):
        read_table(path, "annotations")
    monkeypatch.setattr("scene_r1_training.data.labels_schema.SCHEMA_VERSION", 99)
    old = tmp_path / "new.parquet"
    write_table(old, "views", [], {})
    monkeypatch.undo()
    with pytest.raises(RecordingFormatError, match=r"schema version 99.*prepare labels"):
        read_table(old, "views")
    foreign = tmp_path / "foreign.parquet"
    pq.write_table(pq.read_table(path).replace_schema_metadata({}), foreign)
    with pytest.raises(RecordingFormatError, match="no labels of this project"):
        read_table(foreign, "views")


def test_labels_are_remade_only_when_the_settings_change(prepared):
    config = VisibilityConfig(max_gap=0.05)
    assert label_scene(LabelTask(prepared, SCENE, config)).done_before
    changed = label_scene(LabelTask(prepared, SCENE, config.replace(min_percent=40.0)))
    assert not changed.done_before
    again = label_scene(LabelTask(prepared, SCENE, config))
    assert again.visible > changed.visible


def test_given_instance_images_are_used_and_recorded(scannet, prepared):
    folder = scannet / "scans" / SCENE / "instance-filt"
    folder.mkdir()
    image = np.zeros((60, 80), np.uint8)  # half the size of the colour image
    image[10:30, 20:40] = 3
    cv2.imwrite(str(folder / "0.png"), image)
    config = VisibilityConfig(min_percent=0.0)
    label_scene(LabelTask(prepared, SCENE, config))
    rows = read_table(views_path(prepared, SCENE), "views").to_pylist()
    (row,) = [row for row in rows if row["frame"] == 0]
    assert (row["object_id"], row["source"]) == (2, "instance_images")
    assert row["box"] == [40.0, 20.0, 80.0, 60.0]
    assert {r["source"] for r in rows if r["frame"] > 0} == {"projected_instances"}
    label_scene(LabelTask(prepared, SCENE, VisibilityConfig(max_gap=0.05), use_given=False))
    (folder / "0.png").unlink()
    folder.rmdir()


def test_the_best_frame_is_of_the_first_target():
    view = {"visible": True, "percent": 30.0, "height": 10, "width": 10, "truncated": False}
    views = [
        {**view, "object_id": 1, "frame": 5, "stamp_ns": 50, "pixels": 4, "box": [0, 0, 2, 2]},
        {**view, "object_id": 2, "frame": 6, "stamp_ns": 60, "pixels": 90, "box": [0, 0, 9, 9]},
    ]
    views = [{**v, "source": "projected_instances"} for v in views]
    item = Annotation("multi3dref", "k", "s", "both", (1, 2))
    (row,) = annotation_rows([item], views, [50, 60], VisibilityConfig())
    assert row["best_frame"] == 5
    assert row["visible_frames"] == 2


# -- looking at them


def test_previews_and_statistics(prepared, tmp_path, capsys):
    annotations, views = load_labels(prepared)
    sheet = contact_sheet(prepared, annotations[:2], views)
    assert sheet.shape[1] == 4 * 256
    assert sheet.std() > 20
    statistics = label_statistics(annotations, [v for rows in views.values() for v in rows])
    assert statistics["annotations"] == 6
    assert statistics["without_target"] == 1
    assert statistics["sources"] == {"projected_instances": statistics["views"]}
    plot_statistics(tmp_path / "s.png", annotations, views[SCENE])
    assert cv2.imread(str(tmp_path / "s.png")).shape[0] > 400
    assert main(["prepare", "preview", "--out", str(prepared), "--json"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["annotations"] == 6
