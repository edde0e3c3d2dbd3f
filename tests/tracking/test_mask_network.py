"""The network that draws masks: what it sees, how it is stored, what it does for the tracker."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest
from rgbd_scenes import Scene, Sensor, View, bin_, block, box_of, loosened, mug
from scene_r1_training.evaluation.lifting_bench import mean_mask_iou

from scene_r1_ros.control import Control
from scene_r1_ros.errors import CheckpointError
from scene_r1_ros.frames import CameraIntrinsics, RgbdFrame
from scene_r1_ros.geometry import mask_box
from scene_r1_ros.resources import shipped
from scene_r1_ros.tracking import FrameMask, GeometricTracker, GeometricTrackerConfig
from scene_r1_ros.tracking.mask_network import MaskNetwork, MaskPrompt, load_mask_network
from scene_r1_ros.tracking.mask_network.crops import CHANNELS, CropShape, mirrored
from scene_r1_ros.tracking.redrawing import masks_drawn

CAMERA = CameraIntrinsics(80, 60, 50.0, 50.0, 39.5, 29.5)
LEVEL = np.array([[1.0, 0, 0, 4], [0, 0, 1, 5], [0, -1, 0, 6], [0, 0, 0, 1]])
"""A camera that looks along the world's y, held level."""
BOX = (20.0, 10.0, 60.0, 50.0)
SMALL = Sensor(width=320, height=240, seed=4)
ALONE = GeometricTrackerConfig(mask_network="none")


def wall(depth_m=2.0, T=LEVEL) -> RgbdFrame:
    """A wall seen straight on, red on the left half."""
    color = np.zeros((60, 80, 3), np.uint8)
    color[:, :40, 0] = 255
    return RgbdFrame(1, color, np.full((60, 80), depth_m, np.float32), CAMERA, T)


def large(color: np.ndarray) -> RgbdFrame:
    """A wall two metres away in an image of 640 x 480."""
    camera = CameraIntrinsics(640, 480, 500.0, 500.0, 319.5, 239.5)
    return RgbdFrame(1, color, np.full((480, 640), 2.0, np.float32), camera, LEVEL)


def planes(prompt: MaskPrompt) -> dict[str, np.ndarray]:
    return dict(zip(CHANNELS, CropShape().planes(prompt), strict=True))


# -- what it sees


def test_points_are_level_and_in_sizes_of_the_object():
    seen = planes(MaskPrompt(wall(), BOX))
    # the box is 40 pixels at 50 pixels a metre and metre of depth; with a quarter around it
    np.testing.assert_allclose(seen["right"][32, [0, -1]], [-0.74, 0.74], atol=0.03)
    np.testing.assert_allclose(seen["up"][[0, -1], 32], [0.74, -0.74], atol=0.03)
    np.testing.assert_allclose(seen["ahead"], 0.0, atol=1e-6)
    assert seen["red"][32, 0] == 1.0
    assert seen["red"][32, -1] == -1.0


def test_a_mirrored_crop_is_that_of_the_mirrored_world():
    frame = wall()
    camera = CameraIntrinsics(80, 60, 50.0, 50.0, 79 - CAMERA.cx, 29.5)
    other = RgbdFrame(1, frame.color[:, ::-1].copy(), frame.depth_m, camera, LEVEL)
    crops = [CropShape().planes(MaskPrompt(f, BOX)) for f in (frame, other)]
    # the middle of a box is between two pixels
    np.testing.assert_allclose(mirrored(crops[0][None])[0], crops[1], atol=0.03)


def test_a_tilted_camera_sees_the_same_up():
    tilt = np.eye(4)
    tilt[1:3, 1:3] = [[np.cos(0.5), -np.sin(0.5)], [np.sin(0.5), np.cos(0.5)]]
    seen = planes(MaskPrompt(wall(T=LEVEL @ tilt), BOX))
    up, ahead = np.diff(seen["up"][:, 32]).mean(), np.diff(seen["ahead"][:, 32]).mean()
    assert abs(ahead / up) == pytest.approx(np.tan(0.5), abs=0.02)


@pytest.mark.parametrize("turns", range(4), ids=["right", "top", "left", "bottom"])
def test_a_mask_reaches_the_border_of_the_image(turns):
    # a pixel of the crop has nine of the image, and the border cuts it
    mask = np.zeros((480, 640) if turns % 2 == 0 else (640, 480), bool)
    mask[110:370, -290:] = True
    mask = np.rot90(mask, turns)
    box = mask_box(mask)
    shape = CropShape()
    drawn = shape.mask(box, shape.labels(box, mask) - 0.5, mask.shape)
    at_border = np.rot90(drawn, -turns)[:, -1]
    assert at_border[115:365].all()
    assert (drawn & ~mask).sum() < 0.02 * mask.sum()


def test_nearer_and_smaller_looks_the_same():
    far, near = (planes(MaskPrompt(wall(z), BOX)) for z in (2.0, 1.0))
    for name in ("right", "ahead", "up", "reading"):
        np.testing.assert_allclose(far[name], near[name], atol=1e-5)
    assert (far["noise"] > near["noise"]).all()


def test_what_is_not_there_is_marked():
    frame = wall()
    depth = np.array(frame.depth_m)
    depth[:30] = np.nan
    holes = RgbdFrame(1, frame.color, depth, CAMERA, LEVEL)
    seen = planes(MaskPrompt(holes, (-20.0, 10.0, 20.0, 50.0)))
    assert not seen["inside"][:, :16].any()
    assert seen["inside"][:, 33:].all()
    assert not seen["reading"][:20].any()
    assert not seen["up"][:20].any()
    assert not seen["has_prior"].any()


def test_a_mask_goes_into_the_crop_and_back():
    mask = np.zeros((60, 80), bool)
    mask[15:45, 25:50] = True
    shape = CropShape()
    seen = planes(MaskPrompt(wall(), BOX, mask))
    labels = shape.labels(BOX, mask)
    np.testing.assert_array_equal(seen["prior"] > 0, labels)
    assert seen["has_prior"].all()
    back = shape.mask(BOX, np.where(labels, 1.0, -1.0).astype(np.float32), mask.shape)
    assert (back & mask).sum() / (back | mask).sum() > 0.9


def test_what_is_thinner_than_a_pixel_of_the_crop_is_in_it_by_its_share():
    mask = np.zeros((480, 640), bool)
    color = np.zeros((480, 640, 3), np.uint8)
    for pole in range(100, 560, 50):  # ten poles of a pixel; those of the crop are eight wide
        mask[:, pole] = True
        color[:, pole] = 255
    box, shape = (161.0, 80.0, 481.0, 400.0), CropShape()
    labels = shape.labels(box, mask)
    seen = planes(MaskPrompt(large(color), box, mask))
    poles = labels[30] > 0
    assert poles.sum() == 10
    assert labels[30][poles].sum() == pytest.approx(10 / 7.5, rel=0.2)
    np.testing.assert_allclose(seen["prior"], labels)
    assert (seen["red"][30][poles] > -0.95).all()  # black would be -1


def test_a_mask_of_many_fine_edges_comes_back_from_a_coarse_crop():
    rng = np.random.default_rng(0)
    blobs = cv2.GaussianBlur(rng.standard_normal((480, 640)), (0, 0), 20) > 0
    box, shape = (64.0, 48.0, 576.0, 432.0), CropShape()
    back = shape.mask(box, 2 * shape.labels(box, blobs) - 1, blobs.shape)
    inner = np.s_[48:432, 64:576]
    assert (back & blobs)[inner].sum() / (back | blobs)[inner].sum() > 0.96


@pytest.mark.parametrize("box", [(-50.0, -50.0, -20.0, -20.0), (79.0, 59.0, 79.5, 59.5)])
def test_boxes_at_and_beyond_the_border_do_no_harm(box):
    network = MaskNetwork.new()
    (mask,) = network.masks([MaskPrompt(wall(depth_m=np.nan), box)])
    assert mask.shape == (60, 80)


# -- storing


def test_what_was_stored_draws_the_same(tmp_path):
    network = MaskNetwork.new(seed=3)
    network.save(tmp_path / "net")
    again = MaskNetwork.load(tmp_path / "net")
    prompts = [MaskPrompt(wall(), BOX), MaskPrompt(wall(), (0.0, 0.0, 79.0, 30.0))]
    for first, second in zip(network.masks(prompts), again.masks(prompts), strict=True):
        assert (first != second).mean() < 0.01  # 16 bits


def test_another_folder_is_refused(tmp_path):
    with pytest.raises(CheckpointError, match=r"holds no mask network .*train masks"):
        MaskNetwork.load(tmp_path)


def test_another_version_is_refused(tmp_path):
    MaskNetwork.new().save(tmp_path)
    about = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(about | {"version": 9}))
    with pytest.raises(CheckpointError, match=r"version 9 .* needed is .* version 1"):
        MaskNetwork.load(tmp_path)


def test_damaged_weights_are_named(tmp_path):
    MaskNetwork.new().save(tmp_path)
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(CheckpointError, match=r"cannot be read: .*mask_network = none"):
        MaskNetwork.load(tmp_path)


# -- what it does for the tracker


@pytest.fixture(scope="module")
def corner():
    things = [
        bin_().placed(0.0, 0.5, 0.0),
        mug().placed(0.45, 0.3, 0.0),
        block("carton", (0.3, 0.2, 0.25), (150, 120, 80)).placed(-0.5, 0.4, 0.0, 20.0),
    ]
    return Scene(
        "corner", things, View((0.0, 0.4, 0.15), 1.6, 1.0, -120, -60), sensor=SMALL
    ).render()


@pytest.mark.parametrize(
    ("thing", "least"),
    [
        pytest.param(0, 0.9, id="bin"),
        pytest.param(1, 0.6, id="a mug of ten by twelve pixels"),
        pytest.param(2, 0.9, id="carton"),
    ],
)
def test_the_shipped_network_sharpens_masks(corner, thing, least):
    window, ids = corner
    anchor = window.frames[4]
    truth = {f.stamp_ns: image == thing for f, image in zip(window.frames, ids, strict=True)}
    box = box_of(ids[4], thing)
    track = {
        name: GeometricTracker(config).track(window, anchor.stamp_ns, box, Control())
        for name, config in (("alone", ALONE), ("network", GeometricTrackerConfig()))
    }
    assert mean_mask_iou(track["network"], truth) > least
    assert mean_mask_iou(track["network"], truth) > mean_mask_iou(track["alone"], truth) - 0.01


def test_a_box_that_is_much_too_large_gives_the_same_object(corner):
    window, ids = corner
    truth = {f.stamp_ns: image == 2 for f, image in zip(window.frames, ids, strict=True)}
    box = loosened(box_of(ids[4], 2), 1.5)
    track = GeometricTracker().track(window, window.frames[4].stamp_ns, box, Control())
    assert mean_mask_iou(track, truth) > 0.85


def test_a_network_that_cannot_be_read_is_told(corner, tmp_path):
    window, ids = corner
    config = GeometricTrackerConfig(mask_network=str(tmp_path))
    stamp = window.frames[4].stamp_ns
    with pytest.raises(CheckpointError, match="holds no mask network"):
        GeometricTracker(config).track(window, stamp, box_of(ids[4], 0), Control())


class Blind(MaskNetwork):
    """Sees nothing."""

    def masks(self, prompts):
        return [np.zeros(item.frame.depth_m.shape, bool) for item in prompts]


def test_where_the_network_sees_nothing_the_mask_stays(corner):
    window, ids = corner
    frame = window.frames[4]
    blind = Blind(MaskNetwork.new().net, (24,), CropShape())
    before = [FrameMask(frame.stamp_ns, ids[4] == 0, 0.7)]
    (after,) = masks_drawn(window, before, frame.stamp_ns, box_of(ids[4], 0), blind, Control())
    np.testing.assert_array_equal(after.mask, ids[4] == 0)
    assert after.score == 0.7


def test_the_network_is_read_once():
    folder = shipped("checkpoints/masks")
    assert load_mask_network(folder) is load_mask_network(folder)
