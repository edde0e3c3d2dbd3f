"""Both sides of a comparison give the same, and a benchmark refuses when they do not."""

from __future__ import annotations

import numpy as np
import pytest

from scene_r1_ros.bench import lift, pixels, window
from scene_r1_ros.errors import SceneR1Error
from scene_r1_ros.geometry import Box3D


@pytest.fixture
def frame():
    return pixels.camera_frame(64, 48)


def test_lifting_gives_open3ds_points_and_colours(frame):
    mask = pixels.object_mask(64, 48, 0.5)
    points, colors = lift.ours(frame, mask)
    assert 100 < len(points) == len(colors) < 64 * 48 / 2
    assert lift.check_equal(frame, mask) < 1e-5


def test_lifting_other_points_is_no_comparison(frame, monkeypatch):
    points, colors = lift.open3d_points(frame, pixels.object_mask(64, 48, 1.0))
    monkeypatch.setattr(lift, "open3d_points", lambda *_: (points + 0.01, colors))
    with pytest.raises(SceneR1Error, match="no comparison"):
        lift.check_equal(frame, pixels.object_mask(64, 48, 1.0))


def test_the_window_holds_less_than_every_frame():
    ours, every = (window.fill(kind, 8, 4.0, 32, 24) for kind in ("window", "deque"))
    assert every["frames"] == 4 * 30
    assert 4 <= ours["frames"] <= 4 * 5 + 1
    assert ours["held"] < every["held"]


def test_growth_counts_what_comes_after_the_window_is_full():
    filling = [float(i) for i in range(10)]
    assert window._growth(filling + [10.0] * 30, 10.0) == 0.0
    leaking = [10.0 + i for i in range(30)]
    assert window._growth(filling + leaking, 10.0) == pytest.approx(20.0)


def test_the_alternative_to_a_box_prompt_encloses_all_depth_in_the_box(frame):
    from scene_r1_ros.bench.box import box_pixels

    box = box_pixels(frame, (16, 12, 48, 36))
    assert isinstance(box, Box3D)
    mask = np.zeros((48, 64), bool)
    mask[12:36, 16:48] = True
    assert box.contains(lift.ours(frame, mask)[0], margin=1e-3).all()


def test_a_box_without_depth_has_no_alternative(frame):
    from scene_r1_ros.bench.box import box_pixels

    with pytest.raises(SceneR1Error, match="holds no depth"):
        box_pixels(frame, (0, 0, 0, 0))


def test_the_cloud_recipes_give_our_bytes():
    pytest.importorskip("rclpy", reason="needs ROS 2; run ./dev test")
    from scene_r1_ros.ros.bench import recipes
    from scene_r1_ros.ros.cloud import points_to_cloud
    from scene_r1_ros.ros.conversions import header

    rng = np.random.default_rng(0)
    points = rng.normal(size=(50, 3)).astype(np.float32)
    colors = rng.integers(0, 256, (50, 3), dtype=np.uint8)
    top = header(1, "map")
    ours = points_to_cloud(points, colors, top)
    for recipe in (recipes.cloud_from_array, recipes.cloud_from_tuples):
        assert recipe(points, colors, top).data == ours.data
