"""The whole way from a detector's box to a 3D box, on a real recording."""

from __future__ import annotations

import numpy as np
import pytest
import tum_cabinet

from scene_r1_ros.control import Control
from scene_r1_ros.geometry import box3d_iou
from scene_r1_ros.lifting import lift
from scene_r1_ros.tracking import GeometricTracker

pytestmark = pytest.mark.skipif(not tum_cabinet.CLIP.is_dir(), reason="the clip is not here")

PROMPTS = (0, 6, 12, 25, 31, 40, 50)


@pytest.fixture(scope="session")
def overlap() -> dict[int, float]:
    """3D IoU of each prompt, in the prompt's frame and every second other one."""
    whole, truth = tum_cabinet.window(), tum_cabinet.measured_cabinet()
    boxes = tum_cabinet.detected_boxes()
    out = {}
    for i in PROMPTS:
        window = type(whole).of(whole.frames[i % 2 :: 2])
        track = GeometricTracker().track(window, whole.frames[i].stamp_ns, boxes[i], Control())
        out[i] = box3d_iou(lift(window, track).box, truth)
    return out


@pytest.mark.parametrize("frame", PROMPTS)
def test_each_prompt_finds_the_measured_cabinet(overlap, frame):
    assert overlap[frame] >= 0.70


def test_the_median_prompt_fits_closely(overlap):
    assert np.median(list(overlap.values())) >= 0.80


def test_the_floor_may_lie_anywhere():
    """Moving the world down by a metre and a half changes nothing."""
    window = tum_cabinet.window()
    lowered = []
    for frame in window.frames[::6]:
        pose = np.array(frame.T_world_camera)
        pose[2, 3] -= 1.5
        lowered.append(
            type(frame)(frame.stamp_ns, frame.color, frame.depth_m, frame.intrinsics, pose)
        )
    moved = type(window).of(lowered)
    box = tum_cabinet.detected_boxes()[12]
    track = GeometricTracker().track(moved, window.frames[12].stamp_ns, box, Control())
    found = lift(moved, track).box
    truth = tum_cabinet.measured_cabinet()
    center = (truth.center[0], truth.center[1], truth.center[2] - 1.5)
    assert box3d_iou(found, type(truth)(center, truth.size, truth.yaw)) >= 0.70
