"""Training of the mask network: its crops, its loss, and that a killed run ends like another."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from scene_r1_training.examples.errors import TrainingError
from scene_r1_training.masks import fit as fit_module
from scene_r1_training.masks.batches import batch
from scene_r1_training.masks.fit import crop_iou, fit, learning_rate, mask_loss
from scene_r1_training.masks.run import train_masks
from scene_r1_training.masks.samples import ALONE, FOLLOWED, PROMPTED, MaskSamples
from scene_r1_training.masks.settings import MaskTrainingConfig

from scene_r1_ros.errors import CheckpointError, ConfigError
from scene_r1_ros.tracking.mask_network import MaskNetwork

TINY = MaskTrainingConfig(rooms=1, seconds=2.0, held_out=0, steps=6, batch_size=8, save_steps=2)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A whole small run: its folder and its report."""
    out = tmp_path_factory.mktemp("masks") / "run"
    return out, train_masks(out, TINY)


@pytest.fixture(scope="module")
def samples(run) -> MaskSamples:
    return MaskSamples.load(next((run[0] / "crops").glob("room_20000.npz")))


# -- crops


def test_a_room_gives_crops_of_every_kind_of_asking(samples):
    assert set(samples.kinds.tolist()) == {ALONE, FOLLOWED, PROMPTED}
    asked_by_mask = samples.planes[:, 9].reshape(len(samples.kinds), -1).all(axis=1)
    np.testing.assert_array_equal(asked_by_mask, samples.kinds != ALONE)


def test_what_is_right_lies_in_the_middle_of_the_crop(samples):
    share = samples.labels[:, 16:48, 16:48].sum((1, 2)) / samples.labels.sum((1, 2)).clip(1)
    assert np.median(share) > 0.6


def test_some_boxes_cut_their_object_and_some_are_too_large(samples):
    alone = samples.labels[samples.kinds == ALONE] > 0.5
    beyond = alone.copy()
    beyond[:, 9:55, 9:55] = False  # the box has the pixels 10.7 to 53.3 of the crop
    assert 0.08 < beyond.any((1, 2)).mean() < 0.4
    width = alone.any(axis=1).sum(axis=1)
    assert (width < 36).mean() > 0.1


def test_a_cut_from_both_sides_leaves_a_box():
    with pytest.raises(ConfigError, match=r"cut = 0\.6: must lie in 0 to 0\.45"):
        TINY.replace(cut=0.6)


def test_most_priors_are_nearly_right(samples):
    asked = samples.kinds != ALONE
    iou = crop_iou(samples.planes[asked, 8] > 0.5, samples.labels[asked] > 0.5)
    assert np.median(iou) > 0.6


def test_a_batch_depends_on_its_step_alone(samples):
    first, second = batch(samples, 5, TINY), batch(samples, 5, TINY)
    assert torch.equal(first[0], second[0])
    assert not torch.equal(first[0], batch(samples, 6, TINY)[0])


def test_a_mirrored_crop_is_mirrored_in_its_points_too(samples):
    crops, _ = batch(samples, 0, TINY.replace(batch_size=64))
    columns = np.broadcast_to(np.arange(64), (64, 64))
    rising = [
        np.corrcoef(columns[crop[6] > 0], crop[3][crop[6] > 0])[0, 1] > 0
        for crop in crops.numpy()
        if (crop[6] > 0).sum() > 500
    ]
    assert len(rising) > 30
    assert np.mean(rising) > 0.8  # half of them, if only the picture were mirrored


def test_hidden_masks_are_hidden_whole(samples):
    crops, _ = batch(samples, 0, TINY.replace(batch_size=64, dropped=1.0))
    assert not crops[:, 8:10].any()


# -- loss and rate


def test_the_loss_is_small_where_the_mask_is_right_and_large_where_it_is_wrong():
    labels = torch.zeros(1, 8, 8)
    labels[:, 2:6, 2:6] = 1
    sure = 20 * (2 * labels - 1)
    assert float(mask_loss(sure, labels)) < 1e-3
    assert float(mask_loss(-sure, labels)) > 10


def test_a_small_thing_missed_costs_as_much_as_a_large_one():
    dice = []
    for size in (2, 6):
        labels = torch.zeros(1, 8, 8)
        labels[:, :size, :size] = 1
        logits = torch.full((1, 8, 8), -20.0)
        pixels = torch.nn.functional.binary_cross_entropy_with_logits(logits, labels)
        dice.append(float(mask_loss(logits, labels) - pixels))
    assert dice[0] == pytest.approx(1.0, abs=0.21)
    assert dice[1] == pytest.approx(1.0, abs=0.03)


def test_the_rate_rises_and_falls():
    config = MaskTrainingConfig(steps=1000, warmup=100, rate=1e-3)
    assert learning_rate(0, config) == pytest.approx(1e-5)
    assert learning_rate(100, config) > 0.9e-3
    assert learning_rate(999, config) == pytest.approx(2e-5, rel=0.01)


# -- runs


def test_a_run_leaves_a_network_curves_and_its_settings(run):
    out, report = run
    assert MaskNetwork.load(report.final).widths == (24, 48, 96, 128)
    assert (out / "curves.png").stat().st_size > 1000
    assert report.steps == 6
    assert report.resumed_from == 0


def test_a_killed_run_ends_like_one_that_was_not(run, tmp_path):
    out, report = run
    (tmp_path / "crops").symlink_to(out / "crops")

    def kill(stage: str, done: int, total: int, text: str) -> None:
        if stage == "training" and done == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_masks(tmp_path, TINY, on_progress=kill)
    again = train_masks(tmp_path, TINY)
    assert again.resumed_from == 4
    whole, resumed = (MaskNetwork.load(r.final).net.state_dict() for r in (report, again))
    for name, value in whole.items():
        torch.testing.assert_close(resumed[name], value, rtol=1e-3, atol=1e-3)


def test_a_run_goes_on_from_a_network_that_is_there(run, tmp_path):
    out, report = run
    (tmp_path / "crops").symlink_to(out / "crops")
    on = train_masks(tmp_path, TINY.replace(start=str(report.final), steps=1, warmup=100))
    before, after, new = (
        network.net.out.weight.detach()
        for network in (
            MaskNetwork.load(report.final),
            MaskNetwork.load(on.final),
            MaskNetwork.new(),
        )
    )
    torch.testing.assert_close(after, before, rtol=0.01, atol=1e-3)
    assert not torch.allclose(after, new, rtol=0.01, atol=1e-3)


def test_without_a_network_to_start_from_no_room_is_rendered(tmp_path):
    with pytest.raises(CheckpointError, match="nowhere holds no mask network"):
        train_masks(tmp_path / "run", TINY.replace(start=str(tmp_path / "nowhere")))
    assert not (tmp_path / "run").exists()


def test_a_run_from_before_a_setting_was_there_goes_on(run, tmp_path):
    (tmp_path / "crops").symlink_to(run[0] / "crops")
    settings = json.loads((run[0] / "settings.json").read_text())
    del settings["start"]
    (tmp_path / "settings.json").write_text(json.dumps(settings))
    assert train_masks(tmp_path, TINY).steps == TINY.steps


def test_another_runs_settings_are_told(run):
    with pytest.raises(ConfigError, match=r"other settings: rate 0.002 \(now 0.001\)"):
        train_masks(run[0], TINY.replace(rate=1e-3))


def test_a_loss_that_is_no_number_ends_the_run_and_leaves_the_checkpoint(
    samples, tmp_path, monkeypatch
):
    path = tmp_path / "checkpoint.pt"
    fit(MaskNetwork.new(), samples, path, TINY.replace(steps=2), lambda *_: None)
    before = path.read_bytes()
    monkeypatch.setattr(fit_module, "mask_loss", lambda a, b: a.sum() * float("nan"))
    with pytest.raises(TrainingError, match=r"became nan at step 3: lower masks.rate.*is intact"):
        fit(MaskNetwork.new(), samples, path, TINY, lambda *_: None)
    assert path.read_bytes() == before


def test_a_damaged_checkpoint_is_named(samples, tmp_path):
    path = tmp_path / "checkpoint.pt"
    path.write_bytes(b"half a check")
    with pytest.raises(TrainingError, match=r"checkpoint.pt cannot be read .*remove it"):
        fit(MaskNetwork.new(), samples, path, TINY, lambda *_: None)


def test_it_learns(samples, tmp_path):
    config = TINY.replace(steps=12, warmup=3, save_steps=1000)
    _, figures = fit(MaskNetwork.new(), samples, tmp_path / "c.pt", config, lambda *_: None)
    assert np.mean([loss for loss, _ in figures[-3:]]) < 0.9 * figures[0][0]
