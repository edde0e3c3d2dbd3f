"""The sensor model: every effect is there, has the stated size, and can be switched off."""

from __future__ import annotations

import numpy as np
import pytest

from scene_r1_ros.errors import ConfigError
from scene_r1_ros.frames import StampedPose
from scene_r1_ros.synthetic import SensorConfig, default_camera
from scene_r1_ros.synthetic.rendering import RawImage
from scene_r1_ros.synthetic.sensor import Sensor

CAMERA = default_camera(160, 120)
OFF = SensorConfig.perfect()


def raw(depth=2.0, gray=0.5, cosine=1.0, dropout=0.0) -> RawImage:
    shape = (CAMERA.height, CAMERA.width)
    return RawImage(
        np.full((*shape, 3), gray, np.float32),
        np.broadcast_to(np.float32(depth), shape).copy(),
        np.ones(shape, np.uint16),
        np.full(shape, cosine, np.float32),
        np.full(shape, dropout, np.float32),
    )


def sense(config: SensorConfig, image: RawImage, stamp=0, neighbour=None):
    pose = StampedPose(stamp, np.eye(4))
    return Sensor(config, CAMERA, seed=1).apply(image, pose, neighbour)


def test_perfect_changes_nothing() -> None:
    color, depth = sense(OFF, raw(depth=12.345))
    assert (depth == np.float32(12.345)).all()
    assert (color == 128).all()


@pytest.mark.parametrize("z", [0.6, 1.0, 2.0, 4.0])
def test_axial_noise_has_the_published_size(z: float) -> None:
    _, depth = sense(OFF.replace(depth_noise=True), raw(depth=z))
    assert depth.std() == pytest.approx(0.0012 + 0.0019 * (z - 0.4) ** 2, rel=0.05)
    assert depth.mean() == pytest.approx(z, abs=0.001)


@pytest.mark.parametrize("z", [1.0, 2.0, 5.0])
def test_quantisation_steps_grow_with_the_square_of_distance(z: float) -> None:
    slope = np.linspace(z - 0.2, z + 0.2, CAMERA.width)
    _, depth = sense(OFF.replace(depth_quantisation=True), raw(depth=slope))
    steps = np.diff(np.unique(depth))
    assert steps.mean() == pytest.approx(2.85e-3 * z**2, rel=0.1)


def test_readings_are_lost_beside_edges_only() -> None:
    depth = np.full((CAMERA.height, CAMERA.width), 3.0, np.float32)
    depth[:, 80:] = 1.5
    _, sensed = sense(OFF.replace(edge_holes=True), raw(depth=depth))
    lost = np.isnan(sensed)
    assert lost[:, 79:81].mean() > 0.5
    assert not lost[:, :78].any()
    assert not lost[:, 82:].any()


def test_a_slanted_plane_is_no_edge() -> None:
    slope = np.linspace(1.0, 4.0, CAMERA.width) ** 1.5
    _, depth = sense(OFF.replace(edge_holes=True), raw(depth=slope))
    assert not np.isnan(depth[:, 1:-1]).any()


def test_readings_are_lost_at_grazing_angles() -> None:
    config = OFF.replace(grazing_holes=True)
    assert np.isnan(sense(config, raw(cosine=0.05))[1]).all()
    assert not np.isnan(sense(config, raw(cosine=0.5))[1]).any()


def test_glass_loses_some_readings() -> None:
    lost = np.isnan(sense(OFF.replace(material_holes=True), raw(dropout=0.5))[1]).mean()
    assert 0.3 < lost < 0.7


@pytest.mark.parametrize(("z", "kept"), [(0.3, False), (0.5, True), (7.9, True), (8.2, False)])
def test_range_is_limited(z: float, kept: bool) -> None:
    _, depth = sense(OFF.replace(range_limits=True), raw(depth=z))
    assert np.isfinite(depth).all() == kept


def test_no_surface_is_no_reading() -> None:
    assert np.isnan(sense(SensorConfig(), raw(depth=np.inf))[1]).all()


def test_colour_noise_has_the_configured_size() -> None:
    color, _ = sense(OFF.replace(color_noise=True, color_sigma=4.0), raw())
    assert color.astype(float).std() == pytest.approx(4.5, rel=0.1)


def test_exposure_drifts_slowly() -> None:
    config = OFF.replace(exposure_drift=True)
    means = [sense(config, raw(), stamp=int(t * 1e9))[0].mean() for t in range(20)]
    assert np.ptp(means) > 5
    near = sense(config, raw(), stamp=100_000_000)[0].mean()
    assert near == pytest.approx(means[0], abs=2)


def test_motion_blurs_along_the_motion() -> None:
    image = raw()
    image.color[:] = (np.arange(CAMERA.width) // 4 % 2)[None, :, None]
    moved = np.eye(4)
    moved[0, 3] = 0.4
    config = OFF.replace(motion_blur=True, exposure_seconds=0.1)
    still, _ = sense(config, image, neighbour=StampedPose(100_000_000, np.eye(4)))
    sideways, _ = sense(config, image, neighbour=StampedPose(100_000_000, moved))
    moved[:2, 3] = 0, 0.4
    upwards, _ = sense(config, image, neighbour=StampedPose(100_000_000, moved))
    middle = (slice(20, -20), slice(20, -20))
    assert still[middle].std() > 120
    assert sideways[middle].std() < 40
    assert upwards[middle].std() > 120


def test_a_frame_does_not_depend_on_which_were_asked_before() -> None:
    sensor = Sensor(SensorConfig(), CAMERA, seed=1)
    sensor.apply(raw(), StampedPose(5, np.eye(4)), None)
    later = sensor.apply(raw(), StampedPose(7, np.eye(4)), None)
    fresh = sense(SensorConfig(), raw(), stamp=7)
    assert later[0].tobytes() == fresh[0].tobytes()
    assert later[1].tobytes() == fresh[1].tobytes()


def test_settings_out_of_range_are_refused() -> None:
    with pytest.raises(ConfigError, match="color_sigma"):
        SensorConfig(color_sigma=-1.0)
