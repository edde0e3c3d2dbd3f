"""What a structured-light camera makes of a perfect image.

Depth: axial noise after Nguyen, Izadi and Lovell, "Modeling Kinect Sensor Noise for Improved 3D
Reconstruction and Tracking" (3DIMPVT 2012); disparity quantisation after Khoshelham and
Elberink, "Accuracy and Resolution of Kinect Depth Data" (Sensors 2012), whose step is
2.85e-3 z^2 metres. Missing readings at depth edges, at grazing angles, on glass and dark
screens, and out of range. Colour: noise, slow exposure drift, motion blur.

Random numbers depend on the room's seed and the frame's stamp only, so a frame comes out the
same whichever frames are rendered with it.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from ..frames import CameraIntrinsics, StampedPose
from ..geometry import Float64, invert
from .sensor_config import SensorConfig

if TYPE_CHECKING:
    from .rendering import RawImage

QUANTUM = 2.85e-3
"""Step of inverse depth (1/m) that gives a depth step of 2.85e-3 z^2."""
_GRAZING = math.cos(math.radians(82))
_NOISE = 1 << 20


class Sensor:
    """Applies a :class:`SensorConfig` to perfect images of one recording."""

    def __init__(self, config: SensorConfig, camera: CameraIntrinsics, seed: int) -> None:
        self._config, self._camera, self._seed = config, camera, seed
        rng = np.random.default_rng([seed, 7])
        self._noise = rng.standard_normal(_NOISE, dtype=np.float32)
        self._drift = rng.uniform(0, 2 * np.pi, (4, 2))

    def apply(
        self, raw: RawImage, pose: StampedPose, neighbour: StampedPose | None
    ) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        """Colour (H, W, 3) uint8 and depth (H, W) float32 metres with NaN for no reading."""
        rng = np.random.default_rng([self._seed, 11, pose.stamp_ns])
        depth = self._depth(raw, rng)
        return self._color(raw, rng, pose, neighbour), depth

    # -- depth

    def _depth(self, raw: RawImage, rng: np.random.Generator) -> NDArray[np.float32]:
        c = self._config
        z = np.where(np.isfinite(raw.depth), raw.depth, np.float32(np.nan))
        true = z
        if c.depth_noise:
            z = z + self._normal(rng, z.shape) * axial_sigma(z, raw.cosine) * c.depth_noise_scale
        if c.depth_quantisation:
            with np.errstate(divide="ignore"):
                z = 1 / (np.round(1 / z / QUANTUM) * np.float32(QUANTUM))
        lost = np.zeros(z.shape, bool)
        uniform = None
        if c.edge_holes or c.grazing_holes or c.material_holes:
            uniform = self._patchy(rng, z.shape)
        if c.edge_holes and uniform is not None:
            lost |= _edges(true) & (uniform < 0.75)
        if c.grazing_holes and uniform is not None:
            lost |= raw.cosine < _GRAZING * (0.6 + 0.8 * uniform)
        if c.material_holes and uniform is not None:
            lost |= uniform < raw.dropout
        if c.range_limits:
            with np.errstate(invalid="ignore"):
                lost |= (z < c.min_depth) | (z > c.max_depth)
        z = np.where(lost, np.float32(np.nan), z)
        return np.ascontiguousarray(z, np.float32)

    def _normal(self, rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.float32]:
        """Standard normal numbers, cut from one long strip at a random place."""
        count = math.prod(shape)
        if count >= _NOISE:
            return rng.standard_normal(shape, dtype=np.float32)
        start = int(rng.integers(_NOISE - count))
        return self._noise[start : start + count].reshape(shape)

    def _patchy(self, rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.float32]:
        """Numbers in 0..1, roughly uniform, alike in neighbouring pixels: holes come in patches."""
        small = (shape[0] // 3 + 1, shape[1] // 3 + 1)
        coarse = rng.random(small, dtype=np.float32)
        size = (shape[1], shape[0])
        return np.asarray(cv2.resize(coarse, size, interpolation=cv2.INTER_LINEAR), np.float32)

    # -- colour

    def _color(
        self,
        raw: RawImage,
        rng: np.random.Generator,
        pose: StampedPose,
        neighbour: StampedPose | None,
    ) -> NDArray[np.uint8]:
        c = self._config
        image = raw.color
        if c.motion_blur and neighbour is not None:
            image = self._blurred(image, raw, pose, neighbour)
        if c.lens_blur:
            image = np.asarray(cv2.GaussianBlur(image, (3, 3), 0.5), np.float32)
        gain = np.full(3, 255.0, np.float32)
        if c.exposure_drift:
            gain *= self._exposure(pose.stamp_ns * 1e-9)
        image = image * gain
        if c.color_noise:
            # shot noise: the deviation grows with the square root of brightness
            sigma = np.sqrt(image / 128) * np.float32(c.color_sigma) + np.float32(0.5)
            image += self._normal(rng, image.shape) * sigma
        return np.clip(image + 0.5, 0, 255).astype(np.uint8)

    def _exposure(self, t: float) -> NDArray[np.float32]:
        """Gain per channel: brightness within 12 %, white balance within 3 %."""
        slow = np.sin(2 * np.pi * t / np.array([11.0, 17.0]) + self._drift).mean(axis=1)
        return np.asarray((1 + 0.12 * slow[0]) * (1 + 0.03 * slow[1:]), np.float32)

    def _blurred(
        self,
        image: NDArray[np.float32],
        raw: RawImage,
        pose: StampedPose,
        neighbour: StampedPose,
    ) -> NDArray[np.float32]:
        flow = self._flow(raw, pose, neighbour)
        length = float(np.hypot(*flow))
        if length < 0.7:
            return image
        size = 2 * math.ceil(length / 2) + 1
        kernel = np.zeros((size, size), np.float32)
        middle = size // 2
        for s in np.linspace(-0.5, 0.5, 4 * size):
            x, y = middle + s * flow[0], middle + s * flow[1]
            kernel[round(y), round(x)] += 1
        return np.asarray(cv2.filter2D(image, -1, kernel / kernel.sum()), np.float32)

    def _flow(self, raw: RawImage, pose: StampedPose, neighbour: StampedPose) -> Float64:
        """Image motion (2,) of the view's middle during the exposure, in pixels, at most 12."""
        dt = abs(neighbour.stamp_ns - pose.stamp_ns) * 1e-9
        camera = self._camera
        middle = raw.depth[camera.height // 2, camera.width // 2]
        z = float(middle) if np.isfinite(middle) else 3.0
        point = np.array([0.0, 0.0, z, 1.0])
        moved = invert(neighbour.T_world_camera) @ pose.T_world_camera @ point
        if dt <= 0 or moved[2] <= 0.05:
            return np.zeros(2)
        flow = np.array([camera.fx * moved[0], camera.fy * moved[1]]) / moved[2]
        flow *= self._config.exposure_seconds / dt
        length = float(np.hypot(*flow))
        return flow if length <= 12 else flow * (12 / length)


def axial_sigma(z: NDArray[np.float32], cosine: NDArray[np.float32]) -> NDArray[np.float32]:
    """Standard deviation in metres of the depth ``z`` of a surface seen at ``cosine``.

    0.0012 + 0.0019 (z - 0.4)^2 + 0.0001 / sqrt(z) * angle^2 / (pi/2 - angle)^2 (Nguyen et al.
    2012); the angle is held below 80 degrees.
    """
    angle = np.arccos(np.clip(cosine, math.cos(math.radians(80)), 1.0))
    skew = (angle / (np.float32(np.pi / 2) - angle)) ** 2
    sigma = 0.0012 + 0.0019 * (z - 0.4) ** 2 + 0.0001 / np.sqrt(np.maximum(z, 0.1)) * skew
    return np.asarray(sigma, np.float32)


def _edges(depth: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Pixels beside a jump in depth of more than 3 % and 3 cm (both sides of it)."""
    filled = np.nan_to_num(depth, nan=100.0)
    kernel = np.ones((3, 3), np.uint8)
    high, low = cv2.dilate(filled, kernel), cv2.erode(filled, kernel)
    # a slanted plane changes evenly: compare with what its slope explains
    jump = np.maximum(high - filled, filled - low) - np.minimum(high - filled, filled - low)
    return np.asarray(jump > np.maximum(0.03, 0.03 * filled))
