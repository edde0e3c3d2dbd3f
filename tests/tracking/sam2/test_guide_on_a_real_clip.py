"""Geometry's verdicts on real depth and poses, with masks made without SAM 2."""

from __future__ import annotations

import numpy as np
import pytest
import tum_cabinet

from scene_r1_ros.control import Control
from scene_r1_ros.frames import WindowSnapshot
from scene_r1_ros.geometry import box_iou, mask_box
from scene_r1_ros.tracking.geometric import GeometricTracker
from scene_r1_ros.tracking.sam2.guide import ObjectModel

ANCHOR = 12

pytestmark = pytest.mark.skipif(not tum_cabinet.CLIP.is_dir(), reason="the real clip is not here")


@pytest.fixture(scope="module")
def frames():
    return tum_cabinet.window().frames


@pytest.fixture(scope="module")
def track(frames):
    box = tum_cabinet.detected_boxes()[ANCHOR]
    window = WindowSnapshot.of(frames[::3])
    return GeometricTracker().track(window, frames[ANCHOR].stamp_ns, box, Control())


def shifted(mask):
    """The mask moved beside itself, into the image's larger free half."""
    low, _, high, _ = (int(v) for v in mask_box(mask))
    width = high - low
    step = width if high + width <= mask.shape[1] else -width
    return np.roll(mask, step, axis=1) & ~mask


def test_good_masks_pass_and_displaced_ones_are_vetoed(frames, track):
    by_stamp = {frame.stamp_ns: frame for frame in frames}
    model = ObjectModel()
    model.add(frames[ANCHOR], track.at(frames[ANCHOR].stamp_ns).mask)
    overlaps = []
    for item in track.masks:
        frame = by_stamp[item.stamp_ns]
        proposal = model.propose(frame)
        assert model.judge(frame, item.mask, proposal).confirmed(0.5, 0.2)
        assert model.judge(frame, shifted(item.mask), proposal).vetoed(0.5, 0.2)
        prompt = proposal.prompt(frame.intrinsics.width, frame.intrinsics.height)
        overlaps.append(box_iou(prompt.box_xyxy, mask_box(item.mask)))
        model.add(frame, item.mask)
    assert len(overlaps) >= 15
    assert np.median(overlaps) > 0.7
