"""How likely a lifted box is right: what it is told from, and that the weights can be found."""

from __future__ import annotations

import numpy as np
import pytest
from scannet_scenes import look_at
from scene_r1_training.evaluation.confidence_fit import fitted, measure
from scene_r1_training.evaluation.errors import EvaluationError

from scene_r1_ros.frames import CameraIntrinsics, RgbdFrame
from scene_r1_ros.geometry import Box3D
from scene_r1_ros.lifting.confidence import BoxEvidence, box_evidence
from scene_r1_ros.lifting.views import ObjectView
from scene_r1_ros.tracking.depth_surface import depth_noise

CAMERA = CameraIntrinsics(64, 48, 50.0, 40.0, 31.5, 23.5)
BOX = Box3D((0.0, 0.0, 0.0), (0.4, 0.3, 0.2))


def seen(eye, rows, cols) -> ObjectView:
    mask = np.zeros((48, 64), bool)
    mask[rows, cols] = True
    depth, color = np.ones((48, 64), np.float32), np.zeros((48, 64, 3), np.uint8)
    frame = RgbdFrame(0, color, depth, CAMERA, look_at(eye, BOX.center))
    return ObjectView(frame, mask, np.zeros((0, 3), np.float32), np.zeros((0, 3), np.uint8))


def test_evidence_is_thickness_in_noise_size_in_sight_and_angle_around():
    views = [
        seen((2.0, 0.0, 0.0), slice(10, 30), slice(10, 30)),
        seen((0.0, 2.0, 0.0), slice(10, 20), slice(10, 20)),
    ]
    evidence = box_evidence(BOX, views)
    assert evidence.thin == pytest.approx(0.2 / depth_noise(2.0))
    assert evidence.whole == pytest.approx(400 / (50 * 40))
    assert evidence.around == pytest.approx(np.pi / 2)


def test_a_mask_that_the_border_cuts_does_not_count_as_seen_whole():
    whole = seen((2.0, 0.0, 0.0), slice(10, 20), slice(10, 20))
    cut = seen((2.0, 0.1, 0.0), slice(0, 40), slice(0, 40))
    touching = seen((2.0, 0.1, 0.0), slice(10, 30), slice(0, 10))
    assert box_evidence(BOX, [whole, cut]).whole == pytest.approx(100 / 2000)
    assert box_evidence(BOX, [cut, touching]).whole == pytest.approx(1e-4)


def test_thicker_larger_and_from_more_sides_is_surer():
    least = BoxEvidence(5.0, 0.01, 0.1)
    for more in (
        BoxEvidence(50.0, 0.01, 0.1),
        BoxEvidence(5.0, 0.1, 0.1),
        BoxEvidence(5.0, 0.01, 1),
    ):
        assert least.confidence < more.confidence < 1.0


def test_the_weights_of_a_logistic_law_are_found_again():
    rng = np.random.default_rng(0)
    terms = np.c_[np.ones(20_000), rng.normal(3.0, 2.0, 20_000), rng.normal(-1.0, 0.3, 20_000)]
    true = np.array([-1.0, 0.7, 2.0])
    right = rng.random(20_000) < 1 / (1 + np.exp(-terms @ true))
    assert fitted(terms, right) == pytest.approx(true, abs=0.15)
    found = [
        (i % 4, tuple(t), 0.6 if r else 0.4)
        for i, (t, r) in enumerate(zip(terms[:2000], right[:2000], strict=True))
    ]
    report = measure(found)
    assert report["rooms"] == 4
    assert report["left_out"]["ece"] < 0.05
    with pytest.raises(EvaluationError, match="one room is too few"):
        measure(found[::4])
