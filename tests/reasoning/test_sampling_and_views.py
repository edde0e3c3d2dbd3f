"""Which frames are shown, how large, and in which order."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from box_room import SECOND, BoxRoom
from hypothesis import given, settings
from hypothesis import strategies as st

from scene_r1_ros.frames import RgbdFrame, WindowSnapshot
from scene_r1_ros.geometry import Box3D, box3d_iou
from scene_r1_ros.reasoning.box_lift import agreement, median_depth_box, should_see
from scene_r1_ros.reasoning.model_frames import (
    box_frame_of,
    box_to_image,
    box_to_model,
    qwen_size,
)
from scene_r1_ros.reasoning.sampling import ImageBudget, sample_frames
from scene_r1_ros.reasoning.views import ViewWeights, rank_views

ROOM = BoxRoom()
WINDOW = ROOM.walk()


def test_frames_are_spread_evenly_in_time_with_both_ends() -> None:
    chosen = sample_frames(WINDOW, 4)
    assert [round(WINDOW.time_of(f)) for f in chosen] == [0, 3, 6, 9]
    assert sample_frames(WINDOW, 50) == WINDOW.frames
    assert len(sample_frames(WINDOW, 1)) == 1


@settings(max_examples=200, deadline=None)
@given(
    st.integers(32, 4000),
    st.integers(32, 4000),
    st.integers(1, 64),
    st.integers(1024, 20_000),
    st.sampled_from([14, 28, 32]),
)
def test_images_stay_inside_the_budget(
    width: int, height: int, count: int, tokens: int, side: int
) -> None:
    budget = ImageBudget(64, tokens, 1_000_000, side)
    size = budget.image_size(width, height, count)
    assert size[0] * size[1] <= max(1_000_000, side * side)
    assert size[0] * size[1] * count <= max(tokens, count) * side * side
    assert size[0] <= width + side
    assert size[1] <= height + side


def test_a_small_image_is_sent_as_it_is() -> None:
    assert ImageBudget().image_size(160, 120, 16) == (160, 120)


sizes = st.tuples(st.integers(56, 2000), st.integers(56, 2000))


@settings(max_examples=100, deadline=None)
@given(sizes, sizes, st.sampled_from(["resized_pixels", "thousandths", "unit"]))
def test_boxes_go_to_the_model_frame_and_back(processed, image, frame) -> None:
    box = (0.1 * image[0], 0.2 * image[1], 0.7 * image[0], 0.9 * image[1])
    there = box_to_model(box, frame, processed, image)
    assert box_to_image(there, frame, processed, image) == pytest.approx(box)


@settings(max_examples=100, deadline=None)
@given(sizes)
def test_the_size_of_a_processor_is_a_fixed_point(size) -> None:
    once = qwen_size(size, 28, 56 * 56, 28 * 28 * 1280)
    assert qwen_size(once, 28, 56 * 56, 28 * 28 * 1280) == once


def test_families_have_their_own_frames() -> None:
    assert box_frame_of("qwen2_5_vl") == "resized_pixels"
    assert box_frame_of("Qwen/Qwen2.5-VL-7B-Instruct") == "resized_pixels"
    assert box_frame_of("qwen3_vl") == "thousandths"
    assert box_frame_of("Qwen/Qwen3-VL-8B-Instruct") == "thousandths"
    assert box_frame_of("qwen3_vl_moe") == "thousandths"
    assert box_frame_of("unheard-of") == "resized_pixels"


# -- ranking


def still(frames: list[tuple[float, float, float]], look: float = 0.0) -> WindowSnapshot:
    return WindowSnapshot.of(
        ROOM.frame((i + 1) * SECOND, eye, look) for i, eye in enumerate(frames)
    )


def best(window: WindowSnapshot, **weights: float) -> RgbdFrame:
    nothing = dict.fromkeys(("visibility", "sharpness", "motion", "distance", "diversity"), 0.0)
    ranked = rank_views(window, window.frames, ViewWeights(**{**nothing, **weights}))
    return window.at(ranked[0].stamp_ns)


def blurred(frame: RgbdFrame) -> RgbdFrame:
    import cv2

    soft = cv2.GaussianBlur(frame.color, (15, 15), 0)
    return RgbdFrame(frame.stamp_ns, soft, frame.depth_m, frame.intrinsics, frame.T_world_camera)


def test_the_sharpest_frame_comes_first_when_sharpness_counts() -> None:
    window = still([(0.0, -2.2, 1.1)] * 3)
    mixed = WindowSnapshot.of(
        [blurred(window.frames[0]), window.frames[1], blurred(window.frames[2])]
    )
    assert best(mixed, sharpness=1.0) is mixed.frames[1]


def test_the_frame_that_sees_most_of_what_all_see_comes_first() -> None:
    away = ROOM.frame(9 * SECOND, (0.0, -2.2, 1.1), look=1.2)
    window = WindowSnapshot.of([*still([(0.0, -2.2, 1.1)] * 3).frames, away])
    ranked = rank_views(window, window.frames, ViewWeights(1, 0, 0, 0, 0))
    assert ranked[-1].stamp_ns == away.stamp_ns
    assert ranked[-1].visibility < 0.5


def test_the_nearest_frame_comes_first_when_distance_counts() -> None:
    window = still([(0.0, -3.0, 1.1), (0.0, -2.4, 1.1), (0.0, -1.8, 1.1)])
    assert best(window, distance=1.0) is window.frames[2]


def test_the_resting_frame_comes_first_when_motion_counts() -> None:
    window = still([(0.0, -2.2, 1.1), (0.3, -2.2, 1.1), (0.6, -2.2, 1.1), (0.6, -2.2, 1.1)])
    assert best(window, motion=1.0) is window.frames[3]


def test_diversity_takes_another_viewpoint_second() -> None:
    window = still([(0.0, -2.2, 1.1), (0.0, -2.2, 1.1), (0.01, -2.2, 1.1), (0.9, -2.2, 1.1)])
    ranked = rank_views(window, window.frames, ViewWeights(diversity=2.0))
    eyes = [float(window.at(r.stamp_ns).T_world_camera[0, 3]) for r in ranked]
    assert abs(eyes[0] - eyes[1]) > 0.8


def test_a_long_span_is_thinned_and_quick() -> None:
    import time

    frame = ROOM.frame(0, (0.0, -2.2, 1.1))
    many = WindowSnapshot.of(
        RgbdFrame(i, frame.color, frame.depth_m, frame.intrinsics, frame.T_world_camera)
        for i in range(300)
    )
    started = time.perf_counter()
    ranked = rank_views(many, many.frames)
    assert len(ranked) == 48
    assert time.perf_counter() - started < 1.0


def test_frames_without_depth_are_ranked_by_the_rest() -> None:
    window = WindowSnapshot.of(
        RgbdFrame(f.stamp_ns, f.color, f.depth_m * np.nan, f.intrinsics, f.T_world_camera)
        for f in WINDOW.frames
    )
    ranked = rank_views(window, window.frames)
    assert len(ranked) == len(window.frames)
    assert all(np.isfinite(r.score) for r in ranked)


# -- a box in 3D


@pytest.mark.parametrize("name", ["red", "blue"])
def test_a_box_is_lifted_to_about_its_object(name: str) -> None:
    truth = ROOM.boxes[name][0]
    lifted = []
    for frame in WINDOW.frames:
        box = ROOM.box_in(name, frame)
        if box is not None and box[0] > 0 and box[2] < 160:
            lifted.append(median_depth_box(WINDOW, frame.stamp_ns, box))
    assert len(lifted) >= 3
    assert all(box3d_iou(item, truth) > 0.2 for item in lifted)
    assert all(agreement(item, lifted[0]) > 0.9 for item in lifted)


def test_a_box_half_on_near_and_half_on_far_is_lifted_onto_one_of_them() -> None:
    frame = WINDOW.frames[0]
    depth = np.full_like(frame.depth_m, 1.0)
    depth[:, 80:] = 4.0
    window = WindowSnapshot.of([replace(frame, depth_m=depth)])
    lifted = median_depth_box(window, frame.stamp_ns, (60.0, 40.0, 100.0, 80.0))
    assert lifted is not None
    away = np.linalg.norm(np.array(lifted.center) - frame.T_world_camera[:3, 3])
    assert away == pytest.approx(1.0, abs=0.2)


def test_neighbours_do_not_agree() -> None:
    a, b = Box3D((0, 0, 0), (0.5, 0.5, 0.5)), Box3D((0.8, 0, 0), (0.5, 0.5, 0.5))
    assert agreement(a, a) == 1.0
    assert agreement(a, b) < 0.2


def test_a_box_behind_another_or_out_of_view_is_not_expected_to_be_seen() -> None:
    frame = ROOM.frame(SECOND, (-0.8, -2.2, 1.1))
    window = WindowSnapshot.of([frame])
    red = ROOM.boxes["red"][0]
    assert should_see(window, frame.stamp_ns, red)
    assert not should_see(window, frame.stamp_ns, Box3D((-0.8, 0.9, -0.2), (0.05, 0.05, 0.05)))
    assert not should_see(window, frame.stamp_ns, Box3D((9.0, 0.0, 0.2), (0.2, 0.2, 0.2)))
    assert not should_see(window, frame.stamp_ns, Box3D((-0.8, -4.0, 1.0), (0.2, 0.2, 0.2)))
