"""A report is one page that needs nothing else, and a folder that reads back."""

import dataclasses
import re

import cv2
import numpy as np
import pytest
from report_builders import room_result

from scene_r1_ros.errors import RequestError
from scene_r1_ros.geometry import Box3D
from scene_r1_ros.pipeline import PipelineResult
from scene_r1_ros.reasoning import Grounding
from scene_r1_ros.report import Truth, load_result, write_report
from scene_r1_ros.report.summary import write_summary


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    window, result, box = room_result()
    truth = Truth("red box", Box3D(box.center, box.size, box.yaw), "objects3d.json")
    files = write_report(
        tmp_path_factory.mktemp("report") / "out",
        window,
        result,
        truth=truth,
        source="kitchen",
        command="scene-r1 ground --source kitchen",
        settings={"lifting": {"erode": True}},
    )
    return window, result, files


def test_page_holds_its_pictures_and_loads_nothing(written):
    page = written[2].html.read_text()
    assert page.count("data:image/jpeg;base64,") >= 1 + 5 + 3  # anchor, strip, views
    assert page.count("data:image/png;base64,") == 1  # the plots
    assert not re.search(r"(?:src|href)=\"(?!data:)", page)
    assert "<script" not in page


def test_page_shows_numbers_command_and_settings(written):
    page = written[2].html.read_text()
    for text in ("0.50 × 0.40 × 0.50", "-0.80, 0.00, 0.25", "1.00", "kitchen", "0.250 s", "erode"):
        assert text in page
    assert "scene-r1 ground --source kitchen" in page


def test_result_folder_reads_back(written):
    window, result, files = written
    saved = load_result(files.folder)
    assert saved.record["label"] == "red box"
    assert saved.record["iou"] == pytest.approx(1.0)
    assert saved.box == result.lifted.box
    assert saved.truth == result.lifted.box
    np.testing.assert_array_equal(saved.points, result.lifted.points)
    np.testing.assert_array_equal(saved.colors, result.lifted.colors)
    assert [frame.stamp_ns for frame in saved.frames] == [f.stamp_ns for f in window.frames]
    for frame, original in zip(saved.frames, window.frames, strict=True):
        mask = result.track.at(original.stamp_ns)
        assert (frame.mask is None) == (mask is None)
        if mask is not None:
            np.testing.assert_array_equal(frame.mask, mask.mask)
        np.testing.assert_array_equal(frame.T_world_camera, original.T_world_camera)
        assert frame.intrinsics == original.intrinsics


def test_ply_is_read_by_open3d(written):
    o3d = pytest.importorskip("open3d")
    _, result, files = written
    cloud = o3d.io.read_point_cloud(str(files.ply))
    np.testing.assert_allclose(np.asarray(cloud.points), result.lifted.points, atol=1e-6)
    np.testing.assert_allclose(np.asarray(cloud.colors) * 255, result.lifted.colors, atol=0.6)


def test_what_users_and_models_write_is_escaped(tmp_path):
    window, result, _ = room_result(label="<script>alert(1)</script>")
    page = write_report(tmp_path, window, result).html.read_text()
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


def test_not_found_says_why_and_leaves_no_cloud(tmp_path):
    window, result, _ = room_result()
    write_report(tmp_path, window, result)
    nothing = PipelineResult(
        Grounding("the green lamp", False, reason="no lamp in the window"), None, None,
        {"grounding": 0.1, "total": 0.1},
    )  # fmt: skip
    files = write_report(tmp_path, window, nothing)
    page = files.html.read_text()
    assert "not found" in page
    assert "the green lamp" in page
    assert "no lamp in the window" in page
    assert files.ply is None
    assert not (tmp_path / "object.ply").exists()
    assert load_result(tmp_path).box is None


def test_report_that_cannot_be_written_names_the_place(tmp_path):
    window, result, _ = room_result()
    (tmp_path / "file").write_text("")
    with pytest.raises(RequestError, match=r"cannot be written to .*file"):
        write_report(tmp_path / "file", window, result)


def test_folder_without_result_says_what_writes_one(tmp_path):
    with pytest.raises(RequestError, match="scene-r1 demo --out"):
        load_result(tmp_path)


def test_damaged_result_is_named(tmp_path):
    window, result, _ = room_result()
    write_report(tmp_path, window, result)
    (tmp_path / "frames" / "0.jpg").write_bytes(b"")
    with pytest.raises(RequestError, match=r"damaged: .*0\.jpg"):
        load_result(tmp_path)


def test_summary_picture_fits_a_readme(tmp_path):
    window, result, box = room_result()
    write_summary(tmp_path / "a.png", window, result, Truth("red box", box))
    image = cv2.imread(str(tmp_path / "a.png"))
    assert image.shape[1] > 1000
    assert (tmp_path / "a.png").stat().st_size < 300_000
    with pytest.raises(RequestError, match="nothing was found"):
        write_summary(tmp_path / "b.png", window, dataclasses.replace(result, lifted=None))
